"""What objects were read as, so that of a cluster that changes only the changed objects are read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import ObjectKey, is_gone, object_key, object_title

_Read = TypeVar("_Read")


@dataclass(slots=True)
class Entry:
    """Hold one object with its reader; ``key`` is None when it has no name that makes sense.

    ``values`` are what functions read, each with the sentences about what they could not understand.
    """

    fields: Fields
    key: ObjectKey | None
    gone: bool
    values: dict[Callable[[Fields], Any], tuple[Any, tuple[str, ...]]] = field(default_factory=dict)


class Memo:
    """Remember, by the identity of the objects, what was read of them last time; objects never change."""

    def __init__(self) -> None:
        self._before: dict[int, Entry] = {}
        self._now: dict[int, Entry] = {}
        self._heard: list[str] = []

    def entry(self, obj: KubeObject) -> Entry:
        """Return what is known of an object."""
        found = self._now.get(id(obj))
        if found is None:
            known = self._before.get(id(obj)) or Entry(Fields.of(obj, []), None, is_gone(obj))
            found = self._now[id(obj)] = known
            found.key = self.once(found.fields, _key)
        return found

    def once(self, fields: Fields, read: Callable[[Fields], _Read]) -> _Read:
        """Return what a function reads of an object, of which nothing else may be asked."""
        entry = self._now[id(fields.data)]
        known = entry.values.get(read)
        if known is None:
            value = read(fields)
            known = entry.values[read] = value, tuple(fields.problems)
            fields.problems.clear()
        if known[1] and not entry.gone:
            self._heard.extend(known[1])
        found: _Read = known[0]
        return found

    def put(self, fields: Fields, read: Callable[[Fields], _Read], value: _Read) -> _Read:
        """Remember another value than the function read."""
        values = self._now[id(fields.data)].values
        values[read] = value, values[read][1]
        return value

    def turn(self) -> tuple[str, ...]:
        """Return what could not be understood since the last turn, and forget what was not asked for since.

        What is wrong with objects that are gone is old news.
        """
        for entry in self._now.values():
            if entry.fields.problems:
                self._heard.extend(() if entry.gone else entry.fields.problems)
                entry.fields.problems.clear()
        heard, self._heard = tuple(dict.fromkeys(self._heard)), []
        self._before, self._now = self._now, {}
        return heard


def _key(fields: Fields) -> ObjectKey | None:
    names = fields.child("metadata")
    if not names.text("name"):
        fields.problems.append(f"{object_title(fields.data)}: metadata.name is missing")
        return None
    sound = names.text("namespace") or names.data.get("namespace") in (None, "")
    return object_key(fields.data) if sound else None
