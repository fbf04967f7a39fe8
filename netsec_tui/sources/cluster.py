"""Cluster state from the API server of a kubeconfig context, listed again every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.cluster_api import AbsentError, ClusterApi, RefusedError
from netsec_tui.sources.cluster_login import log_in
from netsec_tui.sources.cluster_ranges import RangeObjects
from netsec_tui.sources.cluster_resources import RESOURCES, Groups, Resource, other_policies
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
        self._listed: dict[str, list[KubeObject]] = {}
        self._ranges = RangeObjects()
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
            self._list(api, (resource,), problems)
        if not self._listed:
            raise UnreachableError(f"{api.server} lets this context list nothing: {problems[0]}")
        groups = self._groups(api, problems)
        if groups is not None:
            self._list_other_policies(api, groups, problems, stop)
        if not stop.is_set():
            self._ranges.read(api, groups or {})
        if stop.is_set():
            return
        self._tell(emit, ObjectsRead(self.name, self._objects(), tuple(problems), self._ranges.problems))
        self._tell(emit, SourceStatus(self.name, self.live, self._detail(), read=True))

    def _list(self, api: ClusterApi, versions: Iterable[Resource], problems: list[str]) -> None:
        """List a resource in the first of its versions that the server has."""
        for resource in versions:
            try:
                self._listed[resource.name] = api.list(resource)
                return
            except AbsentError:
                self._listed.pop(resource.name, None)
            except RefusedError as error:
                problems.append(str(error))
                return

    def _groups(self, api: ClusterApi, problems: list[str]) -> Groups | None:
        try:
            return api.groups()
        except RefusedError as error:
            problems.append(str(error))
            return None

    def _list_other_policies(
        self, api: ClusterApi, groups: Groups, problems: list[str], stop: threading.Event
    ) -> None:
        """List the policies of other kinds that the server has now; such a kind may come and go."""
        kinds = [*other_policies(groups)]
        for versions in kinds:
            if stop.is_set():
                return
            self._list(api, versions, problems)
        served = {resource.name for resource in (*RESOURCES, *(kind[0] for kind in kinds))}
        self._listed = {name: objects for name, objects in self._listed.items() if name in served}

    def _objects(self) -> tuple[KubeObject, ...]:
        return (*(obj for listed in self._listed.values() for obj in listed), *self._ranges.objects)

    def _detail(self) -> str:
        count = len(self._objects())
        return f"{count} objects from {self._api.server}" if self._api else f"{count} objects"

    def _tell(self, emit: Emit, message: ObjectsRead | SourceStatus) -> None:
        if self._told.get(type(message)) != message:
            self._told[type(message)] = message
            emit(message)
