"""The area of the cluster's CIDRs: ranges by hand, what is discovered, and which pods are believed."""

from __future__ import annotations

from collections.abc import Sequence

from netsec_tui.core.cluster.addresses import ranges_of
from netsec_tui.core.configure import keys
from netsec_tui.core.configure.ranges import range_notes
from netsec_tui.core.subnet import seen_from_the_configuration, subnet_warning
from netsec_tui.model.config import Config, ConfigPart
from netsec_tui.model.configuring import Edited, RangeLine
from netsec_tui.render.range_settings import GROUP_OF, PODS, SERVICES, STARTS, range_lines
from netsec_tui.render.spans import Line, SettingTarget
from netsec_tui.ui.screens.configuration.area import NOT_HERE, Area
from netsec_tui.ui.screens.configuration.settings import Settings
from netsec_tui.ui.screens.configuration.values_dialog import ValuesDialog

_WORDS = {
    PODS: (
        "Pod CIDRs",
        "for instance 10.244.0.0/16",
        "Several with spaces between; they win over what is discovered.",
    ),
    SERVICES: (
        "Service CIDRs",
        "for instance 10.96.0.0/12",
        "Several with spaces between; they win over what is discovered.",
    ),
    STARTS: (
        "Names of control plane pods",
        "for instance kube-apiserver",
        "Pods in kube-system whose names start so; NAMESPACE/START for another namespace.",
    ),
}


class RangesArea(Area):
    """Show the ranges with their origins; add and remove those entered by hand."""

    def lines(self, settings: Settings, width: int) -> Sequence[Line]:
        """Return the lines of the list."""
        ranges = range_notes(settings.inventory, settings.config)
        return range_lines(ranges, settings.config.control_plane_pods, _missing(settings), width)

    def hint(self, target: SettingTarget) -> str:
        """Say what can be done with the line under the cursor."""
        if not target.name:
            return "a adds to these"
        if target.group == STARTS or self._line(target) is not None:
            return "enter edits it, d removes it"
        return "it is discovered: add a range by hand (a) to put it in its place"

    def add_setting(self) -> None:
        """Add to the group under the cursor."""
        self._ask(self.target.group or PODS, "")

    def edit_setting(self) -> None:
        """Edit what was entered by hand; the head of a group adds to it."""
        target = self.target
        if not target.name:
            self._ask(target.group or PODS, "")
        elif target.group == STARTS or self._line(target):
            self._ask(target.group, target.name)
        else:
            self.say(self.hint(target))

    def remove_setting(self) -> None:
        """Remove what was entered by hand."""
        target = self.target
        if not target.name:
            self.say(NOT_HERE)
        elif target.group == STARTS or self._line(target):
            self.attempt(lambda: keys.remove(self.config, target.group, [target.name]))
        else:
            self.say(self.hint(target))

    def _line(self, target: SettingTarget) -> RangeLine | None:
        """Return the range under the cursor if it was entered by hand."""
        if self.settings is None:
            return None
        found = range_notes(self.settings.inventory, self.config)
        mine = (line for line in found if line.by_hand and GROUP_OF[line.kind] == target.group)
        return next((line for line in mine if line.cidr == target.name), None)

    def _ask(self, group: str, old: str) -> None:
        title, example, note = _WORDS[group]

        def edited(typed: Sequence[str]) -> Edited:
            return replaced(self.config, group, old, typed)

        def take(typed: tuple[str, ...] | None) -> None:
            if typed is not None:
                after = keys.get(edited(typed).config, group)
                new = [value for value in after if value not in keys.get(self.config, group)]
                self.wanted = SettingTarget(group, new[0]) if new else None
                self.attempt(lambda: edited(typed))

        def check(typed: tuple[str, ...]) -> str:
            return ". ".join(edited(typed).notes)

        self.app.push_screen(
            ValuesDialog(title, f"Change {old}" if old else "Add", old, example, check, note), take
        )


def _missing(settings: Settings) -> list[str]:
    """Return what is missing for the chosen workload; without one, for the cluster alone."""
    if settings.review is not None:
        told = [text for text, part in settings.review.settled_in.items() if part is ConfigPart.RANGES]
    else:
        told = list(subnet_warning(settings.inventory, ranges_of(settings.inventory), (), ()))
    return list(map(seen_from_the_configuration, told))


def replaced(config: Config, key: str, old: str, values: Sequence[str]) -> Edited:
    """Put values in the place of an old one in the list at a key; without an old one they are added.

    Raises:
        BadInputError: a value cannot be used.
    """
    if not old:
        return keys.add(config, key, values)
    kept = list(keys.get(config, key))
    at = kept.index(old)
    return keys.set_(config, key, [*kept[:at], *values, *kept[at + 1 :]])
