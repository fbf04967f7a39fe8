"""Keep what was decided for each workload, and what ``Undo`` brings back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from netsec_tui.model.decision import Alias, Decisions
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.review import Review
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.session.decide import with_renamed
from netsec_tui.session.saved import held_of, unlabelled, with_entries, with_held, with_reviewed, with_saved

AliasChanges = Mapping[str, Alias | None]
"""Aliases by name as they were before a change; None where there was none."""


@dataclass(frozen=True)
class _Before:
    """Hold what ``Undo`` brings back; ``aliases`` only those that changed."""

    decisions: Decisions
    aliases: AliasChanges


class Ledger:
    """Own the decisions of all workloads with the ones before them."""

    def __init__(self) -> None:
        self._decisions: dict[WorkloadRef, Decisions] = {}
        self._undo: dict[WorkloadRef, list[_Before]] = {}

    def of(self, ref: WorkloadRef | None) -> Decisions:
        """Return what was decided for a workload."""
        return self._decisions.get(ref, Decisions()) if ref else Decisions()

    def put(self, ref: WorkloadRef, decisions: Decisions, aliases: AliasChanges) -> bool:
        """Decide anew, so that it can be taken back; return whether anything is different."""
        before = _Before(self.of(ref), aliases)
        if decisions == before.decisions and not aliases:
            return False
        self._undo.setdefault(ref, []).append(before)
        self._decisions[ref] = decisions
        return True

    def changed_aliases(self, ref: WorkloadRef | None) -> bool:
        """Tell whether taking back the last decision would change aliases."""
        history = self._undo.get(ref, []) if ref else []
        return bool(history and history[-1].aliases)

    def take_back(self, ref: WorkloadRef | None) -> AliasChanges | None:
        """Return to the decisions before the last; the aliases that go with that, None without any before.

        Which rows have lacked a namespace label is no decision and stays.
        """
        history = self._undo.get(ref, []) if ref else []
        if not history or not ref:
            return None
        before = history.pop()
        self._decisions[ref] = with_held(before.decisions, held_of(self.of(ref)))
        return before.aliases

    def rename(self, scope: WorkloadRef | None, old: str, new: str) -> None:
        """Let the ticks of an alias hold for its new name, for all workloads but the one in scope.

        The old ticks stay beside the copies, so that Undo finds them in whatever workload.
        """
        for ref, decisions in self._decisions.items():
            if ref != scope:
                self._decisions[ref] = with_renamed(decisions, old, new)

    def hold_back(self, review: Review) -> Decisions:
        """Remember the rows that lack a namespace label: they must not come in by themselves later."""
        ref = review.subject.ref
        self._decisions[ref] = with_held(self.of(ref), unlabelled(review))
        return self._decisions[ref]

    def saved(self, saved: SavedDecisions) -> None:
        """Take note that a file holds the decisions of a workload: what it knows is not new any more."""
        ref = saved.workload
        known = with_saved(self.of(ref), saved.decisions)
        self._decisions[ref] = with_entries(known, saved.aliases) if known.loaded else known
        self._undo[ref] = [
            replace(before, decisions=with_reviewed(before.decisions, saved.decisions))
            for before in self._undo.get(ref, [])
        ]
