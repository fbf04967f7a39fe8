"""The cluster state of several sources together."""

from __future__ import annotations

from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.contract import ObjectsRead
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.inventory.memo import Memo


class ClusterState:
    """Keep what each source last told and build the inventory of it all; the later source wins."""

    def __init__(self) -> None:
        self._told: dict[tuple[int, str], ObjectsRead] = {}
        self._memo = Memo()

    def take(self, origin: int, message: ObjectsRead) -> bool:
        """Keep what the source with number ``origin`` told; return whether it is anything new.

        A capture tells for several sources, each with a name of its own in the message.
        """
        key = (origin, message.source)
        if self._told.get(key) == message:
            return False
        self._told[key] = message
        return True

    def inventory(self) -> Inventory:
        """Return the inventory of everything told."""
        return self.build()[0]

    def build(self) -> tuple[Inventory, tuple[str, ...]]:
        """Return that inventory, and a sentence for each part of an object that could not be understood."""
        told = [self._told[key] for key in sorted(self._told, key=lambda key: key[0])]
        return build_inventory(
            (obj for message in told for obj in message.objects),
            missing=(problem for message in told for problem in message.problems),
            unread_ranges=(problem for message in told for problem in message.range_problems),
            memo=self._memo,
        )
