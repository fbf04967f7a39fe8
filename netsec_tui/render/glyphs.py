"""The characters of the drawing, in Unicode and in ASCII; each says by its form what its colour says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Hold one set of characters, each one cell wide; strokes are patterns that repeat."""

    allowed_stroke: str
    allowed_head: str
    refused_stroke: str
    refused_head: str
    inexpressible_head: str
    corners: str
    top: str
    side: str
    folded: str
    unfolded: str
    ellipsis: str
    dot: str
    applied: str = "!"
    ditto: str = '"'
    open_head: str = "?"


UNICODE = Glyphs(
    allowed_stroke="─",
    allowed_head="▶",
    refused_stroke="╌",
    refused_head="✗",
    inexpressible_head="⊘",
    corners="┏┓┗┛",
    top="━",
    side="┃",
    folded="▸",
    unfolded="▾",
    ellipsis="…",
    dot="·",
)

ASCII = Glyphs(
    allowed_stroke="-",
    allowed_head=">",
    refused_stroke="-.",
    refused_head="x",
    inexpressible_head="0",
    corners="####",
    top="=",
    side="#",
    folded="+",
    unfolded="-",
    ellipsis="~",
    dot="-",
)


def stroke(pattern: str, length: int) -> str:
    """Return the pattern repeated to ``length`` characters."""
    return (pattern * length)[: max(length, 0)]
