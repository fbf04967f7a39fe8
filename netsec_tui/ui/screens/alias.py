"""Name an unresolved IP: a new alias, or one more entry of another; or say that it is a cluster's range."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from netsec_tui.core.cluster.addresses import network, range_order, ranges_of
from netsec_tui.core.configure.claims import claimed, moved_sentence
from netsec_tui.core.configure.ranges import suggest_range
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config, RangeKind
from netsec_tui.model.decision import Alias
from netsec_tui.model.inventory import Inventory
from netsec_tui.session.actions import Action, Configure, RemoveAlias, SetAlias
from netsec_tui.ui.alias_words import entries_sentence
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.screens.configuration.values_dialog import ValuesDialog
from netsec_tui.ui.screens.dialog import Dialog, complaint_line
from netsec_tui.ui.styled import plain
from netsec_tui.ui.typed import typed_cidr
from netsec_tui.ui.widgets.field import Field
from netsec_tui.ui.widgets.tick import Tick

_RANGES = {RangeKind.POD: "pod CIDR", RangeKind.SERVICE: "service CIDR"}
_TITLES = {RangeKind.POD: "Pod CIDR", RangeKind.SERVICE: "Service CIDR"}


class AliasDialog(Dialog[Action]):
    """Edit ``alias`` when given, its name too; else name ``address``, which may be empty. Gives the action.

    The name of another alias adds the entries to that one. An address can also be said to be in a pod or
    service range of the cluster; ``inventory`` is what that range is suggested from, and ``unresolved`` are
    the addresses of the tables, of which is said how many that moves.
    """

    BINDINGS = [
        Binding("enter", "save", "Save", show=False),
        Binding("ctrl+d", "remove", "Remove the alias", show=False, priority=True),
    ]

    def __init__(
        self,
        address: str,
        alias: Alias | None,
        config: Config,
        inventory: Inventory | None = None,
        unresolved: Iterable[str] = (),
    ) -> None:
        title = f"Alias {alias.name}" if alias else f"Alias for {address or 'addresses'}"
        super().__init__(title, "enter take   tab next   space tick" + ("   ctrl+d remove" if alias else ""))
        self._address = address
        self._edited = alias
        self._entries = " ".join(alias.entries) if alias else address
        self._config = config
        self._inventory = inventory or Inventory()
        self._unresolved = frozenset(unresolved) | ({address} if address and alias is None else set())
        self._aliases = {known.name: known for known in config.aliases if known != alias}

    def body(self) -> Iterable[Widget]:
        """Return the form."""
        yield Label("Name")
        yield Field(self._edited.name if self._edited else "", "for instance proxies", id="name")
        if self._aliases:
            yield Label(f"or assign to {'another' if self._edited else 'an existing'} alias")
            yield OptionList(
                *(Option(_describe(a)) for a in self._aliases.values()), id="others", markup=False
            )
        yield Label("Addresses and ranges")
        yield Field(self._entries, "for instance 203.0.113.7 198.51.100.0/24", id="entries")
        yield Static(classes="told", id="told")
        yield Tick("allowed: in the policy without a tick of its own, cluster-wide", self._allowed())
        yield complaint_line()
        if self._address and self._edited is None:
            yield Label("or it is an address of the cluster itself")
            yield OptionList(*(Option(self._offer(kind)) for kind in _RANGES), id="ranges", markup=False)
        note = f"It holds at once; {key_of('configuration')}, then {key_of('config-save')}, saves it."
        yield Static(plain(note, "$muted"), classes="footnote")

    def on_mount(self) -> None:
        """Say what the entries are."""
        self._look()

    def _allowed(self) -> bool:
        return bool(self._edited and self._edited.allowed)

    def _suggested(self, kind: RangeKind) -> str:
        return suggest_range(self._address, kind, self._inventory)

    def _offer(self, kind: RangeKind) -> str:
        return f"this is in a {_RANGES[kind]}: {self._suggested(kind)}"

    @on(OptionList.OptionSelected, "#others")
    def _assign(self, event: OptionList.OptionSelected) -> None:
        self.query_one("#name", Field).value = list(self._aliases)[event.option_index]
        self.query_one("#name", Field).focus()

    @on(Input.Changed, "#name")
    def _follow_name(self, event: Input.Changed) -> None:
        """Take over whether an existing alias is allowed, lest assigning to it changes that unseen."""
        if (known := self._aliases.get(event.value.strip())) is not None:
            self.query_one(Tick).value = known.allowed
        self._look()

    @on(Input.Changed, "#entries")
    def _look(self) -> None:
        """Say how many addresses are typed, which host bits are cleared, and what they overlap with."""
        name, typed = self._typed_name, self._typed
        told = entries_sentence(self._config, name, typed, self._old_name, ranges_of(self._inventory))
        self.query_one("#told", Static).update(plain(told, "$muted"))

    @property
    def _typed_name(self) -> str:
        return self.query_one("#name", Field).value.strip()

    @property
    def _typed(self) -> list[str]:
        return self.query_one("#entries", Field).value.replace(",", " ").split()

    @property
    def _old_name(self) -> str:
        return self._edited.name if self._edited else ""

    @on(Input.Submitted)
    def action_save(self) -> None:
        """Leave with the alias, or say what is wrong with it."""
        try:
            entries = {typed_cidr(part)[0] for part in self._typed}
        except BadInputError as error:
            self.complain(str(error))
            return
        allowed = self.query_one(Tick).value
        # An address that is allowed needs no name that anybody thought of: its own will do.
        name = self._typed_name or (self._address if allowed else "")
        if not name or not entries:
            self.complain("An alias needs a name." if not name else "An alias needs an address or range.")
            return
        if name in self._aliases:
            entries.update(self._aliases[name].entries)
        ordered = tuple(sorted(entries, key=lambda cidr: range_order(network(cidr))))
        self.dismiss(
            SetAlias(Alias(name, ordered, allowed), self._old_name if self._old_name != name else "")
        )

    @on(OptionList.OptionSelected, "#ranges")
    def _say_range(self, event: OptionList.OptionSelected) -> None:
        """Ask for the range that the address is in, with one to begin with."""
        kind = list(_RANGES)[event.option_index]
        config = self._config

        def check(typed: tuple[str, ...]) -> str:
            edited = claimed(self._inventory, config, kind, typed)
            moved = moved_sentence(self._inventory, config, edited.config, self._unresolved)
            told = "; ".join([*edited.notes, moved])
            return told[:1].upper() + told[1:]

        def take(typed: tuple[str, ...] | None) -> None:
            if typed is not None:
                self.dismiss(Configure(claimed(self._inventory, config, kind, typed).config))

        label = f"The {_RANGES[kind]} that {self._address} is in"
        note = "By hand it wins over what is discovered of its IP family."
        dialog = ValuesDialog(_TITLES[kind], label, self._suggested(kind), "", check, note)
        self.app.push_screen(dialog, take)

    def action_remove(self) -> None:
        """Forget the alias; its addresses show as rows of their own again."""
        if self._edited:
            self.dismiss(RemoveAlias(self._edited.name))


def _describe(alias: Alias) -> str:
    return f"{alias.name}  {', '.join(alias.entries)}{'  allowed' if alias.allowed else ''}"
