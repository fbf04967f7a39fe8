"""Antrea's records in every form: protojson, the flow log's CSV, Theia's rows; and broken ones."""

import base64
import json
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.antrea import csv as antrea_csv
from netsec_tui.sources.antrea import decode as antrea_decode
from netsec_tui.sources.antrea import theia_decode
from netsec_tui.sources.antrea.csv import AntreaCsvDecoder
from netsec_tui.sources.antrea.decode import AntreaDecoder
from netsec_tui.sources.antrea.theia_decode import TheiaDecoder
from netsec_tui.sources.problem import Problem
from tests.sources.antrea.antrea_records import flow, line, packed, row

FORMS = {
    "protojson": (AntreaDecoder, flow()),
    "CSV": (AntreaCsvDecoder, line()),
    "CSV with the column of newer versions": (AntreaCsvDecoder, line(more="10.96.0.20,")),
    "CSV in words": (AntreaCsvDecoder, line("TCP")),
    "CSV with HTTP": (AntreaCsvDecoder, line(end=',,http,{"0":"a,b"},')),
    "Theia": (TheiaDecoder, row()),
}


def based(address):
    return base64.b64encode(packed(address)).decode()


def told(flow):
    ends = [(end.namespace, end.pod) if end.pod else end.ip for end in (flow.source, flow.destination)]
    return (*ends, flow.destination_port, flow.is_reply, flow.verdict.name)


@pytest.mark.parametrize("besides", ["protojson", "Theia"])
def test_what_the_log_tells_is_not_unanswered_for_what_others_tell_of_other_connections(besides):
    logged = AntreaCsvDecoder().decode(line())
    decoder, record = {"protojson": (AntreaDecoder, flow()), "Theia": (TheiaDecoder, row())}[besides]
    others = [
        replace(
            told, **{"source" if told.is_reply else "destination": Endpoint("10.10.1.99", "shop", "db-0")}
        )
        for told in decoder().decode(record)
        if told.service is None
    ]
    assert any(told.is_reply for told in others)
    session = Session(Options(), lambda: 1767607300.0)
    session.add_flows([*logged, *others])
    (web,) = (choice.ref for choice in session.workloads() if choice.ref.name.startswith("web"))
    session.apply(ChooseWorkload(web))
    rows = {entry.key.peer.name[:2]: entry for entry in session.review().egress.rows}
    assert not rows["ap"].communication.answerable
    assert rows["db"].communication.answerable


@pytest.mark.parametrize("form", FORMS)
def test_a_connection_through_a_service(form):
    decoder, record = FORMS[form]
    flows = decoder().decode(record)
    web, api = ("shop", "web-6b5-x1"), ("shop", "api-0")
    request, dialled = (flow for flow in flows if not flow.is_reply)
    assert told(request) == (web, api, 8080, False, "FORWARDED")
    assert told(dialled) == (web, "10.96.0.20", 80, False, "TRACED")
    assert (request.service, dialled.service) == (None, ("shop", "api"))
    assert (request.source.ip, request.source_port, request.protocol) == ("10.10.0.79", 44752, Protocol.TCP)
    assert {(flow.proven, flow.origin, flow.node, flow.count) for flow in flows} == {
        (True, "antrea-log" if "CSV" in form else "antrea", "node-a", 1)
    }
    assert int(request.time) == 1767607230
    # Only CSV does not tell whether there was an answer.
    answers = [told(flow) for flow in flows if flow.is_reply]
    assert answers == ([] if "CSV" in form else [
        (api, web, 44752, True, "FORWARDED"), ("10.96.0.20", web, 44752, True, "TRACED"),
    ])  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_records_of_one_connection_count_once_a_minute(form):
    decoder, record = FORMS[form]
    decoding = decoder()
    assert decoding.decode(record)
    assert decoding.decode(record) == []


