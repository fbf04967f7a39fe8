"""The objects of one cluster as they are now, changed by several threads and told by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from netsec_tui.sources.cluster.gone import Gone
from netsec_tui.sources.cluster.refusals import GROUPS, unwatched
from netsec_tui.sources.cluster.resources import RESOURCES, Resource
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.strip import ObjectKey, object_key


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold what is known at one moment.

    ``count`` is how many objects are there, those that are gone not counted. ``trouble`` is one sentence
    about what cannot be reached, empty when all is well.
    """

    objects: tuple[KubeObject, ...]
    count: int
    problems: tuple[str, ...]
    range_problems: tuple[str, ...]
    trouble: str


class ClusterObjects:
    """Gather what is listed and watched, resource by resource; what a change leaves equal is no change.

    ``polled`` says in how many seconds a resource that may not be watched is listed again.
    """

    def __init__(self, polled: float) -> None:
        self._polled = polled
        self._changed = threading.Condition()
        self._news = False
        self._listed: dict[str, dict[ObjectKey, KubeObject]] = {}
        self._gone = Gone()
        self._seen: dict[str, float] = {}
        self._ranges: tuple[KubeObject, ...] = ()
        self._range_problems: tuple[str, ...] = ()
        self._order = {name: at for at, name in enumerate([*(r.name for r in RESOURCES), GROUPS.name])}
        self._refused: dict[str, str] = {}
        self._unwatched: dict[str, Resource] = {}
        self._trouble: dict[str, str] = {}

    def replace(self, name: str, objects: Iterable[KubeObject]) -> None:
        """Take a whole listing in place of what was known of a resource.

        What it lacks may have gone at any time since the resource was last seen. That time counts: an
        address had better be nobody's for a while than the wrong pod's.
        """
        with self._changed:
            last_seen = self._seen.get(name, 0.0)
            self._seen[name] = time.time()
            before = self._listed.get(name, {})
            now = {key: _same(before.get(key), obj) for obj in objects if (key := object_key(obj))}
            for key in before.keys() - now.keys():
                self._gone.add(name, before[key], last_seen)
            self._tell(name not in self._listed or before != now or name in self._refused)
            self._listed[name] = now
            self._refused.pop(name, None)

    def put(self, name: str, obj: KubeObject) -> None:
        """Take an object that is new or changed."""
        with self._changed:
            listed, key = self._listed.setdefault(name, {}), object_key(obj)
            if listed.get(key) != obj:
                listed[key] = obj
                self._tell()

    def remove(self, name: str, obj: KubeObject) -> None:
        """Take it that an object is deleted."""
        with self._changed:
            known = self._listed.get(name, {}).pop(object_key(obj), None)
            if known is not None:
                self._gone.add(name, obj, time.time())
                self._tell()

    def lost_sight(self, name: str) -> None:
        """Take it that a resource was seen until now, and is not for the time being."""
        with self._changed:
            self._seen[name] = time.time()

    def drop(self, name: str) -> None:
        """Forget a resource that the server does not have, without a trace of its objects."""
        with self._changed:
            known = [
                kept.pop(name, None) for kept in (self._listed, self._refused, self._unwatched, self._trouble)
            ]
            self._tell(any(known))

    def refuse(self, name: str, sentence: str) -> None:
        """Take it that a resource may not be listed; what was read of it before is kept, which is said."""
        with self._changed:
            if name in self._listed:
                at = time.strftime("%H:%M:%S", time.gmtime(self._seen.get(name, 0.0)))
                sentence = f"{sentence}; what is shown of them is as it was at {at} UTC"
            self._tell(self._refused.get(name) != sentence)
            self._refused[name] = sentence

    def allow(self, name: str) -> None:
        """Take it that what was refused is given."""
        with self._changed:
            self._tell(self._refused.pop(name, None) is not None)

    def watched(self, resource: Resource, allowed: bool) -> None:
        """Take it whether RBAC allows to watch a resource."""
        with self._changed:
            self._tell(allowed is (resource.name in self._unwatched))
            if allowed:
                self._unwatched.pop(resource.name, None)
            else:
                self._unwatched[resource.name] = resource

    def reach(self, name: str, trouble: str = "") -> None:
        """Take it whether a resource can be reached: no trouble, or a sentence."""
        with self._changed:
            self._tell(self._trouble.get(name, "") != trouble)
            if trouble:
                self._trouble[name] = trouble
            else:
                self._trouble.pop(name, None)

    def put_ranges(self, objects: tuple[KubeObject, ...], problems: tuple[str, ...]) -> None:
        """Take what tells ranges."""
        with self._changed:
            self._tell((self._ranges, self._range_problems) != (objects, problems))
            self._ranges, self._range_problems = objects, problems

    def wait(self, seconds: float) -> bool:
        """Return whether anything has changed since the last snapshot; waits for it at most so long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._news, seconds)

    @property
    def anything(self) -> bool:
        """Tell whether any resource could be listed."""
        return bool(self._listed)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return a sentence for each resource that is refused, and one for those that are not watched."""
        with self._changed:
            refused = sorted(self._refused, key=self._place)
            polled = [self._unwatched[name] for name in sorted(self._unwatched, key=self._place)]
            sentence = unwatched(polled, self._polled)
            return (*(self._refused[name] for name in refused), *([sentence] if sentence else ()))

    def snapshot(self) -> Snapshot:
        """Return everything as it is now."""
        with self._changed:
            self._news = False
            there = (*(o for listed in self._listed.values() for o in listed.values()), *self._ranges)
            return Snapshot(
                (*there, *self._gone.objects()),
                len(there),
                self.problems,
                self._range_problems,
                next(iter(self._trouble.values()), ""),
            )

    def _place(self, name: str) -> tuple[int, str]:
        return self._order.get(name, len(self._order)), name

    def _tell(self, changed: bool = True) -> None:
        if changed:
            self._news = True
            self._changed.notify_all()


def _same(before: KubeObject | None, now: KubeObject) -> KubeObject:
    """Return the object that was known before where it is equal: whoever compares is done at once."""
    return before if before is not None and before == now else now
