"""Records of NetObserv, one by one and in view of each other; recorded answers of Loki; broken records."""

import json
import random
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.flow import Flow, Protocol, Reserved, Verdict
from netsec_tui.sources.netobserv.decode import NetObservDecoder, looks
from netsec_tui.sources.problem import Problem

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "flows" / "netobserv"
NEEDS_RECORDINGS = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the recordings are not there: ../shared/data"
)

WEB = {
    "SrcAddr": "10.1.0.5", "SrcPort": 40000, "SrcK8S_Type": "Pod", "SrcK8S_Namespace": "shop",
    "SrcK8S_Name": "web-6b5-x1", "SrcK8S_OwnerType": "Deployment", "SrcK8S_OwnerName": "web",
    "SrcK8S_HostIP": "192.0.2.1", "SrcK8S_HostName": "node-a",
}  # fmt: skip
API = {
    "DstAddr": "10.1.1.8", "DstPort": 8080, "DstK8S_Type": "Pod", "DstK8S_Namespace": "shop",
    "DstK8S_Name": "api-0", "DstK8S_OwnerType": "StatefulSet", "DstK8S_OwnerName": "api",
    "DstK8S_HostIP": "192.0.2.2", "DstK8S_HostName": "node-b",
}  # fmt: skip
SERVICE = {
    "DstAddr": "10.96.0.20", "DstPort": 80, "DstK8S_Type": "Service", "DstK8S_Namespace": "shop",
    "DstK8S_Name": "api",
}  # fmt: skip
COMMON = {"Proto": 6, "TimeFlowStartMs": 1_700_000_000_000, "TimeFlowEndMs": 1_700_000_001_000, "Packets": 4}


def record(*parts, **fields):
    made = dict(COMMON)
    for part in parts or (WEB, API):
        made |= part
    return made | fields


def back(made, **fields):
    """Return a record of the packets of the other direction."""
    other = {"Src": "Dst", "Dst": "Src"}
    return {other.get(key[:3], key[:3]) + key[3:]: value for key, value in made.items()} | fields


def decode(*values):
    decoder = NetObservDecoder()
    return [flow for value in values for flow in decoder.decode(value)]


def directions(*values):
    """Return what records tell of themselves: of an answer the last, after that its request was let in."""
    return [(told[-1].is_reply, told[-1].proven) for value in values if (told := decode(value))]


@pytest.mark.parametrize(
    ("made", "is_reply"),
    [
        (record(Flags=0x02), False),
        (record(Flags=["SYN", "ACK", "FIN_ACK"]), False),
        (record(Flags=["SYN", "SYN_ACK"]), None),
        (back(record(), Flags=0x110), True),
        (back(record(), Flags=["SYN_ACK", "ACK"]), True),
        # Without the bit for SYN+ACK, both directions of a whole connection look alike.
        (record(Flags=0x12), None),
        (record(Flags=0x10), None),
        (record(), None),
        (record(WEB, SERVICE, Flags=0x10), False),
        (back(record(WEB, SERVICE), Flags=0x10), True),
        (back(record(), XlatSrcK8S_Type="Service", XlatSrcAddr="10.96.0.20"), True),
        (record(Proto=17, DnsId=7, DnsFlags=0x0100), False),
        (back(record(), Proto=17, DnsId=7, DnsFlags=0x8180), True),
        (record(Proto=17, DnsId=0, DnsFlags=0), None),
        (record(Proto=1, IcmpType=8), False),
        (record(Proto=58, IcmpType=129), True),
        (record(Proto=1, IcmpType=3), None),
    ],
)  # fmt: skip
def test_who_opened_is_proven_or_not_known(made, is_reply):
    assert directions(made) == [(is_reply, is_reply is not None)]


NEWER = back(record(), Flags=0x110, AgentIP="192.0.2.1")


