"""Careful reading of an object's fields: what has the wrong type is named and counts as absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from netsec_tui.model.flow import Labels, Protocol
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.strip import object_title, printable

LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Fields:
    """Read one mapping inside an object; ``problems`` is shared by all readers and collects sentences."""

    data: Mapping[str, Any]
    title: str
    path: str
    problems: list[str]

    @classmethod
    def of(cls, obj: KubeObject, problems: list[str]) -> Fields:
        """Return the reader of a whole object."""
        return cls(obj, object_title(obj), "", problems)

    def note(self, key: str, what: str) -> None:
        """Add a sentence about a field, for instance ``Pod shop/web: spec.containers is no list``.

        An empty ``key`` means the mapping itself.
        """
        place = f"{self.path}{printable(key)}".rstrip(".")
        self.problems.append(f"{self.title}: {place} {what}")

    def text(self, key: str) -> str:
        """Return a string, empty when absent."""
        value = self.data.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        self.note(key, "is no text")
        return ""

    def flag(self, key: str) -> bool:
        """Return a boolean, False when absent."""
        value = self.data.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.note(key, "is neither true nor false")
        return False

    def port(self, key: str) -> int:
        """Return a port number, 0 when absent; text of digits is taken as the number it shows."""
        value = self.data.get(key)
        if value is None:
            return 0
        number = as_port(value)
        if number is None:
            self.note(key, f"is no port number: {printable(str(value), 40)!r}")
        return number or 0

    def protocol(self, key: str = "protocol") -> Protocol | None:
        """Return a transport protocol, TCP when absent (the API's default), None when there is none such."""
        name = self.text(key) or "TCP"
        if name in ("TCP", "UDP", "SCTP"):
            return Protocol(name)
        self.note(key, f"is none of TCP, UDP and SCTP: {printable(name, 40)!r}")
        return None

    def labels(self, key: str) -> Labels:
        """Return label pairs sorted by key; a pair that is not text is named and left out."""
        pairs: list[tuple[str, str]] = []
        child = self.child(key)
        for name, value in child.data.items():
            if isinstance(name, str) and isinstance(value, str):
                pairs.append((name, value))
            else:
                child.note(str(name), f"is no text but {type(value).__name__}")
        return tuple(sorted(pairs))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        return tuple(value for value in self._list(key, str, "text"))

    def child(self, key: str) -> Fields:
        """Return the reader of a mapping inside this one, empty when absent."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, Mapping):
            self.note(key, f"is no mapping but {type(value).__name__}")
            value = None
        return Fields(value or {}, self.title, f"{self.path}{printable(key)}.", self.problems)

    def children(self, key: str) -> list[Fields]:
        """Return a reader for each mapping in a list."""
        path = f"{self.path}{printable(key)}"
        return [
            Fields(value, self.title, f"{path}[{index}].", self.problems)
            for index, value in enumerate(self._list(key, Mapping, "mapping"))
        ]

    def time(self, key: str) -> float:
        """Return an RFC 3339 time as epoch seconds, 0.0 when absent."""
        text = self.text(key)
        if not text:
            return 0.0
        try:
            return datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError, OSError):
            self.note(key, f"is no time: {printable(text, 40)!r}")
            return 0.0

    def _list(self, key: str, wanted: type, word: str) -> Iterator[Any]:
        value = self.data.get(key)
        if value is None:
            return
        if not isinstance(value, list | tuple):
            self.note(key, f"is no list but {type(value).__name__}")
            return
        for index, entry in enumerate(value):
            if isinstance(entry, wanted):
                yield entry
            else:
                self.note(f"{key}[{index}]", f"is no {word}")


def as_port(value: Any) -> int | None:
    """Return a port number from a number or a text of digits, None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= LARGEST_PORT else None
