"""Hubble's API says what its JSON says; what is broken is a problem; filters keep what counts."""

import json
import random
from functools import cache
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError

from netsec_tui.model.flow import Flow, Gap, Protocol, Verdict
from netsec_tui.sources.hubble.decode import HubbleDecoder
from netsec_tui.sources.hubble.messages import HubbleMessageDecoder
from netsec_tui.sources.hubble.proto import WHOLE_BUFFER, flows_request, types
from netsec_tui.sources.problem import Problem
from tests.sources.hubble.hubble_peer import flow, lost, node_status
from tests.sources.hubble.hubble_replies import reply_of

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "flows" / "hubble"
TIME = "2021-06-16T16:52:13.136834Z"
CLIENT = {"ID": 8, "identity": 300, "namespace": "shop", "pod_name": "web-1", "labels": ["k8s:app=web"],
          "workloads": [{"name": "web", "kind": "Deployment"}]}  # fmt: skip
SERVER = {
    "identity": 301,
    "namespace": "data",
    "labels": ["k8s:io.kubernetes.pod.namespace=data", "reserved:x"],
}


def record(**more):
    """Return a wrapped JSON record; a field that is None is left out."""
    made = {
        "time": TIME,
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.1.5", "destination": "10.0.2.6", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 40_000, "destination_port": 5432, "flags": {"SYN": True}}},
        "source": CLIENT,
        "destination": SERVER,
        "Type": "L3_L4",
        "node_name": "kind/n1",
        "event_type": {"type": 4},
        "traffic_direction": "INGRESS",
        "is_reply": False,
        **more,
    }
    kept = {key: value for key, value in made.items() if value is not None}
    return {"flow": kept, "node_name": "kind/n1", "time": TIME}


