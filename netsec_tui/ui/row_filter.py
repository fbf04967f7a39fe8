"""Which rows of a table are shown: text search and the categories of unresolved IPs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.review import Row


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Hold a search and a union of categories; both empty shows everything.

    ``text`` starting with ``!`` shows the rows that do not contain the rest. ``categories`` touch
    unresolved IPs only; in-cluster rows stay.
    """

    text: str = ""
    categories: frozenset[AddressCategory] = frozenset()

    @property
    def active(self) -> bool:
        """Tell whether any row can be hidden."""
        return bool(self.text.strip("! ") or self.categories)

    @property
    def nothing(self) -> tuple[str, str]:
        """Return what the groups of in-cluster rows and of unresolved IPs say when all are hidden."""
        return f"No in-cluster communication matches {self}.", f"No unresolved IP matches {self}."

    def __str__(self) -> str:
        parts = [f"/{self.text}"] if self.text.strip("! ") else []
        parts += [c.value for c in AddressCategory if c in self.categories]
        return " ".join(parts)

    def keep(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return the rows to show, in their order."""
        inverse = self.text.startswith("!")
        needle = self.text.removeprefix("!").strip().casefold()
        return tuple(
            row
            for row in rows
            if (not needle or (needle in row.text) is not inverse)
            and (not self.categories or row.category is None or row.category in self.categories)
        )