@pytest.mark.parametrize("others", [[NEWER], [record(Flags=0x210, AgentIP="192.0.2.1")], []])
@pytest.mark.parametrize("agent", ["192.0.2.1", "192.0.2.2"])
def test_syn_beside_ack_proves_nothing_whatever_other_records_tell_of_the_agent(others, agent):
    """Of a rolling upgrade: an agent's records of before it have the same address."""
    older = record(Flags=0x1A, SrcPort=40001, AgentIP=agent)
    decoder = NetObservDecoder()
    for other in others:
        decoder.decode(other)
    assert [flow.is_reply for flow in decoder.decode([older, back(older)])] == [None, None]


@pytest.mark.parametrize("flags", [0x212, 0x412, ["SYN", "ACK", "FIN_ACK"]])
def test_syn_beside_ack_means_the_client_in_a_record_that_tells_pairs(flags):
    assert directions(record(Flags=flags)) == [(False, True)]


def test_names_of_flags_do_not_tell_which_agent_made_a_record():
    assert directions(record(Flags=["SYN", "ACK", "PSH"])) == [(None, False)]


@pytest.mark.parametrize("turned", [False, True])
def test_what_was_dialled_names_the_service_and_proves_nothing_else(turned):
    seen = [record(Flags=0x10), record(WEB, SERVICE, Flags=0x10)]
    told = {flow.destination_port: flow for flow in decode(*seen[:: -1 if turned else 1])}
    assert (told[80].is_reply, told[80].verdict, told[80].service) == (
        False, Verdict.TRACED, ("shop", "api"),
    )  # fmt: skip
    assert (told[8080].is_reply, told[8080].verdict, told[8080].service) == (None, Verdict.FORWARDED, None)


def test_translation_tells_the_pod_behind_a_service():
    made = record(
        WEB, SERVICE, Flags=0x02, XlatSrcAddr="10.1.0.5", XlatSrcPort=40000, XlatDstAddr="10.1.1.8",
        XlatDstPort=8080, XlatDstK8S_Type="Pod", XlatDstK8S_Namespace="shop", XlatDstK8S_Name="api-0",
    )  # fmt: skip
    decoder = NetObservDecoder()
    dialled, behind = decoder.decode(made)
    assert (dialled.destination.ip, dialled.verdict) == ("10.96.0.20", Verdict.TRACED)
    assert (behind.destination.pod, behind.destination_port, behind.is_reply) == ("api-0", 8080, False)
    # The pod's own record of it is the same connection.
    assert not decoder.decode(record(Flags=0x02))


def test_interfaces_nodes_and_repetitions_count_once_a_minute():
    seen = [
        record(Flags=0x12 | 0x200, Interface="eth0", FlowDirection="1", AgentIP="192.0.2.1"),
        record(Flags=0x12 | 0x200, Interface="veth1", FlowDirection=1, AgentIP="192.0.2.1", Duplicate=True),
        record(Flags=0x12 | 0x200, Interfaces=["eth0", "br-ex"], FlowDirection=0, AgentIP="192.0.2.2"),
        record(Flags=0x212, TimeFlowEndMs=1_700_000_006_000, AgentIP="192.0.2.1"),
    ]
    decoder = NetObservDecoder()
    flows = [flow for made in seen for flow in decoder.decode(made)]
    # The two nodes' are put together where observations are: which told more is not known here.
    assert [(flow.count, flow.node) for flow in flows] == [(1, "node-a"), (1, "node-b")]
    assert set(decoder.nodes) == {"node-a", "node-b"}
    assert len(decoder.decode(record(Flags=0x212, TimeFlowEndMs=1_700_000_061_000, AgentIP="192.0.2.1"))) == 1


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"Flags": 0x02}, Verdict.UNKNOWN),
        ({"Flags": 0x212}, Verdict.FORWARDED),
        ({"Proto": 17}, Verdict.UNKNOWN),
        ({"Flags": 0x02, "NetworkEvents": [{"Action": "drop", "Actor": "NetworkPolicy"}]}, Verdict.DROPPED),
        ({"Flags": 0x02, "NetworkEvents": [{"Action": "allow-related"}]}, Verdict.FORWARDED),
        ({"Flags": 0x02, "NetworkEvents": "drop"}, Verdict.UNKNOWN),
        ({"Flags": 0x02, "PktDropPackets": 4, "PktDropLatestDropCause": "OVS_DROP_EXPLICIT"},
         Verdict.DROPPED),
        ({"Flags": 0x212, "PktDropPackets": "1", "PktDropLatestDropCause": "OVS_DROP_EXPLICIT"},
         Verdict.FORWARDED),
        ({"Flags": 0x02, "PktDropPackets": 9, "PktDropLatestDropCause": "SKB_DROP_REASON_NETFILTER_DROP"},
         Verdict.DROPPED),
        ({"Flags": 0x02, "PktDropPackets": 4, "PktDropLatestDropCause": "SKB_DROP_REASON_NO_SOCKET"},
         Verdict.UNKNOWN),
        ({"Flags": 0x10, "PktDropPackets": 4, "PktDropLatestDropCause": "SKB_DROP_REASON_TCP_RESET"},
         Verdict.FORWARDED),
        ({"Flags": 0x02, "PktDropPackets": 4, "PktDropLatestDropCause": "SKB_DROP_REASON_QDISC_DROP"},
         Verdict.ERROR),
    ],
)  # fmt: skip
def test_what_became_of_it(fields, verdict):
    assert [flow.verdict for flow in decode(record(**fields))] == [verdict]


