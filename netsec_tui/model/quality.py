"""How good the observation behind a policy is: what was watched, what was missed, what was guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.observed import NodeSpan
from netsec_tui.model.timespan import ADVISED_HOURS, TIMESPANS, Timespan, slack


@dataclass(frozen=True, slots=True)
class Watched:
    """Say how one source has watched, as far as that lies in the window.

    ``since`` and ``until`` are epoch seconds; ``until`` is 0.0 while it goes on. ``told`` is false where only
    its flows tell: then the two are the first and the last of them, and ``nodes`` those that they name.
    ``nodes`` is None when no node is told. Each of them has ``spans``, and so may some that do not report any
    more. ``nodes_by_flows`` is true where these are the nodes that flows name: of one that is silent nobody
    knows whether it is quiet or not looked at. The rest is as in ``Observed``.
    """

    origin: str
    since: float
    until: float = 0.0
    told: bool = True
    nodes: tuple[str, ...] | None = None
    sampling: int = 1
    idle: int = 0
    addresses: bool = True
    spans: tuple[NodeSpan, ...] = ()
    nodes_by_flows: bool = False

    @property
    def by_flows(self) -> bool:
        """Tell whether only flows say that it has watched, or that it has watched its nodes."""
        return not self.told or (self.nodes is not None and self.nodes_by_flows)


def telling(sources: Iterable[Watched]) -> tuple[Watched, ...]:
    """Return those that say how things are: of each kind of source those that still watch, else all."""
    told = tuple(sources)
    watching = {source.origin for source in told if source.told and not source.until}
    return tuple(source for source in told if not source.until or source.origin not in watching)


@dataclass(frozen=True, slots=True)
class Lost:
    """Count what was lost in the window for one reason; 0 where nobody counted it."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Silent:
    """Name the live workloads of a namespace without a communication in the window; count all clusterwide.

    Workloads on the host network are not among them: their traffic is their node's.
    """

    namespace: str = ""
    workloads: tuple[WorkloadRef, ...] = ()
    cluster: int = 0


@dataclass(frozen=True, slots=True)
class Quality:
    """Hold what is known of the observation in one window.

    ``covered`` is how many seconds of it at least one source has watched, for the reporting node that was
    watched least: ``by_node`` has all of those, in seconds; where none reports any more, those that did.
    ``nodes`` are those that report, None if none is told; ``present`` those of the cluster state, None when
    that tells none. ``rows`` are the workload's that were seen, ``inferred`` those of which nobody has proven
    who opened the connection, ``unaddressed`` those whose peer's address nobody has told. ``synthetic``
    counts flows that were made up. ``silent`` is None without cluster state. ``by_flows`` are the seconds of
    ``covered`` that only flows tell of: nobody says whether all the time between them was watched.
    """

    asked: Timespan = TIMESPANS[-1]
    covered: float = 0.0
    sources: tuple[Watched, ...] = ()
    nodes: tuple[str, ...] | None = None
    present: tuple[str, ...] | None = None
    lost: tuple[Lost, ...] = ()
    rows: int = 0
    inferred: int = 0
    unaddressed: int = 0
    synthetic: int = 0
    silent: Silent | None = None
    by_node: tuple[tuple[str, float], ...] = ()
    by_flows: float = 0.0

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the nodes that are there and do not report; none when nothing is told of nodes."""
        if self.nodes is None or self.present is None:
            return ()
        return tuple(node for node in self.present if node not in self.nodes)

    @property
    def nodes_by_flows(self) -> bool:
        """Tell whether no source says which nodes it watches: then they are those that flows name."""
        return all(source.nodes is None or source.nodes_by_flows for source in self.sources)

    @property
    def watched_less(self) -> tuple[tuple[str, float], ...]:
        """Return the nodes that were watched less long than others, with their seconds, least first."""
        longest = max((seconds for _, seconds in self.by_node), default=0.0)
        less = [one for one in self.by_node if one[1] + slack(longest) < longest]
        return tuple(sorted(less, key=lambda one: (one[1], one[0])))

    @property
    def events_lost(self) -> int:
        """Return how many events and lines are known to be lost."""
        return sum(lost.count for lost in self.lost)

    @property
    def sampling(self) -> int:
        """Return how many packets there are for each that was looked at, by the source that looked least.

        0 when a source that may sample does not say, and no other says that it does.
        """
        told = {source.sampling for source in self.sources}
        return max(told, default=1) if max(told, default=1) > 1 else min(told, default=1)

    @property
    def idle(self) -> int:
        """Return how many connections are open, but were never seen in use."""
        return sum(source.idle for source in telling(self.sources))

    @property
    def without_addresses(self) -> tuple[str, ...]:
        """Return the sources that tell no address outside, each kind once."""
        return tuple(dict.fromkeys(source.origin for source in self.sources if not source.addresses))

    @property
    def covers(self) -> bool:
        """Tell whether the window is known to have been watched whole; all there is, as long as advised."""
        wanted = self.asked.seconds
        known = self.covered - self.by_flows
        return known >= (ADVISED_HOURS * 3600 if wanted is None else wanted)

    @property
    def nothing_known_missing(self) -> bool:
        """Tell whether nothing is known to be missed or guessed, all nodes and the whole window included.

        It does not say that nothing is: what is rare, or was not done meanwhile, nobody has seen. What was
        not told is no ground to believe it: without a word of nodes it is never true, nor is it of a sample
        or where only flows tell that anybody watched.
        """
        watched = self.covers and self.nodes is not None and self.present is not None and not self.missing
        whole = not self.lost and self.sampling == 1 and not self.idle and not self.synthetic
        return watched and whole and not (self.inferred or self.unaddressed)
