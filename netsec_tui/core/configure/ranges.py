"""The pod and service ranges for display, and a range to offer for an unresolved IP."""

from __future__ import annotations

from netsec_tui.model.config import Config, RangeKind
from netsec_tui.model.configuring import RangeLine
from netsec_tui.model.inventory import Inventory


def range_notes(inventory: Inventory, config: Config) -> tuple[RangeLine, ...]:
    """Return all ranges by kind and IP family, those by hand first, each with what there is to say."""
    raise NotImplementedError


def suggest_range(address: str, kind: RangeKind, inventory: Inventory) -> str:
    """Return a CIDR to offer when an address is said to be in the pod or service range."""
    raise NotImplementedError
