"""Who opened a connection: told by the source, by what is known to listen, by the ports, or not at all."""

import pytest

from netsec_tui.model.communication import Orientation
from netsec_tui.model.flow import Endpoint, Protocol, Verdict
from netsec_tui.model.review import Standing
from tests.core.traffic import (
    IN,
    OUT,
    answer,
    exchange,
    line,
    listed,
    node,
    of,
    only,
    request,
    review,
    service,
    session,
    table,
    workload,
)

WEB, DB = of("web"), of("db")
OPEN = {"is_reply": None, "proven": False}


def packet(source, destination, source_port, port, **rest):
    """Return a packet of which the source did not say whether it is an answer."""
    return request(source, destination, port, source_port=source_port, **{**OPEN, **rest})


DECLARED = [workload("Deployment", "db", ports={"sql": 45432})]
DB_BEHIND = [workload("Deployment", "db"), service("db", [(80, 45432)], ip="10.96.0.1")]


@pytest.mark.parametrize(
    ("flows", "objects", "wanted"),
    [
        pytest.param([packet(WEB, DB, 40000, 5432)], [], "TCP 5432", id="client port is ephemeral"),
        pytest.param([packet(DB, WEB, 5432, 40000)], [], "TCP 5432", id="answer to an ephemeral port"),
        pytest.param(
            [packet(WEB, DB, 40000, 5432), packet(DB, WEB, 5432, 40000)], [], "TCP 5432", id="both ways"
        ),
        pytest.param(
            [packet(WEB, DB, 20000, 5432), packet(DB, WEB, 5432, 20000), *exchange(of("other"), DB, 5432)],
            [],
            "TCP 5432",
            id="another client proved that it listens",
        ),
        pytest.param(
            [packet(DB, WEB, 5432, 20000), *exchange(of("other"), DB, 5432)],
            [],
            "TCP 5432",
            id="answer from where somebody listens",
        ),
        pytest.param([packet(WEB, DB, 40000, 45432)], DECLARED, "TCP 45432", id="declared above 32768"),
        pytest.param([packet(DB, WEB, 45432, 40000)], DECLARED, "TCP 45432", id="answer from a declared"),
        pytest.param(
            [packet(WEB, DB, 20000 + n, 45432) for n in range(30)],
            DECLARED,
            "TCP 45432",
            id="declared, and clients below",
        ),
        pytest.param(
            [packet(DB, WEB, 45432, 20000 + n) for n in range(30)],
            DB_BEHIND,
            "TCP 45432",
            id="behind a Service",
        ),
    ],
)
def test_undirected_packets_are_oriented(flows, objects, wanted):
    made = session(flows, objects)
    kind = "Deployment" if objects else "Workload"
    row = only(made, "Workload/web", OUT)
    assert line(row) == f"{kind}/db {wanted}"
    assert row.communication.orientation is Orientation.INFERRED
    assert row.standing is Standing.IN
    assert row.reason == "direction inferred"
    assert table(made, "Workload/web", IN) == []
    assert table(made, f"{kind}/db", OUT) == []


@pytest.mark.parametrize(
    ("ports", "objects"),
    [
        pytest.param((40000, 50000), [], id="both ephemeral"),
        pytest.param((5000, 6000), [], id="both low"),
        pytest.param((0, 0), [], id="no ports"),
    ],
)
def test_direction_that_nothing_tells_stays_unknown(ports, objects):
    made = session([packet(WEB, DB, *ports)], objects)
    row = only(made, "Workload/web", OUT)
    assert line(row) == "Workload/db TCP 0"
    assert row.communication.orientation is Orientation.UNKNOWN
    assert row.standing is Standing.NOT_EXPRESSIBLE


def test_both_ends_listening_prove_nothing():
    flows = [packet(WEB, DB, 8080, 5432), *exchange(of("a"), WEB, 8080), *exchange(of("b"), DB, 5432)]
    made = session(flows)
    assert table(made, "Workload/web", OUT) == ["Workload/db TCP 0"]


def test_undirected_packets_join_the_row_that_is_proven():
    flows = [
        *exchange(WEB, DB, 5432),
        packet(WEB, DB, 41000, 5432),
        packet(DB, WEB, 5432, 41000),
        packet(DB, WEB, 5432, 42000),
    ]
    row = only(session(flows), "Workload/web", OUT)
    assert row.communication.orientation is Orientation.PROVEN
    assert (row.communication.counts.allowed, row.communication.counts.answers) == (2, 3)


def test_listening_learnt_later_turns_earlier_packets_round():
    made = session([packet(DB, WEB, 5000, 6000)])
    assert table(made, "Workload/db", OUT) == ["Workload/web TCP 0"]
    made.add_flows(exchange(of("other"), DB, 5000))
    assert table(made, "Workload/db", OUT) == []
    assert table(made, "Workload/web", OUT) == ["Workload/db TCP 5000"]
    assert "Workload/web" in listed(made)


@pytest.mark.parametrize("proven_first", [True, False])
def test_proof_counts_whenever_it_comes(proven_first):
    guess = request(WEB, DB, 5432, verdict=Verdict.DROPPED, proven=False)
    proof = request(WEB, DB, 5432)
    made = session([proof if proven_first else guess])
    review(made, "Workload/web")
    made.add_flows([guess if proven_first else proof])
    assert only(made, "Workload/web", OUT).communication.orientation is Orientation.PROVEN


def test_denied_packet_of_unproven_direction_is_inferred():
    row = only(session([request(WEB, DB, 5432, verdict=Verdict.DROPPED, proven=False)]), "Workload/web", OUT)
    assert row.communication.orientation is Orientation.INFERRED
    assert row.standing is Standing.OUT
    assert row.reason == "denied only (once)"