def test_an_answer_tells_that_the_request_was_let_in():
    udp = {"Proto": 17, "DnsId": 3}
    asked, answered = record(DnsFlags=0x0100, **udp), back(record(), DnsFlags=0x8180, **udp)
    assert [flow.verdict for flow in decode([asked, answered])] == [Verdict.FORWARDED] * 2
    again = record(DnsFlags=0x0100, **udp)
    let_in = [(False, "FORWARDED"), (True, "FORWARDED")]
    assert [(f.is_reply, f.verdict.name) for f in decode(answered, asked, again)] == let_in
    # An attempt that was told before its answer cannot be taken back; it counts as nothing beside that.
    told = [(f.is_reply, f.verdict.name) for f in decode(asked, answered, again)]
    assert told == [(False, "UNKNOWN"), *let_in]


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [("OVS_DROP_EXPLICIT", Verdict.DROPPED), ("SKB_DROP_REASON_QDISC_DROP", Verdict.ERROR)],
)
def test_an_answer_that_went_no_further_is_no_request_that_did_not(cause, verdict):
    lost = {"PktDropPackets": 4, "PktDropLatestDropCause": cause}
    assert [(f.is_reply, f.verdict) for f in decode(back(record(), Flags=0x110, **lost))] == [(True, verdict)]


LET_OUT = [{"Action": "allow", "Direction": "Egress", "Actor": "NetworkPolicy"}]
LET_IN = [{"Action": "allow", "Direction": "Ingress", "Actor": "NetworkPolicy"}]
KEPT_OUT = [{"Action": "drop", "Direction": "Ingress", "Actor": "NetworkPolicy"}]


@pytest.mark.parametrize(
    ("events", "verdicts"),
    [
        ([LET_OUT], ["UNKNOWN"]),
        ([LET_IN], ["FORWARDED"]),
        ([LET_OUT + LET_IN], ["FORWARDED"]),
        ([LET_OUT + KEPT_OUT], ["DROPPED"]),
        ([LET_OUT, KEPT_OUT], ["UNKNOWN", "DROPPED"]),
        ([KEPT_OUT, LET_OUT], ["DROPPED", "UNKNOWN"]),
    ],
)
def test_who_is_let_out_at_the_client_is_not_let_in_by_that(events, verdicts):
    made = [record(Flags=0x02, NetworkEvents=told, AgentIP=f"192.0.2.{n}") for n, told in enumerate(events)]
    assert [flow.verdict.name for flow in decode(*made)] == verdicts
    assert [flow.arrived for flow in decode(*made)] == [verdict == "FORWARDED" for verdict in verdicts]


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_records_from_within_a_node_count_once_beside_those_of_both_nodes(order):
    """FlowDirection 2: seen between two pods of one node, or by both its interfaces (flows-format.adoc)."""
    seen = [
        record(Flags=0x02, FlowDirection=2, AgentIP="192.0.2.1"),
        record(Flags=0x02, FlowDirection="1", AgentIP="192.0.2.1"),
        record(Flags=0x02, FlowDirection=0, AgentIP="192.0.2.2"),
        back(record(), Flags=0x110, FlowDirection=2, AgentIP="192.0.2.2"),
    ]
    flows = decode(*(seen[place] for place in order))
    told = Counter((flow.node, flow.is_reply) for flow in flows if flow.verdict is not Verdict.UNKNOWN)
    assert told == {("node-b", False): 1, ("node-b", True): 1}
    attempts = Counter(flow.node for flow in flows if flow.verdict is Verdict.UNKNOWN)
    assert attempts["node-a"] == 1
    assert attempts["node-b"] <= 1


