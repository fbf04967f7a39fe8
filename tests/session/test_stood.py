"""A ticked row that opens more than when it was ticked is out, and says so, until it is ticked again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netsec_tui.decisions_file.reading import read_decisions
from netsec_tui.decisions_file.writing import written
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias, GeneralRule
from netsec_tui.model.identity import PeerSort, WorkloadRef
from netsec_tui.model.review import Row
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.session.actions import ConfigSaved, DecisionsSaved, LoadDecisions, SetAlias, Undo
from tests.core.scene import OUT, SHOP, Object, Scene, endpoints, flow, inventory, obj, owner, pod, service

RANGES: dict[str, tuple[str, ...]] = {"pod_cidrs": ("10.244.0.0/16",), "service_cidrs": ("10.96.0.0/16",)}
AGAIN = "tick it again to include it"


def without(*names: str) -> tuple[Object, ...]:
    """Return the objects of the shop without those of some names."""
    return tuple(o for o in SHOP if not o["metadata"]["name"].startswith(names))


def seen(objects: tuple[Object, ...], server: str, port: int, config: Config | None = None) -> Scene:
    """Return a scene where web has dialled an address."""
    scene = Scene(*objects, ranges=RANGES, config=config or Config())
    return scene.sees([flow("10.244.0.11", server, port)]).chooses()


def text_of(scene: Scene) -> str:
    """Return the decisions file that would be written."""
    kept = scene.session.saved_decisions()
    assert kept is not None
    return written(kept)


def saved(scene: Scene) -> SavedDecisions:
    return read_decisions("web.yaml", text_of(scene))


def assert_out(scene: Scene, name: str, told: str, never: str) -> None:
    """Assert that a row is out with a reason and told, and comes back with a tick and no other way."""
    row = scene.row(OUT, name)
    assert (row.ticked, row.in_policy) == (False, False)
    assert told in row.reason
    assert AGAIN in row.reason
    assert never not in scene.review.yaml
    assert scene.review.changes.altered == (row.key,)
    assert scene.review.changes.not_seen == ()
    before = text_of(scene)
    assert scene.does(DecisionsSaved(saved(scene))).row(OUT, name).reason == row.reason
    assert text_of(scene) == before
    again = scene.tick(row).row(OUT, name)
    assert (again.ticked, again.in_policy, again.reason) == (True, True, again.reason.replace(AGAIN, ""))
    assert never in scene.review.yaml
    assert not scene.review.changes.altered
    assert not scene.does(Undo()).row(OUT, name).ticked


# -- nodes -------------------------------------------------------------------------------------------------


def node(*addresses: str) -> tuple[Object, ...]:
    """Return the shop with a node of other addresses."""
    rest = (o for o in without("agent") if o["kind"] != "Node")
    told = [{"type": "InternalIP", "address": address} for address in addresses]
    return (*rest, obj("Node", "node-a", None, spec={}, status={"addresses": told}))


def test_a_node_seen_with_another_address_than_it_was_ticked_for_is_out() -> None:
    scene = seen(node("172.18.0.2"), "172.18.0.2", 10250)
    kept = saved(scene.tick(scene.row(OUT, "node-a")))
    later = seen(node("172.18.0.77"), "172.18.0.77", 10250).does(LoadDecisions(kept))
    told = "node node-a has other addresses now (172.18.0.77) than when it was ticked (172.18.0.2)"
    assert 'addresses: ["172.18.0.2"]' in text_of(later)
    assert any("1 ticked communication stands for something else now" in w for w in later.review.warnings)
    assert_out(later, "node-a", told, "172.18.0.77/32")


def test_a_node_that_gets_another_address_while_running_is_out_too() -> None:
    scene = seen(node("172.18.0.2", "172.18.0.77"), "172.18.0.2", 10250)
    scene.tick(scene.row(OUT, "node-a")).sees([flow("10.244.0.11", "172.18.0.77", 10250)])
    assert_out(scene, "node-a", "has other addresses now (172.18.0.2, 172.18.0.77)", "172.18.0.77/32")


def test_a_row_that_is_out_for_its_addresses_is_out_under_every_general_rule_it_was_ticked_under() -> None:
    scene = seen(node("172.18.0.2", "172.18.0.77"), "172.18.0.2", 10250)
    for general in (GeneralRule.INSIDE_NAMESPACE, GeneralRule.ROWS_DECIDE):
        scene.general(OUT, general).tick(scene.row(OUT, "node-a"))
    scene.sees([flow("10.244.0.11", "172.18.0.77", 10250)])
    assert scene.tick(scene.row(OUT, "node-a")).row(OUT, "node-a").ticked
    assert not scene.general(OUT, GeneralRule.INSIDE_NAMESPACE).row(OUT, "node-a").ticked


# -- aliases -----------------------------------------------------------------------------------------------


def proxies(*entries: str, allowed: bool = False) -> Config:
    return Config(aliases=(Alias("proxies", entries, allowed),))


def aliased(*, loaded: bool) -> Scene:
    """Return a scene with a ticked row of an alias, ticked just now or loaded from a file."""
    narrow = proxies("203.0.113.0/24")
    scene = seen(SHOP, "203.0.113.7", 443, narrow)
    scene.tick(scene.row(OUT, "proxies"))
    return seen(SHOP, "203.0.113.7", 443, narrow).does(LoadDecisions(saved(scene))) if loaded else scene


@pytest.mark.parametrize("loaded", [False, True], ids=["ticked", "loaded"])
def test_an_alias_that_others_widened_is_out(loaded: bool) -> None:
    scene = aliased(loaded=loaded)
    assert scene.row(OUT, "proxies").ticked
    scene.does(ConfigSaved(proxies("203.0.113.0/24", "198.51.100.0/24")))
    told = "alias proxies has entries now that it did not have when it was ticked (198.51.100.0/24)"
    assert saved(scene).aliases == {"proxies": ("203.0.113.0/24",)}
    assert_out(scene, "proxies", told, "198.51.100.0/24")
    scene.does(ConfigSaved(proxies("203.0.113.0/24")))
    assert scene.row(OUT, "proxies").ticked


@pytest.mark.parametrize("entries", [("203.0.113.7/32",), ("203.0.113.0/25", "203.0.113.128/25")])
@pytest.mark.parametrize("loaded", [False, True], ids=["ticked", "loaded"])
def test_an_alias_whose_entries_were_all_in_those_ticked_stays_in(
    loaded: bool, entries: tuple[str, ...]
) -> None:
    scene = aliased(loaded=loaded).does(ConfigSaved(proxies(*entries)))
    assert scene.row(OUT, "proxies").ticked
    kept = replace(saved(scene), aliases={"proxies": ("203.0.113.0/24",)})
    again = seen(SHOP, "203.0.113.7", 443, proxies(*entries)).does(LoadDecisions(kept))
    assert again.row(OUT, "proxies").ticked


def test_an_alias_saved_after_a_load_keeps_the_entries_that_its_row_was_saved_with() -> None:
    allowed = proxies("203.0.113.0/24", allowed=True)
    scene = seen(SHOP, "203.0.113.7", 443, allowed)
    scene.does(LoadDecisions(saved(scene)))
    scene.does(DecisionsSaved(saved(scene)), ConfigSaved(proxies("203.0.113.0/24", "198.51.100.0/24")))
    assert not scene.row(OUT, "proxies").ticked


@pytest.mark.parametrize(("name", "old"), [("proxies", ""), ("gateways", "proxies")])
def test_an_own_edit_counts_for_the_chosen_workload_alone(name: str, old: str) -> None:
    cart = WorkloadRef("Deployment", "shop", "cart")
    scene = aliased(loaded=False).sees([flow("10.244.0.12", "203.0.113.7", 443)]).chooses(cart)
    scene.tick(scene.row(OUT, "proxies"))
    scene.does(SetAlias(Alias(name, ("203.0.113.0/24", "198.51.100.0/24")), old))
    assert scene.row(OUT, name).in_policy
    assert "198.51.100.0/24" in scene.review.yaml
    row = scene.chooses().row(OUT, name)
    assert (row.ticked, AGAIN in row.reason) == (False, True)
    scene.chooses(cart).does(Undo())
    assert scene.row(OUT, "proxies").ticked
    assert scene.chooses().row(OUT, "proxies").ticked


def test_an_own_edit_lets_nothing_in_that_was_out() -> None:
    scene = aliased(loaded=False).does(ConfigSaved(proxies("203.0.113.0/24", "198.51.100.0/24")))
    scene.alias("proxies", "203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24")
    assert not scene.row(OUT, "proxies").ticked


# -- Services ----------------------------------------------------------------------------------------------


def named_ports(*numbers: int) -> tuple[Object, ...]:
    """Return a Service with a named port, and pods that give the name to some numbers."""
    pods = (
        pod(f"pay-{i}", f"10.244.1.{50 + i}", "pay", ports=[("http", "TCP", number)])
        for i, number in enumerate(numbers)
    )
    front = service("front", "10.96.9.9", [(80, "http")], selector={"app": "pay"})
    return (*without("pay"), owner("pay"), *pods, front)


def selecting(app: str) -> tuple[Object, ...]:
    return (*SHOP, service("front", "10.96.9.9", [(80, 8080)], selector={"app": app}))


def outside(*ips: str) -> tuple[Object, ...]:
    """Return a Service without selector, and its endpoints out of the cluster."""
    front = service("front", "10.96.9.9", [(80, 8080)], selector={})
    return (*SHOP, front, endpoints("front", "shop", ips, 8080, "p80-tcp"))


MORE = [
    (named_ports(8080), named_ports(8080, 9666), "leads to other pod ports now (8080, 9666)", "9666"),
    (selecting("cart"), selecting("db"), "selects other pods now (app=db)", "app: db"),
    (selecting("cart"), outside("198.51.100.66"), "selects other pods now (none)", "198.51.100.66/32"),
    (outside("203.0.113.5"), outside("198.51.100.66"), "endpoints now (198.51.100.66)", "198.51.100.66/32"),
]


def service_row(scene: Scene) -> Row:
    (row,) = (row for row in scene.table(OUT).rows if row.key.peer.sort is PeerSort.SERVICE)
    return row


@pytest.mark.parametrize("loaded", [False, True], ids=["ticked", "loaded"])
@pytest.mark.parametrize(("before", "after", "told", "never"), MORE, ids=["ports", "pods", "bare", "ends"])
def test_a_service_that_leads_elsewhere_than_when_it_was_ticked_is_out(
    before: tuple[Object, ...], after: tuple[Object, ...], told: str, never: str, loaded: bool
) -> None:
    scene = seen(before, "10.96.9.9", 80)
    scene.tick(service_row(scene))
    assert service_row(scene).in_policy
    if loaded:
        scene = seen(after, "10.96.9.9", 80).does(LoadDecisions(saved(scene)))
    else:
        scene.session.set_inventory(inventory(*after, **RANGES))
    assert_out(scene, "front", told, never)


def test_a_service_with_fewer_endpoints_and_ports_stays_in() -> None:
    for before, after in (
        (named_ports(8080, 9666), named_ports(8080)),
        (outside("203.0.113.5", "203.0.113.6"), outside("203.0.113.6")),
    ):
        scene = seen(before, "10.96.9.9", 80)
        scene.tick(service_row(scene)).session.set_inventory(inventory(*after, **RANGES))
        assert service_row(scene).in_policy


def test_a_file_that_does_not_tell_what_a_service_stood_for_counts_as_it_is() -> None:
    scene = seen(selecting("cart"), "10.96.9.9", 80)
    text = text_of(scene.tick(service_row(scene)))
    bare = text.replace(', podPorts: [8080], selector: "app=cart"', "")
    assert bare != text
    again = seen(selecting("db"), "10.96.9.9", 80).does(LoadDecisions(read_decisions("web.yaml", bare)))
    assert service_row(again).in_policy