def test_denied_packet_of_unproven_direction_goes_where_it_was_told_to():
    # 7070 is no client's port, and nothing else is known of the two: the ports alone would turn it round.
    refused = request(WEB, DB, 45000, source_port=7070, verdict=Verdict.DROPPED, proven=False)
    made = session([refused])
    assert table(made, "Workload/web", OUT) == ["Workload/db TCP 45000"]
    assert table(made, "Workload/db", OUT) == []


def test_denied_packet_without_direction_is_no_answer():
    packets = [packet(DB, WEB, 5432, 41000, verdict=Verdict.DROPPED), packet(WEB, DB, 41000, 5432)]
    row = only(session([*packets, *exchange(of("a"), of("b"), 80)]), "Workload/web", OUT)
    counts = row.communication.counts
    assert (counts.allowed, counts.denied, counts.answers) == (1, 1, 0)
    assert (row.ticked, row.reason) == (False, "denied once, never answered")


REFUSED = packet(DB, WEB, 5432, 40000, rst=True, ack=True)
RETINAS = request(DB, WEB, 40000, source_port=5432, proven=False, rst=True, ack=True)
SYN, DENIED = request(WEB, DB, 5432, syn=True), request(WEB, DB, 5432, verdict=Verdict.DROPPED)


@pytest.mark.parametrize(
    "elsewhere", [[], exchange(of("a"), of("b"), 80)], ids=["alone", "answered elsewhere"]
)
@pytest.mark.parametrize("back", [REFUSED, RETINAS], ids=["not told", "told as Retina does"])
@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param([SYN], "never answered (refused once)", id="refused"),
        pytest.param([SYN, DENIED], "denied once, never answered (refused once)", id="rejected"),
        pytest.param(
            [packet(WEB, DB, 40000, 5432)], "never answered (refused once)", id="nothing has a direction"
        ),
        pytest.param([], "never answered (refused once)", id="nothing else was seen"),
    ],
)
def test_a_reset_is_no_answer_whatever_direction_was_told(sent, reason, back, elsewhere):
    made = session([*sent, back, *elsewhere])
    for row in (only(made, "Workload/web", OUT), only(made, "Workload/db", IN)):
        assert (row.ticked, row.reason) == (False, reason)
        assert (row.communication.counts.answers, row.communication.counts.refusals) == (0, 1)


def test_a_reset_beside_an_answer_takes_it_not_away():
    row = only(session([SYN, packet(DB, WEB, 5432, 40000), REFUSED]), "Workload/web", OUT)
    counts = row.communication.counts
    assert (counts.allowed, counts.answers, counts.refusals) == (1, 1, 1)
    assert row.ticked


def test_a_reset_of_the_clients_refuses_nothing():
    given_up = packet(WEB, DB, 40000, 5432, rst=True)
    row = only(session([SYN, packet(DB, WEB, 5432, 40000), given_up]), "Workload/web", OUT)
    counts = row.communication.counts
    assert (counts.allowed, counts.answers, counts.refusals) == (2, 1, 0)


def test_a_reset_that_got_no_further_was_no_refusal_to_the_client():
    lost = packet(DB, WEB, 5432, 40000, rst=True, verdict=Verdict.ERROR)
    counts = only(session([SYN, lost]), "Workload/web", OUT).communication.counts
    assert (counts.allowed, counts.answers, counts.refusals, counts.verdicts[Verdict.ERROR]) == (1, 0, 0, 1)


def test_unproven_not_a_reply_of_a_packet_that_went_on_tells_no_direction():
    # Retina writes is_reply false on answers too.
    flows = [
        request(WEB, DB, 5432, proven=False),
        request(DB, WEB, 40000, source_port=5432, proven=False),
    ]
    made = session(flows)
    assert table(made, "Workload/web", OUT) == ["Workload/db TCP 5432"]
    assert table(made, "Workload/db", OUT) == []


def test_thousands_of_client_ports_are_one_row():
    flows = [packet(WEB, DB, port, 5432) for port in range(32768, 36768)]
    row = only(session(flows), "Workload/web", OUT)
    assert row.communication.counts.allowed == 4000


def test_answer_alone_makes_a_row_between_pods():
    # A connection that was open before the recording began.
    made = session([answer(WEB, DB, 5432)])
    row = only(made, "Workload/web", OUT)
    assert line(row) == "Workload/db TCP 5432"
    assert row.standing is Standing.IN


def test_undirected_answer_from_an_address_is_not_taken_for_the_service_that_was_dialled():
    flow = packet(Endpoint("198.51.100.1"), WEB, 443, 40000, service=("shop", "web"))
    made = session([flow], [workload("Deployment", "web"), service("web", [(40000, 8080)])])
    assert table(made, "Deployment/web", OUT) == ["ip 198.51.100.1 TCP 443"]


def test_undirected_packets_to_a_cluster_ip_go_to_the_pod_port():
    made = session([packet(WEB, Endpoint("10.96.0.1"), 40000, 80)], DB_BEHIND)
    assert table(made, "Workload/web", OUT) == ["Service/db TCP 45432"]
    assert table(made, "Deployment/db", IN) == ["Workload/web TCP 45432"]


def test_undirected_traffic_of_nodes():
    flows = [
        packet(node("172.18.0.2"), WEB, 40000, 8080),
        packet(DB, node("172.18.0.2"), 5432, 40000),
    ]
    made = session(flows)
    assert table(made, "Workload/web", IN) == ["node 172.18.0.2 TCP 8080"]
    assert listed(made) == ["Workload/web"]


def test_udp_is_oriented_like_tcp():
    made = session([packet(WEB, DB, 40000, 8125, protocol=Protocol.UDP)])
    assert table(made, "Workload/web", OUT) == ["Workload/db UDP 8125"]
