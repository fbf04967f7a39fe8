"""Name an unresolved IP: a new alias, or one more entry of an existing one; or change an alias."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_network

from textual import on
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from netsec_tui.errors import BadInputError
from netsec_tui.model.decision import Alias
from netsec_tui.session.actions import Action, RemoveAlias, SetAlias
from netsec_tui.ui.screens.dialog import Dialog, complaint_line
from netsec_tui.ui.styled import plain
from netsec_tui.ui.typed import typed_cidr
from netsec_tui.ui.widgets.field import Field
from netsec_tui.ui.widgets.tick import Tick


class AliasDialog(Dialog[Action]):
    """Edit ``alias`` when given, its name too; else name ``address``, which may be empty. Gives the action.

    The name of another alias adds the entries to that one.
    """

    BINDINGS = [
        Binding("enter", "save", "Save", show=False),
        Binding("ctrl+d", "remove", "Remove the alias", show=False, priority=True),
    ]

    def __init__(self, address: str, alias: Alias | None, aliases: Sequence[Alias]) -> None:
        title = f"Alias {alias.name}" if alias else f"Alias for {address or 'addresses'}"
        super().__init__(title, "enter save   tab next   space tick" + ("   ctrl+d remove" if alias else ""))
        self._edited = alias
        self._entries = " ".join(alias.entries) if alias else address
        self._aliases = {known.name: known for known in aliases if known != alias}

    def body(self) -> Iterable[Widget]:
        """Return the form."""
        yield Label("Name")
        yield Field(self._edited.name if self._edited else "", "for instance proxies", id="name")
        if self._aliases:
            yield Label(f"or assign to {'another' if self._edited else 'an existing'} alias")
            yield OptionList(*(Option(_describe(a)) for a in self._aliases.values()), markup=False)
        yield Label("Addresses and ranges")
        yield Field(self._entries, id="entries")
        yield Tick("allowed: in the policy without a tick of its own", self._allowed())
        yield complaint_line()
        yield Static(plain("Aliases last for this session.", "$muted"), classes="footnote")

    def _allowed(self) -> bool:
        return bool(self._edited and self._edited.allowed)

    @on(OptionList.OptionSelected)
    def _assign(self, event: OptionList.OptionSelected) -> None:
        self.query_one("#name", Field).value = list(self._aliases)[event.option_index]
        self.query_one("#name", Field).focus()

    @on(Input.Changed, "#name")
    def _follow_name(self, event: Input.Changed) -> None:
        """Take over whether an existing alias is allowed, lest assigning to it changes that unseen."""
        if (known := self._aliases.get(event.value.strip())) is not None:
            self.query_one(Tick).value = known.allowed

    @on(Input.Submitted)
    def action_save(self) -> None:
        """Leave with the alias, or say what is wrong with it."""
        name = self.query_one("#name", Field).value.strip()
        if not name:
            self.complain("An alias needs a name.")
            return
        try:
            entries = {typed_cidr(part)[0] for part in _parts(self.query_one("#entries", Field).value)}
        except BadInputError as error:
            self.complain(str(error))
            return
        if not entries:
            self.complain("An alias needs an address or range.")
            return
        if name in self._aliases:
            entries.update(self._aliases[name].entries)
        ordered = tuple(sorted(entries, key=_order))
        old = self._edited.name if self._edited and self._edited.name != name else ""
        self.dismiss(SetAlias(Alias(name, ordered, self.query_one(Tick).value), old))

    def action_remove(self) -> None:
        """Forget the alias; its addresses show as rows of their own again."""
        if self._edited:
            self.dismiss(RemoveAlias(self._edited.name))


def _parts(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _order(cidr: str) -> tuple[int, int, int]:
    network = ip_network(cidr)
    return network.version, int(network.network_address), network.prefixlen


def _describe(alias: Alias) -> str:
    return f"{alias.name}  {', '.join(alias.entries)}{'  allowed' if alias.allowed else ''}"
