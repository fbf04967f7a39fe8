"""Epoch seconds as text; always UTC, and no clock of its own."""

from __future__ import annotations

from datetime import UTC, datetime

SHORT_WIDTH = 11
"""Cells of ``short`` at most."""


def utc(epoch: float) -> str:
    """Return for instance ``2026-11-21 03:47:10 UTC``; ``never`` for 0.0, which stands for nothing seen."""
    moment = _moment(epoch)
    if moment is None:
        return "never" if not epoch else f"{epoch:.0f} s since 1970"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def short(epoch: float, newest: float | None = None) -> str:
    """Return the time of day when it is the day of ``newest``, else the date, with the time in that year.

    Without ``newest`` the year is left out. Nothing seen is an empty text.
    """
    moment = _moment(epoch)
    if moment is None:
        return ""
    last = _moment(newest or 0.0)
    if last is None or (last.year == moment.year and last.date() != moment.date()):
        return f"{moment:%m-%d %H:%M}"
    return f"{moment:%H:%M:%S}" if last.date() == moment.date() else f"{moment:%Y-%m-%d}"


def _moment(epoch: float) -> datetime | None:
    if not epoch:
        return None
    try:
        return datetime.fromtimestamp(epoch, UTC)
    except (OverflowError, ValueError, OSError):
        return None
