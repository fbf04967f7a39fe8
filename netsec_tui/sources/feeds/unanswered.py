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
        says_what_it_has = status.observed is None and status.live and status.detail
        if not (has_watched(status) or status.error or says_what_it_has):
            yield status, f"{status.source} had not answered, or not in full, when reading ended"


def has_watched(status: SourceStatus) -> bool:
    """Tell whether a source has begun to watch; of one that asks each node, whether any has answered."""
    return status.observed is not None and status.observed.since > 0.0
