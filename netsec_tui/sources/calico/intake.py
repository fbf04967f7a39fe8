"""What has come in from Goldmane or Whisker: put together, handed on, and what is lacking of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import from_to
from netsec_tui.sources.backlog import Backlog
from netsec_tui.sources.calico.pairs import Pairing
from netsec_tui.sources.calico.record import Record
from netsec_tui.sources.contract import Emit
from netsec_tui.sources.counted import counted
from netsec_tui.sources.intake import Intake
from netsec_tui.sources.life import Life
from netsec_tui.sources.problem import Problem

HISTORY_SECONDS = 3600
"""Goldmane keeps an hour (242 buckets of 15 s)."""

_OVERLAP = 60
"""Seconds that are asked for again after a break; they are remembered, so that they do not count twice."""

_QUIET = 0.5
"""Seconds of silence after which no more is expected of a window: each comes in one go, every 15 s."""

_LATE = 45.0
"""Seconds after their beginning within which windows are told: each lasts 15 s and is kept back for two."""

_LONGEST = 1.0

_OVERDUE = 20.0
"""Seconds of silence after which the next window is taken to hold nothing."""


class CalicoIntake:
    """Gather records of one source and hand flows on; ``product`` names who tells them.

    ``life`` is that of its server, ``clock`` is monotonic time.
    """

    def __init__(
        self, name: str, origin: str, product: str, life: Life, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._product, self._life, self._clock = product, life, clock
        self._intake = Intake(name, origin, product, HISTORY_SECONDS + _OVERLAP, life)
        self._pairs = Pairing(origin)
        self._problems: list[Problem] = []
        self._connections = 0
        self._first_waiting = self._last = 0.0
        self._newest_before = self._lowest = 0
        self._backlog, self._broke_off, self._held = Backlog(), 0.0, 0.0

    @property
    def read_to(self) -> float:
        """Return until when all has been read, in epoch seconds, 0.0 once that is now."""
        return self._backlog.read_to or self._held

    def begin(self) -> None:
        """Take it that a stream begins, with what was before."""
        self._backlog.begin(self._broke_off, late=_LATE)

    def quiet(self) -> None:
        """Take it that nothing comes now; what waits for its other end has not been told yet."""
        read_to = self._backlog.read_to
        self._backlog.quiet()
        if read_to and not self._backlog.read_to and self._pairs.waiting:
            self._held = read_to

    @property
    def asked_from(self) -> int:
        """Return from when on flows are to be asked for: epoch seconds, or negative before now."""
        if not self._pairs.newest:
            return -HISTORY_SECONDS
        # A node whose clock is ahead is no reason to leave out what the others tell.
        return min(self._pairs.newest, int(time.time())) - _OVERLAP

    def take(self, record: Record | Problem, *, whole: bool = False) -> None:
        """Take one record in; ``whole`` as for ``Pairing.add``."""
        if isinstance(record, Problem):
            self._problems.append(record)
            return
        if self._newest_before:
            self._lowest = min(self._lowest or record.end, record.end)
        self._last = self._clock()
        if not self._pairs.waiting:
            self._first_waiting = self._last
        self._intake.reach_back_to(record.start or record.end)
        self._backlog.take(record.start or record.end)
        self._pairs.add(record, whole=whole)

    def pass_on(self, emit: Emit, *, all_of_it: bool = False, broken: bool = False) -> bool:
        """Emit the flows of windows that are over, and what could not be read; return whether any was.

        ``broken`` tells that no more will come of them for now.
        """
        flows = self._pairs.flush() if all_of_it else self._over(broken=broken)
        self._connections += sum(flow.count for flow in flows)
        lost = self._lost() if flows else ()
        self._held = 0.0 if flows else self._held
        problems, self._problems = self._problems, []
        self._intake.take((*lost, *flows, *problems), emit)
        return bool(flows or problems)

    def break_off(self, emit: Emit, trouble: str) -> None:
        """Emit what has come in whole, and why no more comes for now."""
        self._broke_off = self._life.last
        self.pass_on(emit, broken=True)
        self.tell(emit, trouble)
        # What was told last is to come again: without it, what was between is lost.
        self._newest_before = self._pairs.newest

    def _over(self, *, broken: bool) -> tuple[Flow, ...]:
        """Return what is known by now of the windows that have come in whole."""
        now = self._clock()
        if not self._pairs.waiting:
            return ()
        if now - self._last >= _OVERDUE:
            return self._pairs.flush()
        if broken or now - self._last >= _QUIET:
            return self._pairs.flush(until=self._pairs.newest)
        if now - self._first_waiting < _LONGEST:
            return ()
        self._first_waiting = now
        return self._pairs.flush(until=self._pairs.newest - 1)

    def _lost(self) -> tuple[Gap, ...]:
        """Say what is lost when what came first after a break is of a time that was not known before."""
        before, lowest = self._newest_before, self._lowest
        if not lowest:  # flows of before the break that had waited
            return ()
        self._newest_before = self._lowest = 0
        if not before or lowest <= before:
            return ()
        lost = f"{self._product} has lost its history, as when it restarts: flows are missing"
        return (Gap(float(before), 0, f"{lost} {from_to(before, lowest)}", until=float(lowest)),)

    def tell(self, emit: Emit, error: str = "", *, ended: bool = False) -> None:
        """Emit how the source is doing."""
        told, read_to = counted(self._connections, "connection"), 0.0 if error or ended else self.read_to
        self._intake.tell(emit, told, error, ended=ended, read_to=read_to)
