"""Cluster state from the API server of a kubeconfig context, listed and then watched."""

from __future__ import annotations

import threading
import time

from netsec_tui.sources.cluster.access import ClusterAccess
from netsec_tui.sources.cluster.keeper import ClusterKeeper
from netsec_tui.sources.cluster.objects import ClusterObjects, Snapshot
from netsec_tui.sources.cluster.watch import POLLED_SECONDS
from netsec_tui.sources.contract import Emit, Message, ObjectsRead, SourceStatus

POLL_SECONDS = 5.0
"""Until the server is asked again whether it still answers, and what kinds it has."""

GATHER_SECONDS = 0.05
"""Changes that come together are told together."""

_REST = 2.0
"""Times as long as telling took, what it set off included, until the next changes are told."""

_REST_PER_OBJECT = 0.0002
"""Seconds more of it for each object there is: whoever is told draws a screen of them all."""

_PATIENCE = 0.2
"""Seconds between two looks whether to stop."""


class ClusterSource:
    """Read one context through the ``kubernetes`` client, which is imported when reading begins."""

    live = True

    def __init__(self, context: str | None = None, kubeconfig: str | None = None) -> None:
        self.name = f"context {context}" if context else "current context"
        self._access = ClusterAccess(context, kubeconfig)
        self._objects = ClusterObjects(POLLED_SECONDS)
        self._keeper = ClusterKeeper(self._access, self._objects)
        self._told: dict[type[Message], Message] = {}

    def read(self, emit: Emit) -> None:
        """Emit all objects once.

        Raises:
            NotFoundError: there is no such context or no kubeconfig.
            BadInputError: the kubeconfig cannot be read.
            UnreachableError: the API server gives nothing; the sentence says why.
        """
        self._keeper.list_all(threading.Event())
        snapshot = self._objects.snapshot()
        self._tell(emit, self._objects_read(snapshot))
        emit(SourceStatus(self.name, self.live, self._detail(snapshot), ended=True))

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit all objects, and again whenever one of them has changed.

        Raises:
            NetsecError: the first listing fails, for the reasons of ``read``.
        """
        self._keeper.list_all(stop)
        if stop.is_set():
            return
        self._tell_all(emit)
        pulse = threading.Thread(target=self._beat, args=(stop,), name="pulse", daemon=True)
        try:
            self._keeper.watch()
            pulse.start()
            self._tell_changes(emit, stop)
        finally:
            self._keeper.end()
            pulse.join(_PATIENCE)

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(POLL_SECONDS):
            self._keeper.beat()

    def _tell_changes(self, emit: Emit, stop: threading.Event) -> None:
        rested = 0.0
        while not stop.is_set():
            if not self._objects.wait(_PATIENCE):
                continue
            began = time.monotonic()
            if stop.wait(max(GATHER_SECONDS, rested - began)):
                return
            began = time.monotonic()
            count = self._tell_all(emit)
            ended = time.monotonic()
            rested = ended + max(_REST * (ended - began), _REST_PER_OBJECT * count)

    def _tell_all(self, emit: Emit) -> int:
        """Tell everything there is; return how many objects."""
        snapshot = self._objects.snapshot()
        self._tell(emit, self._objects_read(snapshot))
        kept = f"{snapshot.trouble}; what was read before is kept" if snapshot.trouble else ""
        detail = self._detail(snapshot)
        self._tell(emit, SourceStatus(self.name, self.live, detail, error=kept, read=True))
        return snapshot.count

    def _objects_read(self, snapshot: Snapshot) -> ObjectsRead:
        return ObjectsRead(self.name, snapshot.objects, snapshot.problems, snapshot.range_problems)

    def _detail(self, snapshot: Snapshot) -> str:
        return f"{snapshot.count} objects from {self._access.server}"

    def _tell(self, emit: Emit, message: ObjectsRead | SourceStatus) -> None:
        if self._told.get(type(message)) != message:
            self._told[type(message)] = message
            emit(message)
