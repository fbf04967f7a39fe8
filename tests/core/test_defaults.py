"""Which rows start in the policy, which start out, and the reason that the row gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Flow, Protocol, Verdict
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Standing
from tests.core.scene import IN, OUT, SHOP, Scene, answer, flow, known_ends, pod, service, shop, talk

ENDS = known_ends(SHOP)
WEB, CART, PAY, DB = (ENDS[name] for name in ("web-1", "cart-1", "pay-1", "db-0"))
UDP = {"protocol": Protocol.UDP}

ELSEWHERE = talk(PAY, CART)
"""A conversation of others, from which it is known that the source reports answers."""


def started(
    flows: list[Flow], direction: Direction, name: str, *, replies: bool = True
) -> tuple[Standing, str]:
    scene = shop().sees([*flows, *(ELSEWHERE if replies else [])]).chooses()
    row = scene.row(direction, name)
    return row.standing, row.reason


def verdicts(*some: Verdict, answered: bool = False) -> list[Flow]:
    return [flow(WEB, CART, verdict=v) for v in some] + ([answer(WEB, CART)] if answered else [])


F, DROPPED, AUDIT = Verdict.FORWARDED, Verdict.DROPPED, Verdict.AUDIT
NO_POLICY = "not by a policy"
BY_PROXY = "only a proxy at the client is known to have answered"
PROXY = f"{BY_PROXY}: whether the server lets it in is not known"
UNENFORCED = ": a policy that is only audited would deny it"


@pytest.mark.parametrize(
    ("flows", "reason"),
    [
        (talk(WEB, CART), ""),
        ([answer(WEB, CART)], ""),
        ([flow(WEB, CART, verdict=Verdict.REDIRECTED), answer(WEB, CART, arrived=True)], ""),
        ([flow(WEB, CART, verdict=Verdict.REDIRECTED, arrived=True), answer(WEB, CART)], ""),
        (verdicts(Verdict.UNKNOWN, answered=True), ""),
        (verdicts(Verdict.TRACED, F, answered=True), ""),
        (verdicts(F, DROPPED, answered=True), "denied once, answered once"),
        (verdicts(F, DROPPED, DROPPED, answered=True), "denied 2 times, answered once"),
        (verdicts(F, Verdict.ERROR, answered=True), ""),
        (talk(WEB, CART, **UDP), ""),
        (talk(WEB, CART, 9125, **UDP), ""),
    ],
)
def test_rows_that_start_in(flows: list[Flow], reason: str) -> None:
    assert started(flows, OUT, "cart") == (Standing.IN, reason)


@pytest.mark.parametrize(
    ("flows", "reason"),
    [
        (verdicts(F), "never answered"),
        (verdicts(Verdict.REDIRECTED), "never answered"),
        (verdicts(Verdict.REDIRECTED, answered=True), PROXY),
        (verdicts(Verdict.REDIRECTED, DROPPED, answered=True), f"denied once, {PROXY}"),
        (verdicts(Verdict.REDIRECTED, F, answered=True), PROXY),
        (
            [flow(WEB, CART, verdict=Verdict.REDIRECTED), answer(WEB, CART, rst=True)],
            "never answered (refused once)",
        ),
        (
            [flow(WEB, CART, 9125, verdict=Verdict.REDIRECTED, **UDP), answer(WEB, CART, 9125, **UDP)],
            PROXY,
        ),
        (verdicts(DROPPED), "denied only (once)"),
        (verdicts(DROPPED, answered=True), "denied only (once), though something answered"),
        (verdicts(AUDIT, AUDIT), f"audited 2 times{UNENFORCED}"),
        # Of each audited packet Hubble tells the policy's verdict, one trace or several, and what answered.
        (verdicts(AUDIT, answered=True), f"audited once{UNENFORCED}"),
        (verdicts(AUDIT, F, answered=True), f"audited once{UNENFORCED}"),
        (verdicts(AUDIT, F, F, F, F, answered=True), f"audited once{UNENFORCED}"),
        (verdicts(F, AUDIT, DROPPED, answered=True), f"denied once, audited once{UNENFORCED}"),
        (verdicts(AUDIT, F), f"audited once{UNENFORCED}"),
        (verdicts(Verdict.TRACED), "never answered: no verdict on it was seen"),
        (verdicts(Verdict.ERROR), f"never answered (dropped once, {NO_POLICY})"),
        (verdicts(F, Verdict.ERROR, Verdict.ERROR), f"never answered (dropped 2 times, {NO_POLICY})"),
        (verdicts(DROPPED, Verdict.ERROR), "denied only (once)"),
        ([*verdicts(F), answer(WEB, CART, rst=True)], "never answered (refused once)"),
        ([flow(WEB, CART, 9125, **UDP)], "UDP without an answer, and no pod declares the port"),
    ],
)
def test_rows_that_start_out(flows: list[Flow], reason: str) -> None:
    assert started(flows, OUT, "cart") == (Standing.OUT, reason)


@pytest.mark.parametrize(
    ("replies", "flows", "reason"),
    [
        (True, verdicts(F, DROPPED, DROPPED), "denied 2 times, never answered"),
        (True, verdicts(F, F, F, DROPPED), "denied once, never answered"),
        (
            True,
            [*verdicts(F, DROPPED), answer(WEB, CART, rst=True)],
            "denied once, never answered (refused once)",
        ),
        (False, verdicts(F, DROPPED), "denied once, and whether anything answered is not told"),
        (False, verdicts(AUDIT, F), f"audited once{UNENFORCED}"),
    ],
)
def test_denied_and_forwarded_without_an_answer_starts_out(
    replies: bool, flows: list[Flow], reason: str
) -> None:
    assert started(flows, OUT, "cart", replies=replies) == (Standing.OUT, reason)


@pytest.mark.parametrize("replies", [True, False])
def test_denied_and_forwarded_traffic_to_the_api_server_starts_out(replies: bool) -> None:
    seen = [flow(WEB, "172.18.0.3", 6443, verdict=verdict) for verdict in (F, DROPPED)]
    row = shop().sees([*seen, *(ELSEWHERE if replies else [])]).chooses().row(OUT, "kubernetes")
    assert row.standing is Standing.OUT
    assert row.reason.startswith("denied once, ")


@pytest.mark.parametrize(
    ("verdict", "standing", "reason"),
    [
        (Verdict.FORWARDED, Standing.IN, ""),
        (Verdict.REDIRECTED, Standing.IN, ""),
        (Verdict.DROPPED, Standing.OUT, "denied only (once)"),
        (Verdict.AUDIT, Standing.OUT, f"audited once{UNENFORCED}"),
        (Verdict.TRACED, Standing.OUT, "never answered: no verdict on it was seen"),
        (Verdict.TRANSLATED, Standing.OUT, "never answered: no verdict on it was seen"),
    ],
)
def test_without_reported_answers_the_verdict_counts(
    verdict: Verdict, standing: Standing, reason: str
) -> None:
    assert started(verdicts(verdict), OUT, "cart", replies=False) == (standing, reason)


def let_in(count: int, *besides: Verdict, **more: Any) -> list[Flow]:
    """Return so many requests of which the server's side says that it let them in, and others."""
    came = flow(WEB, CART, count=count, arrived=True, **more)
    return [came, *(flow(WEB, CART, verdict=verdict, **more) for verdict in besides)]


