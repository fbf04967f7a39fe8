"""What a source that decodes records hands on of them, and what it says of itself."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.observed import NodeSpan, Observed
from netsec_tui.model.origins import WITHOUT_ADDRESSES
from netsec_tui.model.timespan import plausible
from netsec_tui.sources.contract import Emit, FlowsRead, SourceStatus
from netsec_tui.sources.life import Life
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.problem import Problem

_MOST_WORDS = 400


class Intake:
    """Hand on the flows of one live source, count what could not be read and tell how the source is doing.

    ``record`` names what is read, as the beginning of a sentence; ``flows`` is how many were handed on. What
    is read keeps only what came in the last seconds that it ``remembers``: what it dates before that is of a
    node whose clock is behind. ``life`` is that of the server whose stream is read; one that is asked again
    and again has none.
    """

    def __init__(
        self, name: str, origin: str, record: str, remembers: float = math.inf, life: Life | None = None
    ) -> None:
        self._life = life or Life()
        self._name, self._origin, self._record = name, origin, record
        self._oldest = time.time() - remembers
        self.flows = 0
        self._unread = 0
        self._why = ""
        self._since = self._well = 0.0
        self._nodes: dict[str, float] = {}

    def take(self, found: Iterable[Flow | Gap | Problem], emit: Emit) -> None:
        """Emit flows and gaps; what could not be read becomes one gap."""
        told: list[Flow | Gap] = []
        unread: list[Problem] = []
        for item in found:
            if isinstance(item, Problem):
                unread.append(item)
                continue
            told.append(item)
            if isinstance(item, Flow):
                self.flows += 1
                self.reach_back_to(item.time, item.node)
        if unread:
            self._unread += len(unread)
            self._why = printable(f"{self._record}: {unread[0].reason}", _MOST_WORDS)
            told.append(Gap(time.time(), len(unread), self._why))
        if told:
            emit(FlowsRead(tuple(told)))

    def reach_back_to(self, at: float, node: str = "") -> None:
        """Take note that what is told, by a node, begins at a time in epoch seconds, if not before."""
        now = time.time()
        if plausible(at, now):
            at = max(at, self._oldest)
            self._since = min(self._since or now, at)
            self._nodes[node] = min(self._nodes.get(node, at), at)

    def complete_from(self, at: float) -> None:
        """Take it that what is of a time before, in epoch seconds, has not been read in full yet."""
        self._oldest = at

    def tell(
        self,
        emit: Emit,
        counted: str,
        trouble: str = "",
        *,
        ended: bool = False,
        nodes: frozenset[str] | None = None,
        silent: Mapping[str, float] | None = None,
        sampling: int = 1,
        read_to: float = 0.0,
        every: float = 0.0,
        meanwhile: float = 0.0,
    ) -> None:
        """Emit how the source is doing; ``counted`` says what came as yet.

        In ``trouble`` it does not watch, and has not since the last sign of life: that it does again it says
        once nothing is wrong any more. It is not known either while such a sign is overdue.
        ``nodes`` and ``sampling`` are what ``Observed`` says of it; ``silent`` tells when
        nodes that say nothing any more did so last, in epoch seconds. ``read_to`` is that of
        ``SourceStatus``; one who asks ``every`` so many seconds may have to wait for an answer twice as long,
        and ``meanwhile`` for an answer about the past before; anybody else is behind there.
        """
        now = time.time()
        self._since = self._since or now
        if not trouble or not self._well:
            self._well = max(self._life.last, self._since)
        overdue = 0.0 if trouble or ended else self._life.overdue
        read_to = min(read_to or overdue, overdue) if overdue else read_to
        behind = read_to and not every
        until = min(read_to or now, self._well) if trouble or ended or behind else 0.0
        last = silent or {}
        spans = tuple(
            NodeSpan(node, self._nodes.setdefault(node, now), last.get(node, 0.0))
            for node in sorted(nodes or ())
        )
        addresses = self._origin not in WITHOUT_ADDRESSES
        observed = Observed(
            self._origin, self._since, until, nodes, sampling, addresses=addresses, spans=spans
        )
        detail = (counted if self.flows else "no flow yet") + (f"; {self._why}" if self._why else "")
        status = SourceStatus(self._name, True, detail, self._unread, trouble, ended=ended, observed=observed)
        due = self._well + 2 * every + meanwhile if every or overdue else 0.0
        emit(replace(status, read_to=read_to, due=due))
