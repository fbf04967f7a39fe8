"""Who opened a connection: what proves it, what does not, whatever the order of reading."""

from itertools import permutations

import pytest

from netsec_tui.sources.conntrack import direction as conntrack_direction
from netsec_tui.sources.conntrack import known as conntrack_known
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_tables import (
    CLIENT,
    HIGH,
    LEARNT,
    LISTENS,
    NOW,
    SERVER,
    SERVICE,
    SYN,
    UDP,
    Tables,
    arrows,
    corrections,
    proven,
)

DIRECTIONS = pytest.mark.parametrize(
    ("client", "server"),
    [
        (40_000, 50_051),
        (20_000, 8080),
        (900, 2049),
        (20_000, 53),
        (20_000, 50_051),
        (40_000, 8080),
        (7946, 7946),
    ],
)


@DIRECTIONS
@pytest.mark.parametrize("kind", [{}, UDP], ids=["tcp", "udp"])
def test_an_entry_that_an_answer_may_have_made_proves_no_direction(client, server, kind):
    ends = f"{CLIENT}:{client}", f"{SERVER}:{server}"
    for there in (ends, ends[::-1]):
        assert {flow.proven for flow in Tables().read(line(*there, **kind))} == {False}


@DIRECTIONS
@pytest.mark.parametrize("at", [5, conntrack_known.MEMORY + 1])
def test_that_an_entry_comes_while_tables_are_read_proves_nothing(client, server, at):
    ends = f"{CLIENT}:{client}", f"{SERVER}:{server}"
    for there in (ends, ends[::-1]):
        tables = Tables()
        tables.read()
        told = tables.read(line(*there), at=at)
        told += tables.read(line(*there), at=at, node="n2")
        told += tables.read(at=at + 5)
        told += tables.read(line(*there), at=at + 10)
        assert {flow.proven for flow in told} == {False}


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("tcp", "SYN_SENT"),
        ("tcp", "SYN_SENT2"),
        ("tcp", "SYN_RECV"),
        ("sctp", "COOKIE_WAIT"),
        ("sctp", "COOKIE_ECHOED"),
    ],
)
@DIRECTIONS
def test_an_opening_state_proves_the_direction_whatever_the_ports(kind, state, client, server):
    ends = f"{SERVER}:{server}", f"{CLIENT}:{client}"
    for there in (ends, ends[::-1]):
        opening = line(*there, protocol=kind, state=state, timeout=59)
        assert {flow.proven for flow in Tables().read(opening)} == {True}


@pytest.mark.parametrize("answered", [True, False])
def test_a_translated_destination_proves_the_direction_also_before_it_answers(answered):
    service = line("10.244.1.5:20000", "10.96.0.7:80", "10.244.1.8:50051", answered=answered)
    assert {flow.proven for flow in Tables().read(service)} == {True}
    # A translated source does not: an answer to the outside is masqueraded, once its connection is forgotten.
    outside = line("10.244.1.8:50051", "203.0.113.9:20000", "203.0.113.9:20000", "192.0.2.10:50051")
    assert {flow.proven for flow in Tables().read(outside)} == {False}


"""A client whose ports begin lower than most, and a server that listens in the range of client ports."""


@pytest.mark.parametrize(
    "more",
    [
        {"destination": "10.96.0.7:50051", "server": "10.244.1.8:50051"},
        {"destination": "10.96.0.7:80", "server": "10.244.1.8:50051", "seen": "192.0.2.10:7040"},
        {"state": "SYN_RECV"},
    ],
    ids=["through a Service", "masqueraded", "while it opens"],
)
@pytest.mark.parametrize("client", ["10.244.1.6:20001", "10.244.1.6:40001"])
def test_where_something_has_answered_that_was_opened_others_are_proven_too(more, client):
    other = line(client, "10.244.1.8:50051")
    after = Tables()
    assert {flow.proven for flow in after.read(line(**HIGH | more))} == {True}
    assert [(flow.proven, flow.count) for flow in after.read(other, at=5)] == [(True, 1)] * 2
    # What was told before is told anew, as no connection more.
    before = Tables()
    assert [(flow.proven, flow.count) for flow in before.read(other, node="n2")] == [(False, 1)] * 2
    corrected = [flow for flow in before.read(line(**HIGH | more), at=5) if flow.source.ip in other]
    told = [flow for flow in corrected if flow.count == 0]
    assert arrows(told) == [f"{client} -> 10.244.1.8:50051", f"{client} <- 10.244.1.8:50051"]
    assert {(flow.proven, flow.time, flow.node) for flow in told} == {(True, NOW - 2, "n2")}


