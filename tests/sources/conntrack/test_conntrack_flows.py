"""What tables tell over time: every connection once, as the client, the Service and the server see it."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.model.flow import Protocol, Verdict
from tests.sources.conntrack.conntrack_lines import REAL, line
from tests.sources.conntrack.conntrack_tables import NOW, SERVICE, UDP, Tables, arrows


def test_a_service_is_told_as_dialled_and_as_answered():
    flows = Tables().read(line(**SERVICE))
    assert arrows(flows) == [
        "10.244.1.5:40000 -> 10.244.1.8:8080",
        "10.244.1.5:40000 <- 10.244.1.8:8080",
        "10.244.1.5:40000 -> 10.96.0.7:80",
        "10.244.1.5:40000 <- 10.96.0.7:80",
    ]
    assert [flow.verdict for flow in flows] == [Verdict.FORWARDED] * 2 + [Verdict.TRACED] * 2
    assert {(f.protocol, f.proven, f.count, f.node) for f in flows} == {(Protocol.TCP, True, 1, "n1")}
    assert [(f.syn, f.ack) for f in flows[:2]] == [(True, False), (True, True)]


@pytest.mark.parametrize(
    ("name", "requests"),
    [
        ("in a zone", ["10.244.1.5:49336 -> 10.244.1.7:7777"]),
        ("DNS", ["10.244.1.5:55109 -> 10.244.1.9:5353", "10.244.1.5:55109 -> 10.96.0.10:53"]),
        ("to the outside", ["10.244.1.5:57318 -> 203.0.113.10:443"]),
        ("node port", ["192.0.2.1:48284 -> 10.244.1.8:8080", "192.0.2.1:48284 -> 192.0.2.10:30080",
                       "10.244.1.1:48284 -> 10.244.1.8:8080"]),
        ("hairpin", ["10.244.1.8:54310 -> 10.244.1.8:8080", "10.244.1.8:54310 -> 10.96.10.20:80",
                     "10.244.1.1:54310 -> 10.244.1.8:8080"]),
    ],
)  # fmt: skip
def test_real_connections(name, requests):
    flows = Tables().read(REAL[name])
    assert arrows(flow for flow in flows if not flow.is_reply) == requests
    assert len(flows) == 2 * len(requests)


def test_what_nobody_answered_is_a_request_until_somebody_does():
    tables = Tables()
    asked = line(state="SYN_SENT", timeout=119, answered=False, **SERVICE)
    flows = tables.read(asked)
    assert [(flow.is_reply, flow.verdict) for flow in flows] == [
        (False, Verdict.UNKNOWN),
        (False, Verdict.TRACED),
    ]
    assert tables.read(asked, at=5) == []
    flows = tables.read(line(**SERVICE), at=10)
    assert arrows(flows) == [
        "10.244.1.5:40000 -> 10.244.1.8:8080",
        "10.244.1.5:40000 <- 10.244.1.8:8080",
        "10.244.1.5:40000 <- 10.96.0.7:80",
    ]
    assert flows[0].verdict is Verdict.FORWARDED
    assert {flow.time for flow in flows} == {NOW + 10}
    assert tables.read(line(**SERVICE), at=15) == []
    assert tables.connections.told == 1


def test_what_is_asked_again_and_never_answered_is_never_told_as_let_through():
    tables, told = Tables(), []
    for at in range(0, 125, 5):
        told += tables.read(line(**UDP, timeout=29, answered=False), at=at)
    assert [flow.verdict for flow in told] == [Verdict.UNKNOWN] * 3


def test_both_nodes_and_all_zones_tell_one_connection():
    tables = Tables()
    first = tables.read(line(**SERVICE), line().replace("zone=0", "zone=7"), node="n1")
    assert len(first) == 4
    assert tables.read(line(), node="n2") == []
    # Another process calls from the same port, which both nodes see.
    renewed = line(state="SYN_SENT", timeout=119, answered=False)
    closed = {"state": "TIME_WAIT", "timeout": 20}
    assert tables.read(line(**SERVICE, **closed), node="n1", at=5) == []
    assert tables.read(line(**closed), node="n2", at=5) == []
    assert len(tables.read(renewed, node="n2", at=10)) == 1
    assert arrows(tables.read(line(**SERVICE), node="n1", at=10)) == [
        "10.244.1.5:40000 -> 10.244.1.8:8080",
        "10.244.1.5:40000 <- 10.244.1.8:8080",
        "10.244.1.5:40000 -> 10.96.0.7:80",
        "10.244.1.5:40000 <- 10.96.0.7:80",
    ]


@pytest.mark.parametrize("zone", ["zone=65520", "zone=65510"])
def test_antreas_zones_on_both_nodes_tell_one_connection(zone):
    tables = Tables()
    there, back = line(**SERVICE), line()
    flows = tables.read(there.replace("zone=0", zone), back.replace("zone=0", zone), node="n1")
    flows += tables.read(back.replace("zone=0", zone), back, node="n2")
    assert (len(flows), tables.connections.told) == (4, 1)


OUTSIDE, NODE, POD = "172.18.0.1:36366", "172.18.0.3:31746", "10.244.1.3:8080"
MASQUERADE = "169.254.169.3:31746"
OVN = [
    line(OUTSIDE, NODE, MASQUERADE),
    line(OUTSIDE, MASQUERADE, POD).replace("zone=0", "zone=9"),
    line(OUTSIDE, POD).replace("zone=0", "zone=11"),
    line(NODE, OUTSIDE, answered=False).replace("zone=0", "zone=64000"),
]
"""A node port with externalTrafficPolicy Local (OVN-Kubernetes, docs/design/service-traffic-policy.md)."""


@pytest.mark.parametrize("order", itertools.permutations(range(4)))
def test_ovn_kubernetes_tells_the_pod_and_its_client_and_none_of_its_own_ways(order):
    tables = Tables()
    flows = tables.read(*(OVN[place] for place in order))
    requests = [flow for flow in flows if not flow.is_reply]
    assert sorted((*arrows([flow]), flow.verdict.name) for flow in requests if flow.count) == [
        (f"{OUTSIDE} -> {POD}", "FORWARDED"), (f"{OUTSIDE} -> {NODE}", "TRACED")]  # fmt: skip
    assert f"{OUTSIDE} -> {POD}" in arrows(flow for flow in requests if flow.proven)


@pytest.mark.parametrize("zone", [64000, 64001, 64002, 64003])
def test_what_ovn_kubernetes_tracks_of_the_node_alone_is_left_out(zone):
    entry = line("172.18.0.3:40000", "10.96.0.7:80", "10.96.0.7:80", "169.254.169.2:40000")
    assert Tables().read(entry.replace("zone=0", f"zone={zone}")) == []
    assert Tables().read(line().replace("zone=0", "zone=6400")) != []


def test_a_nodes_stand_in_is_left_out_where_the_pod_saw_another_address():
    masqueraded = line("169.254.0.2:40000", "10.96.0.7:80", "10.244.1.8:8080", "100.64.0.4:40000")
    assert arrows(flow for flow in Tables().read(masqueraded) if not flow.is_reply) == [
        "100.64.0.4:40000 -> 10.244.1.8:8080"
    ]


def test_what_ovn_kubernetes_leads_about_for_long_is_told_again_as_its_pods():
    tables = Tables()
    ways = [
        *OVN,
        line("169.254.169.2:40000", "10.244.1.3:8080"),
        line("10.244.1.3:8080", "169.254.169.2:40000"),
    ]
    tables.read(*ways)
    again = tables.read(*(way.replace("431998", "431997") for way in ways), at=65)
    assert sorted(arrows(flow for flow in again if not flow.is_reply)) == [
        f"{OUTSIDE} -> {POD}", f"{OUTSIDE} -> {NODE}"]  # fmt: skip


@pytest.mark.parametrize("server", ["169.254.169.254:80", "169.254.20.10:53"])
def test_link_local_servers_of_clouds_and_nodes_are_told(server):
    assert arrows(Tables().read(line(destination=server)))[0] == f"10.244.1.5:40000 -> {server}"


def test_other_node_tells_what_it_alone_has_seen_answered():
    tables = Tables()
    tables.read(line(answered=False, state="SYN_SENT"), node="n1")
    assert arrows(tables.read(line(), node="n2")) == [
        "10.244.1.5:40000 -> 10.244.1.8:8080",
        "10.244.1.5:40000 <- 10.244.1.8:8080",
    ]
    assert tables.connections.told == 1


@pytest.mark.parametrize(
    ("before", "after", "is_new"),
    [
        ({"state": "TIME_WAIT", "timeout": 100}, {"state": "TIME_WAIT", "timeout": 95}, False),
        ({"state": "TIME_WAIT", "timeout": 118}, {"state": "TIME_WAIT", "timeout": 120}, False),
        ({"state": "TIME_WAIT", "timeout": 60}, {"state": "TIME_WAIT", "timeout": 119}, True),
        ({"state": "TIME_WAIT", "timeout": 60}, {"state": "SYN_SENT", "answered": False}, True),
        ({"state": "TIME_WAIT", "timeout": 60}, {"state": "ESTABLISHED"}, True),
        ({"state": "CLOSE", "timeout": 9}, {"state": "SYN_RECV", "timeout": 59}, True),
        ({"state": "ESTABLISHED"}, {"state": "TIME_WAIT", "timeout": 119}, False),
        ({"state": "CLOSE_WAIT", "timeout": 50}, {"state": "TIME_WAIT", "timeout": 119}, False),
        ({"state": "LAST_ACK", "timeout": 20}, {"state": "TIME_WAIT", "timeout": 119}, False),
        ({"state": "FIN_WAIT", "timeout": 50}, {"state": "FIN_WAIT", "timeout": 119}, False),
        ({"state": "FIN_WAIT", "timeout": 50}, {"state": "SYN_RECV", "timeout": 59}, True),
        ({"state": "LAST_ACK", "timeout": 20}, {"state": "ESTABLISHED"}, True),
        ({"state": "TIME_WAIT", "timeout": 60}, {"state": "CLOSE_WAIT", "timeout": 59}, True),
        ({"state": "ESTABLISHED"}, {"state": "CLOSE_WAIT", "timeout": 59}, False),
        ({"state": "ESTABLISHED"}, {"state": "SYN_SENT", "timeout": 119, "answered": False}, True),
        ({"more": " delta-time=20"}, {"more": " delta-time=25"}, False),
        ({"more": " delta-time=20"}, {"more": " delta-time=4"}, True),
        ({"more": " [start=Fri Nov 20 10:57:50 2026]"}, {"more": " [start=Fri Nov 20 10:57:50 2026]"}, False),
        ({"more": " [start=Fri Nov 20 10:57:50 2026]"}, {"more": " [start=Fri Nov 20 10:58:50 2026]"}, True),
        ({**UDP, "timeout": 110}, {**UDP, "timeout": 119}, False),
    ],
)  # fmt: skip
def test_same_ports_again_are_a_new_connection_when_the_entry_shows_it(before, after, is_new):
    tables = Tables()
    tables.read(line(**before))
    again = tables.read(line(**after), at=5)
    assert bool([flow for flow in again if not flow.is_reply]) is is_new


def test_an_entry_that_was_gone_is_a_new_connection():
    tables = Tables()
    assert len(tables.read(line())) == 2
    assert tables.read(at=5) == []
    assert len(tables.read(line(), at=10)) == 2


def told_at(tables, readings):
    return [at for at, text in readings if tables.read(text, at=at)]


def test_what_stays_open_is_told_once_a_minute_while_packets_pass():
    readings = [(at, line()) for at in range(0, 185, 5)]
    assert told_at(Tables(), readings) == [0, 60, 120, 180]
    silent = [(at, line(timeout=431998 - at)) for at in range(0, 185, 5)]
    assert told_at(Tables(), silent) == [0]
    seldom = [(at, line(timeout=431998 - at % 90)) for at in range(0, 275, 5)]
    assert told_at(Tables(), seldom) == [0, 90, 180, 270]


def test_what_hardware_has_taken_over_is_told_once_a_minute():
    offloaded = line(state="").replace(" 431998 ", " ")
    assert told_at(Tables(), [(at, offloaded) for at in range(0, 125, 5)]) == [0, 60, 120]


def open_ones(*timeouts, clients=("10.244.1.6", "10.244.1.7", "10.244.1.9"), server="10.244.1.8:8080"):
    """Return lines of open connections of a client each."""
    return [
        line(f"{client}:2", server, timeout=timeout)
        for client, timeout in zip(clients, timeouts, strict=False)
    ]


ELSEWHERE = line("192.0.2.1:2", "192.0.2.2:6443", timeout=3_600)
TWO_SERVERS = [*open_ones(3_595, 3_590), ELSEWHERE]


@pytest.mark.parametrize(
    ("most", "others", "doubt"),
    [
        (432_000, open_ones(431_990), 10),
        (432_000, open_ones(431_940), 60),
        (86_400, open_ones(86_300), 100),
        (86_400, [*open_ones(86_390, 86_390), line("192.0.2.1:2", "192.0.2.2:6443", timeout=86_390)], 10),
        # Several show together what the timeout is set to, or hardly less.
        (3_630, TWO_SERVERS, 30),
    ],
)
def test_what_is_open_was_seen_when_its_last_packet_passed(most, others, doubt):
    flows = Tables().read(line("10.244.1.5:1", timeout=most - 100), *others)
    found = [flow for flow in flows if 1 in (flow.source_port, flow.destination_port)]
    assert {(flow.time, flow.source.doubt) for flow in found} == {(NOW - 100, doubt)}


@pytest.mark.parametrize(
    ("entry", "others"),
    [
        # By the kernel's default it is idle for 1000 s, for 5 h, for days; where less is set it may be busy.
        ({"timeout": 431_000}, []),
        ({"timeout": 414_000}, []),
        ({"timeout": 3_600}, []),
        ({"timeout": 290}, []),
        # Several that wait to be acknowledged, as a busy node has, show nothing of what is set.
        ({"timeout": 200}, [*open_ones(295, 290), line("192.0.2.1:2", "192.0.2.2:6443", timeout=297)]),
        ({"timeout": 3_600}, open_ones(3_600)),
        ({"timeout": 3_600}, [*open_ones(3_589), ELSEWHERE]),
        # All that one end has left behind is idle for as long as each other.
        ({"timeout": 3_600}, open_ones(3_600, 3_600, 3_600)),
        ({"timeout": 100, "protocol": "sctp"}, []),
        # kube-proxy sets 3600 s.
        ({"timeout": 40, "state": "CLOSE_WAIT"}, []),
    ],
)
def test_what_may_have_been_idle_for_long_is_not_told_until_a_packet_passes(entry, others):
    tables, one = Tables(), {"source": "10.244.1.5:1", **entry}
    assert tables.read(line(**one), *others) == []
    assert tables.connections.quiet == 1 + len(others)
    assert tables.read(line(**one | {"timeout": entry["timeout"] - 5}), *others[:0], at=5) == []
    woken = tables.read(line(**one), at=10)
    assert {(flow.time, flow.source.doubt) for flow in woken} == {(NOW + 10, 0)}
    assert tables.connections.quiet == 0


def test_what_was_idle_for_long_is_told_when_a_packet_passes():
    tables = Tables()
    busy, idle = line("10.244.1.5:1"), line("10.244.1.5:2", timeout=400_000)
    assert {flow.time for flow in tables.read(busy, idle, node="n2")} == {NOW - 2}
    assert tables.connections.quiet == 1
    assert tables.read(idle, line("10.244.1.5:3"), node="n1") != []
    assert tables.connections.quiet == 1  # the same connection
    assert tables.read(line("10.244.1.5:2", timeout=399_995), at=5, node="n1") == []
    assert tables.read(line("10.244.1.5:2", timeout=10, state="CLOSE"), at=5, node="n2") == []
    assert arrows(tables.read(line("10.244.1.5:2", timeout=431_999), at=10, node="n1")) == [
        "10.244.1.5:2 -> 10.244.1.8:8080",
        "10.244.1.5:2 <- 10.244.1.8:8080",
    ]
    tables.read(at=15, node="n2")
    assert tables.connections.quiet == 0


def udp(timeout):
    return {"protocol": "udp", "state": "", "timeout": timeout}


def sctp(state):
    return {"protocol": "sctp", "state": state, "timeout": 20}


def closing(state, timeout):
    return {"state": state, "timeout": timeout}


@pytest.mark.parametrize(
    ("entry", "others", "ago", "doubt"),
    [
        # With others that show what the timeout is set to, it is known; with none, it may be set lower.
        (closing("TIME_WAIT", 5), [closing("TIME_WAIT", 119)], 115, 10),
        (closing("TIME_WAIT", 5), [], 115, 120),
        (closing("TIME_WAIT", 5), [closing("TIME_WAIT", 60)], 115, 60),
        (closing("TIME_WAIT", 5), [closing("TIME_WAIT", 240)], 235, 10),
        (closing("TIME_WAIT", 118), [], 2, 0),
        (closing("TIME_WAIT", 117), [], 3, 10),
        (closing("CLOSE", 3), [], 7, 10),
        (closing("LAST_ACK", 20), [], 10, 10),
        (closing("CLOSE_WAIT", 50), [], 10, 10),
        (closing("CLOSE_WAIT", 3_500), [], 100, 100),
        ({**closing("ESTABLISHED", 190), "protocol": "sctp"}, [], 20, 20),
        ({**closing("SYN_SENT", 60), "answered": False}, [], 60, 60),
        ({**udp(10), "answered": False}, [], 20, 20),
        # It may be of a stream, which has 120 s, or have had one answer, which gives 30 s.
        (udp(2), [udp(119)], 118, 90),
        (udp(60), [udp(119)], 60, 10),
        (udp(80), [udp(179)], 100, 10),
        (sctp("HEARTBEAT_SENT"), [], 10, 10),
        (sctp("DATA_SENT"), [], 10, 10),
    ],
)
def test_what_ended_or_waits_is_dated_by_its_timeout(entry, others, ago, doubt):
    texts = [line(f"10.244.1.5:{port}", **one) for port, one in enumerate(others, 2)]
    flows = Tables().read(line("10.244.1.5:1", **entry), *texts)
    found = [flow for flow in flows if 1 in (flow.source_port, flow.destination_port)]
    assert {(NOW - f.time, f.source.doubt, f.destination.doubt) for f in found} == {(ago, doubt, doubt)}


@pytest.mark.parametrize(
    ("protocol", "ends", "kinds"),
    [
        ("icmp     1", ("10.0.0.1", "10.0.0.2"), (8, 0)),
        ("icmpv6   58", ("2001:db8::1", "2001:db8::2"), (128, 129)),
    ],
)
def test_pings_are_dated_by_their_timeout(protocol, ends, kinds):
    family = "ipv6     10" if ":" in ends[0] else "ipv4     2"
    there, back = (
        f"src={src} dst={dst} type={kind} code=0 id=1"
        for (src, dst), kind in zip((ends, ends[::-1]), kinds, strict=True)
    )
    flows = Tables().read(f"{family} {protocol} 20 {there} {back} use=2")
    assert {(NOW - flow.time, flow.source.doubt) for flow in flows} == {(10, 10)}


def test_what_is_told_to_have_begun_lately_is_in_no_doubt():
    flows = Tables().read(line(state="TIME_WAIT", timeout=5, more=" delta-time=118"))
    assert {(flow.time, flow.source.doubt) for flow in flows} == {(NOW - 118, 0)}


def test_what_goes_on_is_in_no_doubt():
    tables = Tables()
    first = tables.read(line("10.244.1.5:1"), line("10.244.1.5:2", timeout=431_900))
    again = tables.read(line("10.244.1.5:1"), line("10.244.1.5:2"), at=65)
    both = ({flow.source.doubt for flow in found if flow.source_port == 2} for found in (first, again))
    assert [*both] == [{10}, {0}]


def test_data_that_waits_to_be_acknowledged_is_no_sign_of_idleness():
    busy, sending = line("10.244.1.5:1"), line("10.244.1.5:2", timeout=299)
    assert {flow.time for flow in Tables().read(busy, sending)} == {NOW - 2, NOW - 1}


def test_what_opens_later_is_told_whatever_its_timeout():
    tables = Tables()
    tables.read(line("10.244.1.5:1"))
    opened = line("10.244.1.5:2", timeout=3_600)
    assert {flow.time for flow in tables.read(line("10.244.1.5:1"), opened, at=5)} == {NOW + 5}


def test_what_is_over_is_not_told_again():
    readings = [(0, line())] + [(at, line(state="TIME_WAIT", timeout=120 - at)) for at in range(5, 120, 5)]
    assert told_at(Tables(), readings) == [0]


def test_udp_is_told_again_while_packets_pass():
    silent = [(at, line(**UDP, timeout=170 - at)) for at in range(0, 165, 5)]
    assert told_at(Tables(), silent) == [0]
    busy = [(at, line(**UDP, timeout=118 + at % 2)) for at in range(0, 125, 5)]
    assert told_at(Tables(), busy) == [0, 60, 120]


def test_two_nodes_tell_what_stays_open_once_a_minute_together():
    tables, told = Tables(), []
    for at in range(0, 125, 5):
        for node in ("n1", "n2"):
            told += [at for flow in tables.read(line(), at=at, node=node) if not flow.is_reply]
    assert told == [0, 60, 120]


@pytest.mark.parametrize(
    ("more", "time"),
    [
        ("", 0),
        (" delta-time=7", -7),
        (" delta-time=100000", 0),  # nobody observed all that time
        (" [start=Fri Jan 15 07:59:50 2027]", -10),
        (" [start=Fri Jan 15 08:59:50 2027]", 0),  # a clock that is fast
    ],
)
def test_time_of_a_connection(more, time):
    assert NOW == 1_800_000_000  # Fri Jan 15 08:00:00 2027 UTC
    assert {flow.time for flow in Tables().read(line(timeout=432000, more=more))} == {NOW + time}


@pytest.mark.parametrize(
    "text",
    [
        line("127.0.0.1:40000", "127.0.0.1:8080"),
        line("127.0.0.1:40000", "127.0.0.1:30080", "10.244.1.8:8080", "10.244.1.1:40000"),
        line("::1:40000", "::1:8080"),
    ],
)
def test_loopback_is_left_out(text):
    assert Tables().read(text) == []


def test_protocols_without_ports_tell_none():
    there, back = "src=10.0.0.1 dst=10.0.0.2", "src=10.0.0.2 dst=10.0.0.1"
    ping = f"ipv4     2 icmp     1 29 {there} type=8 code=0 id={{0}} {back} type=0 code=0 id={{0}} use=2"
    gre = f"ipv4     2 gre      47 9 {there} srckey=0x0 dstkey=0x0 {back} srckey=0x0 dstkey=0x0 use=2"
    other = (
        "gre 47 29 timeout=30, stream_timeout=180 src=10.0.0.1 dst=10.0.0.3 src=10.0.0.3 dst=10.0.0.1 use=2"
    )
    flows = Tables().read(ping.format(1), ping.format(2), gre, other)
    assert [flow.protocol for flow in flows if not flow.is_reply] == [
        *[Protocol.ICMP] * 2, *[Protocol.OTHER] * 2]  # fmt: skip
    assert {(flow.source_port, flow.destination_port, flow.syn) for flow in flows} == {(0, 0, False)}


def test_a_node_that_left_is_forgotten():
    tables = Tables()
    tables.read(line(), node="n1")
    tables.read(line(), node="n2")
    tables.connections.keep(["n2"])
    assert tables.read(line(), node="n2", at=5) == []
    tables.connections.keep([])
    assert len(tables.read(line(), node="n2", at=10)) == 2


STATES = ["SYN_SENT", "ESTABLISHED", "TIME_WAIT", "CLOSE"]
ENTRY = st.tuples(
    st.integers(0, 2), st.integers(0, 2), st.sampled_from(STATES), st.integers(0, 130), st.booleans()
)
READING = st.tuples(st.sampled_from(["n1", "n2"]), st.lists(ENTRY, max_size=4), st.integers(0, 90))


@settings(max_examples=200)
@given(st.lists(READING, max_size=12))
def test_counts_never_run_away_and_nothing_is_kept_of_what_is_gone(readings):
    tables, now = Tables(), 0
    for node, entries, pause in readings:
        now += pause
        texts = {
            (port, how): line(
                f"10.244.1.5:{40000 + port}",
                *(["10.96.0.7:80", "10.244.1.8:8080", "10.244.1.1:7"][:how] if how else []),
                state=state,
                timeout=timeout,
                answered=answered or state != "SYN_SENT",
            )
            for port, how, state, timeout, answered in entries
        }
        flows = tables.read(*texts.values(), node=node, at=now)
        assert sum(flow.count for flow in flows) <= 6 * len(texts)
        assert all(flow.count in (0, 1) and flow.time <= NOW + now for flow in flows)
    tables.connections.keep([])
    assert not tables.connections._legs
