"""What if, on the screen: counts by scenario, a filter of the tables, and what was never seen."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from netsec_tui.model.communication import Communication
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, address_peer
from netsec_tui.model.review import Row, Standing
from netsec_tui.model.whatif import Forecast, Outlook, Scenario, Unseen, WhatIfVerdict
from netsec_tui.ui.row_filter import RowFilter, WhatIfPick
from netsec_tui.ui.screens.what_if import WhatIfDialog
from netsec_tui.ui.view import View
from netsec_tui.ui.what_if_desk import WhatIfDesk
from tests.core.scene import IN, OUT, Scene, policy, shop
from tests.ui.demo_host import NARROW, WIDE, opened
from tests.ui.dialog_host import NOTHING_YET, DialogHost
from tests.ui.shop import composed

APPLIED, BOTH, DRAFT = Scenario
ALLOWED, DENIED, UNKNOWN = WhatIfVerdict


# -- the demo, by keys -------------------------------------------------------------------------------------


def counts(screen: str) -> dict[str, list[int]]:
    """Return the numbers of the dialog by scenario."""
    found = {}
    for scenario in Scenario:
        (cells,) = re.findall(rf"│  {re.escape(scenario)} {{2,}}([\d ,\[\]]+)│", screen)
        found[str(scenario)] = [int(cell) for cell in re.findall(r"[\d]+", cells)]
    return found


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_two_keys_show_what_the_draft_would_deny(size: tuple[int, int]) -> None:
    async with opened(size) as operator:
        await operator.choose("shop", "Deployment", "payments")
        await operator.press("i")
        assert "Allowed though never seen, applied + draft:" in operator.screen()
        told = counts(operator.screen())
        assert sum(told["applied + draft"][:3]) == sum(told["applied"][:3]) == 10
        await operator.press("i")
        rows = operator.rows("egress")
        assert len(rows) == told["applied + draft"][1] == 6
        assert {row.box for row in rows} == {"[ ]", "[-]"}
        assert "would be denied (applied" in operator.screen()
        assert operator.status().startswith(
            "Would be denied (applied + draft): egress is isolated by shop/deploy"
        )


async def test_escape_shows_all_rows_of_both_tables_again() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "payments")
        before = operator.rows("ingress"), operator.rows("egress")
        await operator.press("i", "enter")
        assert operator.rows("ingress") == []
        await operator.press("escape")
        assert (operator.rows("ingress"), operator.rows("egress")) == before
        assert "would be denied" not in operator.screen()


async def test_the_filter_follows_decisions() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "payments")
        await operator.press("i", "enter")
        first = operator.rows("egress")
        ticked = await operator.go_to("egress", "192.0.2.21")
        await operator.press("space")
        await operator.until(lambda: len(operator.rows("egress")) == len(first) - 1, "the row has gone")
        assert ticked.name not in {row.name for row in operator.rows("egress")}
        await operator.press("u")
        await operator.until(lambda: operator.rows("egress") == first, "the row is back")


async def test_a_filter_ends_with_the_workload() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "payments")
        await operator.press("i", "enter", "o")
        await operator.answer("Kind in shop", "Deployment")
        await operator.answer("Deployment in shop", "orders")
        await operator.until(lambda: "Deployment/orders" in operator.screen().splitlines()[0], "orders")
        await operator.press()
        assert "would be denied" not in operator.screen()
        assert operator.rows("egress")


async def test_what_is_open_though_never_seen_can_be_read() -> None:
    async with opened(NARROW) as operator:
        await operator.choose("shop", "Deployment", "payments")
        await operator.press("i")
        assert "Nothing besides what the rows show." in operator.screen()
        await operator.press("up")
        assert "Allowed though never seen, applied:" in operator.screen()
        assert "egress   any address: all ports" in operator.screen()
        await operator.press("escape")
        assert "What if" not in operator.screen()
        assert operator.rows("ingress")


async def test_without_a_workload_the_way_out_is_named() -> None:
    async with opened(NARROW) as operator:
        await operator.press("escape", "i")
        assert operator.status().endswith("Choose a workload first: s")


# -- the dialog --------------------------------------------------------------------------------------------


def key(name: str) -> CommunicationKey:
    return CommunicationKey(OUT, address_peer(name), Protocol.TCP, 443)


def outlook(*verdicts: WhatIfVerdict, unseen: tuple[Unseen, ...] = ()) -> Outlook:
    forecasts = {key(f"203.0.113.{n}"): Forecast(verdict, "why") for n, verdict in enumerate(verdicts)}
    return Outlook(MappingProxyType(forecasts), frozenset(forecasts), unseen)


ANSWERS = {
    APPLIED: outlook(ALLOWED, ALLOWED, unseen=(Unseen(IN, "\x1b[31m[red]x", "TCP 80", 3),)),
    BOTH: outlook(ALLOWED, DENIED),
    DRAFT: outlook(UNKNOWN, DENIED),
}


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], (BOTH, DENIED)),
        (["i"], (BOTH, DENIED)),
        (["up", "left", "enter"], (APPLIED, ALLOWED)),
        (["j", "l", "enter"], (DRAFT, UNKNOWN)),
        (["down", "down", "h", "enter"], (APPLIED, ALLOWED)),
        (["escape"], None),
        (["q"], None),
        (["l", "l", "enter"], NOTHING_YET),
    ],
)
async def test_a_count_is_chosen_with_the_arrows(keys: list[str], answer: object) -> None:
    app = DialogHost(WhatIfDialog(ANSWERS))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(*keys)
        await composed(pilot)
        assert app.answer == answer


async def test_the_dialog_waits_for_its_answers() -> None:
    dialog = WhatIfDialog(None)
    app = DialogHost(dialog)
    async with app.run_test(size=NARROW) as pilot:
        assert "Working it out" in app.text()
        dialog.show(ANSWERS)
        await composed(pilot)
        assert counts(app.text()) == {
            "applied": [2, 0, 0, 3],
            "applied + draft": [1, 1, 0, 0],
            "draft alone": [0, 1, 1, 0],
        }


async def test_names_from_the_cluster_are_shown_as_they_are() -> None:
    app = DialogHost(WhatIfDialog(ANSWERS))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("up")
        await composed(pilot)
        assert "\x1b" not in app.text()
        assert "[red]x: TCP 80" in app.text()


async def test_a_long_list_scrolls_below_the_counts() -> None:
    many = tuple(Unseen(OUT, f"Deployment/x{n:02}", "TCP 80") for n in range(60))
    app = DialogHost(WhatIfDialog(ANSWERS | {BOTH: replace(ANSWERS[BOTH], unseen=many)}))
    async with app.run_test(size=NARROW) as pilot:
        for _ in range(20):
            if "Deployment/x59" in app.text():
                break
            await pilot.press("pagedown")
            await composed(pilot)
        assert "Deployment/x59" in app.text()
        assert counts(app.text())["applied + draft"] == [1, 1, 0, 60]


# -- the filter --------------------------------------------------------------------------------------------


def row(name: str) -> Row:
    return Row(Communication(key(name)), Standing.OUT, "unresolved IPs start out", text=name)


ROWS = tuple(row(f"203.0.113.{n}") for n in range(3))


def test_the_filter_keeps_the_rows_of_a_verdict_and_gives_its_reason() -> None:
    pick = WhatIfPick(BOTH, DENIED, ANSWERS[BOTH])
    (kept,) = RowFilter(what_if=pick).keep(ROWS)
    assert (kept.key, kept.reason) == (ROWS[1].key, "why")
    assert RowFilter("113.1", what_if=pick).keep(ROWS) == (kept,)
    assert RowFilter("113.2", what_if=pick).keep(ROWS) == ()


def test_the_filter_says_what_it_is() -> None:
    named = RowFilter("web", what_if=WhatIfPick(BOTH, DENIED, ANSWERS[BOTH]))
    assert str(named) == "would be denied (applied + draft) /web"
    assert named.active


# -- work beside the event loop ----------------------------------------------------------------------------


class Desk:
    """Hold a desk with what it has told; ``tasks`` are those of its work."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.desk = WhatIfDesk(self._start, self.told.append)

    def _start(self) -> None:
        self.tasks.append(asyncio.create_task(self.desk.work()))

    async def rest(self) -> None:
        await asyncio.gather(*self.tasks)


