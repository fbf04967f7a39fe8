"""The area of unresolved IPs: their aliases, whether these are allowed, and exchanging them by files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from netsec_tui.core.cluster.addresses import ranges_of
from netsec_tui.model.decision import Alias
from netsec_tui.render.alias_settings import alias_lines, seen_of
from netsec_tui.render.spans import Line, SettingTarget
from netsec_tui.session.actions import RemoveAlias, SetAlias
from netsec_tui.ui.screens.alias import AliasDialog
from netsec_tui.ui.screens.configuration.area import NOT_HERE, Area
from netsec_tui.ui.screens.configuration.settings import Settings


class AddressesArea(Area):
    """Show the aliases; add, edit, remove, allow, import and export them."""

    def lines(self, settings: Settings, width: int) -> Sequence[Line]:
        """Return the lines of the list."""
        return alias_lines(settings.config, ranges_of(settings.inventory), seen_of(settings.review), width)

    def hint(self, target: SettingTarget) -> str:
        """Say what can be done with the line under the cursor."""
        alias = self._alias
        if alias is None:
            return "a adds an alias"
        return f"{alias.name}: {', '.join(alias.entries)}"

    @property
    def acts(self) -> Mapping[str, Callable[[], None]]:
        """Return what can be done here now."""
        return {**super().acts, "toggle": self.toggle}

    @property
    def _alias(self) -> Alias | None:
        known = self.settings.config.alias_by_name if self.settings else {}
        return known.get(self.target.name)

    def add_setting(self) -> None:
        """Add an alias."""
        self._ask(None)

    def edit_setting(self) -> None:
        """Edit the alias under the cursor, or add one."""
        self._ask(self._alias)

    def _ask(self, alias: Alias | None) -> None:
        if self.settings is not None:
            dialog = AliasDialog("", alias, self.settings.config, self.settings.inventory)
            self.app.push_screen(dialog, self.decide)

    def remove_setting(self) -> None:
        """Forget the alias under the cursor."""
        if self._alias is None:
            self.say(NOT_HERE)
        else:
            self.decide(RemoveAlias(self._alias.name))

    def toggle(self) -> None:
        """Allow the alias under the cursor, or take that back."""
        if self._alias is None:
            self.say(NOT_HERE)
        else:
            self.decide(SetAlias(replace(self._alias, allowed=not self._alias.allowed)))