@pytest.mark.parametrize("direction", [0, 1, 2, "2", None])
def test_the_interface_that_saw_a_record_does_not_tell_who_opened(direction):
    assert directions(record(Flags=0x10, FlowDirection=direction)) == [(None, False)]
    assert directions(back(record(), Flags=0x110, FlowDirection=direction)) == [(True, True)]


@pytest.mark.parametrize(("flags", "rst"), [(0x400, True), (["RST_ACK"], True), (0x510, False), (0x04, True)])
def test_a_refusal_is_a_reset_and_nothing_else(flags, rst):
    refused = decode([record(Flags=0x02), back(record(), Flags=flags)])[-1 if rst else 1]
    assert (refused.is_reply, refused.rst) == (True, rst)


REFUSED = [record(Flags=0x02), back(record(), Flags=0x400)]


@pytest.mark.parametrize(
    "batches", [[[0], [1]], [[1], [0]], [[0, 1]], [[1, 0]], [[1], [0], [0]], [[1], [1, 0]]]
)
def test_a_reset_refuses_the_request_that_comes_before_or_after_it(batches):
    flows = decode(*([REFUSED[place] for place in batch] for batch in batches))
    assert sorted((f.source.pod, f.is_reply, f.rst, f.verdict.name) for f in flows) == [
        ("api-0", True, True, "UNKNOWN"), ("web-6b5-x1", False, False, "UNKNOWN"),
    ]  # fmt: skip


def test_a_reset_alone_tells_nothing_and_one_long_ago_refuses_nothing():
    assert decode(REFUSED[1], record(Flags=0x10, SrcPort=40001)) == decode(record(Flags=0x10, SrcPort=40001))
    later = record(Flags=0x02, TimeFlowEndMs=COMMON["TimeFlowEndMs"] + 300_000)
    assert [flow.is_reply for flow in decode(REFUSED[1], later)] == [False]


def test_an_answer_after_a_reset_is_told():
    answer = back(record(), Flags=0x110)
    assert [(f.is_reply, f.rst) for f in decode(*REFUSED, answer)] == [
        (False, False),
        (True, True),
        (False, False),
        (True, False),
    ]


def test_ends_carry_pods_with_their_topmost_owner_and_nodes():
    flow = decode(record(Flags=2, AgentIP="192.0.2.2"))[0]
    assert (flow.source.namespace, flow.source.pod, flow.source.workloads) == (
        "shop", "web-6b5-x1", (("Deployment", "web"),),
    )  # fmt: skip
    assert (flow.node, flow.origin, flow.time) == ("node-b", "netobserv", 1_700_000_001.0)
    node = decode(record(WEB, {**API, "DstK8S_Type": "Node", "DstK8S_Namespace": ""}))[0].destination
    assert (node.ip, node.pod, node.reserved) == ("10.1.1.8", "", Reserved.REMOTE_NODE)
    assert decode(record(WEB, {"DstAddr": "::ffff:203.0.113.9", "DstPort": 443}))[0].destination.ip == (
        "203.0.113.9"
    )


def test_equal_ends_are_the_same_object():
    flows = decode(record(Flags=2), record(Flags=2, SrcPort=40001))
    assert flows[0].source is flows[1].source


