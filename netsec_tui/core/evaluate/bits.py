"""Sets of small numbers as Python ints: a bit a member."""

from __future__ import annotations

from collections.abc import Iterator


def members(bits: int) -> Iterator[int]:
    """Return the members of a set in order."""
    # Searching text costs the same for every member; shifting a long int costs its length each time.
    text = bin(bits)[:1:-1]
    position = text.find("1")
    while position >= 0:
        yield position
        position = text.find("1", position + 1)


def split(cells: dict[int, int], part: int, value: int) -> dict[int, int]:
    """Return disjoint cells with ``value`` ORed to what lies inside ``part``; cells map a set to a value."""
    result: dict[int, int] = {}
    for cell, held in cells.items():
        inside = cell & part
        if inside:
            result[inside] = held | value
        if inside != cell:
            result[cell ^ inside] = held
    return result
