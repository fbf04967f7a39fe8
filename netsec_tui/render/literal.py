"""Text from a cluster or file made safe to show: what cannot be seen is written out."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from netsec_tui.render.cells import cell_width

# Control, format (bidi overrides, zero width), surrogates, unassigned, line and paragraph separators.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})

# Default-ignorable characters that Unicode files under letters or marks (DerivedCoreProperties.txt).
_UNSEEN_RANGES = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0x1F3FB, 0x1F3FF),  # skin tones: some terminals join them to the emoji before, some do not
    (0xE0100, 0xE01EF),
)


def literal(text: str) -> str:
    r"""Return the text with every control, escape, bidi or zero-width character in a visible form.

    The forms are ``\x1b``, ``\u202e`` and ``\U000e0001``; a combining mark with nothing to stand on is
    written out too, lest it change the character before the text, or before a line that begins with it
    once the text is broken at its spaces. All else stays as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(map(_visible, text))
    return "".join(
        _written(character) if before == " " and not cell_width(character) else character
        for before, character in zip(f" {shown}", shown, strict=False)
    )


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    code = ord(character)
    if unicodedata.category(character) in _UNSEEN_CATEGORIES:
        return _written(character)
    if any(first <= code <= last for first, last in _UNSEEN_RANGES):
        return _written(character)
    return character


def _written(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