RECORDS = {
    "plain": record(),
    "an answer": record(is_reply=True, l4={"TCP": {"source_port": 54, "flags": {"SYN": True, "ACK": True}}}),
    "no word of answers": record(is_reply=None),
    "no word of answers, no handshake": record(is_reply=None, l4={"TCP": {"destination_port": 1}}),
    "seen on its way out": record(
        is_reply=None, l4={"UDP": {"destination_port": 53}}, traffic_direction="EGRESS",
        trace_observation_point="TO_STACK", destination={**SERVER, "ID": 9}),
    "to an endpoint": record(
        is_reply=None, l4={"UDP": {"destination_port": 53}}, trace_observation_point="TO_ENDPOINT",
        destination={**SERVER, "ID": 9}),
    "dropped": record(is_reply=None, verdict="DROPPED", l4={"UDP": {"destination_port": 53}}),
    "dropped without a layer 4": record(is_reply=None, verdict="DROPPED", l4=None),
    "audited": record(verdict="AUDIT", event_type={"type": 5}),
    "policy verdict": record(is_reply=None, event_type={"type": 5}, l4={"SCTP": {"destination_port": 7}}),
    "socket": record(
        is_reply=None, Type="SOCK", event_type={"type": 7}, verdict="TRANSLATED",
        l4={"TCP": {"destination_port": 80}}),
    "dialled by a socket": record(
        is_reply=None, Type="SOCK", event_type={"type": 7, "sub_type": 1}, verdict="TRACED",
        l4={"TCP": {"destination_port": 80}}, destination_service={"name": "db", "namespace": "data"}),
    "answer to a socket": record(
        is_reply=None, Type="SOCK", event_type={"type": 7, "sub_type": 3}, verdict="TRACED",
        l4={"UDP": {"source_port": 80}}),
    "socket of nobody": record(
        is_reply=None, Type="SOCK", event_type={"type": 7, "sub_type": 1}, verdict="TRACED",
        IP={"destination": "10.0.2.6"}, source=None),
    "ping": record(l4={"ICMPv4": {"type": 8}}),
    "ping of IPv6": record(l4={"ICMPv6": {"type": 128}}, IP={"source": "fd00::1", "destination": "fd00::2"}),
    "something else": record(l4={}),
    "access log": record(l7={"type": "RESPONSE"}, Type="L7", event_type={"type": 129}, is_reply=None),
    "names": record(destination_names=["api.example.com"], destination={"identity": 16777217}),
    "Service": record(destination_service={"name": "db", "namespace": "data"}),
    "Service without a namespace": record(destination_service={"name": "db"}),
    "added up": record(aggregate={"ingress_flow_count": 3, "unknown_direction_flow_count": 4}),
    "Retina": record(source={**CLIENT, "ID": 300, "workloads": []}, l4={"TCP": {"destination_port": 1}}),
    "nothing known": record(
        is_reply=None, traffic_direction=None, l4={"UDP": {"destination_port": 53}}),
    "old": record(is_reply=None, reply=True, l4={"UDP": {"source_port": 53}}),
    "no addresses": record(IP=None, destination={**SERVER, "pod_name": "db-0"}),
    "nobody": record(IP={"source": "10.0.1.5"}),
    "no layer 4": record(l4=None),
    "lost": {
        "lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "7"},
        "node_name": "n1", "time": TIME},
    "lost somewhere": {"lost_events": {"num_events_lost": "1"}, "node_name": "n1", "time": TIME},
    "node": {"node_status": {"state_change": "NODE_UNAVAILABLE", "node_names": ["kind/n2"]}, "time": TIME},
    "nodes": {"node_status": {"state_change": "NODE_ERROR", "node_names": ["a", "b"], "message": "x"}},
    "node is there": {"node_status": {"state_change": "NODE_CONNECTED", "node_names": ["n2"]}, "time": TIME},
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_messages_mean_what_json_means(name):
    told = HubbleMessageDecoder().decode(reply_of(RECORDS[name]))
    assert told == HubbleDecoder().decode(RECORDS[name])


def test_a_socket_outside_all_pods_is_no_trouble():
    """Hubble finds a socket's address by its cgroup; where it has none there is nobody to tell of."""
    assert HubbleMessageDecoder().decode(reply_of(RECORDS["socket of nobody"])) is None


def test_the_records_are_of_every_kind():
    told = [HubbleMessageDecoder().decode(reply_of(value)) for value in RECORDS.values()]
    assert {type(one) for one in told} == {Flow, Gap, Problem, type(None)}
    flows = [one for one in told if isinstance(one, Flow)]
    assert {one.protocol for one in flows} == set(Protocol)
    assert {(one.is_reply, one.proven) for one in flows} == {
        (True, True), (False, True), (False, False), (None, False)}  # fmt: skip
    assert {one.node for one in told if isinstance(one, Flow)} == {"n1"}
    assert max(one.count for one in flows) == 7
    assert {one.origin for one in flows} == {"hubble"}


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the recordings are not there: ../shared/data")
@pytest.mark.parametrize("name", ["10", "330-dns", "400-l7-redirected", "400-tcp"])
def test_recordings_mean_the_same_in_both_forms(name):
    as_json, as_messages = HubbleDecoder(), HubbleMessageDecoder()
    with (FOLDER / f"basic-sample-{name}-flows.json").open(encoding="utf-8") as lines:
        values = [json.loads(line) for line in lines]
    assert [as_messages.decode(reply_of(v)) for v in values] == [as_json.decode(v) for v in values]


def test_the_same_endpoint_is_the_same_object():
    decoder = HubbleMessageDecoder()
    one, two = (decoder.decode(flow(port)) for port in (1, 2))
    assert one.source is two.source
    other = flow(3)
    other.flow.IP.source = "10.9.9.9"
    assert decoder.decode(other).source.ip == "10.9.9.9"


@pytest.mark.parametrize("seconds", [-1, 0, 253_402_300_800, 2**62])
def test_a_time_that_no_calendar_has_is_a_problem(seconds):
    reply = flow()
    reply.flow.time.seconds, reply.flow.time.nanos = seconds, 0
    assert isinstance(HubbleMessageDecoder().decode(reply), Problem)


@pytest.mark.parametrize("told", [lost(5), node_status(2, "n1")])
def test_a_gap_is_one_whatever_its_time(told):
    told.time.seconds = -5
    gap = HubbleMessageDecoder().decode(told)
    assert isinstance(gap, Gap)
    assert (gap.time, gap.lost) == (0.0, told.lost_events.num_events_lost)


def test_a_hundred_thousand_broken_messages_crash_nothing():
    decoder, reply_class = HubbleMessageDecoder(), types()["GetFlowsResponse"]
    dice = random.Random(7)
    sound = [reply_of(value).SerializeToString() for value in RECORDS.values()]
    kinds = set()
    for number in range(100_000):
        data = bytearray(sound[number % len(sound)])
        for _ in range(dice.randint(1, 3)):
            match dice.randrange(4):
                case 0:
                    data[dice.randrange(len(data))] = dice.randrange(256)
                case 1:
                    del data[dice.randrange(len(data)) :]
                case 2:
                    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
                case _:
                    at = dice.randrange(len(data))
                    data[at:at] = data[: dice.randrange(9)]
            if not data:
                break
        try:
            reply = reply_class.FromString(bytes(data))
        except DecodeError:
            kinds.add(DecodeError)
            continue
        told = decoder.decode(reply)
        kinds.add(type(told))
        if isinstance(told, Flow):
            assert 0 < told.time < 253_402_300_800
            assert 0 <= told.destination_port <= 65_535
            assert told.count >= 1
        elif isinstance(told, Gap):
            assert told.lost >= 0
            told.reason.encode()
    assert kinds == {DecodeError, Flow, Gap, Problem, type(None)}


@cache
def request():
    return flows_request(filtered=True, follow=True)


def fits(wanted, flow):
    """Tell whether a flow passes one filter, by cilium's pkg/hubble/filters."""
    flags = flow.l4.TCP.flags
    told = flow.HasField("is_reply") or flow.verdict == Verdict.DROPPED
    layers = {field.name.lower().rstrip("v46") for field, _ in flow.l4.ListFields()}
    return all(
        (
            not wanted.reply or (told and flow.is_reply.value in wanted.reply),
            not wanted.verdict or flow.verdict in wanted.verdict,
            not wanted.protocol or layers & set(wanted.protocol),
            not wanted.event_type
            or any(
                event.type == flow.event_type.type
                and (not event.match_sub_type or event.sub_type == flow.event_type.sub_type)
                for event in wanted.event_type
            ),
            not wanted.tcp_flags
            or any(
                all(getattr(flags, field.name) for field, _ in asked.ListFields())
                for asked in wanted.tcp_flags
            ),
        )
    )


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("plain", True),
        ("an answer", True),
        ("dropped", True),
        ("audited", True),
        ("ping", True),
        ("access log", False),
        ("socket", False),
        ("dialled by a socket", True),
        ("answer to a socket", False),
        ("no word of answers", False),
    ],
)
def test_the_server_leaves_out_what_says_nothing_new(name, passes):
    assert sent(reply_of(RECORDS[name]).flow) is passes


