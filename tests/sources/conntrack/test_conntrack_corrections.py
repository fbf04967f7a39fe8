"""What is learnt later of who opened a connection: what was told is corrected once, and no more is proven."""

import pytest

from netsec_tui.model.communication import Orientation
from netsec_tui.sources.conntrack import direction as conntrack_direction
from tests.core.traffic import IN, OUT, pod, review, session, workload
from tests.core.traffic import line as row_line
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_tables import (
    CLIENT,
    HIGH,
    LEARNT,
    LISTENS,
    NOW,
    SERVER,
    SYN,
    Tables,
    arrows,
    corrections,
    proven,
)


@pytest.mark.parametrize("turn", [1, -1])
def test_what_was_told_by_an_answer_is_proven_once_its_server_is_whichever_comes_first(turn):
    tables, client = Tables(), "10.244.1.7:40000"
    busy = line("10.244.1.77:41000", "10.244.1.78:80")
    tables.read(busy, line(client, LISTENS, timeout=100_000), node="n1")
    readings = [("n2", line(LISTENS, client)), ("n3", LEARNT)][::turn]
    told = [flow for node, text in readings for flow in tables.read(text, node=node, at=1)]
    assert f"{client} -> {LISTENS}" in proven(told)


def test_of_too_many_doubts_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(conntrack_direction, "_REMEMBERED", 4)
    tables = Tables()
    for host in range(20, 26):
        tables.read(line("10.244.1.5:40000", f"10.244.1.{host}:50051"))
    opened = [line("10.244.1.6:40000", f"10.244.1.{host}:50051", state="SYN_RECV") for host in (20, 25)]
    assert [
        flow.destination.ip for flow in tables.read(*opened, at=5) if not flow.count and not flow.is_reply
    ] == ["10.244.1.25"]


def test_between_two_ends_that_are_both_known_to_listen_nothing_is_proven():
    both = "10.244.1.8:50051", "10.244.1.9:8080"
    opened = [
        line(f"10.244.1.{host}:40000", end, state="SYN_RECV") for host, end in zip((6, 7), both, strict=True)
    ]
    for turn in (1, -1):
        after = Tables()
        after.read(*opened[::turn])
        assert proven(after.read(line(*both), at=5)) == set()
    before = Tables()
    before.read(line(*both))
    assert corrections(before.read(*opened, at=5)) == []


def test_what_was_corrected_is_told_as_proven_from_then_on():
    tables, other = Tables(), line("10.244.1.7:20000", LISTENS)
    tables.read(other, node="n2")
    assert len(corrections(tables.read(LEARNT, at=5))) == 1
    again = tables.read(other.replace("431998", "431997"), node="n2", at=65)
    assert {(flow.proven, flow.count) for flow in again} == {(True, 1)}


@pytest.mark.parametrize(("client", "before"), [(40_000, "TCP 0 UNKNOWN"), (20_000, "TCP 20000 INFERRED")])
def test_a_row_is_proven_by_what_was_learnt_later_and_counts_once(client, before):
    db = [workload("StatefulSet", "db"), pod("db-0", "db", ip=SERVER, owner=("StatefulSet", "db"))]

    def rows(flows):
        found = review(session(flows, db, now=NOW + 60), "StatefulSet/db")
        told = [row for way in (IN, OUT) for row in found.of(way).rows if CLIENT in row_line(row)]
        return [(row.key.port, row.communication) for row in told if row.communication.counts.total]

    tables = Tables()
    guessed = tables.read(line(f"{CLIENT}:{client}", LISTENS), node="n2")
    assert before in {f"TCP {port} {row.orientation.name}" for port, row in rows(guessed)}
    ((port, row),) = rows([*guessed, *tables.read(LEARNT, at=5)])
    told = port, row.key.direction, row.orientation, row.counts.allowed, row.counts.answers
    assert told == (50_051, IN, Orientation.PROVEN, 1, 1)


def test_a_connection_that_two_nodes_have_either_way_round_is_turned_when_its_server_is_known():
    tables, client = Tables(), "10.244.1.7:20000"
    answer, request = line(LISTENS, client), line(client, LISTENS)
    tables.read(answer, node="n2")
    assert tables.read(request, node="n3") == []
    assert corrections(tables.read(LEARNT, at=5)) == [f"{client} -> {LISTENS}"]
    again = tables.read(answer.replace("431998", "431997"), node="n2", at=65)
    again += tables.read(request.replace("431998", "431997"), node="n3", at=65)
    assert arrows(again) == [f"{client} -> {LISTENS}", f"{client} <- {LISTENS}"]
    assert {flow.proven for flow in again} == {True}
    assert tables.connections.told == 2


