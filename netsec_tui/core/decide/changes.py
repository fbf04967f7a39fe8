"""Tell what is new since decisions were saved, what of them was not seen, and what is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from netsec_tui.core.decide.standing import is_held
from netsec_tui.core.decide.stood import altered
from netsec_tui.core.words import listed
from netsec_tui.model.decision import Decisions, DirectionDecisions
from netsec_tui.model.identity import CommunicationKey, Direction
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Review, Row, Since
from netsec_tui.model.saved import Changes

_UNTIL = "labels were missing until now"
_Keys = Collection[CommunicationKey]


def with_changes(review: Review, decisions: Decisions) -> Review:
    """Return a review with its ``changes``, and what a decisions file has to say at the top."""
    changes = _changes(review, decisions)
    if not decisions.loaded:
        return replace(review, changes=changes) if changes else review
    told = (*filter(None, (changes_sentence(changes),)), *decisions.notes)
    return replace(review, changes=changes, warnings=(*told, *review.warnings))


def _changes(review: Review, decisions: Decisions) -> Changes:
    found: dict[Since, list[Row]] = {since: [] for since in Since}
    held: list[CommunicationKey] = []
    others: list[CommunicationKey] = []
    known = Since.KNOWN
    for direction in Direction:
        chosen = decisions.of(direction)
        rows = review.of(direction).rows
        # Every action leads here and mostly finds nothing: many rows must not cost much.
        for row in (row for row in rows if row.since is not known):
            found[row.since].append(row)
        likely = (row for row in rows if row.since is known and row.tickable) if chosen.held else ()
        held += [row.key for row in likely if is_held(chosen, row.key)]
        others += [row.key for row in rows if chosen.stood and _is_altered(chosen, row)]
    changed = frozenset(others)
    new, not_seen, gone = (found[since] for since in (Since.NEW, Since.NOT_SEEN, Since.GONE))
    return Changes(
        tuple(row.key for row in new),
        tuple(row.key for row in not_seen if row.key not in changed),
        tuple(row.key for row in gone),
        tuple(row.key for row in new if row.ticked),
        {row.key: row.allowed_by for row in new if _let_through(row)},
        tuple(held),
        tuple(others),
    )


def _is_altered(chosen: DirectionDecisions, row: Row) -> bool:
    """Tell whether a ticked row is out because of what it opens by now."""
    ticked = row.key in chosen.stood and chosen.ticks.get(chosen.general, {}).get(row.key, False)
    out = ticked and row.tickable and not is_held(chosen, row.key)
    return out and bool(altered(chosen, row.communication, row.now))


def _let_through(row: Row) -> bool:
    return not row.ticked and row.reach in (Reach.ALLOWED, Reach.PARTLY)


def changes_sentence(changes: Changes) -> str:
    """Return one sentence on what differs from the decisions saved, empty when nothing does."""
    parts = []
    if changes.new:
        parts.append(f"{_counted(changes.new)} new since the decisions were saved{_standing(changes)}")
    if changes.not_seen:
        saved = _counted(changes.not_seen, "saved", "were", "was")
        parts.append(f"{saved} not seen in this timespan")
    if changes.gone:
        parts.append(f"{_counted(changes.gone, 'saved')} gone")
    if changes.altered:
        ticked = _counted(changes.altered, "ticked", "stand", "stands")
        parts.append(f"{ticked} for something else now: out until ticked again")
    if changes.held:
        parts.append(f"{_counted(changes.held, '', 'stay', 'stays')} unticked until decided: {_UNTIL}")
    return "; ".join(parts)


def _counted(keys: _Keys, which: str = "", many: str = "are", one: str = "is") -> str:
    what = "communication" if len(keys) == 1 else "communications"
    return " ".join(filter(None, (str(len(keys)), which, what, one if len(keys) == 1 else many)))


def _standing(changes: Changes) -> str:
    """Say what becomes of the new rows, in one word where it is the same for all."""
    if len(changes.left_out) == len(changes.new):
        return f" and {'starts out' if len(changes.new) == 1 else 'start out'}"
    return f": {', '.join(_parted(changes))}"


def _parted(changes: Changes) -> Iterator[str]:
    sorts: tuple[tuple[_Keys, str, str], ...] = (
        (changes.left_out, "starts out", "start out"),
        (changes.ticked, "is ticked", "are ticked"),
        (changes.let_through, "is not ticked but let through", "are not ticked but let through"),
    )
    return (f"{len(keys)} {one if len(keys) == 1 else many}" for keys, one, many in sorts if keys)


_NAMED = 10


def named_changes(changes: Changes) -> tuple[str, ...]:
    """Return a sentence for each sort of change, which names the rows."""
    new = "new since the decisions were saved"
    opened = (f"{row_text(key)}{f' (by {by})' if by else ''}" for key, by in changes.let_through.items())
    sorts = (
        (f"{new}, so out until decided", map(row_text, changes.left_out)),
        (f"{new}, and ticked", map(row_text, changes.ticked)),
        (f"{new}, and let through though not ticked", opened),
        ("ticked but not seen in this timespan, so kept", map(row_text, changes.not_seen)),
        ("ticked but gone, so not in the policy", map(row_text, changes.gone)),
        ("ticked but for something else now, so out until ticked again", map(row_text, changes.altered)),
        (f"unticked until decided, as {_UNTIL}", map(row_text, changes.held)),
    )
    told = ((what, listed(rows, _NAMED)) for what, rows in sorts)
    return tuple(f"{what}: {rows}" for what, rows in told if rows)


def row_text(key: CommunicationKey) -> str:
    """Return a row for a person: ``egress data/StatefulSet/db 5432/TCP``."""
    peer = key.peer
    named = "/".join(filter(None, (peer.namespace, peer.kind, peer.name)))
    port = f"{key.port}/{key.protocol}" if key.port else str(key.protocol)
    return f"{key.direction} {peer.name if peer.unresolved else named} {port}"