LET_IN_UDP = let_in(7, DROPPED, **UDP)


@pytest.mark.parametrize(
    ("replies", "flows", "expected"),
    [
        (False, let_in(1000, DROPPED), (Standing.IN, "denied once, let in 1000 times")),
        (False, let_in(1, DROPPED, DROPPED), (Standing.IN, "denied 2 times, let in once")),
        (False, LET_IN_UDP, (Standing.IN, "denied once, let in 7 times")),
        (False, let_in(3), (Standing.IN, "")),
        (False, let_in(3, AUDIT), (Standing.OUT, f"audited once{UNENFORCED}")),
        (False, let_in(3, Verdict.ERROR), (Standing.IN, "")),
        (False, verdicts(F, Verdict.ERROR), (Standing.IN, f"dropped once, {NO_POLICY}")),
        (False, verdicts(Verdict.ERROR), (Standing.OUT, f"never answered (dropped once, {NO_POLICY})")),
        # Where answers are told one must come, but for UDP, which may go one way.
        (
            True,
            let_in(1000, DROPPED),
            (Standing.OUT, "denied once, never answered, though let in 1000 times"),
        ),
        (True, let_in(2), (Standing.OUT, "never answered, though let in 2 times")),
        (True, LET_IN_UDP, (Standing.OUT, "UDP without an answer, and no pod declares the port")),
        (True, [*let_in(5, DROPPED), answer(WEB, CART)], (Standing.IN, "denied once, answered once")),
    ],
)
def test_what_the_servers_side_let_in_outweighs_a_denial(
    replies: bool, flows: list[Flow], expected: tuple[Standing, str]
) -> None:
    assert started(flows, OUT, "cart", replies=replies) == expected