@pytest.mark.parametrize(
    ("told", "sampling"),
    [([], 0), ([None], 0), ([1, 1], 1), ([1, None], 0), ([None, 1, 1], 0), ([0, 1], 0), ([50, "10"], 50),
     ([50, 0, None], 50), ([1, 2], 2)],
)  # fmt: skip
def test_that_every_packet_was_looked_at_is_known_where_all_records_tell_it(told, sampling):
    for several in permutations(told):
        decoder = NetObservDecoder()
        decoder.decode([record() if one is None else record(Sampling=one) for one in several])
        assert decoder.sampling == sampling


@pytest.mark.parametrize("turned", [False, True])
def test_every_node_that_reports_is_known_by_its_name_with_its_times(turned):
    seen = [
        record({"SrcAddr": "10.9.0.1", "SrcPort": 9}, {"DstAddr": "10.9.0.2", "DstPort": 9})
        | {"AgentIP": "192.0.2.2"},
        record(Flags=2, AgentIP="192.0.2.1"),
        record(Flags=2, AgentIP="192.0.2.2", TimeFlowEndMs=1_700_000_009_000),
        record(AgentIP="192.0.2.9"),
    ]  # fmt: skip
    decoder = NetObservDecoder()
    for one in seen[:: -1 if turned else 1]:
        decoder.decode(one)
    first, last = 1_700_000_001.0, 1_700_000_009.0
    assert decoder.nodes == {"node-a": (first, first), "node-b": (first, last), "192.0.2.9": (first, first)}


@pytest.mark.parametrize(
    ("number", "protocol", "port"),
    [(6, Protocol.TCP, 8080), ("17", Protocol.UDP, 8080), (132, Protocol.SCTP, 8080), (1, Protocol.ICMP, 0),
     (58, Protocol.ICMP, 0), (47, Protocol.OTHER, 0)],
)  # fmt: skip
def test_protocols(number, protocol, port):
    flow = decode(record(Proto=number))[0]
    assert (flow.protocol, flow.destination_port) == (protocol, port)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (7, "not a flow of NetObserv: a JSON object is expected"),
        ([7], "not a flow of NetObserv: no JSON object"),
        ({}, "no Proto"),
        ({"status": "error", "error": "parse error"}, "an answer of Loki that reports an error"),
        ({"data": {"resultType": "matrix", "result": []}}, 'its resultType is not "streams"'),
        ({"data": {"resultType": "streams", "result": [{"values": [["1", "{"]]}]}}, "is not JSON"),
        ({"data": {"resultType": "streams", "result": [{"values": [["1"]]}]}}, "no time and line"),
        ({"data": {"resultType": "streams", "result": [{"values": [["1", "[]"]]}]}}, "no JSON object"),
        ({"data": {"resultType": "streams", "result": [{}]}}, "without values"),
        (record(SrcAddr="web"), "SrcAddr or DstAddr is no IP address"),
        (record(DstPort=65536), "DstPort is not a number from 0 to 65535"),
        (record(SrcPort=None), "SrcPort is not a number"),
        (record(TimeFlowEndMs=0), "no TimeFlowEndMs"),
    ],
)
def test_what_cannot_be_used_says_why(value, reason):
    (problem,) = decode(value)
    assert isinstance(problem, Problem)
    assert reason in problem.reason


def test_an_answer_of_loki_joins_labels_and_lines():
    labels = {key: str(value) for key, value in WEB.items() if key != "SrcPort"}
    line = {key: value for key, value in record(Flags=2).items() if key not in labels}
    del line["TimeFlowEndMs"]
    entry = ["1700000001500000000", json.dumps(line), {"structured": "metadata"}]
    answer = {"status": "success", "data": {"resultType": "streams", "result": [
        {"stream": labels, "values": [entry]},
    ]}}  # fmt: skip
    (flow,) = decode(answer)
    assert (flow.source.pod, flow.time) == ("web-6b5-x1", 1_700_000_001.5)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (json.dumps(record()).encode(), True),
        (json.dumps([record()]).encode(), True),
        (b'{"status":"success","data":{"resultType":"streams","result":[', True),
        (b'{"flow":{"time":"2026-01-01T00:00:00Z","IP":{"source":"10.0.0.1"}}}', False),
        (b"ipv4     2 tcp      6 431998 ESTABLISHED src=10.0.0.1", False),
        (b"", False),
    ],
)
def test_looks(head, expected):
    assert looks(head) is expected