@pytest.mark.parametrize(
    ("layer", "passes"),
    [
        ({"TCP": {"flags": {"SYN": True, "ACK": True}}}, True),
        ({"TCP": {"flags": {"PSH": True, "ACK": True}}}, True),
        ({"TCP": {"flags": {"ACK": True}}}, False),
        ({"UDP": {"source_port": 53}}, True),
        ({"SCTP": {"source_port": 7}}, True),
        ({"ICMPv6": {"type": 129}}, True),
    ],
)
def test_of_answers_only_those_that_tell_that_there_was_one_are_sent(layer, passes):
    assert sent(reply_of(record(is_reply=True, l4=layer)).flow) is passes


def test_a_refusal_without_a_word_of_answers_is_sent():
    for verdict in ("DROPPED", "ERROR", "AUDIT"):
        assert sent(reply_of(record(is_reply=None, verdict=verdict, event_type={"type": 5})).flow)


def sent(flow):
    return any(fits(f, flow) for f in request().whitelist) and not any(
        fits(f, flow) for f in request().blacklist
    )


def test_requests_without_filters_and_from_a_time_on():
    plain = flows_request(filtered=False, since=12.5)
    assert (len(plain.whitelist), len(plain.blacklist), plain.number) == (0, 0, 0)
    assert (plain.since.seconds, plain.since.nanos) == (12, 500_000_000)
    assert flows_request(filtered=False).number == WHOLE_BUFFER