def test_a_connection_that_goes_on_counts_each_minute_and_never_backwards():
    decoder = AntreaDecoder()
    seen = [len(decoder.decode(flow(endTs=f"2026-01-05T10:{at}Z"))) for at in
            ("00:30", "01:00", "01:30", "00:30", "02:29", "02:30")]  # fmt: skip
    assert seen == [4, 4, 0, 0, 4, 0]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"k8s": {"egressNetworkPolicyRuleAction": "NETWORK_POLICY_RULE_ACTION_DROP"}}, Verdict.DROPPED),
        ({"k8s": {"ingress_network_policy_rule_action": 3}}, Verdict.DROPPED),
        ({"k8s": {"ingressNetworkPolicyRuleAction": "NETWORK_POLICY_RULE_ACTION_ALLOW"}}, Verdict.FORWARDED),
        ({"reverseStats": {}}, Verdict.UNKNOWN),
        ({"reverseStats": {}, "transport": {"TCP": {"stateName": "SYN_SENT"}}}, Verdict.UNKNOWN),
        ({"reverseStats": {}, "transport": {"TCP": {"state_name": "TIME_WAIT"}}}, Verdict.FORWARDED),
        ({"reverseStats": {}, "k8s": {"ingressNetworkPolicyRuleAction": 1}}, Verdict.FORWARDED),
        ({"reverseStats": {}, "k8s": {"egressNetworkPolicyRuleAction": 1}}, Verdict.UNKNOWN),
    ],
)
def test_what_became_of_it(changes, verdict):
    told = AntreaDecoder().decode(flow(**changes))
    assert told[0].verdict is verdict
    # Where answers are told, what went on got there; the Service that was dialled is no place of its own.
    requests = [one for one in told if not one.is_reply]
    assert [one.arrived for one in requests] == [one.verdict is Verdict.FORWARDED for one in requests]
    assert not any(one.arrived for one in told if one.is_reply)


@pytest.mark.parametrize("action", ["2", "3", "Drop", "Reject"])
@pytest.mark.parametrize("more", ["", ",", "10.96.0.20,"])
@pytest.mark.parametrize("side", ["ingress", "egress"])
def test_denials_in_the_flow_log(action, more, side):
    assert AntreaCsvDecoder().decode(line(more=more, **{side: action}))[0].verdict is Verdict.DROPPED


@pytest.mark.parametrize("side", ["ingress", "egress"])
def test_denials_in_theias_rows(side):
    made = row(**{f"{side}NetworkPolicyRuleAction": 2}, reversePacketTotalCount=0, tcpState="")
    assert {f.verdict for f in TheiaDecoder().decode(made)} == {Verdict.DROPPED, Verdict.TRACED}


RESET = {"TCP": {"stateName": "CLOSE"}}
BACK = {"packetTotalCount": "1"}


@pytest.mark.parametrize(
    ("decoder", "record", "told"),
    [
        (AntreaDecoder, flow(reverseStats=BACK, transport=RESET), [False, True]),
        (AntreaDecoder, flow(reverseStats={}, transport=RESET), [False, True]),
        (AntreaDecoder, flow(reverseStats={"packetDeltaCount": "2"}, transport=RESET), [False, False]),
        (AntreaDecoder, flow(reverseStats=BACK), [False, False]),
        (TheiaDecoder, row(reversePacketTotalCount="1", tcpState="CLOSE"), [False, True]),
        (TheiaDecoder, row(reversePacketTotalCount="2", tcpState="CLOSE"), [False, False]),
    ],
)
def test_a_reset_and_nothing_else_is_no_answer(decoder, record, told):
    request, answer = (flow for flow in decoder().decode(record) if not flow.service)
    assert [request.rst, answer.rst] == told
    assert (request.is_reply, answer.is_reply) == (False, True)
    assert request.verdict is (Verdict.UNKNOWN if answer.rst else Verdict.FORWARDED)


@pytest.mark.parametrize("name", ["", "shop", "shop/", "shop/:http", "/api:http", "/", ":http", "api:http"])
def test_what_names_no_service_is_no_name_of_one(name):
    flows = AntreaDecoder().decode(flow(k8s={"destinationServicePortName": name}))
    assert {flow.destination_port for flow in flows if not flow.is_reply} == {8080}
    assert {flow.service for flow in flows} == {None}


@pytest.mark.parametrize("name", ["shop/api:http", "shop/api", "shop/api:"])
def test_a_service_is_named_with_its_namespace_and_maybe_its_port(name):
    flows = AntreaDecoder().decode(flow(k8s={"destinationServicePortName": name}))
    assert [flow.service for flow in flows if flow.destination_port == 80] == [("shop", "api")]


