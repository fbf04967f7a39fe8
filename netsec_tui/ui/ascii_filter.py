"""What ``--ascii`` does last: frames, scroll bars and signs that are still drawn otherwise become ASCII."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from netsec_tui.render.glyphs import ASCII

_SIGNS = {"…": ASCII.ellipsis, "·": ASCII.dot, "\u203a": ">", "→": ">", "▲": "!", "✗": "x", "•": "*"}
_HORIZONTAL, _VERTICAL = "─━╌╍┄┅┈┉═╴╶╸╺", "│┃╎╏┆┇┊┋║╵╷╹╻"
_FRAMES, _BLOCKS = range(0x2500, 0x2580), range(0x2580, 0x25A0)

_TABLE = str.maketrans(
    {chr(code): "+" for code in _FRAMES}
    | {chr(code): " " for code in _BLOCKS}  # ends of scroll bars finer than a cell
    | dict.fromkeys(_HORIZONTAL, "-")
    | dict.fromkeys(_VERTICAL, "|")
    | _SIGNS
)
"""Each is one cell wide, before and after."""


class AsciiOnly(LineFilter):
    """Replace what we and the toolkit draw; characters of names and of other data stay as they are."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments in ASCII."""
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(_TABLE), segment.style, segment.control)
            for segment in segments
        ]
