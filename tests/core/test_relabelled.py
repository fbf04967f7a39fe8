"""A workload whose labels change: its selector follows, decisions stay, policies that lost it are flagged."""

from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.review import Since, Standing
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.actions import ChooseTimespan, Configure
from tests.core.scene import IN, NOW, OUT, SHOP, WEB, Object, Scene, inventory, owner, pod, policy, service

OLD, NEW = {"app": "web"}, {"app": "shop-web"}
CART = WorkloadRef("Deployment", "shop", "cart")
OURS = policy("deployment-web", {"podSelector": {"matchLabels": OLD}})
HAND = policy("allow-web", {"podSelector": {"matchLabels": OLD}, "ingress": [{}]})


def cluster(
    labels: dict[str, str], *more: Object, pods: dict[str, str] | None = None, selector: Any = None
) -> list[Object]:
    """Return the shop in which web and its pods have these labels."""
    web = owner("web", labels=labels)
    if selector:
        web["spec"]["selector"] = {"matchLabels": selector}
    own = labels if pods is None else pods
    named = ("web", "web-1", "web-2")
    rest = [o for o in SHOP if not (o["metadata"]["name"] in named and o["kind"] in ("Deployment", "Pod"))]
    made = (pod("web-1", "10.244.0.11", "web", labels=own), pod("web-2", "10.244.1.11", "web", labels=own))
    return [*rest, web, *made, *more]


def watched(*objects: Object) -> Scene:
    scene = Scene(*objects).sees(("web-1", "cart-1"), ("web-1", "203.0.113.7", 443), ("pay-1", "web-1"))
    return scene.chooses()


def changes(scene: Scene, *objects: Object) -> Scene:
    scene.session.set_inventory(inventory(*objects))
    return scene


def flagged(scene: Scene) -> list[str]:
    """Return the warnings about applied policies, which come before all others."""
    told = [one.sentence for one in scene.review.strayed]
    assert scene.review.warnings[: len(told)] == tuple(told)
    return told


OLD_POD, NEW_POD = "web-5d9f7c86b4-x2k9z", "web-6f8b4d9c57-8wq2m"


def rolled_out(labels: dict[str, str], name: str) -> list[Object]:
    """Return the shop in which the only pod of web has this name and these labels."""
    rest = [o for o in cluster(labels) if o["metadata"]["name"] not in ("web-1", "web-2")]
    return [*rest, pod(name, "10.244.0.91", "web", labels=labels)]


def test_the_flows_of_pods_that_were_replaced_stay_the_workloads() -> None:
    scene = Scene(*rolled_out(OLD, OLD_POD)).sees((OLD_POD, "cart-1"), (OLD_POD, "203.0.113.7", 443))
    scene.sees(("pay-1", OLD_POD)).chooses()
    scene.tick(scene.row(OUT, "203.0.113.7")).tick(scene.row(OUT, "cart"), False)
    changes(scene, *rolled_out(NEW, NEW_POD))
    assert scene.policy.pod_selector.match_labels == (("app", "shop-web"),)
    assert scene.row(OUT, "203.0.113.7").ticked
    assert not scene.row(OUT, "cart").ticked
    assert scene.names(IN) == ["pay"]
    assert {choice.ref.kind for choice in scene.session.workloads()} == {"Deployment", "Service"}
    scene.chooses(CART)
    assert scene.rules(IN)[0]["from"] == [{"podSelector": {"matchLabels": NEW}}]


RELABELLED = [o for o in cluster(NEW) if o["metadata"]["name"] not in ("web-1", "web-2")]


def gone_to_a_label(**told: Any) -> Scene:
    """Return the shop once web is relabelled, seen from cart; its pod that is gone had no usual name."""
    scene = Scene(*RELABELLED).chooses(CART)
    scene.ends |= Scene(*cluster(OLD)).ends
    return scene.sees(("web-1", "cart-1"), **told)


NOBODY = "the cluster state has no pod with app=web now: a rule for it selects nothing"


def test_an_owner_known_by_a_label_that_no_pod_has_now_starts_out() -> None:
    scene = gone_to_a_label(time=NOW - 3600)
    row = scene.row(IN, "web")
    assert (row.key.peer.kind, row.standing, row.reason) == ("Workload", Standing.OUT, NOBODY)
    assert scene.rules(IN) == []
    scene.tick(row)
    assert scene.row(IN, "web").reason == f"ticked by hand; {NOBODY}"
    assert scene.rules(IN)
    scene.sees(("web-1", "pay-1"), time=NOW).does(ChooseTimespan(TIMESPANS[0]))
    assert scene.row(IN, "web").since is Since.NOT_SEEN
    assert scene.row(IN, "web").reason == f"not seen in this timespan; {NOBODY}"


