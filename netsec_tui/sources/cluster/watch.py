"""One resource of a cluster, listed and then watched in a thread of its own."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.cluster.access import ClusterAccess
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.objects import ClusterObjects
from netsec_tui.sources.cluster.refusals import (
    AbsentError,
    ExpiredError,
    ForbiddenError,
    RefusedError,
    UnauthorizedError,
    defect,
)
from netsec_tui.sources.cluster.resources import Resource
from netsec_tui.sources.objects.strip import printable, strip
from netsec_tui.sources.whole_lines import WholeLines

POLLED_SECONDS = 5.0
"""Until what may not be watched is listed again."""

REFUSED_SECONDS = 30.0
"""Until what is refused is asked for again: a right may be granted meanwhile."""

FIRST_PAUSE = 0.2
"""Seconds before the second try; a connection that only broke off is back by then, and nothing is said."""

PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before the third try, doubled each time, and at most."""

SHORT = 1.0
"""Seconds; a watch that ends sooner without a word counts as a try that failed."""

_LIST_AGAIN = 3
"""Failures in a row after which the version that was reached is not believed any more."""

_LONGEST_LINE = 32 * 1024 * 1024
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Place:
    """Hold where watching goes on: the resource in the version that the server has, and after what."""

    resource: Resource
    version: str


def list_first(api: ClusterApi, versions: Sequence[Resource], objects: ClusterObjects) -> Place | None:
    """List a resource in the first of its versions that the server has, None when it gives none.

    Raises:
        UnreachableError: the server cannot be reached, or does not take the credentials.
    """
    name = versions[0].name
    for resource in versions:
        try:
            listing = api.listing(resource)
        except AbsentError:
            continue
        except RefusedError as error:
            objects.refuse(name, str(error))
            return None
        objects.replace(name, listing.objects)
        return Place(resource, listing.version)
    objects.drop(name)
    return None


class ResourceWatch(threading.Thread):
    """Keep ``objects`` up to date with one resource, until it is ended.

    ``versions`` are those that the resource may have; ``place`` is where to go on after a first listing.
    The thread begins after ``pause`` seconds.
    """

    def __init__(
        self,
        versions: Sequence[Resource],
        access: ClusterAccess,
        objects: ClusterObjects,
        place: Place | None = None,
        pause: float = 0.0,
    ) -> None:
        super().__init__(name=f"watch {versions[0].name}", daemon=True)
        self._versions = versions
        self._resource = versions[0].name
        self._place = place
        self._access = access
        self._objects = objects
        self._pause = pause
        self._failures = 0
        self._unwatched_until = 0.0
        self._ended = False
        self._nudged = threading.Event()
        self._answer: Any = None

    def end(self) -> None:
        """End the thread, wherever it waits; a connection that is just being made takes 5 s at most."""
        self._ended = True
        self.go_on()

    def go_on(self) -> None:
        """Connect again now, where the last version was reached: the connection may be dead."""
        self._nudged.set()
        answer = self._answer
        if answer is not None:
            with suppress(Exception):  # It may just have ended by itself.
                answer.shutdown()

    def run(self) -> None:
        """Watch; called by ``start``."""
        while not self._ended:
            self._nudged.wait(self._pause)
            self._nudged.clear()
            if not self._ended:
                self._pause = self._step()

    def _step(self) -> float:
        """List or watch until that ends; return the seconds to wait before going on."""
        api: ClusterApi | None = None
        try:
            api = self._access.api()
            if self._place is None:
                self._place = list_first(api, self._versions, self._objects)
                self._objects.reach(self._resource)
            if self._place is None or self._ended:
                return REFUSED_SECONDS
            return self._watch(api, self._place)
        except ExpiredError:
            self._place = None
            return self._failed()
        except UnauthorizedError as error:
            if api:
                self._access.forget(api)
            return self._failed(error)
        except Exception as error:  # One resource must not take the others or the screen with it.
            return self._failed(defect(self.name, error))

    def _failed(self, error: NetsecError | None = None) -> float:
        """Return the pause after a failure; the first one in a row is not worth a word."""
        if self._ended:
            return 0.0
        self._failures += 1
        if self._failures == 1:
            return _about(FIRST_PAUSE)
        if error:
            self._objects.reach(self._resource, str(error))
        if self._failures >= _LIST_AGAIN:
            self._place = None
        # A server that answers, but ends each watch at once, is asked as often as without watching.
        longest = LONGEST_PAUSE if error else POLLED_SECONDS
        return _about(min(longest, PAUSE * 2 ** min(self._failures - 2, 10)))

    def _watch(self, api: ClusterApi, place: Place) -> float:
        if time.monotonic() < self._unwatched_until:
            return self._polled()
        try:
            self._answer = api.watch(place.resource, place.version)
        except RefusedError as error:
            self._unwatched_until = time.monotonic() + REFUSED_SECONDS
            if isinstance(error, ForbiddenError):
                self._objects.watched(place.resource, allowed=False)
            return self._polled()
        self._objects.reach(self._resource)
        self._objects.watched(place.resource, allowed=True)
        return self._listen(time.monotonic())

    def _polled(self) -> float:
        self._place, self._failures = None, 0
        return POLLED_SECONDS

    def _listen(self, since: float) -> float:
        """Take in what an open watch tells, until it ends."""
        heard = False
        try:
            for line in () if self._ended else _lines(self._answer):
                self._take(line)
                heard = True
        finally:
            answer, self._answer = self._answer, None
            self._objects.lost_sight(self._resource)
            with suppress(Exception):  # A connection that is broken already need not be closed in order.
                answer.close()
        if not heard and time.monotonic() - since < SHORT:
            return self._failed()
        self._failures = 0
        return _about(FIRST_PAUSE)

    def _take(self, line: bytes) -> None:
        """Take in one event of a watch.

        Raises:
            ExpiredError: the version is too old, or whatever came is none: everything is listed again.
        """
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        kind, obj = (event.get("type"), event.get("object")) if isinstance(event, Mapping) else ("", None)
        if kind not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK") or not isinstance(obj, Mapping):
            raise ExpiredError(f"watching {self._resource} ends with {printable(str(kind))}")
        kept = strip(obj) if kind != "BOOKMARK" else None
        if kept is not None and kind == "DELETED":
            self._objects.remove(self._resource, kept)
        elif kept is not None:
            self._objects.put(self._resource, kept)
        metadata = obj.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, Mapping) else None
        if self._place and isinstance(version, str) and version:
            self._place = replace(self._place, version=version)


def _lines(answer: Any) -> Iterator[bytes]:
    """Yield whole lines until the answer ends, breaks off or says nothing for too long."""
    import urllib3

    lines = WholeLines()
    while True:
        try:
            chunk = answer.read1(_CHUNK)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
            # One that is shut down by another thread may fail in any of these ways.
            return
        if not chunk:
            return
        yield from (line for line in lines.feed(chunk) if line.strip())
        if lines.begun > _LONGEST_LINE:
            raise UnreachableError(f"an event is longer than {_LONGEST_LINE // 1024 // 1024} MB")


def _about(seconds: float) -> float:
    """Return a time near this one, so that not all ask at the same moment."""
    return seconds * random.uniform(0.75, 1.25)
