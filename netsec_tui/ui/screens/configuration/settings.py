"""What the configuration screen is shown: one immutable value, made anew when something changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.model.config import Config
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.review import Review


@dataclass(frozen=True)
class Settings:
    """Hold the configuration in force, where it is kept, and the cluster that it is about.

    ``path`` is empty where there can be no file, ``exists`` tells whether there is one, ``locked`` is empty
    unless it must not be edited. ``review`` is that of the chosen workload, for the rows that an alias has.
    """

    cluster: str
    path: str
    exists: bool
    config: Config
    saved: Config
    locked: str
    inventory: Inventory
    ground: Ground = field(compare=False)
    review: Review | None = field(default=None, compare=False)

    @property
    def edited(self) -> bool:
        """Tell whether something is in force that the file does not hold."""
        return self.config != self.saved
