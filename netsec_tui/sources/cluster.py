"""Cluster state from the API server of a kubeconfig context, listed again every few seconds."""

from __future__ import annotations

import threading

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.cluster_api import RESOURCES, ClusterApi, RefusedError, Resource
from netsec_tui.sources.cluster_login import log_in
from netsec_tui.sources.contract import Emit, KubeObject, Message, ObjectsRead, SourceStatus

POLL_SECONDS = 5.0


class ClusterSource:
    """Read one context through the ``kubernetes`` client, which is imported when reading begins."""

    live = True

    def __init__(self, context: str | None = None, kubeconfig: str | None = None) -> None:
        self.name = f"context {context}" if context else "current context"
        self._context = context
        self._kubeconfig = kubeconfig
        self._api: ClusterApi | None = None
        self._listed: dict[Resource, list[KubeObject]] = {}
        self._told: dict[type[Message], Message] = {}

    def read(self, emit: Emit) -> None:
        """Emit all objects once.

        Raises:
            NotFoundError: there is no such context or no kubeconfig.
            BadInputError: the kubeconfig cannot be read.
            UnreachableError: the API server gives nothing; the sentence says why.
        """
        self._list_all(emit, threading.Event())
        emit(SourceStatus(self.name, self.live, self._detail(), ended=True))

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit all objects, and again whenever a listing differs from the one before.

        Raises:
            NetsecError: the first listing fails, for the reasons of ``read``.
        """
        self._list_all(emit, stop)
        while not stop.wait(POLL_SECONDS):
            try:
                self._list_all(emit, stop)
            except NetsecError as error:
                # A new log-in reads the kubeconfig again: it may name another address or token by now.
                self._api = None
                kept = f"{error}; what was read before is kept"
                self._tell(emit, SourceStatus(self.name, self.live, self._detail(), error=kept, read=True))

    def _list_all(self, emit: Emit, stop: threading.Event) -> None:
        api = self._api or ClusterApi(log_in(self._context, self._kubeconfig))
        self._api = api
        problems: list[str] = []
        for resource in RESOURCES:
            if stop.is_set():
                return
            try:
                self._listed[resource] = api.list(resource)
            except RefusedError as error:
                problems.append(str(error))
        if not self._listed:
            raise UnreachableError(f"{api.server} lets this context list nothing: {problems[0]}")
        objects = tuple(obj for listed in self._listed.values() for obj in listed)
        self._tell(emit, ObjectsRead(self.name, objects, tuple(problems)))
        self._tell(emit, SourceStatus(self.name, self.live, self._detail(), read=True))

    def _detail(self) -> str:
        count = sum(map(len, self._listed.values()))
        return f"{count} objects from {self._api.server}" if self._api else f"{count} objects"

    def _tell(self, emit: Emit, message: ObjectsRead | SourceStatus) -> None:
        if self._told.get(type(message)) != message:
            self._told[type(message)] = message
            emit(message)
