"""One Hubble record to one flow: shapes, times, labels, ports, services, counts, gaps and refusals."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.flow import Flow, Gap, Protocol, Reserved, Verdict
from netsec_tui.sources.fields import canonical_ip
from netsec_tui.sources.hubble.decode import HubbleDecoder
from netsec_tui.sources.problem import Problem

TIME = "2021-06-16T16:52:13.136834446Z"


def record(**changes):
    """Return a small forwarded flow; a value of None removes the field."""
    flow = {
        "time": TIME,
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 8080}},
        "is_reply": False,
        **changes,
    }
    return {name: value for name, value in flow.items() if value is not None}


def decode(value):
    return HubbleDecoder().decode(value)


def flow_of(**changes):
    flow = decode({"flow": record(**changes)})
    assert isinstance(flow, Flow), flow
    return flow


def reason_of(value):
    problem = decode(value)
    assert isinstance(problem, Problem), problem
    return problem.reason


def test_wrapped_and_bare_records_are_the_same_flow():
    bare = record(node_name="n1")
    assert decode(bare) == decode({"flow": bare, "node_name": "n1", "time": TIME})


def test_node_and_time_of_the_wrapper_stand_in_for_missing_ones():
    flow = decode({"flow": record(time=None), "node_name": "n1", "time": TIME})
    assert (flow.node, flow.time) == ("n1", pytest.approx(1623862333.136834))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:10Z", 10),
        ("1970-01-01T00:00:10.5Z", 10.5),
        ("1970-01-01T00:00:10.123456789Z", 10.123456),
        ("1970-01-01T02:00:10+02:00", 10),
        ("1970-01-01T00:00:10.000-00:30", 1810),
    ],
)
def test_time(text, seconds):
    assert flow_of(time=text).time == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2021-06-16", "2021-06-16T16:52:13", "0001-01-01T00:00:00Z", 5, [], None, {}]
)
def test_without_a_time_there_is_no_flow(text):
    assert "time" in reason_of({"flow": record(time=text)})


@pytest.mark.parametrize(
    ("l4", "protocol", "ports"),
    [
        ({"TCP": {"source_port": 1, "destination_port": 65535}}, Protocol.TCP, (1, 65535)),
        ({"UDP": {"source_port": 1, "destination_port": 53}}, Protocol.UDP, (1, 53)),
        ({"SCTP": {"source_port": 1, "destination_port": 5060}}, Protocol.SCTP, (1, 5060)),
        ({"ICMPv4": {"type": 8}}, Protocol.ICMP, (0, 0)),
        ({"ICMPv6": {"type": 128, "code": 1}}, Protocol.ICMP, (0, 0)),
        ({"VRRP": {"type": 1}}, Protocol.OTHER, (0, 0)),
        ({"IGMP": {"type": 1}}, Protocol.OTHER, (0, 0)),
        ({}, Protocol.OTHER, (0, 0)),
    ],
)
def test_protocol(l4, protocol, ports):
    flow = flow_of(l4=l4)
    assert (flow.protocol, (flow.source_port, flow.destination_port)) == (protocol, ports)


@pytest.mark.parametrize("port", [-1, 65536, "80", 80.0, True, None, [], 10**30])
def test_a_port_that_is_no_port_is_refused(port):
    assert "port" in reason_of(record(l4={"TCP": {"destination_port": port}}))


def test_a_field_mask_that_removed_l4_is_told():
    assert "field mask" in reason_of(record(l4=None))


def test_a_dropped_packet_without_l4_is_of_another_protocol():
    assert flow_of(l4=None, verdict="DROPPED", is_reply=None).protocol is Protocol.OTHER


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_field_mask_that_removed_ip_and_pod_name_is_told(side):
    ip = {"source": "10.0.0.1", "destination": "10.0.0.2"} | {side: ""}
    reason = reason_of(record(IP=ip, **{side: {"namespace": "shop", "labels": ["k8s:app=web"]}}))
    assert side in reason
    assert "field mask" in reason


def test_a_pod_name_is_enough_without_an_address():
    flow = flow_of(IP=None, source={"pod_name": "a"}, destination={"pod_name": "b"})
    assert (flow.source.pod, flow.source.ip) == ("a", "")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_verdicts_are_told_by_name_or_number(verdict):
    assert flow_of(verdict=verdict.name).verdict is verdict
    assert flow_of(verdict=int(verdict)).verdict is verdict


@pytest.mark.parametrize("verdict", [None, "BLESSED", 99, True, [], {}])
def test_a_verdict_that_is_absent_or_new_is_not_taken_for_allowed(verdict):
    assert flow_of(verdict=verdict).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("10.0.0.256", ""),
        ("10.0.0.01", ""),
        ("web", ""),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_addresses_are_canonical(raw, canonical):
    assert canonical_ip(raw) == canonical


LABELS = [
    "k8s:app=web",
    "k8s:io.cilium.k8s.namespace.labels.team=a",
    "k8s:io.cilium.k8s.policy.cluster=default",
    "k8s:io.kubernetes.pod.namespace=shop",
    "k8s:a.b/c=x=y:z",
    "k8s:empty=",
    "k8s:bare",
    "container:image=nginx",
    "cidr:10.0.0.0/8",
    "nonsense",
    7,
]


def test_labels_are_pod_labels_only():
    end = flow_of(source={"labels": LABELS}).source
    assert end.labels == (("a.b/c", "x=y:z"), ("app", "web"), ("bare", ""), ("empty", ""))


def test_the_namespace_label_fills_a_missing_namespace_only():
    assert flow_of(source={"labels": LABELS}).source.namespace == "shop"
    assert flow_of(source={"labels": LABELS, "namespace": "told"}).source.namespace == "told"


@pytest.mark.parametrize(
    ("labels", "reserved"),
    [
        ([], Reserved.NONE),
        (["reserved:host"], Reserved.HOST),
        (["reserved:remote-node", "reserved:kube-apiserver"], Reserved.KUBE_APISERVER),
        (["reserved:kube-apiserver", "reserved:host"], Reserved.KUBE_APISERVER),
        (["reserved:remote-node", "reserved:host"], Reserved.HOST),
        (["reserved:world", "reserved:ingress"], Reserved.INGRESS),
        (["reserved:health"], Reserved.HEALTH),
        (["reserved:world", "cidr:1.1.1.1/32"], Reserved.WORLD),
        (["reserved:world-ipv6"], Reserved.WORLD),
        (["reserved:unmanaged"], Reserved.OTHER),
        (["reserved:init"], Reserved.OTHER),
        (["reserved:new-thing"], Reserved.OTHER),
    ],
)
def test_reserved_labels_by_precedence(labels, reserved):
    assert flow_of(source={"labels": labels}).source.reserved is reserved


@pytest.mark.parametrize(
    ("identity", "reserved"),
    [(1, Reserved.HOST), (2, Reserved.WORLD), (6, Reserved.REMOTE_NODE), (7, Reserved.KUBE_APISERVER)],
)
def test_the_identity_tells_when_the_labels_are_masked(identity, reserved):
    assert flow_of(source={"identity": identity}).source.reserved is reserved


def test_a_pod_that_is_said_to_be_the_world_stays_so():
    end = flow_of(source={"pod_name": "web-1", "namespace": "shop", "labels": ["reserved:world"]}).source
    assert (end.pod, end.reserved) == ("web-1", Reserved.WORLD)


def test_workloads_and_names():
    flow = flow_of(
        source={"workloads": [{"name": "web", "kind": "Deployment"}, {"name": "no kind"}, 3]},
        destination_names=["api.example.com", "", 4],
    )
    assert flow.source.workloads == (("Deployment", "web"),)
    assert flow.destination.names == ("api.example.com",)


def test_the_same_endpoint_is_the_same_object():
    decoder = HubbleDecoder()
    raw = {"ID": 5, "labels": ["k8s:app=web"], "pod_name": "web-1"}
    first, second = (decoder.decode(record(source=dict(raw))) for _ in range(2))
    other = decoder.decode(record(source={**raw, "labels": ["k8s:app=api"]}))
    assert first.source is second.source
    assert other.source != first.source


@pytest.mark.parametrize(
    ("is_reply", "service"), [(False, ("shop", "web")), (True, ("data", "db")), (None, ("shop", "web"))]
)
def test_the_service_is_the_one_on_the_server_side(is_reply, service):
    flow = flow_of(
        is_reply=is_reply,
        source={"namespace": "data"},
        source_service={"name": "db"},
        destination_service={"name": "web", "namespace": "shop"},
    )
    assert flow.service == service


@pytest.mark.parametrize("service", [None, {}, {"namespace": "shop"}, [], "web"])
def test_no_service(service):
    assert flow_of(destination_service=service).service is None


@pytest.mark.parametrize(
    ("aggregate", "count"),
    [
        (None, 1),
        ({}, 1),
        ({"ingress_flow_count": "12"}, 12),
        ({"ingress_flow_count": 2, "egress_flow_count": "3", "unknown_direction_flow_count": 4}, 9),
        ({"egress_flow_count": "many"}, 1),
        ([], 1),
    ],
)
def test_an_aggregated_record_counts_for_many(aggregate, count):
    assert flow_of(aggregate=aggregate).count == count


def test_tcp_flags():
    flow = flow_of(l4={"TCP": {"destination_port": 1, "flags": {"SYN": True, "RST": True, "FIN": True}}})
    assert (flow.syn, flow.ack, flow.rst) == (True, False, True)


@pytest.mark.parametrize(
    ("event", "lost", "words"),
    [
        ({"num_events_lost": "12", "source": "HUBBLE_RING_BUFFER"}, 12, "overwritten"),
        ({"num_events_lost": 3, "source": "PERF_EVENT_RING_BUFFER"}, 3, "buffer was full"),
        ({"num_events_lost": "18446744073709551615"}, 2**64 - 1, "lost events"),
        ({"num_events_lost": "9" * 5_000}, 1, "lost events"),
        ({"source": "NEW"}, 1, "lost events"),
        ({"num_events_lost": "-4"}, 1, "lost events"),
    ],
)
def test_lost_events_are_a_gap(event, lost, words):
    gap = decode({"lost_events": event, "node_name": "n1", "time": TIME})
    assert isinstance(gap, Gap)
    assert (gap.lost, gap.node) == (lost, "n1")
    assert gap.time == pytest.approx(1623862333.136834)
    assert words in gap.reason


def test_losses_without_a_time_that_can_be_used_are_losses_all_the_same():
    gap = decode({"lost_events": {"num_events_lost": "5"}, "time": "-5"})
    assert isinstance(gap, Gap)
    assert (gap.time, gap.lost) == (0.0, 5)


@pytest.mark.parametrize("state", ["NODE_UNAVAILABLE", "NODE_ERROR", "NODE_GONE"])
def test_a_node_in_trouble_is_a_gap(state):
    gap = decode({"node_status": {"state_change": state, "node_names": ["n1"], "message": "refused"}})
    assert isinstance(gap, Gap)
    assert (gap.node, gap.lost, gap.time) == ("n1", 0, 0.0)
    assert gap.reason.startswith("node n1 ")
    assert gap.reason.endswith("refused")


@pytest.mark.parametrize(
    "value",
    [
        {"node_status": {"state_change": "NODE_CONNECTED", "node_names": ["n1"]}},
        {"agent_event": {"type": "AGENT_STARTED"}},
        {"debug_event": {}},
    ],
)
def test_other_events_are_nothing(value):
    assert decode(value) is None


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"flow": 3}, {"kind": "Pod"}, {"flow": None}])
def test_what_is_no_hubble_record_is_a_problem(value):
    assert "Hubble" in reason_of(value)


def test_lone_surrogates_become_text_that_can_be_written():
    flow = decode(json.loads(json.dumps(record(source={"pod_name": "p\ud800"}, node_name="\udfff"))))
    assert flow.source.pod.encode() == b"p?"
    assert flow.node.encode() == b"?"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
LEAF = JSON | st.sampled_from([TIME, "TCP", "FORWARDED", "SOCK", "INGRESS", "k8s:a=b", 7, True, {"type": 7}])
FIELDS = [
    *("verdict", "IP", "l4", "source", "destination", "is_reply", "reply", "Type", "event_type", "l7"),
    *("traffic_direction", "aggregate", "trace_observation_point", "source_service", "node_name"),
    *("destination_service", "source_names", "destination_names"),
]
INNER_FIELDS = [
    *("TCP", "UDP", "ICMPv4", "source_port", "destination_port", "flags", "SYN", "ACK", "source"),
    *("destination", "ID", "identity", "labels", "workloads", "pod_name", "namespace", "type", "name"),
]
INNER = st.fixed_dictionaries({}, optional=dict.fromkeys(INNER_FIELDS, LEAF))
NEARLY = st.fixed_dictionaries(
    {"time": st.just(TIME) | LEAF},
    optional=dict.fromkeys(FIELDS, LEAF | INNER | st.lists(LEAF, max_size=3)),
)
WRAPPER_FIELDS = ["lost_events", "node_status", "flow", "node_name", "time"]
EVENTS = st.fixed_dictionaries({}, optional=dict.fromkeys(WRAPPER_FIELDS, LEAF | INNER))


@given(JSON | NEARLY | EVENTS | NEARLY.map(lambda flow: {"flow": flow}))
def test_decoding_never_raises(value):
    result = decode(value)
    assert result is None or isinstance(result, Flow | Gap | Problem)
    if isinstance(result, Flow):
        assert 0 <= result.destination_port <= 65535
        assert result.count >= 1