def test_a_refusal_shows_that_nothing_answered_where_no_answers_are_told() -> None:
    flows = [*verdicts(F), answer(WEB, CART, rst=True, is_reply=None)]
    assert started(flows, OUT, "cart", replies=False) == (Standing.OUT, "never answered (refused once)")


def test_a_source_without_answers_is_told_at_the_top() -> None:
    scene = shop().sees(verdicts(F)).chooses()
    assert any("no answer was told of" in warning for warning in scene.review.warnings)


@pytest.mark.parametrize(("origin", "told"), [("conntrack", True), ("conntrack-brief", False), ("", False)])
def test_connection_tracking_tells_of_answers_before_there_is_one(origin: str, told: bool) -> None:
    attempt = flow(WEB, CART, verdict=Verdict.UNKNOWN, origin=origin)
    scene = shop().sees([attempt]).chooses()
    assert any("no answer was told of" in warning for warning in scene.review.warnings) is not told


def test_answers_are_not_missed_before_anything_was_seen() -> None:
    scene = Scene(*SHOP).chooses()
    assert not any("no answer was told of" in warning for warning in scene.review.warnings)


TRIED = Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("protocol", "seen", "expected"),
    [
        (Protocol.UDP, (TRIED, DROPPED), (Standing.IN, "denied once, answered once")),
        (Protocol.UDP, (DROPPED, *[TRIED] * 5), (Standing.IN, "denied once, answered once")),
        (Protocol.UDP, (TRIED, AUDIT), (Standing.OUT, f"audited once{UNENFORCED}")),
        (Protocol.UDP, (DROPPED,), (Standing.OUT, "denied only (once), though something answered")),
        # What came back may be sent by who rejects: a RST, an ABORT.
        (Protocol.TCP, (TRIED, DROPPED), (Standing.OUT, "denied only (once), though something answered")),
        (Protocol.SCTP, (TRIED, DROPPED), (Standing.OUT, "denied only (once), though something answered")),
    ],
)
def test_an_answer_by_udp_shows_that_an_attempt_was_let_in(
    protocol: Protocol, seen: tuple[Verdict, ...], expected: tuple[Standing, str]
) -> None:
    told = [flow(WEB, CART, verdict=verdict, protocol=protocol) for verdict in seen]
    assert started([*told, answer(WEB, CART, protocol=protocol)], OUT, "cart") == expected


# -- UDP ---------------------------------------------------------------------------------------------------

UDP_POD = pod("stat-1", "10.244.0.77", "stat", ports=[("metrics", "UDP", 8125)])


def udp_scene(*flows: Flow) -> Scene:
    return shop(UDP_POD).sees([*flows, *ELSEWHERE]).chooses()


