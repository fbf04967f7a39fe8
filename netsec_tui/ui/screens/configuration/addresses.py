"""The area of unresolved IPs: their aliases, whether these are allowed, and exchanging them by files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from netsec_tui.core.cluster.addresses import ranges_of
from netsec_tui.core.configure.entries import put_alias, remove_alias
from netsec_tui.errors import NetsecError
from netsec_tui.model.configuring import Edited
from netsec_tui.model.decision import Alias
from netsec_tui.render.alias_settings import ALIASES, alias_lines, seen_of
from netsec_tui.render.spans import Line, SettingTarget
from netsec_tui.session.actions import Action, Configure, RemoveAlias, SetAlias
from netsec_tui.ui.screens.alias import AliasDialog
from netsec_tui.ui.screens.configuration.area import NOT_HERE, Area
from netsec_tui.ui.screens.configuration.exchange import ExportDialog, ImportDialog
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
        return {
            **super().acts,
            "toggle": self.toggle,
            "import": self.import_aliases,
            "export": self.export_aliases,
        }

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
            self.app.push_screen(dialog, self._take)

    def _take(self, action: Action | None) -> None:
        """Do what the dialog gave, for the chosen workload so that ticks follow; say what else it moves."""
        try:
            edited = self._edited(action)
        except NetsecError as error:
            self.say(str(error), error=True)
            return
        if edited is not None:
            self.decide(action if self._chosen else Configure(edited.config))
            self.say("; ".join(edited.notes))

    def _edited(self, action: Action | None) -> Edited | None:
        match action:
            case SetAlias(alias, old):
                self.wanted = SettingTarget(ALIASES, alias.name)
                return put_alias(self.config, alias, old)
            case RemoveAlias(name):
                return remove_alias(self.config, name)
        return None

    @property
    def _chosen(self) -> bool:
        return self.settings is not None and self.settings.review is not None

    def remove_setting(self) -> None:
        """Forget the alias under the cursor."""
        if self._alias is None:
            self.say(NOT_HERE)
        else:
            self._take(RemoveAlias(self._alias.name))

    def toggle(self) -> None:
        """Allow the alias under the cursor, or take that back."""
        if self._alias is None:
            self.say(NOT_HERE)
        else:
            self._take(SetAlias(replace(self._alias, allowed=not self._alias.allowed)))

    def import_aliases(self) -> None:
        """Add the aliases of a file."""

        def take(edited: Edited | None) -> None:
            if edited is not None:
                self.decide(Configure(edited.config))
                self.say("; ".join(edited.notes) or "The file has nothing that is not here already.")

        self.app.push_screen(ImportDialog(lambda: self.config), take)

    def export_aliases(self) -> None:
        """Write the aliases to a file."""
        if not self.config.aliases:
            self.say("There is no alias to export.", error=True)
            return

        def written(path: str | None) -> None:
            if path is not None:
                self.say(f"Exported {len(self.config.aliases)} to {path}.")

        self.app.push_screen(ExportDialog(self.config.aliases), written)
