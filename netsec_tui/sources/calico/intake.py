"""What has come in from Goldmane or Whisker: put together, handed on, and what is lacking of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from netsec_tui.errors import NetsecError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.observed import Observed
from netsec_tui.sources.calico.pairs import Pairing
from netsec_tui.sources.calico.record import Record
from netsec_tui.sources.contract import Emit, FlowsRead, SourceStatus
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.problem import Problem

HISTORY_SECONDS = 3600
"""Goldmane keeps an hour (242 buckets of 15 s)."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds until a stream that broke off is taken up again."""

_OVERLAP = 60
"""Seconds that are asked for again after a break; they are remembered, so that they do not count twice."""

_QUIET = 0.5
"""Seconds of silence after which no more is expected of a window: each comes in one go, every 15 s."""

_LONGEST = 1.0

_OVERDUE = 20.0
"""Seconds of silence after which the next window is taken to hold nothing."""


class Intake:
    """Gather records of one source and hand flows on; ``product`` names who tells them.

    ``clock`` is monotonic time.
    """

    def __init__(
        self, name: str, origin: str, product: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._origin, self._product = name, origin, product
        self._clock = clock
        self._pairs = Pairing(origin)
        self._flows = self._unread = self._told_unread = 0
        self._why = ""
        self._since = 0.0
        self._first_waiting = self._last = 0.0
        self._newest_before = self._lowest = 0
        self._status: SourceStatus | None = None

    @property
    def asked_from(self) -> int:
        """Return from when on flows are to be asked for: epoch seconds, or negative before now."""
        if not self._pairs.newest:
            return -HISTORY_SECONDS
        # A node whose clock is ahead is no reason to leave out what the others tell.
        return min(self._pairs.newest, int(time.time())) - _OVERLAP

    def follow(
        self, records: Callable[[], Iterator[Record | Problem | None]], emit: Emit, stop: threading.Event
    ) -> None:
        """Hand on what comes until ``stop`` is set; ``records`` connects anew after each break.

        What it yields is None now and then while nothing comes.

        Raises:
            NetsecError: ``records`` raised it before anything came.
        """
        begun, wait = False, FIRST_WAIT
        while not stop.is_set():
            trouble = f"{self._product} has ended its stream of flows"
            try:
                for record in records():
                    if record is not None:
                        begun, wait = True, FIRST_WAIT
                        self.take(record)
                    if self.pass_on(emit) or record is None:
                        self.tell(emit)
            except NetsecError as error:
                if not begun:
                    raise
                trouble = str(error)
            if not stop.is_set():
                self.pass_on(emit, broken=True)
                self.tell(emit, f"{trouble}; it is tried again")
                # What was told last is to come again: without it, what was between is lost.
                self._newest_before = self._pairs.newest
            stop.wait(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def take(self, record: Record | Problem, *, whole: bool = False) -> None:
        """Take one record in; ``whole`` as for ``Pairing.add``."""
        if isinstance(record, Problem):
            self._unread += 1
            self._why = self._why or printable(f"{self._product}: {record.reason}", 400)
            return
        if self._newest_before:
            self._lowest = min(self._lowest or record.end, record.end)
        self._last = self._clock()
        if not self._pairs.waiting:
            self._first_waiting = self._last
        self._since = min(self._since or record.start, record.start) or float(record.end)
        self._pairs.add(record, whole=whole)

    def pass_on(self, emit: Emit, *, all_of_it: bool = False, broken: bool = False) -> bool:
        """Emit the flows of windows that are over, and what could not be read; return whether any was.

        ``broken`` tells that no more will come of them for now.
        """
        flows = self._pairs.flush() if all_of_it else self._over(broken=broken)
        self._flows += sum(flow.count for flow in flows)
        if flows:
            self._compare(emit)
            emit(FlowsRead(flows))
        if fresh := self._unread - self._told_unread:
            self._told_unread = self._unread
            emit(FlowsRead((Gap(time.time(), fresh, self._why),)))
        return bool(flows or fresh)

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

    def _compare(self, emit: Emit) -> None:
        """Say what is lost when what came first after a break is of a time that was not known before."""
        before, lowest = self._newest_before, self._lowest
        if not lowest:  # flows of before the break that had waited
            return
        self._newest_before = self._lowest = 0
        if before and lowest > before:
            lost = f"{self._product} has lost its history, as when it restarts: flows are missing"
            moments = (time.strftime("%H:%M:%S", time.gmtime(at)) for at in (before, lowest))
            emit(FlowsRead((Gap(float(before), 0, f"{lost} from {' to '.join(moments)} UTC"),)))

    def tell(self, emit: Emit, error: str = "", *, ended: bool = False) -> None:
        """Emit how the source is doing, if that has changed."""
        now = time.time()
        if not self._since:
            self._since = now
        observed = Observed(self._origin, self._since, now if ended else 0.0, addresses=False)
        detail = f"{self._flows} connections" if self._flows else "no flow yet"
        detail += f"; {self._why}" if self._why else ""
        status = SourceStatus(self._name, True, detail, self._unread, error, ended=ended, observed=observed)
        if status != self._status:
            self._status = status
            emit(status)