GOSSIP = "10.244.1.5:20000", "10.244.1.8:50051"
LISTENS_TOO = line("10.244.1.6:40000", "10.244.1.5:20000", state="SYN_RECV")


@pytest.mark.parametrize("order", [*permutations(range(3))])
@pytest.mark.parametrize("told_before", [False, True])
def test_what_both_ends_may_have_opened_is_proven_by_no_order_of_one_table(order, told_before):
    tables = Tables()
    if told_before:
        tables.read(line(*GOSSIP))
    lines = [line(*GOSSIP), LEARNT, LISTENS_TOO]
    told = tables.read(*(lines[n] for n in order), at=5)
    assert proven(told) == {
        "10.244.1.6:40000 -> 10.244.1.8:50051",
        "10.244.1.6:40000 -> 10.244.1.5:20000",
    }


def test_a_port_that_never_answers_is_not_known_to_listen():
    tables = Tables()
    asked = line(**HIGH, state="SYN_SENT", timeout=119, answered=False)
    tables.read(asked)
    other = line("10.244.1.6:20001", "10.244.1.8:50051")
    assert {flow.proven for flow in tables.read(asked, other, at=5)} == {False}
    answered = tables.read(line(**HIGH), other, at=10)
    assert {flow.proven for flow in answered if "10.244.1.6" in (flow.source.ip, flow.destination.ip)} == {
        True
    }


def test_what_listened_at_an_address_is_forgotten_with_its_pod():
    tables = Tables()
    tables.read(line(**HIGH, state="SYN_RECV"))
    tables.connections.hand_over(["10.244.1.8"])
    assert {flow.proven for flow in tables.read(line("10.244.1.6:20001", "10.244.1.8:50051"), at=5)} == {
        False
    }


def test_an_end_that_is_known_to_listen_does_not_become_a_client_by_its_ports():
    tables = Tables()
    tables.read(line(**HIGH, state="SYN_RECV"))
    told = tables.read(line("10.244.1.8:50051", "10.244.1.6:8080"), at=5)
    assert {flow.proven for flow in told} == {False}


def test_what_another_node_proves_counts_from_then_on():
    tables, raw = Tables(), line("192.0.2.10:7040", "10.244.1.8:50051")
    masqueraded = line("203.0.113.9:40000", "192.0.2.10:30051", "10.244.1.8:50051", "192.0.2.10:7040")
    assert {flow.proven for flow in tables.read(raw, node="n2")} == {False}
    assert {flow.proven for flow in tables.read(masqueraded, node="n1", at=5)} == {True}
    again = tables.read(raw.replace("431998", "431999"), node="n2", at=65)
    assert {flow.proven for flow in again} == {True}


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_an_answer_does_not_turn_a_connection_round(node):
    tables, client, server = Tables(), "10.244.1.5:40000", "10.244.1.8:50000"
    there = arrows(tables.read(line(client, server)))
    assert tables.read() == []  # both nodes have forgotten it
    assert arrows(tables.read(line(server, client), node=node, at=3600)) == there
    assert tables.read(line(server, client), node=node, at=3605) == []
    assert there == [f"{client} -> {server}", f"{client} <- {server}"]
    tables.connections.keep([])
    assert not tables.connections._legs


def test_an_answer_at_one_node_is_of_the_connection_that_the_other_node_knows():
    tables = Tables()
    tables.read(line("10.244.1.5:40000", "10.244.1.8:80"), node="n1")
    assert tables.read(line("10.244.1.8:80", "10.244.1.5:40000"), node="n2") == []
    assert tables.connections.told == 1


