"""The proof on the screen: it follows every decision, and a key shows all of it."""

from __future__ import annotations

import pytest

from netsec_tui.model.flow import Gap
from netsec_tui.sources.contract import SourceStatus
from tests.ui.demo_host import NARROW, WIDE, Operator, opened


def told(operator: Operator) -> str:
    """Return what stands under the policy, as one line."""
    _, _, proof = operator.pane("policy").partition("Proof")
    lines = (line.strip("\u2502\u256d\u256e\u2570\u256f\u2500 ") for line in proof.splitlines()[1:])
    return " ".join(filter(None, lines))


async def test_the_proof_follows_the_ticks() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        assert told(operator).startswith("8 of 8 included allowed")
        assert "0 opened unseen \u00b7 0 isolated by accident" in told(operator)
        await operator.go_to("egress", "tracing")
        await operator.press("space")
        assert told(operator).startswith("7 of 7 included allowed")
        assert "3 of 4 excluded denied, 1 cannot tell" in told(operator)


async def test_what_a_general_rule_lets_through_is_included_by_it() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.press("1", "r", "I", "n", "s", "i", "d", "e", "enter")
        assert told(operator).startswith("9 of 9 included allowed 1 of 2 excluded denied, 1 cannot tell")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_one_key_shows_the_list(size: tuple[int, int]) -> None:
    async with opened(size) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.press("p")
        shown = operator.screen()
        assert "Proof of deployment-web" in shown
        assert "8 of 8 included allowed" in shown
        assert "excluded, cannot tell (1)" in shown
        await operator.press("escape")
        assert "Proof of deployment-web" not in operator.screen()


async def test_without_a_policy_there_is_no_proof_and_the_key_says_so() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("monitoring", "DaemonSet", "node-exporter")
        assert "Proof" not in operator.pane("policy")
        await operator.press("p")
        assert operator.status() == "\u2717 There is no generated policy to prove."
        assert "How it was observed" in operator.screen()


async def test_what_sources_say_of_themselves_is_shown_and_never_obeyed() -> None:
    said = "12 flows from 1 of 2 nodes; Hubble keeps flows for about 9 s only [bold]\x1b[2Jx"
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        operator.app._intake.statuses["hubble"] = SourceStatus("hubble", True, said)
        await operator.until(lambda: "demo, hubble" in operator.screen(), "the source is known")
        await operator.press("p", "end")
        shown = operator.screen()
        assert "What the sources say" in shown
        assert "- hubble: 12 flows from 1 of 2 nodes; Hubble keeps flows for about 9 s only" in shown
        assert "[bold]\\x1b[2Jx" in shown


async def test_the_page_follows_what_is_observed_while_it_is_open() -> None:
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "web")
        await operator.press("p", "end")
        assert "hubble" not in operator.screen()
        operator.app.session.add_flows([Gap(0.0, 43, "events were overwritten")])
        operator.app._intake.statuses["hubble"] = SourceStatus("hubble", True, "40 flows", error="it is gone")
        lost = "lost: events were overwritten (43)"
        await operator.until(lambda: lost in operator.screen(), "what was lost")
        await operator.press("end")
        assert "- hubble: 40 flows; it is gone" in operator.screen()
        await operator.press("escape")
        assert "How it was observed" not in operator.screen()
