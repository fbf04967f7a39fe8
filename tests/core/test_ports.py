"""Ports of flows without direction: what is folded, what that tells, and that no order changes it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.traffic.observe import Observations
from netsec_tui.core.traffic.ports import PARTNERS
from netsec_tui.model.communication import Orientation
from tests.core.test_conversations import DB, WEB, packet
from tests.core.traffic import IN, OUT, exchange, of, only, session, table, workload

MANY = PARTNERS + 4
LISTENS = [workload("Deployment", "web"), workload("Deployment", "db", ports={"grpc": 50_051})]


def test_a_declared_port_is_not_lost_among_the_ports_of_clients():
    answers = [packet(WEB, DB, 8080, 40_000 + n) for n in range(MANY)]
    asked = [packet(WEB, DB, 20_000, 50_051)]
    for flows in (answers + asked, asked + answers):
        made = session(flows, LISTENS)
        assert table(made, "Deployment/web", OUT) == ["Deployment/db TCP 50051"]
        assert table(made, "Deployment/web", IN) == ["Deployment/db TCP 8080"]


@pytest.mark.parametrize("port", [50_051, 8080, 45_000])
@pytest.mark.parametrize("first", [1024, 20_000, 40_000])
def test_who_has_many_partners_at_one_port_listens_there(first, port):
    asked = [packet(WEB, DB, first + n, port) for n in range(MANY)]
    told = [packet(DB, WEB, port, first + n) for n in range(MANY)]
    for flows in (asked, told, asked + told):
        row = only(session(flows), "Workload/web", OUT)
        assert (row.key.port, row.communication.orientation) == (port, Orientation.INFERRED)


def test_a_few_partners_tell_nothing():
    made = session([packet(WEB, DB, 20_000 + n, 8080) for n in range(PARTNERS)])
    assert table(made, "Workload/web", OUT) == ["Workload/db TCP 0"]


@pytest.mark.parametrize("ports", [(range(20_000, 30_000), [8080]), ([50_051], range(40_000, 50_000))])
def test_thousands_of_ports_of_clients_are_a_few_edges(ports):
    recorded = Observations()
    recorded.add(packet(WEB, DB, source, port) for source in ports[0] for port in ports[1])
    assert len(recorded.edges) <= PARTNERS + 1
    assert len(recorded.ports._partners) <= 2 * PARTNERS


def test_between_two_ports_with_many_partners_the_lower_one_listens():
    there = [packet(WEB, DB, 20_000 + n, 8080) for n in range(MANY)]
    back = [packet(WEB, DB, 9000, 30_000 + n) for n in range(MANY)]
    made = session([*there, *back, packet(WEB, DB, 9000, 8080)])
    assert only(made, "Workload/web", OUT).communication.counts.allowed == MANY + 1
    assert only(made, "Workload/web", IN).communication.counts.answers == MANY


def test_where_both_listen_on_one_port_either_may_open():
    told = [packet(WEB, DB, 7946, 7946), packet(DB, WEB, 7946, 7946)]
    assert table(session(told), "Workload/web", OUT) == ["Workload/db TCP 0"]
    seen = [*exchange(of("a"), WEB, 7946), *exchange(of("b"), DB, 7946)]
    for flows, ways in ((told, [IN, OUT]), (told[:1], [OUT]), (told[1:], [IN])):
        made = session([*flows, *seen])
        assert [
            way for way in (IN, OUT) if "Workload/db TCP 7946" in table(made, "Workload/web", way)
        ] == ways


END = st.sampled_from([5432, 8080, 20_000, 50_051, *range(40_000, 40_003)])
FLOW = st.tuples(st.booleans(), END, st.one_of(END, st.integers(40_000, 40_020)), st.booleans())


@settings(max_examples=150)
@given(
    st.lists(FLOW, max_size=30), st.lists(st.integers(0, 30), max_size=3), st.randoms(use_true_random=False)
)
def test_rows_do_not_depend_on_order_or_on_what_comes_together(flows, cuts, chance):
    packets = [
        exchange(*ends, port)[0] if proven else packet(*ends, source, port)
        for back, source, port, proven in flows
        for ends in [(DB, WEB) if back else (WEB, DB)]
    ]
    once, mixed = session(packets, LISTENS), session([], LISTENS)
    chance.shuffle(packets)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(packets)], strict=True):
        mixed.add_flows(packets[start:end])
        table(mixed, "Deployment/web", OUT)
    for way in (IN, OUT):
        assert table(mixed, "Deployment/web", way) == table(once, "Deployment/web", way)