@pytest.mark.parametrize("turn", [1, -1])
def test_where_each_node_has_seen_the_packets_of_one_end_the_connection_was_answered(turn):
    tables, ends = Tables(), ("10.244.1.5:40000", "10.244.1.8:80")
    half = {"answered": False, "timeout": 299}
    readings = [("n1", line(*ends, **half)), ("n2", line(*ends[::-1], **half))][::turn]
    told = [flow for node, text in readings for flow in tables.read(text, node=node)]
    assert [(flow.is_reply, flow.verdict.name) for flow in told] == [
        (False, "UNKNOWN"), (False, "FORWARDED"), (True, "FORWARDED")]  # fmt: skip


def test_two_ends_on_the_same_port_may_both_open_a_connection():
    tables, one, other = Tables(), "10.244.1.5:40000", "10.244.1.8:40000"
    tables.read(line(one, other, **UDP))
    tables.read()
    assert arrows(tables.read(line(other, one, **UDP), at=60))[0] == f"{other} -> {one}"


MASQUERADED = line("203.0.113.9:40000", "192.0.2.10:30051", "10.244.1.8:50051", "192.0.2.10:45000")
WAYS = pytest.mark.parametrize(
    ("client", "server"),
    [("10.244.1.5:40000", "10.244.1.8:50051"), ("10.244.1.5:20000", "10.244.1.8:8080"),
     ("10.244.1.5:20000", "10.244.1.8:50051")],
)  # fmt: skip


@WAYS
def test_an_opening_is_told_although_an_answer_was_read_before(client, server):
    tables = Tables()
    assert proven(tables.read(line(server, client), node="n2")) == set()
    told = tables.read(line(client, server, **SYN), node="n1", at=1)
    told += tables.read(line(client, server), node="n1", at=6)
    assert [(arrow, flow.verdict.name) for arrow, flow in zip(arrows(told), told, strict=True)] == [
        (f"{client} -> {server}", "UNKNOWN"), (f"{client} -> {server}", "FORWARDED"),
        (f"{client} <- {server}", "FORWARDED")]  # fmt: skip
    assert {flow.proven for flow in told} == {True}
    # What the answer made is of that connection from now on, and tells it no second time.
    assert tables.read(line(server, client, timeout=431_999), node="n2", at=59) == []
    again = tables.read(line(server, client, timeout=431_997), node="n2", at=121)
    assert (set(arrows(again)), len(again)) == ({f"{client} -> {server}", f"{client} <- {server}"}, 2)
    assert {flow.proven for flow in again} == {True}
    # It begins anew where it was turned round as well, and nothing is left of it in the end.
    assert tables.read(line(server, client, state="TIME_WAIT", timeout=119), node="n2", at=126) == []
    assert arrows(tables.read(line(server, client), node="n2", at=131))[0] == f"{client} -> {server}"
    tables.connections.keep([])
    assert not tables.connections._legs


def test_an_entry_that_was_an_answers_may_be_of_another_connection_later():
    tables, client, server = Tables(), "10.244.1.5:20000", "10.244.1.8:50051"
    tables.read(line(client, server, state="SYN_RECV"), node="n1")
    assert tables.read(line(server, client), node="n2") == []
    assert tables.read(line(server, client, state="TIME_WAIT", timeout=119), node="n2", at=5) == []
    told = tables.read(line(server, client, state="SYN_RECV"), node="n2", at=10)
    assert proven(told) == {f"{server} -> {client}"}
    tables.connections.keep([])
    assert not tables.connections._legs


@WAYS
def test_in_one_table_an_opening_in_one_zone_is_not_taken_for_the_answer_in_another(client, server):
    tables = Tables()
    told = tables.read(line(server, client).replace("zone=0", "zone=7"), line(client, server, **SYN))
    assert proven(told) == {f"{client} -> {server}"}


@WAYS
def test_what_was_seen_to_open_is_not_turned_round_by_an_answer_later(client, server):
    tables = Tables()
    told = tables.read(line(client, server, **SYN)) + tables.read(line(client, server), at=5)
    tables.read(at=10)
    told += tables.read(line(server, client), at=300)
    assert {flow.proven for flow in told} == {True}
    assert proven(told) == {f"{client} -> {server}"}


