"""A packet that a policy refuses is reported twice and counts once, in JSON and in messages."""

import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict
from netsec_tui.sources.hubble.decode import HubbleDecoder
from netsec_tui.sources.hubble.messages import HubbleMessageDecoder
from netsec_tui.sources.hubble.refusals import Refusals
from tests.sources.hubble.hubble_replies import reply_of

START = 1_767_600_000
V, D = "policy verdict", "drop"
EVENTS = {V: {"type": 5, "sub_type": 1}, D: {"type": 1, "sub_type": 133}}


def record(kind, at=0.0, port=40_000, node="n1", **more):
    """Return a report of a packet that was refused, ``at`` seconds from the start."""
    time = datetime.fromtimestamp(START + at, UTC).isoformat()
    flow = {
        "time": time,
        "verdict": "DROPPED",
        "drop_reason_desc": "POLICY_DENIED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
        "l4": {"TCP": {"source_port": port, "destination_port": 8080, "flags": {"SYN": True}}},
        "event_type": EVENTS[kind],
        "traffic_direction": "INGRESS",
        "node_name": node,
    }
    return {"flow": flow | more, "node_name": node, "time": time}


def in_json(records):
    decoder = HubbleDecoder()
    return [decoder.decode(one) for one in records]


def in_messages(records):
    decoder = HubbleMessageDecoder()
    return [decoder.decode(reply_of(one)) for one in records]


both_forms = pytest.mark.parametrize("decoded", [in_json, in_messages])


def counted(told):
    assert {type(one) for one in told} <= {Flow, type(None)}
    return sum(one.count for one in told if one)


UDP = {"l4": {"UDP": {"source_port": 40_000, "destination_port": 53}}}
LONE_DROP = {"drop_reason_desc": "CT_MAP_INSERTION_FAILED"}
CASES = {
    "the verdict, then the drop": ([record(V), record(D, 0.0001)], 1),
    "the drop, then the verdict": ([record(D), record(V, 0.0001)], 1),
    "at one time": ([record(V), record(D)], 1),
    "times out of order": ([record(D, 0.001), record(V)], 1),
    "a SYN, and the same again a second later": ([record(k, at) for at in (0, 1) for k in (V, D)], 2),
    "two datagrams of one socket, one after the other": (
        [record(k, at / 1e4, **UDP) for at, k in enumerate((V, D, V, D))], 2),
    "two datagrams of one socket, together": (
        [record(k, at / 1e4, **UDP) for at, k in enumerate((V, V, D, D))], 2),
    "the verdict alone": ([record(V)], 1),
    "the drop alone": ([record(D)], 1),
    "verdicts alone": ([record(V, at) for at in range(3)], 3),
    "drops alone": ([record(D, at / 10) for at in range(3)], 3),
    "the drop of the first was lost": ([record(V), record(V, 1), record(D, 1)], 2),
    "the verdict of the second was lost": ([record(V), record(D), record(D, 1)], 2),
    "for another reason": ([record(V), record(D), record(D, 0.1, **LONE_DROP)], 2),
    "another client port": ([record(V), record(D, port=40_001)], 2),
    "another node": ([record(V), record(D, node="n2")], 2),
    "another protocol": ([record(V), record(D, l4=UDP["l4"])], 2),
    "another server": ([record(V), record(D, IP={"source": "10.0.0.1", "destination": "10.0.0.3"})], 2),
    "the other way": ([record(V), record(D, IP={"source": "10.0.0.2", "destination": "10.0.0.1"})], 2),
    "pings": ([record(k, at, l4={"ICMPv4": {"type": 8}}) for at in (0, 1) for k in (V, D)], 2),
    "without addresses": (
        [record(k, IP={}, source={"pod_name": "a", "namespace": n}, destination={"pod_name": "b"})
         for n in "xy" for k in (V, D)], 2),
    "what is audited is a verdict alone": ([record(V, verdict="AUDIT"), record(V, 1, verdict="AUDIT")], 2),
    "what was let in is no drop's verdict": ([record(V, verdict="FORWARDED"), record(D)], 2),
    "added up by Hubble": (
        [record(V, aggregate={"ingress_flow_count": 3}), record(D, aggregate={"ingress_flow_count": 4})], 4),
    "a refusal by a proxy": ([record(D, event_type={"type": 129}, Type="L7")] * 2, 2),
    "of no known type": ([record(D, event_type=None)] * 2, 2),
}  # fmt: skip


@both_forms
@pytest.mark.parametrize("name", CASES)
def test_a_refused_packet_counts_once(name, decoded):
    records, packets = CASES[name]
    assert counted(decoded(_without_none(one) for one in records)) == packets


def _without_none(one):
    return one | {"flow": {key: value for key, value in one["flow"].items() if value is not None}}


@both_forms
def test_what_counts_says_who_was_refused(decoded):
    (told, nothing) = decoded([record(V), record(D, 0.0001)])
    assert nothing is None
    assert (told.verdict, told.is_reply, told.destination_port, told.syn) == (
        Verdict.DROPPED, False, 8080, True)  # fmt: skip


def refused(port, at, protocol=Protocol.UDP):
    ends = (Endpoint("10.0.0.1"), Endpoint("10.0.0.2"))
    return Flow(at, *ends, protocol, port, 53, Verdict.DROPPED, False, node="n1")


@given(
    st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.booleans()), max_size=20),
    st.randoms(use_true_random=False),
)
def test_in_any_order_as_many_count_as_either_kind_tells(packets, dice):
    """Each packet has its port, and may lack one of its reports."""
    reports = [(port, 5) for port, verdict, _ in packets if verdict]
    reports += [(port, 1) for port, _, drop in packets if drop]
    dice.shuffle(reports)
    refusals = Refusals()
    told = [refusals.once(refused(port, START), {"type": kind}) for port, kind in reports]
    expected = sum(max(reports.count((port, 5)), reports.count((port, 1))) for port in (1, 2, 3))
    assert sum(one.count for one in told if one) == expected


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_retries_count_alike_in_any_order_of_the_reports(whole, dice):
    """A packet a second between the same ends, each with both reports or with one."""
    reports = [(second, kind) for second, both in enumerate(whole) for kind in ((5, 1) if both else (5,))]
    dice.shuffle(reports)
    refusals = Refusals()
    told = [
        refusals.once(refused(1, START + second + (kind == 1) / 1000), {"type": kind})
        for second, kind in reports
    ]
    assert sum(one.count for one in told if one) == len(whole)


def test_reports_on_both_sides_of_a_border_are_of_one_packet():
    for step in range(100):
        refusals, at = Refusals(), START + step / 100
        told = [refusals.once(refused(1, at + more), {"type": kind}) for more, kind in ((0, 5), (0.4, 1))]
        assert [bool(one) for one in told] == [True, False]


def test_a_flood_of_refusals_counts_once_and_is_not_kept_for_ever():
    refusals, counts = Refusals(), 0
    tracemalloc.start()
    try:
        for port in range(1, 35_001):
            for kind in (5, 1):
                counts += refusals.once(refused(port, START + port / 1000), {"type": kind}) is not None
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counts == 35_000
    assert kept < 7_000_000  # all of them would be 9.7 MB
