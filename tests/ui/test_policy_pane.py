"""From the policy to the rows behind it and from a row to its rule, on the demo by keys alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from textual.selection import SELECT_ALL

from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector
from netsec_tui.ui.widgets.line_view import LineView
from tests.ui.demo_host import NARROW, WIDE, Operator, opened
from tests.ui.shop import app_over, cluster, full_feed, read_all, started, status

_BORDER = " \u2502\u2581\u2582\u2583\u2584\u2585\u2586\u2587"
"""What stands right of a line: the frame and the scroll bar."""


ROOMY = (140, 42)
"""Room for the longest rule of the policy from its first line to its port."""


def marked(operator: Operator) -> list[str]:
    """Return the lines of the policy that are marked by their form, whatever the colours."""
    lines = (line.strip("\u2502 ") for line in operator.pane("policy").splitlines())
    return [line[1:].strip(_BORDER) for line in lines if line.startswith("\u258c ")]


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("tracing", "app.kubernetes.io/name: tracing"),
        ("orders", "app.kubernetes.io/name: orders"),
        ("sessions", "app.kubernetes.io/name: sessions"),
    ],
)
async def test_the_focused_row_marks_its_lines_in_the_policy_and_shows_them(name: str, own: str) -> None:
    async with opened(ROOMY) as operator:
        await operator.choose("shop", "Deployment", "web")
        row = await operator.go_to("egress", name)
        lines = marked(operator)
        assert own in lines
        assert f"port: {row.port.partition('/')[0]}" in lines
        assert not any("app.kubernetes.io/name" in line for line in lines if line != own)
        assert re.fullmatch(r"In the policy: egress rule \d+ of deployment-web", operator.status())


async def test_a_row_that_is_out_marks_nothing() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.go_to("egress", "tracing")
        assert marked(operator)
        await operator.press("space")
        assert marked(operator) == []
        assert operator.status().startswith("Not in the policy: unticked by hand")
        await operator.press("space")
        assert marked(operator)


async def test_the_cursor_in_the_policy_says_which_rows_are_behind_each_line() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.press("4", "home")
        assert operator.status().startswith("ingress of deployment-web: 1 row, ")
        await operator.press("down")
        whole = operator.status()
        assert re.fullmatch(
            r"ingress rule 1 of deployment-web: 1 row, [\d,]+ flows allowed: "
            r"monitoring/sts/prometheus 9102/TCP",
            whole,
        )
        await operator.press("j")
        assert operator.status().startswith("ingress rule 1 of deployment-web, pods ")
        await operator.press("k")
        assert operator.status() == whole


async def test_enter_on_a_rule_lists_its_rows_with_flows_and_times() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.press("4", "home", "down", "enter")
        screen = operator.screen()
        assert "Ingress rule 1 of deployment-web" in screen
        assert "StatefulSet/prometheus in monitoring 9102/TCP" in screen
        assert re.search(
            r"[\d,]+ allowed, 0 denied, [\d,]+ answers; first 2026-\d\d-\d\d .* UTC, last ", screen
        )


async def test_a_direction_that_refuses_everything_says_so() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.press("2", "r")
        await operator.answer("General rule for egress", "Block")
        await operator.press("4", "end")
        said = "egress of deployment-web: no row is included: all egress is refused"
        assert operator.status() == said


async def test_on_a_small_screen_the_policy_opens_at_the_rule_of_the_row() -> None:
    async with opened(NARROW) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.go_to("egress", "sessions")
        assert operator.status().startswith("In the policy: egress rule ")
        await operator.press("enter")
        assert re.search(r"Rule +egress rule \d+ of deployment-web", operator.screen())
        await operator.press("escape", "4")
        assert "app.kubernetes.io/name: sessions" in operator.screen()
        assert "sessions" in operator.status()


async def test_copying_lines_of_the_policy_takes_no_bar_with_it() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.go_to("egress", "tracing")
        copied = operator.app.screen.query_one("#policy LineView", LineView).get_selection(SELECT_ALL)
        assert copied is not None
        assert "\u258c" not in copied[0]
        assert copied[0].startswith("apiVersion: networking.k8s.io/v1\n")
        assert "              app.kubernetes.io/name: tracing" in copied[0]


async def test_the_status_line_follows_what_the_line_under_the_cursor_says() -> None:
    feed = full_feed()
    app = app_over(feed)
    async with app.run_test(size=WIDE) as pilot:
        await read_all(feed, pilot)
        await pilot.press("4", "home", "j", "j")
        await started(pilot)
        rule = "ingress rule 1 of deployment-checkout, pods "
        assert status(app).startswith(f"{rule}app=frontend: 1 row")
        feed.waiting.append(relabelled("frontend", "fore"))
        await read_all(feed, pilot)
        assert status(app).startswith(f"{rule}app=fore: 1 row")
        app.screen.say("Saved x.yaml.")
        feed.waiting.append(relabelled("frontend", "aft"))
        await read_all(feed, pilot)
        assert status(app) == "Saved x.yaml."
        await pilot.press("j")
        await started(pilot)
        assert status(app).startswith(f"{rule}app=aft: 1 row")


def relabelled(name: str, label: str) -> Inventory:
    """Return the cluster in which the pods of an owner have another label."""
    labels, both = (("app", label),), cluster()
    owners = (
        replace(one, selector=LabelSelector(labels), template_labels=labels) if one.ref.name == name else one
        for one in both.owners
    )
    pods = (replace(one, labels=labels) if one.owner.name == name else one for one in both.pods)
    return replace(both, owners=tuple(owners), pods=tuple(pods))
