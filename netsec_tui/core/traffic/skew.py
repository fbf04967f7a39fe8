"""Flows whose time cannot be: whose clock is wrong, as far as that can be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import OLDEST, SKEW_SECONDS

_EVERY_NODE = (
    "clock skew: every node tells of flows after now, so this machine's clock is likely to be behind: "
    "set it, and read again"
)


class Skew:
    """Make gaps of flows whose time cannot be; ``reasons`` are those made so far, in order of appearance."""

    def __init__(self) -> None:
        self.reasons: dict[str, None] = {}
        self._ahead: set[str] = set()

    def gap(self, flow: Flow) -> Gap:
        """Return what a flow is whose time cannot be; it may lie in any window."""
        if flow.time < OLDEST:
            when = "before the year 2000"
        else:
            when = f"more than {SKEW_SECONDS / 60:.0f} min after now"
            self._ahead.add(flow.node or flow.origin)
        who = f"node {flow.node}" if flow.node else flow.origin or "a source"
        reason = f"clock skew: {who} tells of flows {when}; they count nowhere"
        self.reasons[reason] = None
        return Gap(0.0, max(1, flow.count), reason, flow.node, flow.origin)

    def of_this_machine(self, counted: Iterable[str]) -> Iterator[Gap]:
        """Yield a gap of nothing counted where several tell of flows after now, and nobody does not.

        ``counted`` are the nodes and sources of which flows count: a clock that is ahead told of those
        before.
        """
        if len(self._ahead) > 1 and self._ahead.issuperset(counted):
            yield Gap(0.0, 0, _EVERY_NODE)