def test_what_an_opening_has_proven_is_not_proven_the_other_way_round_later():
    tables, client = Tables(), "10.244.1.7:20000"
    tables.read(line(LISTENS, client), node="n2")
    assert proven(tables.read(line(client, LISTENS, **SYN))) == {f"{client} -> {LISTENS}"}
    assert corrections(tables.read(line("10.244.1.6:40000", client, state="SYN_RECV"), node="n3")) == []


def test_what_is_proven_twice_is_corrected_once():
    tables, ends = Tables(), ("10.244.1.7:20000", LISTENS)
    tables.read(line(*ends), node="n2")
    assert corrections(tables.read(line(*ends, state="SYN_RECV"))) == [" -> ".join(ends)]


def test_on_one_port_at_both_ends_a_known_listener_proves_nothing():
    tables, ends = Tables(), ("10.244.1.7:50051", LISTENS)
    tables.read(line(*ends), node="n2")
    assert corrections(tables.read(LEARNT)) == []
    assert proven(tables.read(line("10.244.1.9:50051", LISTENS), node="n3")) == set()


def test_another_port_of_the_same_address_is_a_translation_too():
    told = Tables().read(line("10.244.1.5:20000", "10.244.1.8:80", "10.244.1.8:8080"))
    assert proven(told) == {"10.244.1.5:20000 -> 10.244.1.8:8080", "10.244.1.5:20000 -> 10.244.1.8:80"}


def test_neither_what_begins_anew_nor_what_wakes_is_proven():
    tables, ends = Tables(), (f"{CLIENT}:40000", f"{SERVER}:8080")
    assert proven(tables.read(line(*ends, state="TIME_WAIT", timeout=60))) == set()
    anew = tables.read(line(*ends), at=5)
    assert (len(anew), proven(anew)) == (2, set())
    tables, busy = Tables(), line("10.244.1.77:41000", "10.244.1.78:80")
    tables.read(busy, line(*ends, timeout=400_000))
    woken = tables.read(busy, line(*ends), at=5)
    assert (len(woken), proven(woken)) == (2, set())


def test_a_port_that_refused_is_not_known_to_listen():
    tables = Tables()
    tables.read(line(**HIGH | {"destination": "10.96.0.7:80", "server": LISTENS}, state="CLOSE", timeout=9))
    assert proven(tables.read(line("10.244.1.6:40001", LISTENS), at=5)) == set()


def test_what_one_node_has_idle_the_other_way_round_is_not_proven_by_its_ports():
    tables, busy, client = Tables(), line("10.244.1.77:41000", "10.244.1.78:80"), "10.244.1.7:20000"
    tables.read(line(LISTENS, client), node="n1")
    tables.read(busy, line(client, LISTENS, timeout=400_000), node="n2")
    zone = line(LISTENS, client).replace("zone=0", "zone=7")
    assert proven(tables.read(line(LISTENS, client), zone, node="n1", at=5)) == set()


def test_what_was_seen_to_open_stays_proven_when_it_is_idle_or_begins_anew():
    tables, busy, ends = Tables(), line("10.244.1.77:41000", "10.244.1.78:80"), ("10.244.1.7:20000", LISTENS)
    tables.read(line(*ends, **SYN))
    tables.read(busy, at=5)
    tables.read(busy, line(*ends, timeout=400_000), at=500)
    assert proven(tables.read(busy, line(*ends), at=505)) == {" -> ".join(ends)}


def test_what_was_seen_to_open_is_forgotten_with_the_address():
    for gone in ("10.244.1.7", "10.244.1.8"):
        tables, ends = Tables(), ("10.244.1.7:20000", LISTENS)
        tables.read(line(*ends, **SYN))
        tables.read(at=5)
        tables.connections.hand_over([gone])
        assert proven(tables.read(line(*ends[::-1]), at=200)) == set()


def test_what_was_told_of_an_address_is_not_proven_by_who_has_it_next():
    tables = Tables()
    tables.read(line("10.244.1.7:20000", LISTENS), node="n2")
    tables.connections.hand_over(["10.244.1.8"])
    assert corrections(tables.read(LEARNT)) == []


def test_everyday_connections_do_not_push_out_what_is_remembered(monkeypatch):
    monkeypatch.setattr(conntrack_direction, "_REMEMBERED", 3)
    tables, ends = Tables(), ("10.244.1.7:20000", LISTENS)
    tables.read(line(*ends, **SYN))
    tables.read(
        *(line(f"10.244.1.7:{port}", "10.244.1.8:8080", **SYN) for port in range(40_000, 40_010)), at=5
    )
    assert proven(tables.read(line(*ends[::-1]), at=200)) == {" -> ".join(ends)}