def test_what_was_seen_translated_is_not_turned_round_by_an_answer_later():
    tables = Tables()
    tables.read(line("10.244.1.5:20000", **SERVICE))
    tables.read(at=10)
    assert proven(tables.read(line("10.244.1.8:8080", "10.244.1.5:20000"), at=300)) == {
        "10.244.1.5:20000 -> 10.244.1.8:8080"
    }
    tables = Tables()
    tables.read(MASQUERADED)
    tables.read(at=10)
    late = tables.read(line("10.244.1.8:50051", "192.0.2.10:45000"), at=300, node="n2")
    assert proven(late) == {"192.0.2.10:45000 -> 10.244.1.8:50051"}


def test_a_masqueraded_connection_is_told_although_its_servers_node_has_it_by_an_answer():
    tables = Tables()
    assert proven(tables.read(line("10.244.1.8:50051", "192.0.2.10:45000"), node="n2")) == set()
    assert "192.0.2.10:45000 -> 10.244.1.8:50051" in proven(tables.read(MASQUERADED, node="n1", at=1))


@WAYS
def test_what_was_idle_is_one_connection_whichever_way_round_its_nodes_have_it(client, server):
    tables, busy = Tables(), line("10.244.1.77:41000", "10.244.1.78:80")
    tables.read(busy, line(client, server, timeout=400_000), node="n1")
    tables.read(busy, line(server, client, timeout=400_000), node="n2")
    woken = tables.read(line(client, server), at=5, node="n1") + tables.read(
        line(server, client), at=5, node="n2"
    )
    assert ({flow.proven for flow in woken}, len(woken)) == ({False}, 2)


def test_what_was_idle_and_is_forgotten_is_not_proven_by_an_answer():
    tables = Tables()
    busy, low = line("10.244.1.77:41000", "10.244.1.78:80"), "10.244.1.5:20000"
    tables.read(busy, line(low, "10.244.1.8:50051", timeout=100_000))
    tables.read(busy, at=5)
    assert proven(tables.read(busy, line("10.244.1.8:50051", low), at=60)) == set()


def test_between_two_ends_on_one_port_both_are_told_and_neither_is_proven():
    tables, one, other = Tables(), "10.244.1.8:7946", "10.244.1.5:7946"
    tables.read()
    told = tables.read(line(one, other, **UDP), at=5) + tables.read(line(other, one, **UDP), at=5, node="n2")
    assert [arrow for arrow in arrows(told) if "->" in arrow] == [f"{one} -> {other}", f"{other} -> {one}"]
    assert {flow.proven for flow in told} == {False}


def test_pings_are_proven_and_protocols_that_tell_nothing_are_not():
    there, back = "src=10.0.0.1 dst=10.0.0.2", "src=10.0.0.2 dst=10.0.0.1"
    ping = f"ipv4     2 icmp     1 29 {there} type=8 code=0 id=1 {back} type=0 code=0 id=1 use=2"
    gre = f"ipv4     2 gre      47 9 {there} srckey=0x0 dstkey=0x0 {back} srckey=0x0 dstkey=0x0 use=2"
    assert {flow.proven for flow in Tables().read(ping)} == {True}
    assert {flow.proven for flow in Tables().read(gre)} == {False}


def test_of_too_many_connections_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(conntrack_direction, "_REMEMBERED", 3)
    tables = Tables()
    opened = [(f"10.244.1.{host}:40000", "10.244.1.8:50051") for host in range(20, 26)]
    for ends in opened:
        tables.read(line(*ends, **SYN))
    tables.read()
    late = [proven(tables.read(line(*ends[::-1]), at=60)) for ends in opened[::-1]]
    assert [bool(told) for told in late] == [True, True, True, False, False, False]


def test_of_too_many_doubts_at_one_port_the_oldest_are_forgotten_one_by_one(monkeypatch):
    monkeypatch.setattr(conntrack_direction, "_REMEMBERED", 4)
    tables = Tables()
    for host in range(20, 26):
        tables.read(line(f"10.244.1.{host}:40000", LISTENS))
    assert corrections(tables.read(LEARNT, at=5)) == [
        f"10.244.1.{host}:40000 -> {LISTENS}" for host in (22, 23, 24, 25)
    ]
