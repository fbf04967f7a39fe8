"""Sources of which nothing is known by the time that reading ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.sources.contract import SourceStatus


def unanswered(told: Iterable[SourceStatus]) -> Iterator[tuple[SourceStatus, str]]:
    """Yield statuses of live sources that say neither how they watch nor why not, and a sentence on each.

    Flows alone are no answer: how much is missing beside them nobody knows. A pipe and the cluster's state,
    which do not say how they watch, say what they have.
    """
    for status in told:
        if not (status.observed or status.error or (status.live and status.detail)):
            yield status, f"{status.source} had not answered, or not in full, when reading ended"
