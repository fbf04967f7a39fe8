"""What was told or learned lately, in bounded memory: records repeat, connections do not count twice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

TELL_AGAIN = 60.0
"""Seconds after which a connection that goes on is told again: observations have a bucket a minute."""

_LIMIT = 100_000
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Remember the last values by key, at least ``limit`` of them and at most twice as many."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return what was put last, None when it is forgotten."""
        value = self._young.get(key)
        return self._old.get(key) if value is None else value

    def put(self, key: K, value: V) -> None:
        """Remember a value; it may be long until it is forgotten, but not before ``limit`` others are put."""
        if len(self._young) >= self._limit and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = value
