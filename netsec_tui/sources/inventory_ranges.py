"""What a cluster tells of its pod and service ranges, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netsec_tui.model.config import DiscoveredRange, RangeKind
from netsec_tui.model.inventory import Node
from netsec_tui.sources.objects_fields import Fields


def read_ranges(kinds: Mapping[str, list[Fields]], nodes: Iterable[Node]) -> Iterator[DiscoveredRange]:
    """Yield every range that objects of some kinds tell."""
    for node in nodes:
        for cidr in node.pod_cidrs:
            yield DiscoveredRange(RangeKind.POD, cidr, f"Node {node.name} podCIDRs")