def test_udp_that_was_denied_once_and_let_in_starts_in_where_a_pod_declares_the_port() -> None:
    stat = known_ends([UDP_POD])["stat-1"]
    denied = flow(WEB, stat, 8125, verdict=DROPPED, **UDP)
    assert udp_scene(flow(WEB, stat, 8125, **UDP), denied).row(OUT, "stat").standing is Standing.OUT
    row = udp_scene(flow(WEB, stat, 8125, arrived=True, count=9, **UDP), denied).row(OUT, "stat")
    assert (row.standing, row.reason) == (Standing.IN, "denied once, let in 9 times")


def test_udp_that_only_a_proxy_answered_starts_out_though_the_listening_pod_declares_the_port() -> None:
    stat = known_ends([UDP_POD])["stat-1"]
    sent = flow(WEB, stat, 8125, verdict=Verdict.REDIRECTED, **UDP)
    row = udp_scene(sent, answer(WEB, stat, 8125, **UDP)).row(OUT, "stat")
    assert (row.standing, row.reason) == (Standing.OUT, PROXY)
    row = udp_scene(sent, answer(WEB, stat, 8125, arrived=True, **UDP)).row(OUT, "stat")
    assert (row.standing, row.reason) == (Standing.IN, "")
    came = flow(WEB, stat, 8125, arrived=True, **UDP)
    row = udp_scene(sent, came, answer(WEB, stat, 8125, **UDP)).row(OUT, "stat")
    assert (row.standing, row.reason) == (Standing.IN, f"{BY_PROXY}, though let in once")


@pytest.mark.parametrize(
    ("replies", "arrived", "reason"),
    [
        (True, False, "never answered: whether it arrived is not known"),
        (True, True, ""),
        (False, False, ""),
    ],
)
def test_udp_without_answer_starts_in_when_the_listening_pod_declares_the_port(
    replies: bool, arrived: bool, reason: str
) -> None:
    left = flow(WEB, known_ends([UDP_POD])["stat-1"], 8125, arrived=arrived, **UDP)
    row = shop(UDP_POD).sees([left, *(ELSEWHERE if replies else [])]).chooses().row(OUT, "stat")
    assert (row.standing, row.reason) == (Standing.IN, reason)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [(DROPPED, "denied once, never answered"), (AUDIT, f"audited once{UNENFORCED}")],
)
def test_udp_that_was_denied_starts_out_though_the_listening_pod_declares_the_port(
    verdict: Verdict, reason: str
) -> None:
    stat = known_ends([UDP_POD])["stat-1"]
    row = udp_scene(*(flow(WEB, stat, 8125, verdict=v, **UDP) for v in (F, verdict))).row(OUT, "stat")
    assert (row.standing, row.reason) == (Standing.OUT, reason)


@pytest.mark.parametrize("port", [8080, 8126])
def test_udp_without_answer_starts_out_when_only_another_port_or_protocol_is_declared(port: int) -> None:
    scene = udp_scene(flow(WEB, known_ends([UDP_POD])["stat-1"], port, **UDP))
    assert scene.row(OUT, "stat").standing is Standing.OUT


@pytest.mark.parametrize("replies", [True, False])
@pytest.mark.parametrize(
    ("port", "standing", "reason"),
    [
        (8125, Standing.IN, "never answered: whether it arrived is not known"),
        (8126, Standing.OUT, "UDP without an answer, and no pod declares the port"),
    ],
)
def test_udp_of_which_nobody_knows_whether_it_arrived_is_told_so(
    replies: bool, port: int, standing: Standing, reason: str
) -> None:
    seen = flow(WEB, known_ends([UDP_POD])["stat-1"], port, verdict=Verdict.UNKNOWN, **UDP)
    scene = shop(UDP_POD).sees([seen, *(ELSEWHERE if replies else [])]).chooses()
    row = scene.row(OUT, "stat")
    assert (row.standing, row.reason, row.communication.counts.allowed) == (standing, reason, 0)