def views(scene: Scene) -> tuple[View, View, View]:
    """Return a view, one after a decision, and one after that was taken back."""
    found = []
    cart = scene.row(OUT, "cart")
    for ticked in (True, False, True):
        scene.tick(cart, ticked)
        found.append(View(review=scene.review, ground=scene.session.ground()))
    return found[0], found[1], found[2]


async def test_of_reviews_that_come_while_it_is_busy_only_the_last_is_taken() -> None:
    first, second, third = views(shop(policy("x", {"podSelector": {}})).sees(("web-1", "cart-1")).chooses())
    desk = Desk()
    for view in (first, second, third):
        desk.desk.ask(view)
    await desk.rest()
    assert len(desk.tasks) == 1
    assert len(desk.told) == 1
    assert desk.desk.answers_for(third.review) is desk.told[-1]
    assert desk.desk.answers_for(second.review) is None


async def test_a_newer_review_is_answered_after_the_one_under_way() -> None:
    first, second, _ = views(shop().sees(("web-1", "cart-1")).chooses())
    desk = Desk()
    desk.desk.ask(first)
    await asyncio.sleep(0)  # the task has begun with the first
    desk.desk.ask(second)
    await desk.rest()
    assert [told[DRAFT].count(DENIED) for told in desk.told] == [0, 1]


async def test_an_answered_review_is_not_worked_out_again() -> None:
    first, second, _ = views(shop().sees(("web-1", "cart-1")).chooses())
    desk = Desk()
    for view in (first, first, second):
        desk.desk.ask(view)
        await desk.rest()
    assert len(desk.told) == 2


async def test_work_that_nobody_wants_tells_nothing() -> None:
    first, _, _ = views(shop().sees(("web-1", "cart-1")).chooses())
    desk = Desk()
    desk.desk.ask(first)
    desk.desk.stop()
    await desk.rest()
    assert desk.told == []