def test_a_reset_of_a_policy_leaves_its_request_denied_alone():
    """The client's node sees the reset, the server's that the policy rejects."""
    nowhere = {"destinationServiceIp": "", "destinationServicePortName": ""}
    reset = flow(reverseStats=BACK, transport=RESET, k8s=nowhere | {"destinationPodName": ""})
    rejected = flow(reverseStats={}, k8s=nowhere | {"sourcePodName": "", "ingressNetworkPolicyRuleAction": 3})
    for records in ([reset, rejected], [rejected, reset]):
        decoder = AntreaDecoder()
        flows = [flow for record in records for flow in decoder.decode(record)]
        assert Counter((f.verdict, f.is_reply, f.rst) for f in flows) == {
            (Verdict.DROPPED, False, False): 1, (Verdict.UNKNOWN, False, False): 1,
            (Verdict.UNKNOWN, True, True): 1,
        }  # fmt: skip


def test_a_denial_is_told_beside_what_was_let_through():
    decoder = AntreaDecoder()
    decoder.decode(flow())
    denied = flow(k8s={"ingressNetworkPolicyRuleAction": 2})
    assert [f.verdict for f in decoder.decode(denied)] == [Verdict.DROPPED]


def test_the_address_that_stands_in_for_a_client_outside_is_told_too():
    outside = flow(
        ip={"source": based("203.0.113.9"), "destination": based("10.10.1.80")},
        k8s={"sourcePodName": "", "sourcePodNamespace": "", "destinationServiceIp": ""},
        proxySnatIp=based("10.10.1.1"), proxySnatPort=33333,
    )  # fmt: skip
    flows = AntreaDecoder().decode(outside)
    assert [(f.source.ip, f.source_port, f.destination.pod) for f in flows if not f.is_reply] == [
        ("203.0.113.9", 44752, "api-0"), ("10.10.1.1", 33333, "api-0"),
    ]  # fmt: skip


def test_labels_are_told_where_the_aggregator_has_them():
    labelled = flow(k8s={"source_pod_labels": {"labels": {"tier": "front", "app": "web"}}})
    assert AntreaDecoder().decode(labelled)[0].source.labels == (("app", "web"), ("tier", "front"))
    assert TheiaDecoder().decode(row())[0].source.labels == (("app", "web"),)
    assert TheiaDecoder().decode(row())[0].destination.labels == ()


def test_a_batch_and_ipv6():
    six = flow(ip={"source": based("fd00::5"), "destination": based("::ffff:10.0.0.9")}, k8s={})
    first, *_ = AntreaDecoder().decode({"flows": [six], "droppedCount": "3"})
    assert (first.source.ip, first.destination.ip) == ("fd00::5", "10.0.0.9")


def test_a_summary_counts_its_connections():
    decoder, summary = TheiaDecoder(), row(connections="12", sourceTransportPort=0)
    for _ in range(2):  # rows of two readings, not one connection twice
        assert {flow.count for flow in decoder.decode(summary)} == {12}


@pytest.mark.parametrize(
    "told",
    [
        "2026-01-05 10:00:30",  # a server not in UTC means another time by that, and does not say so
        "2026-01-05T10:00:30Z",  # as date_time_output_format='iso' has it written, whatever the server's zone
        "2026-01-05T11:00:30+01:00",
        1767607230,
        "1767607230",
    ],
)
def test_times_in_theias_rows(told):
    assert TheiaDecoder().decode(row(flowEndSeconds=told))[0].time == 1767607230


