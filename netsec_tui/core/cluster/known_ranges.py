"""Settle the pod and service ranges of the cluster: what was entered by hand, else what the cluster tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netsec_tui.core.cluster.addresses import IPNetwork, network, range_order
from netsec_tui.model.config import KUBE_PROXY_PODS, Config, DiscoveredRange, RangeKind
from netsec_tui.model.inventory import Inventory

_HOME = "kube-system"


def range_config(config: Config) -> tuple[tuple[str, ...], ...]:
    """Return the part of a configuration that ranges depend on."""
    return config.pod_cidrs, config.service_cidrs, config.control_plane_pods


def believed(inventory: Inventory, config: Config) -> tuple[DiscoveredRange, ...]:
    """Return the discovered ranges; pod arguments count only where the control plane's pods are meant.

    Anybody may give a pod of their own such arguments. kube-proxy's in kube-system count always.
    """
    return tuple(found for found in inventory.discovered if not found.pod or _is_control_plane(found, config))


def _is_control_plane(found: DiscoveredRange, config: Config) -> bool:
    for start in (*config.control_plane_pods, f"{_HOME}/{KUBE_PROXY_PODS}"):
        qualified = start if "/" in start else f"{_HOME}/{start}"
        if found.pod.startswith(qualified):
            return True
    return False


def settled(inventory: Inventory, config: Config) -> Inventory:
    """Return the cluster state with its ranges: of a kind and IP family those entered by hand, if any."""
    found = believed(inventory, config)
    return replace(
        inventory,
        believed=found,
        pod_cidrs=_chosen(config.pod_cidrs, (f.cidr for f in found if f.kind is RangeKind.POD)),
        service_cidrs=_chosen(config.service_cidrs, (f.cidr for f in found if f.kind is RangeKind.SERVICE)),
    )


def _chosen(by_hand: Iterable[str], discovered: Iterable[str]) -> tuple[str, ...]:
    hand = set(map(network, by_hand))
    families = {r.version for r in hand}
    chosen = hand | {r for r in map(network, discovered) if r.version not in families}
    return tuple(map(str, sorted(chosen, key=range_order)))


@dataclass(frozen=True, slots=True)
class KnownRange:
    """Hold a range with where it was told, empty for one entered by hand, and whether it counts now."""

    kind: RangeKind
    cidr: str
    origin: str
    by_hand: bool
    in_force: bool


def known_ranges(inventory: Inventory, config: Config) -> tuple[KnownRange, ...]:
    """Return all ranges entered by hand and all believed ones, by kind and address, by hand first."""
    now = settled(inventory, config)
    in_force = {RangeKind.POD: frozenset(now.pod_cidrs), RangeKind.SERVICE: frozenset(now.service_cidrs)}
    by_hand = {RangeKind.POD: config.pod_cidrs, RangeKind.SERVICE: config.service_cidrs}
    entered = {
        KnownRange(kind, str(network(cidr)), "", by_hand=True, in_force=True)
        for kind, cidrs in by_hand.items()
        for cidr in cidrs
    }
    told = {
        KnownRange(f.kind, f.cidr, f.origin, by_hand=False, in_force=f.cidr in in_force[f.kind])
        for f in now.believed
    }
    return tuple(sorted(entered | told, key=_order))


def _order(known: KnownRange) -> tuple[object, ...]:
    block: IPNetwork = network(known.cidr)
    return known.kind, range_order(block), not known.by_hand, known.origin
