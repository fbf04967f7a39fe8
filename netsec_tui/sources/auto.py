"""The source of flows that a cluster turns out to have, found when reading begins."""

from __future__ import annotations

import threading

from netsec_tui.errors import NetsecError
from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import Emit, Source, SourceStatus
from netsec_tui.sources.feed_thread import SourceThread
from netsec_tui.sources.registry import SOURCES, make_source
from netsec_tui.sources.survey import survey

LOOK_AGAIN_SECONDS = 60.0
"""Seconds until a cluster without a source is looked at again: one may have been switched on."""

_TRY_AGAIN_SECONDS = 5.0


class AutoSource:
    """Look which sources a cluster has and be the one to take, or the ones that complete each other.

    These tell their statuses under their own names; that of this one says which were taken. One that is
    ``patient`` goes on looking while there is none.
    """

    live = True

    def __init__(self, access: Access, *, patient: bool = False) -> None:
        self.name = f"flows of context {access.context}" if access.context else "flows of the current context"
        self._access = access
        self._patient = patient
        self._detail = ""

    def read(self, emit: Emit) -> None:
        """Emit what the sources hold now; that the cluster has none is told as an error in the status.

        Raises:
            NetsecError: the cluster cannot be looked at, or no source can be read.
        """
        failures: list[NetsecError] = []
        sources = self._sources(emit, ended=True)
        for source in sources:
            try:
                source.read(emit)
            except NetsecError as error:
                failures.append(error)
                emit(SourceStatus(source.name, source.live, error=str(error), ended=True))
        if failures and len(failures) == len(sources):
            raise failures[0]

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what the sources tell until ``stop``; one that is out of reach is tried again.

        Raises:
            NetsecError: the cluster cannot be looked at, or every source has failed.
        """
        sources = self._sources(emit, ended=not self._patient)
        while self._patient and not sources:
            if stop.wait(LOOK_AGAIN_SECONDS):
                return
            sources = self._sources(emit, ended=False)
        if not sources:
            return
        threads = [SourceThread(source, emit, stop, _TRY_AGAIN_SECONDS) for source in sources]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        failures = [thread.failure for thread in threads if thread.failure]
        emit(SourceStatus(self.name, self.live, self._detail, ended=True))
        if failures and len(failures) == len(threads):
            raise failures[0]

    def _sources(self, emit: Emit, *, ended: bool) -> list[Source]:
        """Return the sources to take, and say which; ``ended`` means that nobody looks again."""
        emit(SourceStatus(self.name, self.live, "looking for the cluster's sources of flows"))
        found = survey(self._access, SOURCES)
        self._detail = found.sentence
        missing = not found.pick
        error = found.sentence if missing else ""
        emit(SourceStatus(self.name, self.live, found.sentence, 0, error, ended and missing, missing))
        return [make_source(name, self._access) for name in found.pick]
