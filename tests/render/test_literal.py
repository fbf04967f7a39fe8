"""What a cluster says is shown as it is; what cannot be seen is written out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.render.cells import cell_width
from netsec_tui.render.literal import literal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[red]web[/red]", "[red]web[/red]"),
        ("\x1b[31mweb\x1b[0m", "\\x1b[31mweb\\x1b[0m"),
        ("a\tb\nc\r", "a\\x09b\\x0ac\\x0d"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("zero\u200bwidth\u200d\ufeff", "zero\\u200bwidth\\u200d\\ufeff"),
        ("lone\ud800", "lone\\ud800"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("line\u2028end", "line\\u2028end"),
        ("heart\ufe0f", "heart\\ufe0f"),
        ("filler\u3164", "filler\\u3164"),
        ("日本語 🐳 naïve", "日本語 🐳 naïve"),
        ("\u0301mark", "\\u0301mark"),
        ("back\\slash", "back\\slash"),
        ("", ""),
        ("in \u0483x", "in \\u0483x"),
    ],
)
def test_unseen_characters_are_written_out(text, shown):
    assert literal(text) == shown


@given(st.text())
def test_shown_text_can_be_shown_again_and_encoded(text):
    shown = literal(text)
    assert literal(shown) == shown
    assert shown.encode("utf-8")[:1] != b"\x1b"
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)


@given(st.text(min_size=1))
def test_nothing_becomes_invisible(text):
    assert cell_width(literal(text)) >= 1