@pytest.mark.parametrize("replies", [True, False])
@pytest.mark.parametrize(
    ("port", "standing", "reason"),
    [
        (8125, Standing.IN, "whether it was answered is not told"),
        (8126, Standing.OUT, "whether it was answered is not told, and no pod declares the port"),
    ],
)
def test_udp_of_a_source_that_never_tells_of_answers_is_not_said_to_have_none(
    replies: bool, port: int, standing: Standing, reason: str
) -> None:
    brief = {"verdict": Verdict.UNKNOWN, "origin": "conntrack-brief", **UDP}
    seen = flow(WEB, known_ends([UDP_POD])["stat-1"], port, **brief)
    scene = shop(UDP_POD).sees([seen, *(ELSEWHERE if replies else [])]).chooses()
    row = scene.row(OUT, "stat")
    assert (row.standing, row.reason) == (standing, reason)


def test_udp_without_answer_starts_in_when_a_service_was_dialled() -> None:
    stat = service("stat", "10.96.0.77", [(8125, 8199)], protocols=("UDP",))
    scene = shop(UDP_POD, stat).sees([flow(WEB, "10.96.0.77", 8125, **UDP), *ELSEWHERE]).chooses()
    assert scene.row(OUT, "stat").standing is Standing.IN


@pytest.mark.parametrize(("port", "standing"), [(8125, Standing.IN), (8126, Standing.OUT)])
def test_incoming_udp_asks_what_the_selected_workload_declares(port: int, standing: Standing) -> None:
    web = pod("web-3", "10.244.0.78", "web", ports=[("metrics", "UDP", 8125)])
    scene = shop(web).sees([flow(PAY, WEB, port, **UDP), *ELSEWHERE]).chooses()
    assert scene.row(IN, "pay").standing is standing


# -- direction ---------------------------------------------------------------------------------------------


def test_an_inferred_direction_is_said() -> None:
    seen = [flow(WEB, CART, is_reply=None), flow(CART, WEB, 40000, is_reply=None)]
    scene = shop().sees(seen).chooses()
    row = scene.row(OUT, "cart")
    assert (row.standing, row.reason) == (Standing.IN, "direction inferred")


def test_an_unknown_direction_is_not_ticked() -> None:
    seen = [flow(WEB, DB, 40001, is_reply=None), *ELSEWHERE]
    scene = shop().sees(seen).chooses()
    rows = [r for r in (*scene.table(IN).rows, *scene.table(OUT).rows) if r.key.peer.name == "db"]
    assert rows
    assert not any(row.ticked for row in rows)


# -- what the peer is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "client", "server", "port", "name", "standing", "reason"),
    [
        (OUT, "web-1", "203.0.113.7", 443, "203.0.113.7", Standing.OUT, "unresolved IPs start out"),
        (IN, "203.0.113.7", "web-1", 8080, "203.0.113.7", Standing.OUT, "unresolved IPs start out"),
        (OUT, "web-1", "10.96.0.1", 443, "kubernetes", Standing.IN, ""),
        (OUT, "web-1", "172.18.0.3", 6443, "kubernetes", Standing.IN, ""),
        (OUT, "web-1", "10.96.0.10", 53, "cluster DNS", Standing.IN, ""),
        (OUT, "web-1", "db-0", 5432, "db", Standing.IN, ""),
        (IN, "pay-1", "web-1", 8080, "pay", Standing.IN, ""),
    ],
)
def test_the_sort_of_peer_decides(
    direction: Direction, client: str, server: str, port: int, name: str, standing: Standing, reason: str
) -> None:
    row = shop().sees((client, server, port)).chooses().row(direction, name)
    assert (row.standing, row.reason) == (standing, reason)


@pytest.mark.parametrize("direction", [IN, OUT])
def test_nodes_start_out_and_say_why(direction: Direction) -> None:
    spoken = ("web-1", "172.18.0.2", 9100) if direction is OUT else ("172.18.0.2", "web-1", 8080)
    row = shop().sees(spoken).chooses().row(direction, "node-a")
    assert row.standing is Standing.OUT
    assert row.reason.startswith("nodes start out")


