"""Lines are the same in whatever pieces they come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.sources.whole_lines import WholeLines

PIECES = st.lists(st.text("ab\r\n", max_size=5).map(str.encode), max_size=12)


@given(PIECES)
def test_lines_are_those_of_all_pieces_together(pieces: list[bytes]) -> None:
    lines = WholeLines()
    found = [line for piece in pieces for line in lines.feed(piece)]
    *whole, rest = b"".join(pieces).split(b"\n")
    assert (found, lines.begun) == (whole, len(rest))
    assert lines.rest() == rest
    assert (lines.begun, lines.rest()) == (0, b"")


def test_what_is_forgotten_is_no_part_of_the_next_line() -> None:
    lines = WholeLines()
    assert lines.feed(b"one\ntoo long") == [b"one"]
    lines.rest()
    assert lines.feed(b" two\nthree") == [b" two"]
    assert lines.rest() == b"three"
