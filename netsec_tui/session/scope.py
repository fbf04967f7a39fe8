"""What a scope comes to: the window of a timespan, what was seen of it, and why a workload is not found."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.core.traffic.observe import Observations
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.observed import Observed
from netsec_tui.model.timespan import Timespan, Window


def window_of(
    timespan: Timespan, seen: Observations, observed: Iterable[Observed], now: float, *, live: bool
) -> Window:
    """Return the window: it ends now for live input, for files when the last was recorded of them.

    A source that says how long it has watched says so of the time after its last flow too.
    """
    newest = max([seen.last or 0.0, *(one.until or now for one in observed)])
    end = max(now, newest) if live else newest
    # A live window moves by whole minutes, so that nothing is worked out anew in between.
    whole = (end // 60 + 1) * 60 if live else end
    if timespan.seconds is None:
        return Window(0.0, whole)
    return Window(max(0.0, (end - timespan.seconds) // 60 * 60), whole)


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
