"""Change decisions: each function takes the old ones and returns new ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netsec_tui.model.decision import Decisions, DirectionDecisions, GeneralRule, ManualRule
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort


def _with(decisions: Decisions, direction: Direction, changed: DirectionDecisions) -> Decisions:
    if direction is Direction.INGRESS:
        return replace(decisions, ingress=changed)
    return replace(decisions, egress=changed)


def with_ticks(decisions: Decisions, keys: Iterable[CommunicationKey], ticked: bool) -> Decisions:
    """Tick or untick rows in the tick set of the general rule that is in force."""
    by_direction: dict[Direction, list[CommunicationKey]] = {}
    for key in keys:
        by_direction.setdefault(key.direction, []).append(key)
    for direction, members in by_direction.items():
        old = decisions.of(direction)
        dns = ticked if any(key.peer.sort is PeerSort.DNS for key in members) else old.dns
        rows = {key: ticked for key in members if key.peer.sort is not PeerSort.DNS}
        ticks = {**old.ticks, old.general: {**old.ticks.get(old.general, {}), **rows}}
        decisions = _with(decisions, direction, replace(old, ticks=ticks, dns=dns))
    return decisions


def with_general(decisions: Decisions, direction: Direction, rule: GeneralRule) -> Decisions:
    """Choose a general rule; the ticks of the one before are kept for when it comes back."""
    return _with(decisions, direction, replace(decisions.of(direction), general=rule))


def with_manual(decisions: Decisions, rule: ManualRule) -> Decisions:
    """Add a manual rule; one that is there already changes nothing."""
    old = decisions.of(rule.direction)
    if rule in old.manual:
        return decisions
    return _with(decisions, rule.direction, replace(old, manual=(*old.manual, rule)))


def without_manual(decisions: Decisions, direction: Direction, index: int) -> Decisions:
    """Remove the n-th manual rule; one that is not there changes nothing."""
    old = decisions.of(direction)
    kept = tuple(rule for i, rule in enumerate(old.manual) if i != index)
    return _with(decisions, direction, replace(old, manual=kept))