def recorded(name):
    return json.loads((FOLDER / name).read_bytes())


@NEEDS_RECORDINGS
def test_recorded_flows_have_the_peers_and_ports_that_follow():
    flows = decode(recorded("flow_records.json"))
    assert {type(flow) for flow in flows} == {Flow}
    # 50 records of several interfaces are 30 directions of connections.
    assert len({(f.protocol, f.source.ip, f.source_port, f.destination.ip, f.destination_port)
                for f in flows}) == 30  # fmt: skip
    asked = Counter(
        (f.source.pod, f.destination.pod or f.destination.ip, f.destination_port, f.verdict.name)
        for f in flows if f.is_reply is False
    )  # fmt: skip
    assert asked == {
        ("alertmanager-main-0", "172.30.0.10", 53, "TRACED"): 4,
        ("service-ca-operator-575d5cf89-s8pjm", "172.30.0.1", 443, "TRACED"): 1,
    }
    assert {f.service for f in flows if f.verdict is Verdict.TRACED} == {
        ("openshift-dns", "dns-default"), ("default", "kubernetes"),
    }  # fmt: skip
    # Established before: neither flags nor anything else tells who opened these.
    assert {f.source_port for f in flows if f.is_reply is None and f.protocol is Protocol.TCP} == {
        48974, 55984, 6443, 8443,
    }  # fmt: skip
    assert {flow.destination_port for flow in flows if flow.protocol is Protocol.ICMP} == {0}


@NEEDS_RECORDINGS
def test_recorded_drops_of_the_tcp_stack_are_no_denials():
    flows = decode(recorded("flow_records_has_dropped.json"))
    assert {type(flow) for flow in flows} == {Flow}
    assert not [flow for flow in flows if flow.verdict.denied]
    (to_loki,) = [f for f in flows if f.destination_port == 3100]
    assert (to_loki.source.workloads, to_loki.destination.pod, to_loki.verdict) == (
        (("Deployment", "netobserv-plugin"),), "loki", Verdict.FORWARDED,
    )  # fmt: skip
    (let_in,) = [f for f in flows if f.is_reply is False]
    assert let_in.destination_port == 6443


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*record(), "data", "result", "resultType", "stream", "values", "Flags"]), inner
    ),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
def test_no_value_breaks_the_decoder(value):
    assert {type(flow) for flow in decode(value)} <= {Flow, Problem}


def test_no_mutation_of_a_record_breaks_the_decoder():
    chance, decoder, found = random.Random(7), NetObservDecoder(), Counter()
    junk = [None, True, -1, 0, 2**70, 1e400, float("nan"), "", "\ud800", "9" * 5000, [], {}, ["SYN"],
            "10.1.1.8", [{"Action": "drop"}], "Service", "Pod", 6, 17, 65536]  # fmt: skip
    full = record(Flags=0x12, AgentIP="192.0.2.1", XlatDstAddr="10.1.1.9", XlatDstPort=8080, Sampling=1,
                  DnsId=1, DnsFlags=0x8000, PktDropPackets=1, NetworkEvents=[{"Action": "drop"}])  # fmt: skip
    keys = [*full, "IcmpType", "XlatSrcK8S_Type", "TimeReceived"]
    for number in range(100_000):
        made = full | {"SrcPort": number % 65536}
        for _ in range(chance.randrange(1, 4)):
            made[chance.choice(keys)] = chance.choice(junk)
        found.update(type(flow) for flow in decoder.decode(made))
    assert set(found) == {Flow, Problem}
    assert min(found.values()) > 1000


@pytest.mark.parametrize("order", [1, -1])
def test_lines_that_stand_newest_first_tell_every_hour(order):
    base = COMMON["TimeFlowEndMs"]
    lines = [record(TimeFlowEndMs=base + hour * 3_600_000, Flags=0x02) for hour in range(13)]
    decoder = NetObservDecoder()
    assert len([flow for line in lines[::order] for flow in decoder.decode(line)]) == 13
