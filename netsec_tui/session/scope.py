"""What a scope comes to: the window of a timespan, what was seen of it, and why a workload is not found."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.core.traffic.observe import Observations
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.timespan import Coverage, Timespan, Window


def window_of(timespan: Timespan, seen: Observations, now: float, *, live: bool) -> Window:
    """Return the window: it ends now for live input, at the newest record for files."""
    newest = seen.last or 0.0
    end = max(now, newest) if live else newest
    if timespan.seconds is None:
        return Window(0.0, end)
    start = max(0.0, (end - timespan.seconds) // 60 * 60)
    # A live window moves by whole minutes, so that nothing is worked out anew in between.
    return Window(start, (end // 60 + 1) * 60 if live else end)


def coverage_of(timespan: Timespan, seen: Observations, window: Window, *, live: bool) -> Coverage:
    """Return how much of a window there are records for."""
    if seen.first is None or seen.last is None:
        return Coverage(timespan, 0.0, 0.0, live)
    covered = max(0.0, min(window.end, seen.last) - max(window.start, seen.first))
    return Coverage(timespan, covered, seen.last, live)


def not_found(ref: WorkloadRef, recorded: Iterable[WorkloadRef]) -> str:
    """Say that a workload is not there, and which are."""
    everyone = list(recorded)
    if not everyone:
        return f"{ref} was not found: no communication of any workload was recorded yet"
    namespaces = sorted({other.namespace for other in everyone})
    if ref.namespace not in namespaces:
        return (
            f"no workload with communications in namespace {ref.namespace!r}; "
            f"there are some in {', '.join(namespaces)}"
        )
    names = ", ".join(str(other) for other in everyone if other.namespace == ref.namespace)
    return f"{ref} was not found in namespace {ref.namespace!r}; recorded there: {names}"
