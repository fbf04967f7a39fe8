"""A policy that isolates another workload's pods too leaves the screen only when that is meant."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Static

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.policy import LabelSelector
from netsec_tui.model.review import Subject
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.sharing import shared_sentence
from tests.ui.shop import WIDE, app_over, cluster, full_feed, started


@pytest.fixture
def shared():
    """Return the app over a cluster in which a Job's pod has the labels of checkout."""
    state = cluster()
    checkout = next(pod for pod in state.pods if pod.owner.name == "checkout")
    other = replace(checkout, name="odd", owner=WorkloadRef("Job", "shop", "odd"), ips=("10.0.0.99",))
    return app_over(full_feed(inventory=replace(state, pods=(*state.pods, other))))


@pytest.mark.parametrize(("key", "verb"), [("y", "Copy"), ("S", "Save")])
async def test_copying_and_saving_ask_first(shared, key, verb):
    async with shared.run_test(size=WIDE) as pilot:
        await started(pilot)
        await pilot.press(key)
        await started(pilot)
        assert isinstance(shared.screen, Confirm)
        asked = str(shared.screen.query_one(Static).render())
        told = "The policy's selector also selects Job/odd: its pods will be isolated too."
        assert asked == f"{told} {verb} anyway?"
        await pilot.press("n")
        await started(pilot)
        assert len(shared.screen_stack) == 1
        assert not shared.clipboard


async def test_yes_holds_for_the_workload_from_then_on(shared):
    async with shared.run_test(size=WIDE) as pilot:
        await started(pilot)
        await pilot.press("y")
        await started(pilot)
        await pilot.press("y")
        await started(pilot)
        assert shared.clipboard == shared.session.review().yaml
        await pilot.press("S", "enter")
        await started(pilot)
        assert Path("deployment-checkout.yaml").read_text() == shared.session.review().yaml


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, ""),
        (1, "the policy's selector also selects Job/0: its pods will be isolated too"),
        (2, "the policy's selector also selects Job/0, Job/1: their pods will be isolated too"),
        (7, "also selects Job/0, Job/1, Job/2, Job/3, Job/4 and 2 more: their pods will be isolated too"),
    ],
)
def test_sentence_names_a_few(count, sentence):
    others = tuple(WorkloadRef("Job", "shop", str(n)) for n in range(count))
    subject = Subject(WorkloadRef("Deployment", "shop", "web"), LabelSelector(), (), shared=others)
    found = shared_sentence(subject)
    assert found.endswith(sentence)
    assert bool(found) is bool(count)
