"""Guessed directions that are put right when more is known: to what, in any order, and by how much work."""

import sys
from itertools import permutations

import pytest

from netsec_tui.core.traffic.ports import PARTNERS
from tests.core.test_conversations import DB, WEB, packet
from tests.core.traffic import IN, OUT, exchange, of, session, table, workload

SIP = [workload("Deployment", "web", ports={"sip": 5060}), workload("Deployment", "db", ports={"sip": 5080})]


@pytest.mark.parametrize(("client", "server", "port"), [("web", "db", 5080), ("db", "web", 5060)])
def test_where_both_declare_their_ports_the_one_that_was_dialled_is_the_server(client, server, port):
    guessed = [packet(WEB, DB, 5060, 5080), packet(DB, WEB, 5080, 5060)]
    assert table(session(guessed, SIP), "Deployment/web", OUT) == ["Deployment/db TCP 0"]
    proof = exchange(of(client, 1), of(server, 1), port)[0]
    for flows in permutations([*guessed, proof]):
        made = session(flows[:2], SIP)
        table(made, "Deployment/web", OUT)
        made.add_flows(flows[2:])
        assert table(made, f"Deployment/{client}", OUT) == [f"Deployment/{server} TCP {port}"]
        assert table(made, f"Deployment/{client}", IN) == []


def test_where_both_were_dialled_neither_is_known_for_the_server():
    proofs = [exchange(of("web", 1), of("db", 1), 5080)[0], exchange(of("db", 1), of("web", 1), 5060)[0]]
    made = session([packet(WEB, DB, 5060, 5080), *proofs], SIP)
    assert table(made, "Deployment/web", OUT) == ["Deployment/db TCP 0", "Deployment/db TCP 5080"]


def steps(work, *given):
    """Return how many lines of Python some work ran through."""
    count = 0

    def step(frame, event, argument):
        nonlocal count
        count += event == "line"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        work(*given)
    finally:
        sys.settrace(before)
    return count


def proven(pairs):
    """Return connections to a port of which nothing is known, and the proof of one of them."""
    flows = [packet(of("web", n), of("db", n), 40_000, 50_051) for n in range(pairs)]
    return flows, exchange(of("web"), of("db"), 50_051)[:1]


def folded(pairs):
    """Return connections of as many ports of each client as are kept, and one more of each."""
    ends = [(of("web", n), of("db", n)) for n in range(pairs)]
    first = [packet(*end, 40_000 + n, 50_051) for end in ends for n in range(PARTNERS)]
    return first, [packet(*end, 50_000, 50_051) for end in ends]


@pytest.mark.parametrize(("made_up", "pairs"), [(proven, 100), (folded, 20)])
def test_four_times_as_many_guesses_are_put_right_by_four_times_the_work(made_up, pairs):
    counts = []
    for many in (pairs, 4 * pairs):
        first, more = made_up(many)
        made = session(first)
        assert table(made, "Workload/web", OUT) == ["Workload/db TCP 0"]
        counts.append(steps(made.add_flows, more))
        assert table(made, "Workload/web", OUT) == ["Workload/db TCP 50051"]
    assert counts[1] < 5 * counts[0]
