"""Flows of Calico live, from Goldmane or from Whisker in front of it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Protocol

from netsec_tui.sources.calico.intake import CalicoIntake
from netsec_tui.sources.calico.record import QuietError, Record
from netsec_tui.sources.contract import Emit
from netsec_tui.sources.life import Life
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.retry import follow_stream, not_back


class RecordServer(Protocol):
    """Tell what the nodes have seen of connections; each call makes a connection of its own.

    ``life`` has the signs of life of what is streamed. Both methods raise a NetsecError where the kubeconfig
    cannot be used, the server cannot be found or does not give its flows.
    """

    life: Life

    def listed(self) -> Iterator[Record | Problem]:
        """Yield the records of the last hour, each connection once."""

    def streamed(self, start: int, stop: threading.Event) -> Iterator[Record | Problem | None]:
        """Yield the records from a time on and those that come, until ``stop`` is set or the stream ends.

        ``start`` is epoch seconds, or negative before now. None comes now and then while nothing else does.

        Raises:
            QuietError: it has been silent for long though the server is well; it may be opened anew.
        """


class CalicoSource:
    """Read what Goldmane has of the last hour, and follow what comes.

    ``product`` names the server in sentences.
    """

    live = True

    def __init__(self, name: str, origin: str, product: str, server: RecordServer) -> None:
        self.name = name
        self._product, self._server = product, server
        self._intake = CalicoIntake(name, origin, product, server.life)

    def read(self, emit: Emit) -> None:
        """Emit the flows of the last hour, each connection once.

        Raises:
            NetsecError: as ``RecordServer`` says.
        """
        for record in self._server.listed():
            self._intake.take(record, whole=True)
        self._intake.pass_on(emit, all_of_it=True)
        self._intake.tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit the flows of the last hour and those that come, until ``stop`` is set; breaks are resumed.

        Raises:
            NetsecError: the server cannot be reached at the start, for the reasons of ``read``.
        """
        ended = f"{self._product} has ended its stream of flows"
        broken = partial(self._intake.break_off, emit)
        since = follow_stream(partial(self._followed, emit, stop), broken, ended, stop, self._server.life)
        rest = self._intake.pass_on(emit, all_of_it=True)
        if since:
            emit(not_back(min(since, self._intake.read_to or since), self._product))
        elif rest:
            self._intake.tell(emit)

    def _followed(self, emit: Emit, stop: threading.Event) -> Iterator[bool]:
        self._intake.begin()
        while not stop.is_set():
            with suppress(QuietError):
                yield from self._taken(self._server.streamed(self._intake.asked_from, stop), emit)
                return

    def _taken(self, records: Iterable[Record | Problem | None], emit: Emit) -> Iterator[bool]:
        for record in records:
            if record is None:
                self._intake.quiet()
            else:
                self._intake.take(record)
            if self._intake.pass_on(emit) or record is None:
                self._intake.tell(emit)
            yield record is not None
