"""The comparison of the generated policy with what is applied, opened by a key and read from the screen."""

from dataclasses import replace

import yaml

from netsec_tui.model.policy import LabelSelector, PolicyPeer, PolicyRule
from netsec_tui.render.spans import Role
from netsec_tui.ui.screens.diff import DiffDialog
from netsec_tui.ui.styled import ROLE_STYLES
from tests.core.scene import SHOP, Scene
from tests.ui.demo_host import WIDE, opened
from tests.ui.dialog_host import DialogHost
from tests.ui.shop import composed

CALLS = (("cart-1", "web-1"), ("web-1", "db-0", 5432))


def scene(*objects):
    return Scene(*SHOP, *objects).sees(*CALLS).chooses()


def dialog(of):
    return DiffDialog(of.session.ground(), of.review.policies)


async def compared(pilot):
    """Wait until the comparison is drawn."""
    await pilot.app.workers.wait_for_complete()
    await composed(pilot)


async def test_meaning_comes_first_and_lines_have_their_colours():
    app = DialogHost(dialog(scene()))
    async with app.run_test(size=(140, 60)) as pilot:
        await compared(pilot)
        shown = app.text()
        meaning = shown.index("- shop/Deployment/cart -> shop/Deployment/web: all ports but TCP 8080")
        assert meaning < shown.index("+kind: NetworkPolicy")
        assert "shop/deployment-web is not applied yet; all of it is new:" in shown
        body = app.screen.query_one("#difference").render()
        styles = {body.plain[span.start]: str(span.style) for span in body.spans}
        assert styles["-"] == ROLE_STYLES[Role.REFUSED]
        assert styles["+"] == ROLE_STYLES[Role.GAINED]


async def test_it_is_said_that_nothing_differs():
    before = scene()
    now = scene(*yaml.safe_load_all(before.review.yaml))
    app = DialogHost(dialog(now))
    async with app.run_test(size=(80, 24)) as pilot:
        await compared(pilot)
        assert "The generated policy is applied as it is: nothing differs." in app.text()
        assert "no connection is lost or gained" in app.text()


async def test_a_line_says_that_it_is_being_worked_out_and_leaving_does_not_wait():
    app = DialogHost(dialog(scene()))
    async with app.run_test(size=(80, 24)) as pilot:
        shown = app.screen.query_one("#difference").render().plain
        assert shown.startswith(("Comparing with what is applied", "Applying it"))
        await pilot.press("escape")
        await compared(pilot)
        assert app.answer is None


async def test_sentences_are_wrapped_to_a_narrow_screen_and_the_keys_scroll():
    app = DialogHost(dialog(scene()))
    async with app.run_test(size=(80, 24)) as pilot:
        await compared(pilot)
        lines = app.screen.query_one("#difference").render().plain.splitlines()
        assert max(map(len, lines)) <= 80 * 94 // 100 - 8
        assert "+kind: NetworkPolicy" not in app.text()
        await pilot.press("end")
        await composed(pilot)
        assert "+          port: 5353" in app.text()
        await pilot.press("home", *"jjj", "k")
        await composed(pilot)
        assert app.screen.query_one(".pages").scroll_offset.y == 2


async def test_names_of_the_cluster_show_literally():
    odd = scene()
    known = odd.session.inventory
    (pay,) = [pod for pod in known.pods if pod.name == "pay-1"]
    owner = pay.owner._replace(name="we\x1b[31mb[bold]", namespace="data")
    strange = replace(pay, namespace="data", owner=owner)
    odd.session.set_inventory(replace(known, pods=(*known.pods, strange)))
    draft = odd.review.policies
    open_to_all = replace(draft[0], ingress=(PolicyRule((PolicyPeer(namespace_selector=DATA),)),))
    app = DialogHost(DiffDialog(odd.session.ground(), (open_to_all,)))
    async with app.run_test(size=(140, 60)) as pilot:
        await compared(pilot)
        assert r"data/Deployment/we\x1b[31mb[bold]" in app.text()


DATA = LabelSelector((("kubernetes.io/metadata.name", "data"),))


async def test_the_key_opens_it_in_the_app_and_the_demo_differs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    async with opened(WIDE) as operator:
        await operator.press("escape", "d")
        assert "Choose a workload first" in operator.status()
        await operator.press("s")
        await operator.choose("shop", "Deployment", "web")
        await operator.press("d")
        await operator.until(lambda: "Applying it: " in operator.screen(), "the comparison is drawn")
        assert "Diff: generated policy against what is applied" in operator.screen()
        assert "-> shop/Deployment/web: all ports" in operator.screen()
        await operator.press("d")
        assert "Diff:" not in operator.screen()


async def test_a_workload_without_a_policy_has_nothing_to_compare():
    async with opened(WIDE) as operator:
        await operator.choose("monitoring", "DaemonSet", "node-exporter")
        await operator.press("d")
        assert "host network" in operator.status()
