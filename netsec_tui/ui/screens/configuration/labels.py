"""The area of workload labels: patterns and keys, edited as a draft whose effect is shown before it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from textual.message import Message

from netsec_tui.core.cluster.world import World
from netsec_tui.core.configure import keys
from netsec_tui.core.configure.effect import label_effect
from netsec_tui.core.configure.label_keys import (
    namespace_keys,
    toggled,
    toggled_in_namespaces,
    workload_keys,
)
from netsec_tui.core.configure.suggest import suggested_labels
from netsec_tui.errors import NetsecError
from netsec_tui.model.config import Config, LabelConfig
from netsec_tui.model.configuring import LabelEffect, LabelSuggestion
from netsec_tui.render.label_settings import (
    NAMESPACES,
    WORKLOADS,
    effect_lines,
    label_lines,
    suggestion_lines,
)
from netsec_tui.render.setting_lines import sentence
from netsec_tui.render.spans import Line, Role, SettingTarget
from netsec_tui.session.actions import Configure
from netsec_tui.ui.keymap import key_of
from netsec_tui.ui.screens.configuration.area import NOT_HERE, Area, SettingList
from netsec_tui.ui.screens.configuration.ranges import replaced
from netsec_tui.ui.screens.configuration.settings import Settings
from netsec_tui.ui.screens.configuration.values_dialog import ValuesDialog
from netsec_tui.ui.screens.confirm import Confirm
from netsec_tui.ui.screens.pages import Pages, text_width
from netsec_tui.ui.widgets.line_view import LineView

_NO_DRAFT = (
    "Every change here is a draft first: what it would do to the selectors of the cluster is shown before it "
    "is accepted."
)
_EXAMPLE = "for instance app, app.kubernetes.io/* or helm.sh/*"
_NOTE = "* stands for any text, ? for one character; several with spaces between."


class LabelsArea(Area):
    """Show the filters and the keys of the cluster; ``draft`` is what is not accepted yet, None without."""

    class Drafted(Message):
        """Tell that a draft came, changed or went."""

    def __init__(self, identifier: str) -> None:
        super().__init__(identifier)
        self.draft: LabelConfig | None = None
        self._effect: LabelEffect | None = None
        self._suggestion: LabelSuggestion | None = None
        self._judged: tuple[LabelConfig, LabelConfig, object] | None = None

    def compose(self) -> Any:
        """Put the effect beside or below the list."""
        yield SettingList()
        effect = LineView(id="effect")
        effect.can_focus = False
        effect.border_title = "Effect"
        yield effect

    def show(self, settings: Settings) -> None:
        """Draw what holds now; the effect of a draft is worked out anew when the cluster has changed."""
        if self.draft == settings.config.labels:
            self.draft = None
        super().show(settings)
        self._judge()

    def draw(self) -> None:
        """Give both lists their lines."""
        super().draw()
        if not self.children:
            return
        effect = self.query_one("#effect", LineView)
        if self.settings is not None and effect.size.width > 0:
            effect.set_lines(self._effect_lines(effect.size.width))

    def lines(self, settings: Settings, width: int) -> Sequence[Line]:
        """Return the lines of the list: those of the draft if there is one."""
        world = settings.ground.world
        of_workloads = workload_keys(world.inventory, world.knowledge)
        return label_lines(self._labels, of_workloads, namespace_keys(world.inventory), width)

    @property
    def _labels(self) -> LabelConfig:
        if self.draft is not None:
            return self.draft
        return self.settings.config.labels if self.settings else LabelConfig()

    def _effect_lines(self, width: int) -> list[Line]:
        if self.draft is None:
            return sentence(_NO_DRAFT, width, Role.DIM, 0)
        if self._effect is None:
            return sentence("Working out what the draft would change ...", width, Role.DIM, 0)
        accept, drop, read = map(key_of, ("label-accept", "label-drop", "label-effect"))
        way = f"{accept} accepts the draft, {drop} drops it, {read} shows all that it changes."
        lines = [*sentence(way, width, Role.KEY, 0), *effect_lines(self._effect, width)]
        return lines + (suggestion_lines(self._suggestion, width) if self._suggestion else [])

    def hint(self, target: SettingTarget) -> str:
        """Say what can be done with the line under the cursor."""
        if target.group in (WORKLOADS, NAMESPACES):
            return f"space uses or excludes the key {target.name}"
        if not target.name:
            return "a adds a pattern here"
        return "enter edits the pattern, d removes it"

    @property
    def acts(self) -> Mapping[str, Callable[[], None]]:
        """Return what can be done here now."""
        always = {**super().acts, "toggle": self.toggle, "suggest": self.suggest}
        of_draft = {"accept": self.accept, "drop": self.drop, "effect": self.read_effect}
        return {**always, **of_draft} if self.draft is not None else always

    # The draft

    def _set_draft(self, labels: LabelConfig, suggestion: LabelSuggestion | None = None) -> None:
        in_force = self.settings.config.labels if self.settings else labels
        self.draft = labels if labels != in_force else None
        self._suggestion = suggestion
        self.draw()
        self._judge()
        self.post_message(self.Drafted())

    def _judge(self) -> None:
        """Work out the effect of the draft beside the event loop, once for what it depends on."""
        if self.draft is None or self.settings is None:
            self._effect = self._judged = None
            self.draw()
            return
        wanted = (self.draft, self.settings.config.labels, self.settings.inventory)
        if self._judged is None or self._judged[:2] != wanted[:2] or self._judged[2] is not wanted[2]:
            self._judged, self._effect = wanted, None
            self.draw()
            self.run_worker(self._work(self.draft), group="label-effect", exclusive=True)

    async def _work(self, draft: LabelConfig) -> None:
        assert self.settings is not None
        effect = await asyncio.to_thread(label_effect, _settled(self.settings.ground.world), draft)
        if draft == self.draft:
            self._effect = effect
            self.draw()

    def accept(self) -> None:
        """Put the draft in force, after asking when it would harm."""
        draft, effect = self.draft, self._effect
        if draft is None:
            return
        if effect is None:
            self.say("The effect of the draft is still being worked out.")
        elif effect.harmful:
            count = len(effect.harmful)
            noun = "selector" if count == 1 else "selectors"
            question = f"{count} {noun} would select others than now, or nothing. Put the draft in force?"
            self.app.push_screen(
                Confirm("Labels", question), lambda yes: self._accept(draft) if yes else None
            )
        else:
            self._accept(draft)

    def _accept(self, draft: LabelConfig) -> None:
        if self.settings is None:
            return
        self.draft = self._suggestion = None
        self.decide(Configure(replace(self.settings.config, labels=draft)))
        self.say(f"In force now. {key_of('config-save')} saves it.")
        self.post_message(self.Drafted())

    def drop(self) -> None:
        """Go back to what is in force."""
        self.draft = self._suggestion = None
        self.draw()
        self._judge()
        self.say("The draft was dropped.")
        self.post_message(self.Drafted())

    def read_effect(self) -> None:
        """Show the whole effect over the screen."""
        lines = self._effect_lines(text_width(self.app.size.width))
        self.app.push_screen(Pages("Effect of the draft", lines))

    # Edits of the draft

    def _attempt(self, change: Callable[[], LabelConfig]) -> None:
        try:
            labels = change()
        except NetsecError as error:
            self.say(str(error), error=True)
            return
        self._set_draft(labels)

    def toggle(self) -> None:
        """Use a key that is left out, or exclude one that is used."""
        target, labels = self.target, self._labels
        if target.group == WORKLOADS:
            self._attempt(lambda: replace(labels, workload=toggled(labels.workload, target.name)))
        elif target.group == NAMESPACES:
            self._attempt(
                lambda: replace(labels, namespace=toggled_in_namespaces(labels.namespace, target.name))
            )
        else:
            self.say(NOT_HERE)

    def add_setting(self) -> None:
        """Add a pattern to include or exclude; on a key, it is offered to be excluded."""
        target = self.target
        if target.group in (WORKLOADS, NAMESPACES):
            self._ask(f"{target.group}.exclude", "", target.name)
        else:
            self._ask(target.group or f"{WORKLOADS}.exclude", "", "")

    def edit_setting(self) -> None:
        """Edit the pattern under the cursor; a key is used or excluded."""
        target = self.target
        if target.group in (WORKLOADS, NAMESPACES):
            self.toggle()
        else:
            self._ask(target.group or f"{WORKLOADS}.exclude", target.name, target.name)

    def remove_setting(self) -> None:
        """Remove the pattern under the cursor."""
        target = self.target
        if not target.name or target.group in (WORKLOADS, NAMESPACES):
            self.say(NOT_HERE)
            return
        self._attempt(lambda: keys.remove(self.config, target.group, [target.name]).config.labels)

    @property
    def config(self) -> Config:
        """Return the configuration that is edited here: that of the draft, if there is one."""
        return Config(labels=self._labels)

    def _ask(self, group: str, old: str, offered: str) -> None:
        part, _, way = group.rpartition(".")
        whose = "workloads" if part == WORKLOADS else "namespaces"

        def edited(typed: Sequence[str]) -> LabelConfig:
            return replaced(self.config, group, old, typed).config.labels

        def take(typed: tuple[str, ...] | None) -> None:
            if typed is not None:
                self.wanted = SettingTarget(group, typed[0])
                self._attempt(lambda: edited(typed))

        def check(typed: tuple[str, ...]) -> str:
            edited(typed)
            return ""

        title = f"{way.capitalize()} labels of {whose}"
        self.app.push_screen(
            ValuesDialog(title, "Patterns of label keys", offered, _EXAMPLE, check, _NOTE), take
        )

    def suggest(self) -> None:
        """Draft the suggested set of keys, beyond the draft if there is one, beside the event loop."""
        self.say("Working out which keys identify ...")
        self.run_worker(self._suggest(), group="label-suggest", exclusive=True)

    async def _suggest(self) -> None:
        if self.settings is None:
            return
        labels = self._labels
        world = replace(_settled(self.settings.ground.world), labels=labels)
        suggestion = await asyncio.to_thread(suggested_labels, world)
        if labels != self._labels:
            self.say("The draft has changed meanwhile: ask again.")
            return
        if not suggestion.keys:
            what = "the labels in use" if self.draft is None else "the labels that the draft uses"
            self.say(f"Nothing to suggest: {what} identify and last.")
            return
        self._set_draft(suggestion.labels, suggestion)
        self.say(f"{len(suggestion.keys)} patterns are suggested; the effect says what they change.")


def _settled(world: World) -> World:
    """Return a world for another thread: what flows tell of pods grows on this one."""
    return replace(world, knowledge=world.knowledge.snapshot())
