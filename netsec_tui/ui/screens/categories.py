"""Choose which categories of unresolved IPs a table shows: any combination, shown as a union."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Static

from netsec_tui.model.communication import AddressCategory
from netsec_tui.ui.screens.dialog import Dialog
from netsec_tui.ui.styled import plain

_MEANING = {
    AddressCategory.INTERNAL: "found within the cluster",
    AddressCategory.EXTERNAL: "not within the cluster",
    AddressCategory.ALIASED: "given a name with @",
    AddressCategory.UNKNOWN: "the cluster's ranges are not all known",
}


class Categories(Dialog[frozenset[AddressCategory]]):
    """Toggle the four categories; none chosen means that all are shown."""

    BINDINGS = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("space", "flip_here", "Toggle", show=False),
        *(
            Binding(category.value[0].lower(), f"flip('{category.value}')", category.value, show=False)
            for category in AddressCategory
        ),
        Binding("enter", "take", "Take", show=False),
        Binding("q", "cancel", "Back", show=False),
    ]

    def __init__(self, chosen: frozenset[AddressCategory], ascii_only: bool = False) -> None:
        super().__init__("Unresolved IPs to show", "space or first letter toggle   enter take", ascii_only)
        self._chosen = set(chosen)
        self._at = 0

    def body(self) -> Iterable[Widget]:
        """Return the list of categories."""
        yield Static(id="categories")
        yield Static(
            plain("None chosen: all are shown. In-cluster rows always stay.", "$muted"), classes="footnote"
        )

    def on_mount(self) -> None:
        """Draw the first state."""
        self._draw()

    def _draw(self) -> None:
        lines = []
        for index, category in enumerate(AddressCategory):
            box = "[x]" if category in self._chosen else "[ ]"
            cursor = ">" if index == self._at else " "
            lines.append(f"{cursor} {box} {category.value:<9} {_MEANING[category]}")
        self.query_one("#categories", Static).update(plain("\n".join(lines)))

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        self._at = (self._at + step) % len(AddressCategory)
        self._draw()

    def action_flip_here(self) -> None:
        """Toggle the category under the cursor."""
        self.action_flip(list(AddressCategory)[self._at].value)

    def action_flip(self, name: str) -> None:
        """Toggle one category."""
        self._chosen ^= {AddressCategory(name)}
        self._draw()

    def action_take(self) -> None:
        """Leave with the choice."""
        self.dismiss(frozenset(self._chosen))
