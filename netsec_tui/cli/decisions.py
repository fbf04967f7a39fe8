"""Decisions files of the headless commands: which is loaded, what differs from it, and where one is saved."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from netsec_tui.cli.documents import peer
from netsec_tui.cli.output import note
from netsec_tui.core.decide.changes import named_changes
from netsec_tui.decisions_file.reading import load_decisions
from netsec_tui.decisions_file.writing import written
from netsec_tui.errors import CannotWriteError, UsageError
from netsec_tui.files import target_of, write_whole
from netsec_tui.model.identity import CommunicationKey
from netsec_tui.model.review import Review, Since
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.session.actions import LoadDecisions
from netsec_tui.session.session import Session

Document = dict[str, Any]


def decisions_of(args: Namespace) -> SavedDecisions | None:
    """Return the decisions that the flags name, None without any.

    Raises:
        NetsecError: the file cannot be read or understood.
        UsageError: no workload is named that they could be for.
    """
    path = getattr(args, "decisions", "")
    if path and args.target is None:
        raise UsageError("--decisions needs the workload that they are for, as KIND/NAME")
    return load_decisions(path) if path else None


def decide(session: Session, saved: SavedDecisions) -> None:
    """Let the decisions of a file count for the chosen workload.

    Raises:
        BadInputError: they are for another one.
    """
    session.apply(LoadDecisions(saved))


def tell_changes(review: Review) -> None:
    """Name on standard error what differs from the decisions that were loaded."""
    for sentence in named_changes(review.changes):
        note(sentence)


def changes_document(review: Review) -> Document:
    """Return what differs from the decisions that were loaded."""
    changes = review.changes
    sorts: tuple[tuple[str, tuple[CommunicationKey, ...]], ...] = (
        (Since.NEW, changes.new),
        (Since.NOT_SEEN, changes.not_seen),
        (Since.GONE, changes.gone),
        ("altered", changes.altered),
    )
    return {
        "new": len(changes.new),
        "notSeen": len(changes.not_seen),
        "gone": len(changes.gone),
        "held": len(changes.held),
        "altered": len(changes.altered),
        "rows": [
            {**_row(key, since), "letThrough": key in changes.let_through}
            for since, keys in sorts
            for key in keys
        ],
    }


def _row(key: CommunicationKey, since: str) -> Document:
    told = {"direction": str(key.direction), "peer": peer(key.peer), "protocol": str(key.protocol)}
    return {**told, "port": key.port or None, "since": str(since)}


def save_target(args: Namespace, name: str) -> Path | None:
    """Return where the flags want the decisions saved; a file is replaced only when it is the one loaded.

    ``name`` is that of the policy, for a file in a folder.

    Raises:
        CannotWriteError: another file is there already.
    """
    if not args.save_decisions:
        return None
    path = target_of(args.save_decisions, f"{name}.decisions")
    if path.exists() and not (args.decisions and path.samefile(args.decisions)):
        raise CannotWriteError(
            f"{path} exists: load it with --decisions {path} to save over it, or name another file"
        )
    return path


def save(path: Path, session: Session) -> None:
    """Write the decisions for the chosen workload.

    Raises:
        CannotWriteError: the file cannot be written.
    """
    saved = session.saved_decisions()
    if saved:
        write_whole(path, written(saved))
        note(f"saved the decisions to {path}")
