"""The NetworkPolicies of the cluster that select the workload, with View Policy."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.render.cells import cell_width, pad
from netsec_tui.render.literal import literal
from netsec_tui.render.yaml_lines import yaml_lines
from netsec_tui.ui.raw_yaml import raw_yaml
from netsec_tui.ui.screens.pages import Pages
from netsec_tui.ui.styled import plain
from netsec_tui.ui.view import View
from netsec_tui.ui.widgets.pane import Pane


class AppliedPane(Pane):
    """List the applied policies; enter shows the raw YAML of one."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__("applied", "Applied policies", ascii_only)
        self._applied: tuple[AppliedPolicy, ...] | None = None

    def compose(self) -> ComposeResult:
        """Put the empty state over the list."""
        yield Static(classes="empty")
        yield OptionList(markup=False)

    def show(self, view: View) -> None:
        """Draw the policies of another view."""
        if view.review is None:
            return
        empty = self.query_one(".empty", Static)
        empty.update(plain(_empty(view)))
        applied = view.review.applied
        empty.display = not applied
        if applied != self._applied:
            self._applied = applied
            options = self.query_one(OptionList)
            options.set_options(_options(applied))
            options.highlighted = 0 if applied else None
        summary = [str(len(applied)), "enter View Policy"] if applied else ["none"]
        self.summarise(summary, summary)

    def take_focus(self) -> None:
        """Give the keyboard to the list."""
        self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    def _view_policy(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._applied:
            policy = self._applied[event.option_index]
            title = f"{policy.policy.namespace}/{policy.policy.name}"
            self.app.push_screen(Pages(f"View Policy: {title}", list(yaml_lines(raw_yaml(policy.raw)))))


def _empty(view: View) -> str:
    if not view.known:
        return (
            "No cluster state was read, so it is not known which policies are applied.\n"
            "Give --manifests PATH or --context NAME to see them."
        )
    return f"No NetworkPolicy in the cluster selects {view.scope}: nothing restricts it now."


def _options(applied: tuple[AppliedPolicy, ...]) -> list[Option]:
    width = max((cell_width(literal(entry.policy.name)) for entry in applied), default=0)
    return [
        Option(
            Content.assemble(
                pad(literal(entry.policy.name), width), ("  " + _describe(entry.policy), "$muted")
            )
        )
        for entry in applied
    ]


def _describe(policy: NetworkPolicy) -> str:
    parts = []
    for direction in Direction:
        if direction in policy.policy_types:
            rules = len(policy.rules(direction))
            parts.append(f"{direction}: {rules} rule{'' if rules == 1 else 's'}")
    return ", ".join(parts)