def test_pods_that_have_the_label_are_enough_whoever_owns_them() -> None:
    two = [pod(f"lone-{n}", f"10.244.0.9{n}", labels=OLD) for n in range(2)]
    row = changes(gone_to_a_label(), *RELABELLED, *two).row(IN, "web")
    assert (row.key.peer.kind, row.standing) == ("Workload", Standing.IN)
    assert NOBODY not in row.reason


@pytest.mark.parametrize("kept", ["Namespace", "elsewhere"])
def test_an_owner_known_by_a_label_starts_in_where_no_pods_were_read(kept: str) -> None:
    def read(one: Object) -> bool:
        at = one["metadata"].get("namespace", one["metadata"]["name"])
        return bool(one["kind"] == kept or (kept == "elsewhere" and at != "shop"))

    scene = changes(gone_to_a_label(), *filter(read, cluster(NEW)))
    row = scene.chooses(WorkloadRef("Workload", "shop", "cart")).row(IN, "web")
    assert (row.standing, row.reason) == (Standing.IN, "")


LOST = "applied policy {} no longer selects Deployment/web: its labels have changed; {}"
SOME = "applied policy {} no longer selects all pods of Deployment/web: their labels have changed; {}"
NAMED = (
    "applied policy {} has the name of the generated policy and does not select {}; "
    "applying the generated one replaces it"
)
ANEW, ADJUST = "apply it anew", "adjust its podSelector"


def test_the_selector_follows_and_decisions_stay() -> None:
    scene = watched(*cluster(OLD))
    scene.tick(scene.row(OUT, "203.0.113.7")).tick(scene.row(OUT, "cart"), False).manual("198.51.100.0/24")
    assert scene.policy.pod_selector.match_labels == (("app", "web"),)
    rules = scene.rules(OUT)
    changes(scene, *cluster(NEW))
    assert scene.policy.name == "deployment-web"
    assert scene.policy.pod_selector.match_labels == (("app", "shop-web"),)
    assert scene.row(OUT, "203.0.113.7").ticked
    assert scene.row(OUT, "cart").standing is Standing.OUT
    assert scene.rules(OUT) == rules
    assert flagged(scene) == []


def test_a_policy_of_the_generated_name_is_flagged_even_if_it_was_never_seen_to_select() -> None:
    """Whether its labels have changed is not known then."""
    assert flagged(watched(*cluster(NEW, OURS))) == [NAMED.format("deployment-web", "Deployment/web")]
    ingress = policy("deployment-web-ingress", {"podSelector": {"matchLabels": OLD}})
    assert flagged(watched(*cluster(NEW, ingress))) == [
        NAMED.format("deployment-web-ingress", "Deployment/web")
    ]
    assert flagged(watched(*cluster(OLD, OURS))) == []
    half = cluster(OLD, policy("deployment-web", {"podSelector": {"matchLabels": NEW}}))
    half = [
        pod("web-2", "10.244.1.11", "web", labels=NEW) if o["metadata"]["name"] == "web-2" else o
        for o in half
    ]
    assert flagged(watched(*half)) == [NAMED.format("deployment-web", "all pods of Deployment/web")]


def test_a_generated_policy_that_was_seen_to_select_it_has_lost_it_to_other_labels() -> None:
    scene = watched(*cluster(OLD, OURS))
    assert flagged(scene) == []
    assert flagged(changes(scene, *cluster(NEW, OURS))) == [LOST.format("deployment-web", ANEW)]


def test_any_policy_that_selected_it_earlier_is_flagged() -> None:
    scene = watched(*cluster(OLD, HAND))
    assert flagged(scene) == []
    assert flagged(changes(scene, *cluster(NEW, HAND))) == [LOST.format("allow-web", ADJUST)]
    # It has not been seen to select the workload by who looks only now.
    assert flagged(watched(*cluster(NEW, HAND))) == []


def test_the_flag_goes_when_the_labels_or_the_policy_are_put_right_or_it_is_deleted() -> None:
    scene = watched(*cluster(OLD, HAND))
    assert flagged(scene) == []
    assert flagged(changes(scene, *cluster(NEW, HAND)))
    assert flagged(changes(scene, *cluster(OLD, HAND))) == []
    assert flagged(changes(scene, *cluster(NEW, HAND)))
    right = policy("allow-web", {"podSelector": {"matchLabels": NEW}, "ingress": [{}]})
    assert flagged(changes(scene, *cluster(NEW, right))) == []
    assert flagged(changes(scene, *cluster(NEW))) == []


