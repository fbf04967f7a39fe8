"""All resources of a cluster listed and watched together."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.cluster.access import ClusterAccess
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.objects import ClusterObjects
from netsec_tui.sources.cluster.ranges import RangeObjects
from netsec_tui.sources.cluster.refusals import GROUPS, RefusedError, defect
from netsec_tui.sources.cluster.resources import RESOURCES, Groups, Resource, other_policies
from netsec_tui.sources.cluster.watch import REFUSED_SECONDS, Place, ResourceWatch, list_first

_LAST_WAIT = 0.5

Versions = Sequence[Resource]


class ClusterKeeper:
    """Keep the objects of a cluster up to date, with a thread for each resource once they are watched.

    ``beat`` is to be called every few seconds by one thread: it notices a server that hangs, policies of
    kinds that come and go, and ranges that change.
    """

    def __init__(self, access: ClusterAccess, objects: ClusterObjects) -> None:
        self._access = access
        self._objects = objects
        self._ranges = RangeObjects()
        self._places: dict[str, Place | None] = {}
        self._threads: dict[str, ResourceWatch] = {}
        self._others: dict[str, Versions] = {}
        self._failing = False
        self._ended = False
        self._starting = threading.Lock()

    def list_all(self, stop: threading.Event) -> None:
        """List everything once; a server that hangs is found out by what it answers first.

        Raises:
            NetsecError: nothing is given; the sentence says why.
        """
        api = self._access.api()
        groups = self._groups(api)
        self._list(api, [(resource,) for resource in RESOURCES], stop)
        if not self._objects.anything and not stop.is_set():
            problem = self._objects.problems[0]
            raise UnreachableError(f"{api.server} lets this context list nothing: {problem}")
        self._others = _others(groups or {})
        self._list(api, list(self._others.values()), stop)
        if not stop.is_set():
            self._read_ranges(api, groups)

    def watch(self) -> None:
        """Begin to watch, from where the listings ended."""
        for versions in [*((resource,) for resource in RESOURCES), *self._others.values()]:
            place = self._places.get(versions[0].name)
            self._start(versions, place, 0.0 if place else REFUSED_SECONDS)

    def beat(self) -> None:
        """Ask what is asked every few seconds; trouble is among the objects."""
        api: ClusterApi | None = None
        try:
            api = self._access.api()
            groups = self._groups(api)
            if groups is not None:
                self._follow_kinds(_others(groups))
            if self._ended:
                return
            self._read_ranges(api, groups)
        except Exception as error:  # The next beat may do better.
            if api:
                self._access.forget(api)
            self._objects.reach("", str(defect("asking for what the server has", error)))
            self._failing = True
            return
        self._objects.reach("")
        if self._failing:
            # What was connected before may be dead without a sign of it, and what waits need wait no longer.
            self._failing = False
            for thread in self._threads.values():
                thread.go_on()

    def end(self) -> None:
        """End all threads; one that waits for a server that hangs is left to the end of the process.

        A beat that is under way starts none any more.
        """
        with self._starting:
            self._ended = True
            threads = [*self._threads.values()]
        for thread in threads:
            thread.end()
        for thread in threads:
            thread.join(_LAST_WAIT)

    def _list(self, api: ClusterApi, kinds: Sequence[Versions], stop: threading.Event) -> None:
        for versions in kinds:
            if stop.is_set():
                return
            self._places[versions[0].name] = list_first(api, versions, self._objects)

    def _groups(self, api: ClusterApi) -> Groups | None:
        try:
            groups = api.groups()
        except RefusedError as error:
            self._objects.refuse(GROUPS.name, str(error))
            return None
        self._objects.allow(GROUPS.name)
        return groups

    def _read_ranges(self, api: ClusterApi, groups: Groups | None) -> None:
        self._ranges.read(api, groups or {})
        self._objects.put_ranges(self._ranges.objects, self._ranges.problems)

    def _follow_kinds(self, others: dict[str, Versions]) -> None:
        """Watch the policies of other kinds that the server has now; such a kind may come and go."""
        for name in self._others.keys() - others.keys():
            with self._starting:
                thread = self._threads.pop(name)
            thread.end()
            thread.join(_LAST_WAIT)
            self._objects.drop(name)
        for name in [name for name in others if name not in self._others]:
            self._start(others[name])
        self._others = others

    def _start(self, versions: Versions, place: Place | None = None, pause: float = 0.0) -> None:
        with self._starting:
            if self._ended:
                return
            thread = ResourceWatch(versions, self._access, self._objects, place, pause)
            self._threads[versions[0].name] = thread
            thread.start()


def _others(groups: Groups) -> dict[str, Versions]:
    """Return the policies of other kinds whose group is there, by the name of each."""
    return {versions[0].name: versions for versions in other_policies(groups)}