@pytest.mark.parametrize(
    ("decoder", "value", "reason"),
    [
        (AntreaDecoder, [], "a JSON object is expected"),
        (AntreaDecoder, {}, "no address"),
        (AntreaDecoder, {"flows": [7]}, "no address"),
        (AntreaDecoder, flow(ip={"source": "AAAA", "destination": "%"}), "no address"),
        (AntreaDecoder, flow(transport={"protocolNumber": None}), "no number of the protocol"),
        (AntreaDecoder, flow(startTs="", endTs="soon"), "no time"),
        (AntreaDecoder, flow(transport={"destinationPort": 65536}), "a port is not a number"),
        (AntreaCsvDecoder, "", "it has 1 fields, not 26 or more"),
        (AntreaCsvDecoder, line().replace("10.10.0.79", "web"), "no address"),
        (AntreaCsvDecoder, line("Unknown Protocol"), "no number of the protocol"),
        (AntreaCsvDecoder, line().replace("1767607230", "-1"), "no time"),
        (TheiaDecoder, 7, "a JSON object is expected"),
        (TheiaDecoder, row(sourceIP=None), "no address"),
        (TheiaDecoder, row(protocolIdentifier="TCP"), "no number of the protocol"),
        (TheiaDecoder, row(flowEndSeconds="later"), "no time"),
    ],
)
def test_what_cannot_be_used_says_why(decoder, value, reason):
    (problem,) = decoder().decode(value)
    assert isinstance(problem, Problem)
    assert reason in problem.reason


HEADS = {
    antrea_decode: json.dumps(flow()).encode(),
    antrea_csv: line().encode() + b"\n" + line().encode()[:40],
    theia_decode: json.dumps(row()).encode(),
}


@pytest.mark.parametrize("module", HEADS)
def test_each_form_is_recognised_and_no_other(module):
    others = [b"", b'{"flow":{"IP":{}}}', b"ipv4 2 tcp 6 1 ESTABLISHED src=10.0.0.1 dst=10.0.0.2"]
    assert [looking for looking, head in HEADS.items() if looking.looks(head)] == list(HEADS)
    assert [head for head in (*HEADS.values(), *others) if module.looks(head)] == [HEADS[module]]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*flow(), *flow()["k8s"], *flow()["ip"], *row(), "flows"]), inner
    ),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
def test_no_value_breaks_a_decoder(value):
    for decoder in (AntreaDecoder(), TheiaDecoder()):
        assert {type(flow) for flow in decoder.decode(value)} <= {Flow, Problem}


JUNK = [None, True, -1, 2**70, 1e400, float("nan"), "", "\ud800", "9" * 5000, [], {}, [{}], "AAAA",
        "10.0.0.1", "2026-01-05T10:00:30Z", "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:59", 65536, "{"]  # fmt: skip


def mutated(chance, record):
    made = dict(record)
    for _ in range(chance.randrange(1, 4)):
        key = chance.choice([*record])
        inner = made[key]
        if type(inner) is dict and inner and chance.random() < 0.7:
            made[key] = inner | {chance.choice([*inner]): chance.choice(JUNK)}
        else:
            made[key] = chance.choice(JUNK)
    return made


@pytest.mark.parametrize(
    ("decoder", "record"), [(AntreaDecoder, flow(proxySnatIp="")), (TheiaDecoder, row(connections=1))]
)
def test_no_mutation_of_a_record_breaks_its_decoder(decoder, record):
    chance, decoding, found = random.Random(7), decoder(), Counter()
    for number in range(100_000):
        if "transport" in record:
            record["transport"]["sourcePort"] = number % 65536
        found.update(type(flow) for flow in decoding.decode(mutated(chance, record)))
    assert set(found) == {Flow, Problem}
    assert min(found.values()) > 1000


def test_no_mutation_of_a_line_breaks_the_decoder():
    chance, decoder, found = random.Random(7), AntreaCsvDecoder(), Counter()
    bits = [b"", b",", b",,", b"\xff", b"\x00", b"9" * 30, b"::", b"-", b"Drop", b"\n", b'"']
    real = [line().encode(), line(more="10.96.0.20,").encode(), line("TCP", "Allow", "Drop").encode()]
    for number in range(100_000):
        raw = chance.choice(real).replace(b"44752", b"%d" % (number % 65536))
        for _ in range(chance.randrange(1, 3)):
            at = chance.randrange(len(raw))
            raw = raw[:at] + chance.choice(bits) + raw[at + chance.randrange(8) :]
        found.update(type(flow) for flow in decoder.decode(raw.decode("utf-8", "replace")))
    assert set(found) == {Flow, Problem}
    assert min(found.values()) > 1000
