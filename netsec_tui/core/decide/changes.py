"""Tell what is new since decisions were saved, what of them was not seen, and what is gone."""

from __future__ import annotations

from dataclasses import replace

from netsec_tui.core.words import listed
from netsec_tui.model.decision import Decisions
from netsec_tui.model.identity import CommunicationKey, Direction
from netsec_tui.model.review import Review, Since
from netsec_tui.model.saved import Changes


def with_changes(review: Review, decisions: Decisions) -> Review:
    """Return a review with its ``changes``, and what a decisions file has to say at the top."""
    changes = _changes(review)
    if not decisions.loaded:
        return replace(review, changes=changes) if changes else review
    told = (*filter(None, (changes_sentence(changes),)), *decisions.notes)
    return replace(review, changes=changes, warnings=(*told, *review.warnings))


def _changes(review: Review) -> Changes:
    found: dict[Since, list[CommunicationKey]] = {since: [] for since in Since}
    for direction in Direction:
        for row in review.of(direction).rows:
            if row.since is not Since.KNOWN:
                found[row.since].append(row.key)
    return Changes(*(tuple(found[since]) for since in (Since.NEW, Since.NOT_SEEN, Since.GONE)))


def changes_sentence(changes: Changes) -> str:
    """Return one sentence on what differs from the decisions saved, empty when nothing does."""
    parts = []
    if changes.new:
        parts.append(f"{_counted(changes.new)} new since the decisions were saved and {_start(changes.new)}")
    if changes.not_seen:
        saved = _counted(changes.not_seen, "saved", "were", "was")
        parts.append(f"{saved} not seen in this timespan")
    if changes.gone:
        parts.append(f"{_counted(changes.gone, 'saved')} gone")
    return "; ".join(parts)


def _counted(keys: tuple[CommunicationKey, ...], which: str = "", many: str = "are", one: str = "is") -> str:
    what = "communication" if len(keys) == 1 else "communications"
    return " ".join(filter(None, (str(len(keys)), which, what, one if len(keys) == 1 else many)))


def _start(keys: tuple[CommunicationKey, ...]) -> str:
    return "starts out" if len(keys) == 1 else "start out"


_NAMED = 10


def named_changes(changes: Changes) -> tuple[str, ...]:
    """Return a sentence for each sort of change, which names the rows."""
    sorts = (
        ("new since the decisions were saved, so out until decided", changes.new),
        ("ticked but not seen in this timespan, so kept", changes.not_seen),
        ("ticked but gone, so not in the policy", changes.gone),
    )
    return tuple(f"{what}: {listed(map(row_text, keys), _NAMED)}" for what, keys in sorts if keys)


def row_text(key: CommunicationKey) -> str:
    """Return a row for a person: ``egress data/StatefulSet/db 5432/TCP``."""
    peer = key.peer
    named = "/".join(filter(None, (peer.namespace, peer.kind, peer.name)))
    port = f"{key.port}/{key.protocol}" if key.port else str(key.protocol)
    return f"{key.direction} {peer.name if peer.unresolved else named} {port}"
