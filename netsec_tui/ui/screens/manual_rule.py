"""Allow egress to, or ingress from, an IP mask; list and remove such rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual import on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from netsec_tui.errors import BadInputError
from netsec_tui.model.decision import ManualRule
from netsec_tui.model.identity import Direction
from netsec_tui.session.actions import Action, AddManualRule, RemoveManualRule
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.dialog import Dialog, complaint_line
from netsec_tui.ui.styled import plain
from netsec_tui.ui.typed import typed_cidr, typed_ports, typed_protocol
from netsec_tui.ui.widgets.field import Field

TITLES = {
    Direction.INGRESS: "Allow ingress from IP mask",
    Direction.EGRESS: "Allow egress to IP mask",
}


class ManualRuleDialog(Dialog[Action]):
    """Take a rule that ``check`` accepts, or the removal of one; ``check`` returns why it refuses."""

    BINDINGS = [Binding("delete,d", "remove", "Remove the rule", show=False)]

    def __init__(
        self, direction: Direction, rules: Sequence[ManualRule], check: Callable[[ManualRule], str]
    ) -> None:
        super().__init__(TITLES[direction], "enter add   tab next" + ("   delete remove" if rules else ""))
        self._direction = direction
        self._rules = rules
        self._check = check

    def body(self) -> Iterable[Widget]:
        """Return the form and the rules there are."""
        yield Label("IP mask")
        yield Field("", "for instance 10.1.2.0/24", id="cidr")
        yield Label("Protocol")
        yield Field("", "TCP, UDP or SCTP; empty allows every protocol and port", id="protocol")
        yield Label("Ports")
        yield Field("", "for instance 443, 8000-8080; empty allows all of the protocol", id="ports")
        yield complaint_line()
        if self._rules:
            yield Label("Rules of this direction")
            yield OptionList(*(Option(str(rule)) for rule in self._rules), markup=False)
        kept = f"Rules are saved with the decisions: {key_of('save-decisions')}."
        note = f"0.0.0.0/0 holds no IPv6 address; add ::/0 for those. {kept}"
        yield Static(plain(note, "$muted"), classes="footnote")

    @on(Input.Submitted)
    @work(exclusive=True)
    async def _add(self) -> None:
        typed = self.query_one("#cidr", Field).value.strip()
        try:
            cidr, cleared = typed_cidr(typed)
            protocol = typed_protocol(self.query_one("#protocol", Field).value)
            ports = typed_ports(self.query_one("#ports", Field).value)
            if ports and protocol is None:
                raise BadInputError("ports need a protocol; write TCP, UDP or SCTP")
        except BadInputError as error:
            self.complain(str(error))
            return
        rule = ManualRule(self._direction, cidr, protocol, ports)
        refusal = self._check(rule)
        if refusal:
            self.complain(refusal)
            return
        if cleared and not await self._accepts(typed, cidr):
            return
        self.dismiss(AddManualRule(rule))

    async def _accepts(self, typed: str, cidr: str) -> bool:
        question = f"{typed} has host bits; the range is {cidr}. Allow {cidr}?"
        answer: bool | None = await self.app.push_screen_wait(Confirm("Host bits", question))
        return bool(answer)

    def action_remove(self) -> None:
        """Remove the rule under the cursor."""
        for options in self.query(OptionList):
            if options.has_focus and options.highlighted is not None:
                self.dismiss(RemoveManualRule(self._direction, options.highlighted))