@pytest.mark.parametrize(
    ("on", "verdict", "reason"),
    [
        ("node-a", F, "nodes start out: a pod's own node gets in anyway, for probes"),
        ("node-b", F, "nodes start out: not the own node of all pods it reached, so the policy denies what "
         "was seen, of clients too that it masquerades"),
        ("node-b", DROPPED, "nodes start out"),
        ("", F, "nodes start out: a pod's own node gets in anyway, for probes"),
    ],
)  # fmt: skip
def test_only_the_own_node_of_the_pods_gets_in_anyway(on: str, verdict: Verdict, reason: str) -> None:
    placed = pod("api-1", "10.244.0.90", "api", **({"nodeName": on} if on else {}))
    seen = flow("172.18.0.2", known_ends([placed])["api-1"], verdict=verdict)
    row = shop(placed).sees([seen]).chooses(WorkloadRef("Deployment", "shop", "api")).row(IN, "node-a")
    assert (row.standing, row.reason) == (Standing.OUT, reason)


def test_what_is_not_known_of_a_node_is_said_too_where_its_tick_is_suspended() -> None:
    scene = shop().sees(("172.18.0.2", "web-1", 8080)).chooses().general(IN, GeneralRule.BLOCK_ALL)
    row = scene.tick(scene.row(IN, "node-a")).row(IN, "node-a")
    assert (row.reach, row.reason.partition("; ")[0]) == (Reach.UNKNOWN, "suspended by Block All")
    assert row.reason.partition("; ")[2]


SENT = [flow(WEB, "172.18.0.3", 6443)]
RESET = answer(WEB, "172.18.0.3", 6443, rst=True)


@pytest.mark.parametrize(
    ("flows", "standing", "reason"),
    [
        (SENT, Standing.IN, "never answered: whether it arrived is not known"),
        ([replace(SENT[0], arrived=True)], Standing.IN, "never answered, though let in once"),
        ([replace(SENT[0], verdict=Verdict.REDIRECTED), replace(RESET, rst=False)], Standing.IN, PROXY),
        ([*SENT, replace(RESET, rst=False), RESET], Standing.IN, ""),
        ([*SENT, RESET], Standing.OUT, "never answered (refused once)"),
        ([replace(SENT[0], arrived=True), RESET], Standing.OUT, "never answered (refused once)"),
        ([replace(SENT[0], verdict=DROPPED)], Standing.OUT, "denied only (once)"),
        (
            [replace(SENT[0], verdict=Verdict.TRACED)],
            Standing.OUT,
            "never answered: no verdict on it was seen",
        ),
    ],
)
def test_the_api_server_starts_in_though_unanswered_and_says_so_but_not_where_it_refused(
    flows: list[Flow], standing: Standing, reason: str
) -> None:
    row = shop().sees([*flows, *ELSEWHERE]).chooses().row(OUT, "kubernetes")
    assert (row.standing, row.reason) == (standing, reason)


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ([answer(WEB, "10.96.0.10", 53, rst=True)], "never answered (refused once)"),
        (talk(WEB, "10.96.0.10", 53), ""),
    ],
)
def test_dns_over_tcp_that_never_answered_says_so(rest: list[Flow], reason: str) -> None:
    asked = flow(WEB, "10.96.0.10", 53)
    row = shop().sees([asked, *rest, *ELSEWHERE]).chooses().row(OUT, "cluster DNS")
    assert (row.standing, row.reason) == (Standing.IN, reason)


def test_dns_shows_the_denied_count_too() -> None:
    seen = [*talk(WEB, "10.96.0.10", 53, **UDP), flow(WEB, "10.96.0.10", 53, verdict=DROPPED, **UDP)]
    row = shop().sees(seen).chooses().row(OUT, "cluster DNS")
    assert (row.standing, row.reason) == (Standing.IN, "denied once, answered once")


def test_dns_that_only_a_proxy_answered_stays_in_and_says_nothing_else() -> None:
    asked = flow(WEB, "10.96.0.10", 53, verdict=Verdict.REDIRECTED, **UDP)
    row = shop().sees([asked, answer(WEB, "10.96.0.10", 53, **UDP)]).chooses().row(OUT, "cluster DNS")
    assert (row.standing, row.reason) == (Standing.IN, PROXY)
