"""What the nodes of both ends tell of a connection, each in windows of its own, up to the rows of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.decide.express import _NO_ADDRESS
from netsec_tui.model.communication import Via
from netsec_tui.model.flow import Flow, Gap, Verdict
from netsec_tui.model.review import Standing
from netsec_tui.model.timespan import SKEW_SECONDS
from netsec_tui.sources import backlog
from netsec_tui.sources.calico import intake as calico_intake
from netsec_tui.sources.calico import whisker_decode
from netsec_tui.sources.calico.goldmane_decode import goldmane_decoder, record_of_json
from netsec_tui.sources.calico.intake import CalicoIntake
from netsec_tui.sources.calico.pairs import REMEMBERED, Pairing
from netsec_tui.sources.calico.record import RecordReader
from netsec_tui.sources.calico.whisker_decode import whisker_decoder
from netsec_tui.sources.contract import FlowsRead
from netsec_tui.sources.life import Life
from netsec_tui.sources.problem import Problem
from tests.core.traffic import (
    IN,
    NOON,
    OUT,
    end,
    line,
    only,
    pod,
    request,
    review,
    service,
    session,
    workload,
)
from tests.sources.calico.calico_flows import PRIVATE, PUBLIC, goldmane_json, told, whisker_json

SRC, DST = 1, 2
ALLOW, DENY = 1, 2
START = int(NOON)
OBJECTS = [workload("Deployment", "web"), workload("Deployment", "api")]


def at(window, reporter, action=ALLOW, **more):
    """Return a connection as one node tells it, in a window of 15 s by its number."""
    return told(start=START + 15 * window, reporter=reporter, action=action, **({"started": 1} | more))


def by_goldmane(flows):
    decoder = goldmane_decoder()
    made = [decoder.decode(json.loads(json.dumps(goldmane_json(flow)))) for flow in flows]
    return [flow for part in made for flow in part] + [*decoder.finish()]


def by_whisker(flows):
    decoder = whisker_decoder()
    made = [decoder.decode(json.loads(json.dumps(whisker_json(flow)))) for flow in flows]
    return [flow for part in made for flow in part] + [*decoder.finish()]


def by_intake(flows):
    """Return what a live source hands on that is looked at after each record."""
    now, made, reader = [0.0], [], RecordReader()
    intake = CalicoIntake("goldmane", "goldmane", "Goldmane", Life(), clock=lambda: now[0])
    for flow in flows:
        intake.take(record_of_json(reader, goldmane_json(flow)))
        now[0] += 1
        intake.pass_on(made.append)
    now[0] += 60
    intake.pass_on(made.append)
    return [flow for message in made if isinstance(message, FlowsRead) for flow in message.flows]


ways = pytest.mark.parametrize("way", [by_goldmane, by_whisker, by_intake])


def counts(flows):
    found = {}
    for flow in flows:
        found[flow.verdict.name] = found.get(flow.verdict.name, 0) + flow.count
    return found


def row(flows, direction=IN):
    return only(session(flows, OBJECTS), "Deployment/api" if direction is IN else "Deployment/web", direction)


# What the server's node denied is never taken for allowed


@ways
@pytest.mark.parametrize(
    ("flows", "expected"),
    [
        ([at(0, SRC), at(0, DST, DENY)], {"DROPPED": 1}),
        ([at(0, SRC), at(1, DST, DENY)], {"DROPPED": 1}),
        ([at(0, DST, DENY), at(1, SRC)], {"DROPPED": 1}),
        ([f for n in range(4) for f in (at(2 * n, SRC), at(2 * n + 1, DST, DENY))], {"DROPPED": 4}),
        # Later than what is waited for: how often it was tried is not known, that it was denied is.
        ([at(0, SRC), at(7, DST, DENY)], {"UNKNOWN": 1, "DROPPED": 1}),
        ([at(0, DST, DENY), at(7, SRC)], {"UNKNOWN": 1, "DROPPED": 1}),
        ([at(n, SRC) for n in range(3)] + [at(1, DST, DENY)], {"UNKNOWN": 2, "DROPPED": 1}),
        ([at(0, SRC, proto="udp"), at(2, DST, DENY, proto="udp")], {"UNKNOWN": 1, "DROPPED": 1}),
    ],
)
def test_denied_by_the_servers_node_in_whatever_window_starts_out(way, flows, expected):
    made = way(flows)
    assert counts(made) == expected
    for direction in (IN, OUT):
        assert not row(made, direction).ticked
    assert "ingress:\n" not in review(session(made, OBJECTS), "Deployment/api").yaml


def test_unanswered_attempt_of_connection_tracking_beside_it_changes_nothing():
    made = by_whisker([at(0, SRC), at(1, DST, DENY)])
    beside = request(end("web-6b687c8dcb-*"), end("api-78cb8f69c8-*"), 8080, origin="conntrack")
    attempt = Flow(
        NOON,
        beside.source,
        beside.destination,
        beside.protocol,
        40000,
        8080,
        is_reply=False,
        origin="conntrack",
    )
    assert not row([*made, attempt]).ticked
    answered = request(
        beside.destination, beside.source, 40000, source_port=8080, is_reply=True, origin="conntrack"
    )
    assert row([*by_whisker([at(0, SRC), at(1, DST)]), beside, answered]).ticked


@ways
def test_let_in_and_denied_at_other_times_is_both_and_in_once_something_answers(way):
    made = way([at(0, SRC), at(0, DST, DENY), at(7, SRC), at(7, DST)])
    assert counts(made) == {"FORWARDED": 1, "DROPPED": 1}
    answered = request(made[0].destination, made[0].source, 40000, source_port=8080, is_reply=True)
    assert row([*made, answered]).ticked


@ways
def test_one_denial_does_not_outweigh_what_the_servers_node_let_in(way):
    often = [at(n, side) for n in range(2, 12) for side in (SRC, DST)]
    made = way([at(0, SRC), at(0, DST, DENY), *often])
    assert counts(made) == {"FORWARDED": 10, "DROPPED": 1}
    for direction in (IN, OUT):
        found = row(made, direction)
        assert (found.ticked, found.reason) == (True, "denied once, let in 10 times")


@ways
def test_what_only_went_out_outweighs_no_denial(way):
    made = way([at(0, SRC), at(0, DST, DENY), *(at(n, SRC) for n in range(7, 17))])
    assert counts(made) == {"UNKNOWN": 10, "DROPPED": 1}
    assert [flow for flow in made if flow.arrived] == []
    assert (row(made).ticked, row(made).reason) == (False, "denied only (once)")


@ways
@pytest.mark.parametrize(
    ("reporter", "more", "arrived"), [(SRC, {"dest": PUBLIC}, 1), (DST, {}, 1), (SRC, {}, 0)]
)
def test_where_nobody_else_reports_one_node_is_enough(way, reporter, more, arrived):
    assert sum(flow.arrived for flow in way([at(0, reporter, **more)])) == arrived


@ways
@pytest.mark.parametrize("proto", ["tcp", "udp", "sctp"])
def test_what_only_went_out_is_an_attempt(way, proto):
    made = way([at(0, SRC, proto=proto)])
    assert counts(made) == {"UNKNOWN": 1}
    untold = "whether it was answered is not told, nor that it was let in"
    objects = [OBJECTS[0], workload("Deployment", "api", ports={"http": 8080}, protocol=proto.upper())]
    for ref, direction in (("Deployment/api", IN), ("Deployment/web", OUT)):
        found = only(session(made, objects), ref, direction)
        assert (found.ticked, found.reason) == (False, untold)


def test_udp_that_only_went_out_starts_out_beside_connection_tracking_too():
    made = by_goldmane([at(0, SRC, proto="udp")])
    attempt = replace(made[0], source_port=40000, origin="conntrack")
    api = workload("Deployment", "api", ports={"http": 8080}, protocol="UDP")
    found = only(session([*made, attempt], [OBJECTS[0], api]), "Deployment/api", IN)
    assert (found.ticked, found.reason) == (False, "never answered: no verdict on it was seen")


@ways
@pytest.mark.parametrize("dest", [PUBLIC, PRIVATE, ("partners", "-", 3, ())])
def test_nobody_else_tells_of_what_goes_outside(way, dest):
    assert counts(way([at(0, SRC, dest=dest)])) == {"FORWARDED": 1}


# Once


@ways
@pytest.mark.parametrize("lag", [-1, 0, 1])
def test_windows_of_the_two_nodes_may_be_one_apart(way, lag):
    flows = [f for n in range(1, 9) for f in (at(n, SRC), at(n + lag, DST))]
    made = way(sorted(flows, key=lambda flow: flow["start"]))
    assert counts(made) == {"FORWARDED": 8}
    assert row(made).ticked


def test_service_is_kept_where_the_servers_node_was_first():
    (made,) = by_goldmane([at(0, DST), at(1, SRC, service=("shop", "api", 80))])
    assert (made.service, made.count, made.verdict) == (("shop", "api"), 1, Verdict.FORWARDED)


@pytest.mark.parametrize("window", [1, 9])
def test_what_came_is_let_in_and_what_more_went_out_an_attempt(window):
    made = by_goldmane([at(0, SRC, started=5), at(window, DST, started=3)])
    assert counts(made) == {"UNKNOWN": 2 if window == 1 else 5, "FORWARDED": 3}


tries = st.lists(st.tuples(st.integers(0, 60), st.integers(-1, 1), st.booleans()), min_size=1, max_size=40)


@given(tries)
def test_each_try_counts_once_by_what_its_server_says(given_tries):
    out, came = {}, {}
    for window, lag, allowed in given_tries:
        out[window] = out.get(window, 0) + 1
        key = (window + lag, ALLOW if allowed else DENY)
        came[key] = came.get(key, 0) + 1
    flows = [at(n, SRC, started=count) for n, count in out.items()]
    flows += [at(n, DST, action, started=count) for (n, action), count in came.items()]
    allowed = sum(one[2] for one in given_tries)
    expected = {"FORWARDED": allowed, "DROPPED": len(given_tries) - allowed}
    made = by_goldmane(sorted(flows, key=lambda flow: flow["start"]))
    assert counts(made) == {name: count for name, count in expected.items() if count}


API_SERVICE = ("shop", "api", 80)
LATE = [
    # What the server's node told alone is known: its client's adds the Service at most.
    ([at(0, DST), at(0, SRC)], [{"FORWARDED": 1}, {}]),
    ([at(0, DST), at(1, SRC)], [{"FORWARDED": 1}, {}]),
    ([at(0, DST, DENY), at(0, SRC)], [{"DROPPED": 1}, {}]),
    ([at(0, DST), at(0, SRC, service=API_SERVICE)], [{"FORWARDED": 1}, {"FORWARDED": 0}]),
    ([at(0, DST, started=2), at(0, SRC, started=5)], [{"FORWARDED": 2}, {"UNKNOWN": 3}]),
    ([at(0, DST), at(0, SRC), at(1, SRC)], [{"FORWARDED": 1}, {}, {"UNKNOWN": 1}]),
    # What only went out is an attempt until its server's node says what became of it.
    ([at(0, SRC), at(0, DST)], [{"UNKNOWN": 1}, {"FORWARDED": 1}]),
    ([at(0, SRC), at(1, DST, DENY)], [{"UNKNOWN": 1}, {"DROPPED": 1}]),
    ([at(0, SRC), at(0, DST, 0)], [{"UNKNOWN": 1}, {}]),
    ([at(0, SRC, started=2), at(0, DST, 0, started=5)], [{"UNKNOWN": 2}, {"UNKNOWN": 3}]),
    # What was denied on its way out never came.
    ([at(0, SRC, DENY), at(0, DST)], [{"DROPPED": 1}, {"FORWARDED": 1}]),
    # Windows that do not touch are of different connections.
    ([at(0, DST), at(2, SRC)], [{"FORWARDED": 1}, {"UNKNOWN": 1}]),
]


@pytest.mark.parametrize(("flows", "expected"), LATE)
def test_what_comes_after_its_partner_was_told_says_only_what_is_new(flows, expected):
    pairs, reader, made = Pairing("goldmane"), RecordReader(), []
    for flow in flows:
        pairs.add(record_of_json(reader, goldmane_json(flow)))
        made.append(counts(pairs.flush()))
    assert made == expected


def test_service_that_comes_late_is_the_rows():
    pairs, reader, made = Pairing("goldmane"), RecordReader(), []
    for flow in (at(0, DST), at(0, SRC, service=API_SERVICE)):
        pairs.add(record_of_json(reader, goldmane_json(flow)))
        made += pairs.flush()
    found = row(made)
    assert (found.ticked, found.communication.counts.allowed) == (True, 1)
    assert row(made, OUT).communication.via == (Via("shop", "api", 80),)


def test_row_names_a_dialled_service_by_its_own_port_and_once_beside_connection_tracking():
    web, api, dialled = end("web-6b687c8dcb-*"), end("api-78cb8f69c8-*"), end(ip="10.96.0.7")
    objects = [*OBJECTS, service("api", [(80, 8080)], ip=dialled.ip)]
    made = by_goldmane([at(0, SRC, service=API_SERVICE), at(0, DST)])
    beside = [
        request(web, api, 8080, origin="conntrack"),
        request(web, dialled, 80, verdict=Verdict.TRACED, origin="conntrack"),
    ]
    for flows in (made, [*made, *beside]):
        for text, direction in (("Deployment/web", OUT), ("Deployment/api", IN)):
            found = only(session(flows, objects), text, direction).communication
            assert (found.key.port, found.via) == (8080, (Via("shop", "api", 80),))


def test_partner_is_taken_silently_for_as_long_as_windows_are_remembered():
    pairs, reader = Pairing("goldmane"), RecordReader()

    def say(flow):
        pairs.add(record_of_json(reader, goldmane_json(flow)))
        return counts(pairs.flush(until=pairs.newest))

    say(at(0, DST))
    for window in range(2, REMEMBERED // 15):
        say(at(window, SRC, dest=PUBLIC))
    assert say(at(0, SRC)) == {}


WINDOW_COUNT = REMEMBERED // 15 - 2
reports = st.lists(
    st.tuples(
        st.integers(0, WINDOW_COUNT),
        st.sampled_from([(SRC, ALLOW), (SRC, DENY), (DST, ALLOW), (DST, DENY)]),
        st.integers(1, 5),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda report: report[:2],
)


@given(reports, st.randoms(use_true_random=False))
def test_verdicts_of_the_servers_node_count_once_in_whatever_order_things_come(told_, random):
    """What is told never is more than there was; only attempts may be told beside what became of them."""
    pairs, reader = Pairing("goldmane"), RecordReader()
    made, sums = [], {}
    random.shuffle(told_)
    for window, (reporter, action), started, flush in told_:
        sums[reporter, action] = sums.get((reporter, action), 0) + started
        pairs.add(record_of_json(reader, goldmane_json(at(window, reporter, action, started=started))))
        if flush:
            made += pairs.flush(until=pairs.newest)
    made += pairs.flush()
    found = counts(made)
    out, let_in = sums.get((SRC, ALLOW), 0), sums.get((DST, ALLOW), 0)
    denied = sums.get((DST, DENY), 0)
    assert found.get("FORWARDED", 0) == let_in
    assert found.get("DROPPED", 0) == denied + sums.get((SRC, DENY), 0)
    assert max(0, out - let_in - denied) <= found.get("UNKNOWN", 0) <= out


@given(st.dictionaries(st.integers(0, WINDOW_COUNT), st.tuples(st.integers(1, 5), st.booleans())))
def test_client_that_tells_late_leaves_no_attempt(windows):
    came = [at(n, DST, ALLOW if ok else DENY, started=count) for n, (count, ok) in windows.items()]
    out = [at(n, SRC, started=windows[n][0]) for n in sorted(windows)]
    pairs, reader, made = Pairing("goldmane"), RecordReader(), []
    for flow in [*came, *out]:
        pairs.add(record_of_json(reader, goldmane_json(flow)))
        made += pairs.flush()
    assert sum(counts(made).values()) == sum(count for count, _ in windows.values())
    assert "UNKNOWN" not in counts(made)


def test_both_sides_of_a_break_are_one_connection():
    now, made, reader = [0.0], [], RecordReader()
    intake = CalicoIntake("goldmane", "goldmane", "Goldmane", Life(), clock=lambda: now[0])
    intake.take(record_of_json(reader, goldmane_json(at(0, SRC))))
    intake.pass_on(made.append, broken=True)
    intake.take(record_of_json(reader, goldmane_json(at(0, SRC))))
    intake.take(record_of_json(reader, goldmane_json(at(1, DST))))
    now[0] += 1
    intake.pass_on(made.append)
    assert counts(flow for message in made for flow in message.flows) == {"FORWARDED": 1}


def test_silence_ends_the_waiting():
    now, made = [0.0], []
    intake = CalicoIntake("goldmane", "goldmane", "Goldmane", Life(), clock=lambda: now[0])
    intake.take(record_of_json(RecordReader(), goldmane_json(at(0, SRC))))
    now[0] = calico_intake._OVERDUE - 1
    assert not intake.pass_on(made.append)
    now[0] += 1
    assert intake.pass_on(made.append)


def test_what_waits_for_its_other_end_has_not_been_read(monkeypatch):
    monkeypatch.setattr(backlog, "QUIET_SECONDS", 0.0)
    now, made, reader = [0.0], [], RecordReader()
    intake = CalicoIntake("goldmane", "goldmane", "Goldmane", Life(), clock=lambda: now[0])
    intake.begin()
    intake.take(record_of_json(reader, goldmane_json(at(0, SRC))))
    intake.quiet()
    assert intake.read_to == START
    now[0] = calico_intake._OVERDUE
    assert intake.pass_on(made.append)
    assert intake.read_to == 0
    intake.take(record_of_json(reader, goldmane_json(at(1, SRC))))
    intake.quiet()
    assert intake.read_to == 0  # that is not of before any more


def test_what_is_read_again_after_a_break_was_read_until_the_last_sign_of_life(monkeypatch):
    monkeypatch.setattr(backlog, "FIRST_SECONDS", 0.0)
    life, made = Life(), []
    life.sign()
    intake = CalicoIntake("goldmane", "goldmane", "Goldmane", life)
    intake.begin()
    intake.quiet()
    assert intake.read_to == 0
    intake.break_off(made.append, "it is away")
    intake.begin()
    assert intake.read_to == life.last


# Times ahead


@pytest.mark.parametrize("ahead", [int(SKEW_SECONDS) + 10, 3600, 10 * 365 * 86_400])
def test_window_ahead_of_every_clock_is_told_and_asks_for_nothing_later(ahead):
    now, made, reader = int(time.time()), [], RecordReader()
    intake = CalicoIntake("goldmane", "goldmane", "Goldmane", Life(), clock=lambda: 0.0)
    for end_ in (now - 15, now + ahead):
        intake.take(record_of_json(reader, goldmane_json(told(dest=PUBLIC, start=end_ - 15))))
    intake.pass_on(made.append, all_of_it=True)
    found = [flow for message in made for flow in message.flows]
    assert [flow.time for flow in found if isinstance(flow, Flow)] == [now - 15]
    (gap,) = (flow for flow in found if isinstance(flow, Gap))
    assert "more than 120 s ahead of this machine's clock: set the clock of the node" in gap.reason
    assert intake.asked_from == now - 15 - 60


def test_clock_that_is_a_little_ahead_asks_from_now():
    now = int(time.time())
    intake = CalicoIntake("whisker", "whisker", "Whisker", Life())
    intake.take(whisker_decode.record_of(RecordReader(), whisker_json(told(start=now + 60))))
    assert intake.asked_from <= int(time.time()) - 60


@pytest.mark.parametrize(
    ("start", "clock", "usable"),
    [
        (START, START + 15 - SKEW_SECONDS, True),
        (START, START + 15 - SKEW_SECONDS - 1, False),
        (0, START, True),  # not told
        (1, START, False),  # a clock that was never set
    ],
)
def test_clock_decides_what_can_be(start, clock, usable):
    flow = goldmane_json(told(start=start, seconds=START + 15 - start))
    assert isinstance(record_of_json(RecordReader(lambda: clock), flow), Problem) is not usable


# Ends without a type, as released versions of Whisker tell them

SET = ("corp-dns", "shop", 3, ("app=db",))
LABELLED = [
    *OBJECTS,
    workload("Deployment", "db"),
    pod("db-6b687c8dcb-x7k2p", "db", owner=("Deployment", "db")),
]


def peer(dest, objects, direction=OUT):
    flow = at(0, SRC, dest=dest, port=53)
    made = session(by_whisker([flow]), objects)
    return only(made, "Deployment/web", direction), made


def test_network_set_of_a_namespace_is_no_pod():
    found, made = peer(SET, LABELLED)
    assert found.key.peer.name == "network set shop/corp-dns"
    assert (found.standing, found.reason) == (Standing.NOT_EXPRESSIBLE, _NO_ADDRESS)
    assert "app: db" not in review(made, "Deployment/web").yaml


@pytest.mark.parametrize("deleted", [0.0, NOON + 60])
def test_pod_without_a_controller_is_known_by_its_name(deleted):
    lone = pod("lone", labels={"run": "lone"}, ip="10.244.0.9", deleted=deleted)
    found, _ = peer(("lone", "shop", 1, ("run=lone",)), [*OBJECTS, lone])
    assert line(found).startswith("Pod/lone TCP 53")


def test_pod_of_that_name_elsewhere_is_another():
    lone = pod("lone", labels={"run": "lone"}, ip="10.244.0.9", namespace="data")
    found, _ = peer(("lone", "shop", 1, ()), [*OBJECTS, lone])
    assert found.key.peer.name == "network set shop/lone"


def test_type_says_which_it_is_even_where_a_pod_has_the_name():
    lone = pod("corp-dns", labels={"run": "lone"}, ip="10.244.0.9")
    made = session(by_goldmane([at(0, SRC, dest=SET, port=53)]), [*OBJECTS, lone])
    assert only(made, "Deployment/web", OUT).key.peer.name == "network set shop/corp-dns"
