"""The pane of applied policies by its keys: four views, View Policy, and why a row may be blocked or not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from netsec_tui.model.inventory import Inventory, OverridingPolicy
from netsec_tui.model.policy import LabelSelector
from tests.ui.demo_host import NARROW, WIDE, opened
from tests.ui.shop import CHECKOUT, app_over, applied, cluster, full_feed, read_all, screen_text, status

BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])


@BOTH
async def test_one_key_goes_through_the_four_views(size):
    async with opened(size) as operator:
        await operator.choose("data", "StatefulSet", "postgres")
        await operator.go_to("ingress", "orders")
        await operator.press("5")
        assert re.search(r"postgres-clients +ingress: 1 rule +all 2 pods", operator.pane("applied"))
        assert "egress: not isolated, everything gets out" in operator.pane("applied")

        await operator.press("v")
        assert "Deployment/orders in shop" in operator.pane("applied")
        assert "ingress: not isolated, everything gets in" in operator.pane("applied")
        assert "postgres-clients" not in operator.pane("applied")

        await operator.press("v")
        pane = operator.pane("applied")
        assert re.search(r"denied +monitoring/grafana +5432/TCP +policy po", pane)
        assert re.search(r"allowed +shop/orders +5432/TCP +policy po", pane)

        await operator.press("v")
        pane = operator.pane("applied")
        assert re.search(r"postgres-clients +ingress +sts/postgres", pane)
        assert re.search(r"warehouse +no policy: everything gets in", pane)

        await operator.press("v")
        assert "StatefulSet/postgres in data" in operator.pane("applied")


async def test_the_peer_is_that_of_the_row_focused_last():
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "orders")
        await operator.press("5", "v")
        await operator.go_to("egress", "postgres")
        assert "StatefulSet/postgres in data" in operator.pane("applied")
        assert "postgres-clients" in operator.pane("applied")
        await operator.go_to("egress", "payments")
        assert "Deployment/payments in shop" in operator.pane("applied")
        assert "postgres-clients" not in operator.pane("applied")


async def test_a_communication_opens_with_both_sides_and_the_policies_behind_it():
    async with opened(WIDE) as operator:
        await operator.choose("data", "StatefulSet", "postgres")
        await operator.press("5", "v", "v", "home", "enter")
        shown = operator.screen()
        assert "In force    Deployment/grafana in monitoring may not reach StatefulSet/postgres" in shown
        assert re.search(r"Egress +allowed: no policy isolates Deployment/grafana in monitoring", shown)
        assert re.search(r"Ingress +denied: policy postgres-clients isolates StatefulSet/postgres", shown)
        await operator.press(*["pagedown"] * 3)
        shown += operator.screen()
        assert "NetworkPolicy data/postgres-clients" in shown
        assert "podSelector:" in shown


async def test_the_detail_of_a_row_says_why_it_may_pass():
    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "orders")
        await operator.go_to("egress", "postgres")
        await operator.press("enter")
        assert "In force    Deployment/orders may reach StatefulSet/postgres in data" in operator.screen()
        assert "policy data/postgres-clients lets it in by ingress rule 1" in operator.screen()


async def test_a_view_is_chosen_by_a_click_on_its_name():
    async with opened(WIDE) as operator:
        await operator.choose("data", "StatefulSet", "postgres")
        await operator.press("5")
        strip = operator.app.screen.query_one("#applied ViewStrip").region
        line = operator.screen().splitlines()[strip.y]
        await operator.pilot.click(offset=(line.index("Namespace"), strip.y))
        await operator.press()
        assert "Policies in data (1)" in operator.pane("applied")


async def test_a_workload_of_the_map_opens_with_its_policies():
    async with opened(WIDE) as operator:
        await operator.choose("data", "StatefulSet", "postgres")
        await operator.press("5", "v", "v", "v", "end", "enter")
        assert "Policies of a workload" in operator.screen()
        assert re.search(r"postgres-clients +ingress: 1 rule +all 2 pods", operator.screen())


@pytest.fixture
def odd_cluster() -> Inventory:
    """Return the shop with a policy of a strange name and one of another kind."""
    raw = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "l7"}}
    other = OverridingPolicy("CiliumNetworkPolicy", "shop", "l7", raw=raw)
    return replace(cluster(), policies=(applied("[b]\x1b[31mred"),), overriding=(other,))


async def test_names_are_shown_as_they_are_written(odd_cluster):
    app = app_over(full_feed(inventory=odd_cluster))
    async with app.run_test(size=WIDE) as pilot:
        await read_all(app._intake._feed, pilot)
        for _ in range(4):
            await pilot.press("5", "v")
            await read_all(app._intake._feed, pilot)
            assert "\x1b" not in screen_text(app)
        assert "[b]\\x1b[31mred" in screen_text(app)


async def test_a_policy_of_another_kind_is_listed_and_opened(odd_cluster):
    app = app_over(full_feed(inventory=odd_cluster))
    async with app.run_test(size=WIDE) as pilot:
        await read_all(app._intake._feed, pilot)
        await pilot.press("5", "end")
        await read_all(app._intake._feed, pilot)
        assert re.search(r"CiliumNetworkPolicy shop/l7 +may override", screen_text(app))
        assert status(app) == "enter View Policy: CiliumNetworkPolicy shop/l7"
        await pilot.press("v", "v")
        await read_all(app._intake._feed, pilot)
        assert "cannot tell" in screen_text(app)
        await pilot.press("v", "v", "end", "enter")
        await read_all(app._intake._feed, pilot)
        assert "kind: CiliumNetworkPolicy" in screen_text(app)


async def test_without_cluster_state_the_pane_says_what_is_missing():
    app = app_over(full_feed(inventory=Inventory()))
    async with app.run_test(size=NARROW) as pilot:
        await read_all(app._intake._feed, pilot)
        for _ in range(4):
            await pilot.press("5")
            await read_all(app._intake._feed, pilot)
            assert "it is not known which policies are applied" in screen_text(app)
            await pilot.press("v")


async def test_new_cluster_state_is_shown_in_an_open_view():
    feed = full_feed()
    app = app_over(feed)
    async with app.run_test(size=WIDE) as pilot:
        await read_all(feed, pilot)
        await pilot.press("5", "v", "v", "v")
        await read_all(feed, pilot)
        assert "Policies in shop (1)" in screen_text(app)
        both = (applied("new-policy"), *cluster().policies)
        feed.waiting.append(replace(cluster(), policies=both))
        await read_all(feed, pilot)
        assert "new-policy" in screen_text(app)


async def test_a_policy_that_lost_the_workload_to_other_labels_is_flagged_in_the_open_view():
    feed = full_feed()
    app = app_over(feed)
    async with app.run_test(size=WIDE) as pilot:
        await read_all(feed, pilot)
        await pilot.press("5")
        await read_all(feed, pilot)
        assert re.search(r"old-policy .*its pod", screen_text(app))
        feed.waiting.append(relabelled(cluster()))
        await read_all(feed, pilot)
        assert re.search(r"old-policy  ingress: .* no longer: its", screen_text(app))
        lost = "applied policy old-policy no longer selects Deployment/checkout: its labels have changed"
        assert lost in screen_text(app).splitlines()[1]


def relabelled(inventory):
    """Return the cluster in which checkout and its pod have another label."""
    labels = (("app", "till"),)
    pods = (replace(p, labels=labels) if p.owner == CHECKOUT else p for p in inventory.pods)
    owners = (
        replace(o, selector=LabelSelector(labels), template_labels=labels) if o.ref == CHECKOUT else o
        for o in inventory.owners
    )
    return replace(inventory, pods=tuple(pods), owners=tuple(owners))


async def test_what_a_policy_of_another_kind_may_isolate_is_not_called_open(odd_cluster):
    app = app_over(full_feed(inventory=replace(odd_cluster, policies=())))
    async with app.run_test(size=WIDE) as pilot:
        await read_all(app._intake._feed, pilot)
        await pilot.press("5")
        await read_all(app._intake._feed, pilot)
        assert "egress: not known" in screen_text(app)
        assert "everything gets" not in screen_text(app)
