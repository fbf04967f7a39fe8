"""The source of flows that a cluster turns out to have, found when reading begins."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from netsec_tui.errors import NetsecError
from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import Emit, Message, Source, SourceStatus
from netsec_tui.sources.feeds.thread import AGAIN_SECONDS, SourceThread
from netsec_tui.sources.finding.survey import Survey, survey
from netsec_tui.sources.registry import SOURCES, make_source

LOOK_AGAIN_SECONDS = 60.0
"""Seconds until a cluster without a source is looked at again: one may have been switched on."""

_PATIENCE = 0.05
"""Seconds between two looks at how the sources fare."""


class AutoSource:
    """Look which sources a cluster has and be the one to take, or the ones that complete each other.

    Where these cannot be reached the next ones are taken. They tell their statuses under their own names;
    that of this one says which were taken. One that is ``patient`` goes on looking while there is none, and
    calls no source failing that it has passed over for another.
    """

    live = True

    def __init__(self, access: Access, *, patient: bool = False) -> None:
        self.name = f"flows of context {access.context}" if access.context else "flows of the current context"
        self._access = access
        self._patient = patient

    def read(self, emit: Emit) -> None:
        """Emit what the sources hold now; that the cluster has none is told as an error in the status.

        Raises:
            NetsecError: the cluster cannot be looked at, or no source can be read.
        """
        found = self._look(emit, ended=True)
        failures: list[NetsecError] = []
        for names in found.choices:
            self._tell(emit, found.taken(names))
            failed = [failure for name in names if (failure := _failure(self._source(name), emit))]
            if len(failed) < len(names):
                return
            failures += failed
        if failures:
            raise failures[0]

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what the sources tell until ``stop``; one that is out of reach later on is tried again.

        Raises:
            NetsecError: the cluster cannot be looked at, or every source has failed.
        """
        found = self._look(emit, ended=not self._patient)
        while self._patient and not found.choices:
            if stop.wait(LOOK_AGAIN_SECONDS):
                return
            found = self._look(emit, ended=False)
        failures: list[NetsecError] = []
        for names in found.choices:
            self._tell(emit, found.taken(names))
            told: dict[str, SourceStatus] = {}
            failed = self._followed(names, partial(_heard, told, emit), stop)
            if stop.is_set() or len(failed) < len(names):
                self._tell(emit, found.taken(names), ended=True)
                return
            failures += failed
            if self._patient and names != found.choices[-1]:
                for status in told.values():
                    emit(replace(status, detail=f"passed over: {status.error}", error=""))
        if failures:
            raise failures[0]

    def _followed(self, names: Sequence[str], emit: Emit, stop: threading.Event) -> list[NetsecError]:
        """Follow sources at the same time until ``stop``; return why they could not be followed.

        One that cannot be reached is tried again for as long as another of them can be, or may yet be.
        """
        over = threading.Event()
        threads = [SourceThread(self._source(name), emit, over, AGAIN_SECONDS) for name in names]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            if all(thread.failure for thread in threads) or stop.wait(_PATIENCE):
                over.set()
                break
        for thread in threads:
            thread.join()
        return [thread.failure for thread in threads if thread.failure]

    def _source(self, name: str) -> Source:
        return make_source(name, self._access)

    def _look(self, emit: Emit, *, ended: bool) -> Survey:
        """Look at the cluster, and say so if it has no source; ``ended`` means that nobody looks again."""
        self._tell(emit, "looking for the cluster's sources of flows")
        found = survey(self._access, SOURCES)
        if not found.choices:
            why = found.obstacles
            emit(SourceStatus(self.name, self.live, why, error=why, ended=ended, read=True))
        return found

    def _tell(self, emit: Emit, detail: str, *, ended: bool = False) -> None:
        emit(SourceStatus(self.name, self.live, detail, ended=ended))


def _heard(told: dict[str, SourceStatus], emit: Emit, message: Message) -> None:
    """Hand a message on; ``told`` keeps the last status of each source."""
    if isinstance(message, SourceStatus):
        told[message.source] = message
    emit(message)


def _failure(source: Source, emit: Emit) -> NetsecError | None:
    """Read a source once; return why it could not be read."""
    try:
        source.read(emit)
    except NetsecError as error:
        emit(SourceStatus(source.name, source.live, error=str(error), ended=True))
        return error
    return None
