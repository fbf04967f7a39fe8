"""Of records of one connection no order and no doubling changes a row, and what was answered starts in."""

from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from netsec_tui.sources.antrea.decode import AntreaDecoder
from netsec_tui.sources.antrea.theia_decode import TheiaDecoder
from tests.core.traffic import IN, OUT, pod, review, session, workload
from tests.sources.antrea.antrea_records import flow, row

BEGUN = 1_767_607_200
NONE, ALLOW, DROP, REJECT = range(4)
PORTS = {6: 8080, 17: 8081, 132: 9}
PODS = [
    workload("StatefulSet", "web"),
    workload("StatefulSet", "api"),
    pod("web-6b5-x1", "web", ip="10.10.0.79", owner=("StatefulSet", "web")),
    pod("api-0", "api", ip="10.10.1.80", owner=("StatefulSet", "api")),
]

TCP = [("SYN_SENT", 0), ("ESTABLISHED", 1), ("ESTABLISHED", 4), ("CLOSE", 0), ("CLOSE", 1), ("TIME_WAIT", 5)]
UDP = [("", 0), ("", 4)]
AT = st.integers(0, 130)
NODE = st.sampled_from(["client", "server", "both"])
WAYS = st.tuples(st.sampled_from([NONE, ALLOW, DROP, REJECT]), st.sampled_from([NONE, ALLOW, DROP]), NODE)
LET_IN = st.tuples(st.sampled_from([NONE, ALLOW]), st.sampled_from([NONE, ALLOW]), NODE)


def records(ways):
    """Return lists of what is told of one connection: protocol, state, packets back, when, rules, by whom."""
    by_tcp = st.tuples(st.just(6), st.sampled_from(TCP), AT, ways)
    by_udp = st.tuples(st.just(17), st.sampled_from(UDP), AT, ways)
    return st.one_of(st.lists(each, min_size=1, max_size=6) for each in (by_tcp, by_udp))


def as_flow(protocol, back, at, way):
    """Return a record in protojson; a node that tells alone knows the pod there, and no other."""
    (state, packets), (ingress, egress, node) = back, way
    k8s = {"ingressNetworkPolicyRuleAction": ingress, "egressNetworkPolicyRuleAction": egress}
    unknown = {"client": "destination", "server": "source"}.get(node)
    if unknown:
        k8s |= {f"{unknown}{name}": "" for name in ("PodNamespace", "PodName", "NodeName")}
    if node == "server":
        k8s["destinationServiceIp"] = ""
    transport = {"protocolNumber": protocol, "destinationPort": PORTS[protocol], "TCP": {"stateName": state}}
    ended = f"2026-01-05T10:{at // 60:02}:{at % 60:02}Z"
    return flow(endTs=ended, k8s=k8s, transport=transport, reverseStats={"packetTotalCount": packets})


def as_row(protocol, back, at, way):
    (state, packets), (ingress, egress, node) = back, way
    unknown = {"client": "destination", "server": "source"}.get(node)
    untold = {f"{unknown}{name}": "" for name in ("PodNamespace", "PodName", "NodeName")} if unknown else {}
    return row(
        flowEndSeconds=BEGUN + at,
        protocolIdentifier=protocol,
        destinationTransportPort=PORTS[protocol],
        reversePacketTotalCount=packets,
        tcpState=state,
        ingressNetworkPolicyRuleAction=ingress,
        egressNetworkPolicyRuleAction=egress,
        **untold,
    )


ELSEWHERE = 132, ("", 4), 0, (NONE, NONE, "both")
"""An answered connection on another port: answers are told."""

FORMS = {AntreaDecoder: as_flow, TheiaDecoder: as_row}


def rows(form, told, *, known=True):
    """Return the rows of all workloads, times by the minute, where something else was answered."""
    decoder, made = form(), [FORMS[form](*one) for one in (*told, ELSEWHERE)]
    flows = [one for record in made for one in decoder.decode(record)]
    shown = session(flows, PODS if known else [], now=BEGUN + 300)
    names = sorted(f"{choice.ref.kind}/{choice.ref.name}" for choice in shown.workloads())
    return [found for name in names for found in sides(shown, name)]


def sides(shown, name):
    return [
        (by_minute(one.communication), one.standing, one.reason)
        for way in (IN, OUT)
        for one in review(shown, name).of(way).rows
    ]


def by_minute(seen):
    return replace(seen, first_seen=seen.first_seen // 60, last_seen=seen.last_seen // 60)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("known", [True, False], ids=["with the cluster", "without"])
@given(told=records(WAYS), data=st.data())
def test_no_order_and_no_doubling_of_records_changes_a_row(form, known, told, data):
    turned = data.draw(st.permutations(told))
    doubled = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=4))]))
    expected = rows(form, told, known=known)
    assert expected
    assert rows(form, turned, known=known) == expected
    assert rows(form, doubled, known=known) == expected


def late(protocol, *, ingress):
    """Return the records of a connection that is answered 10 s after the first of them."""
    none, some = (("SYN_SENT", 0), ("ESTABLISHED", 4)) if protocol == 6 else (("", 0), ("", 4))
    return [(protocol, none, 5, (ingress, NONE, "both")), (protocol, some, 15, (ingress, NONE, "both"))]


@pytest.mark.parametrize("form", FORMS)
@given(told=records(LET_IN))
@example(late(6, ingress=ALLOW))
@example(late(17, ingress=ALLOW))
@example(late(6, ingress=NONE))
@example(late(17, ingress=NONE))
def test_what_was_answered_and_never_denied_starts_in(form, told):
    assume(any(packets > (state == "CLOSE") for _, (state, packets), *_ in told))
    (port,) = {PORTS[protocol] for protocol, *_ in told}
    standing = [(one[1].name, one[2]) for one in rows(form, told) if one[0].key.port == port]
    assert standing == [("IN", "")] * 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ingress", [NONE, ALLOW])
@pytest.mark.parametrize("order", [1, -1])
def test_a_refusal_within_the_minute_is_told(form, ingress, order):
    told = [(6, back, at, (ingress, NONE, "both")) for back, at in ((("SYN_SENT", 0), 5), (("CLOSE", 1), 10))]
    found = {one[2] for one in rows(form, told[::order]) if one[0].key.port == PORTS[6]}
    assert found == {"never answered (refused once)"}
