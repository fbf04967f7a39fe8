"""Settle the pod and service ranges of the cluster: what was entered by hand, else what the cluster tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netsec_tui.core.cluster.addresses import network
from netsec_tui.model.config import Config, DiscoveredRange, RangeKind
from netsec_tui.model.inventory import Inventory

_HOME = "kube-system"


def range_config(config: Config) -> tuple[tuple[str, ...], ...]:
    """Return the part of a configuration that ranges depend on."""
    return config.pod_cidrs, config.service_cidrs, config.control_plane_pods


def believed(inventory: Inventory, config: Config) -> tuple[DiscoveredRange, ...]:
    """Return the discovered ranges; pod arguments count only where the control plane's pods are meant."""
    return tuple(found for found in inventory.discovered if not found.pod or _is_control_plane(found, config))


def _is_control_plane(found: DiscoveredRange, config: Config) -> bool:
    for start in config.control_plane_pods:
        qualified = start if "/" in start else f"{_HOME}/{start}"
        if found.pod.startswith(qualified):
            return True
    return False


def settled(inventory: Inventory, config: Config) -> Inventory:
    """Return the cluster state with its ranges: of a kind and IP family those entered by hand, if any."""
    found = believed(inventory, config)
    return replace(
        inventory,
        pod_cidrs=_chosen(config.pod_cidrs, (f.cidr for f in found if f.kind is RangeKind.POD)),
        service_cidrs=_chosen(config.service_cidrs, (f.cidr for f in found if f.kind is RangeKind.SERVICE)),
    )


def _chosen(by_hand: Iterable[str], discovered: Iterable[str]) -> tuple[str, ...]:
    hand = set(map(network, by_hand))
    families = {r.version for r in hand}
    chosen = hand | {r for r in map(network, discovered) if r.version not in families}
    return tuple(map(str, sorted(chosen, key=lambda r: (r.version, int(r.network_address), r.prefixlen))))
