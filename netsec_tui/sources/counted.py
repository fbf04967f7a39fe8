"""How many there are of something, as words."""

from __future__ import annotations


def counted(number: int, one: str) -> str:
    """Return a number with what it counts: ``1 flow``, ``2 flows``."""
    return f"{number} {one}{'' if number == 1 else 's'}"
