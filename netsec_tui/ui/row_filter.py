"""Which rows of a table are shown: text search, the categories of unresolved IPs, a what-if verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.identity import CommunicationKey
from netsec_tui.model.review import Row
from netsec_tui.model.whatif import Outlook, Scenario, WhatIfVerdict


@dataclass(frozen=True, slots=True)
class WhatIfPick:
    """Hold the scenario and the verdict whose rows are shown, and where the answers are."""

    scenario: Scenario
    verdict: WhatIfVerdict
    outlook: Outlook = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.verdict} ({self.scenario})"

    def sentence(self, key: CommunicationKey) -> str:
        """Return what becomes of a row, empty for a row that nobody has answered for yet."""
        forecast = self.outlook.forecasts.get(key)
        return forecast.sentence(self.scenario) if forecast else ""

    def keep(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return the rows with the verdict, which stands as their reason."""
        keys = self.outlook.keys(self.verdict)
        return tuple(
            replace(row, reason=self.outlook.forecasts[row.key].reason, allowed_by="", applied=())
            for row in rows
            if row.key in keys
        )


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Hold a search, a union of categories and a what-if verdict; without any everything is shown.

    ``text`` starting with ``!`` shows the rows that do not contain the rest. ``categories`` touch
    unresolved IPs only; in-cluster rows stay.
    """

    text: str = ""
    categories: frozenset[AddressCategory] = frozenset()
    what_if: WhatIfPick | None = None

    @property
    def active(self) -> bool:
        """Tell whether any row can be hidden."""
        return bool(self.text.strip("! ") or self.categories or self.what_if)

    @property
    def nothing(self) -> tuple[str, str]:
        """Return what the groups of in-cluster rows and of unresolved IPs say when all are hidden."""
        return f"No in-cluster communication matches {self}.", f"No unresolved IP matches {self}."

    def __str__(self) -> str:
        parts = [str(self.what_if)] if self.what_if else []
        parts += [f"/{self.text}"] if self.text.strip("! ") else []
        parts += [c.value for c in AddressCategory if c in self.categories]
        return " ".join(parts)

    def keep(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return the rows to show, in their order."""
        inverse = self.text.startswith("!")
        needle = self.text.removeprefix("!").strip().casefold()
        kept = tuple(
            row
            for row in rows
            if (not needle or (needle in row.text) is not inverse)
            and (not self.categories or row.category is None or row.category in self.categories)
        )
        return self.what_if.keep(kept) if self.what_if else kept