def test_a_policy_whose_selector_was_edited_has_not_lost_anything_to_labels() -> None:
    other = policy("allow-web", {"podSelector": {"matchLabels": {"app": "cart"}}})
    scene = watched(*cluster(OLD, HAND))
    assert flagged(scene) == []
    assert flagged(changes(scene, *cluster(OLD, other))) == []


def test_labels_of_the_template_count_where_the_selector_cannot_change() -> None:
    """The selector of a Deployment is immutable; policies by other labels of its pods lose it even so."""
    fine = policy("by-tier", {"podSelector": {"matchLabels": {"tier": "front"}}})
    before, after = {"app": "web", "tier": "front"}, {"app": "web", "tier": "edge"}
    scene = watched(*cluster(before, fine, selector=OLD))
    assert flagged(scene) == []
    assert scene.policy.pod_selector.match_labels == (("app", "web"),)
    changes(scene, *cluster(after, fine, selector=OLD, pods=before))
    assert flagged(scene) == [SOME.format("by-tier", ADJUST)]
    changes(scene, *cluster(after, fine, selector=OLD))
    assert flagged(scene) == [LOST.format("by-tier", ADJUST)]
    assert scene.policy.pod_selector.match_labels == (("app", "web"),)


def test_a_policy_whose_pods_have_gone_has_not_lost_them_to_labels() -> None:
    canary = policy("canary", {"podSelector": {"matchLabels": {"track": "canary"}}})
    one = pod("web-3", "10.244.1.33", "web", labels={"app": "web", "track": "canary"})
    scene = watched(*cluster(OLD, canary, one))
    assert flagged(scene) == []
    assert flagged(changes(scene, *cluster(NEW, canary, one))) == []
    assert flagged(changes(scene, *cluster(OLD, canary))) == []


def test_a_single_pod_that_was_relabelled_is_enough() -> None:
    scene = watched(*cluster(OLD, HAND))
    assert flagged(scene) == []
    apart = pod("web-2", "10.244.1.11", "web", labels={"app": "debug"})
    objects = [apart if o["metadata"]["name"] == "web-2" else o for o in cluster(OLD, HAND)]
    assert flagged(changes(scene, *objects)) == [SOME.format("allow-web", ADJUST)]


def test_what_was_seen_of_a_workload_is_kept_while_another_one_is_looked_at() -> None:
    scene = watched(*cluster(OLD, HAND))
    assert flagged(scene) == []
    scene.chooses(CART)
    assert flagged(scene) == []
    changes(scene, *cluster(NEW, HAND))
    assert flagged(scene) == []
    assert flagged(scene.chooses(WEB)) == [LOST.format("allow-web", ADJUST)]


def test_policies_of_other_namespaces_and_workloads_are_not_flagged() -> None:
    elsewhere = policy("deployment-web", {"podSelector": {"matchLabels": OLD}}, "data")
    cart = policy("deployment-cart", {"podSelector": {"matchLabels": {"app": "cart"}}})
    scene = watched(*cluster(OLD, elsewhere, cart))
    assert flagged(scene) == []
    assert flagged(changes(scene, *cluster(NEW, elsewhere, cart))) == []


def test_a_workload_that_is_gone_has_lost_no_policy() -> None:
    scene = Scene(*cluster(OLD, OURS, HAND)).chooses()
    assert flagged(scene) == []
    named = ("web", "web-1", "web-2")
    gone = [
        o for o in cluster(OLD, OURS, HAND) if o["kind"] == "Service" or o["metadata"]["name"] not in named
    ]
    assert flagged(changes(scene, *gone)) == []


def test_other_keys_in_the_configuration_lose_no_policy() -> None:
    """What is applied selects the pods by whatever labels; only what is generated follows."""
    both = {"app": "web", "tier": "front"}
    scene = watched(*cluster(both, OURS, HAND))
    scene.does(Configure(Config(labels=LabelConfig(LabelFilter(include=("tier",))))))
    assert scene.policy.pod_selector.match_labels == (("tier", "front"),)
    assert flagged(scene) == []


@pytest.mark.parametrize("selector", [OLD, NEW])
def test_a_service_is_asked_about_the_pods_behind_it(selector: dict[str, str]) -> None:
    ours = policy("service-front", {"podSelector": {"matchLabels": OLD}})
    front = service("front", "10.96.0.77", selector=selector)
    scene = watched(*cluster(selector, ours, front)).chooses(WorkloadRef("Service", "shop", "front"))
    told = NAMED.format("service-front", "Service/front")
    assert flagged(scene) == ([told] if selector == NEW else [])
