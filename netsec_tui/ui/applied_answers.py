"""What the screen asks about applied policies: one answerer for each state of the cluster and workload."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.compare.applied_verdict import Verdicts
from netsec_tui.model.applied import AppliedVerdict, NamespaceMap
from netsec_tui.model.identity import CommunicationKey
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.review import Review, Row, Subject
from netsec_tui.render.applied import policy_title, verdict_lines
from netsec_tui.render.facts import heading
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Target
from netsec_tui.render.yaml_lines import yaml_lines
from netsec_tui.ui.raw_yaml import raw_yaml
from netsec_tui.ui.view import View


@lru_cache(maxsize=1)
def _over(ground: Ground) -> Applied:
    return Applied(ground)


@lru_cache(maxsize=1)
def _verdicts(ground: Ground, subject: Subject) -> Verdicts:
    return Verdicts(_over(ground), subject)


class Answers:
    """Answer for one view; ``review`` and ``ground`` are what it was made of."""

    def __init__(self, review: Review, ground: Ground) -> None:
        self.review = review
        self.ground = ground
        self.applied = _over(ground)
        self._verdicts = _verdicts(ground, review.subject)

    def verdict(self, row: Row) -> AppliedVerdict:
        """Return what the applied policies make of a row."""
        return self._verdicts.of(row.communication)

    def verdicts(self) -> list[tuple[Row, AppliedVerdict]]:
        """Return every row with its verdict; with thousands of rows this takes a while."""
        rows = (*self.review.ingress.rows, *self.review.egress.rows)
        return [(row, self.verdict(row)) for row in rows]

    def prepare(self) -> None:
        """Look up every pod of the namespace: what flows tell grows meanwhile, so no other thread may."""
        home = self.review.subject.ref.namespace
        for ref in self.ground.owners:
            if ref.namespace == home:
                self.ground.ends.owner(ref)

    def namespace(self) -> NamespaceMap:
        """Return the map of the workload's namespace; in another thread only after ``prepare``."""
        return self.applied.in_namespace(self.review.subject.ref.namespace)

    def row(self, key: CommunicationKey | None) -> Row | None:
        """Return the row of a key, None when it is gone."""
        rows = self.review.of(key.direction).rows if key else ()
        return next((row for row in rows if row.key == key), None)

    def detail(self, key: CommunicationKey, width: int) -> list[Line]:
        """Return what the applied policies make of a communication, both sides."""
        row = self.row(key)
        return verdict_lines(self.verdict(row), width) if row else []

    def policies(self, key: CommunicationKey, width: int) -> list[Line]:
        """Return the raw YAML of the policies that isolate either end of a communication."""
        row = self.row(key)
        lines: list[Line] = []
        for namespace, name in self.verdict(row).policies if row else ():
            title = f"NetworkPolicy {namespace}/{name}"
            raw = raw_of(self.ground.world.inventory, title)
            lines += [Line(), *heading(literal(title), width), *(yaml_lines(raw_yaml(raw)) if raw else ())]
        return lines


def answers_for(view: View) -> Answers | None:
    """Return who answers for a view, None before a workload is chosen."""
    if view.review is None or view.ground is None:
        return None
    return Answers(view.review, view.ground)


def applied_detail(view: View, target: Target, width: int) -> list[Line]:
    """Return what the detail of a communication says of the applied policies."""
    answers = answers_for(view)
    if answers is None or not view.known or not isinstance(target, CommunicationKey):
        return []
    return answers.detail(target, width)


def applied_yaml(view: View, target: Target, width: int) -> list[Line]:
    """Return the policies behind the detail of a communication."""
    answers = answers_for(view)
    if answers is None or not isinstance(target, CommunicationKey):
        return []
    return answers.policies(target, width)


def raw_of(inventory: Inventory, title: str) -> Mapping[str, Any] | None:
    """Return the object of a policy by kind and name, None when it could not be read."""
    for applied in inventory.policies:
        if policy_title(applied) == title:
            return applied.raw
    return next((other.raw for other in inventory.overriding if str(other) == title), None)
