"""Change decisions: each function takes the old ones and returns new ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from netsec_tui.core.configure.entries import put_alias
from netsec_tui.model.config import Config
from netsec_tui.model.decision import (
    Alias,
    Decisions,
    DirectionDecisions,
    GeneralRule,
    ManualRule,
)
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort, alias_peer

T = TypeVar("T")


def with_side(decisions: Decisions, direction: Direction, changed: DirectionDecisions) -> Decisions:
    """Put the decisions of one direction in the place of those there are."""
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
        changed = replace(old, ticks=ticks, dns=dns)
        decisions = with_side(decisions, direction, _let_in(changed, members) if ticked else changed)
    return decisions


def _let_in(side: DirectionDecisions, keys: Iterable[CommunicationKey]) -> DirectionDecisions:
    """Let rows that were held back in by their tick under the general rule; under any other they stay out."""
    freed = {key for key in keys if key.lasting in side.held}
    out = {key: False for key in freed if key.peer.sort is not PeerSort.DNS}
    others = (general for general in GeneralRule if out and general is not side.general)
    ticks = {**side.ticks, **{general: {**side.ticks.get(general, {}), **out} for general in others}}
    return replace(side, ticks=ticks, held=side.held.difference(key.lasting for key in freed))


def with_general(decisions: Decisions, direction: Direction, rule: GeneralRule) -> Decisions:
    """Choose a general rule; the ticks of the one before are kept for when it comes back."""
    return with_side(decisions, direction, replace(decisions.of(direction), general=rule))


def with_manual(decisions: Decisions, rule: ManualRule) -> Decisions:
    """Add a manual rule; one that is there already changes nothing."""
    old = decisions.of(rule.direction)
    if rule in old.manual:
        return decisions
    return with_side(decisions, rule.direction, replace(old, manual=(*old.manual, rule)))


def without_manual(decisions: Decisions, direction: Direction, index: int) -> Decisions:
    """Remove the n-th manual rule; one that is not there changes nothing."""
    old = decisions.of(direction)
    kept = tuple(rule for i, rule in enumerate(old.manual) if i != index)
    return with_side(decisions, direction, replace(old, manual=kept))


Aliases = tuple[Alias, ...]
"""All aliases, by name."""


def with_alias(aliases: Aliases, alias: Alias, old: str = "") -> Aliases:
    """Create an alias or replace the one of its name; the one named ``old`` goes.

    An entry belongs to one alias: it moves here from another, which goes when nothing is left of it.

    Raises:
        BadInputError: it has no name, no entries, or an entry that is no address or CIDR.
    """
    return put_alias(Config(aliases=aliases), alias, old).config.aliases


def with_renamed(decisions: Decisions, old: str, new: str) -> Decisions:
    """Let the ticks of the alias ``old`` hold for the alias ``new`` as well."""
    for direction in Direction:
        side = decisions.of(direction)
        ticks = {
            general: {**of_rule, **_renamed(of_rule, old, new)} for general, of_rule in side.ticks.items()
        }
        known = side.reviewed
        if known is not None:
            known |= _renamed(dict.fromkeys(known, True), old, new).keys()
        stood = {**side.stood, **_renamed(side.stood, old, new)}
        if ticks != side.ticks or known != side.reviewed:
            changed = replace(side, ticks=ticks, reviewed=known, stood=stood)
            decisions = with_side(decisions, direction, changed)
    return decisions


def _renamed(of_rows: Mapping[CommunicationKey, T], old: str, new: str) -> dict[CommunicationKey, T]:
    return {
        key._replace(peer=alias_peer(new)): told
        for key, told in of_rows.items()
        if key.peer == alias_peer(old)
    }


def restored(aliases: Aliases, changes: Mapping[str, Alias | None]) -> Aliases:
    """Put aliases in place by name; None removes one. What another alias has by now stays there."""
    kept = [alias for alias in aliases if alias.name not in changes]
    taken = {entry for alias in kept for entry in alias.entries}
    for alias in filter(None, changes.values()):
        entries = tuple(entry for entry in alias.entries if entry not in taken)
        kept += [replace(alias, entries=entries)] if entries else []
    return tuple(sorted(kept, key=lambda alias: alias.name))


def alias_changes(old: Aliases, new: Aliases) -> dict[str, Alias | None]:
    """Return what turns the new aliases into the old ones again."""
    before, after = {a.name: a for a in old}, {a.name: a for a in new}
    return {n: before.get(n) for n in sorted(before | after) if before.get(n) != after.get(n)}
