"""What a decoder says of a record that it cannot use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Say in a few words why a record cannot be used; the caller adds file and line."""

    reason: str
