"""Widths are counted in terminal cells, and nothing comes out wider than asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from netsec_tui.render.cells import cell, cell_width, crop, crop_spans, fit, pad, wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Role, Span

TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="ab日本語éé́-. ", max_size=40),
).map(literal)


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("web", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("\uff57", 2), ("🐳", 2), ("▶✗⊘┃", 4)],
)
def test_width_is_that_of_the_terminal(text, width):
    assert cell_width(text) == width


@given(TEXTS)
def test_width_is_what_the_painter_counts(text):
    assert cell_width(text) == cell_len(text)


@given(TEXTS, st.integers(0, 30), st.sampled_from("…~"))
def test_fitted_text_is_never_wider_than_asked(text, width, ellipsis):
    assert cell_width(fit(text, width, ellipsis)) <= width
    assert cell_width(crop(text, width, ellipsis)) <= width


@given(TEXTS, st.integers(0, 30), st.sampled_from("<>^"))
def test_cell_has_exactly_the_width_asked(text, width, align):
    assert cell_width(cell(text, width, align)) == width


@given(TEXTS, st.integers(0, 60))
def test_text_that_fits_stays_as_it_is(text, width):
    if cell_width(text) <= width:
        assert fit(text, width) == crop(text, width) == text


def test_name_loses_its_middle_and_sentence_its_end():
    assert fit("checkout-7d9f-service", 11) == "check…rvice"
    assert crop("a node cannot be named", 12) == "a node cann…"
    assert fit("日本語日本語", 7) == "日本…語"


def test_combining_mark_stays_with_its_letter():
    assert fit("e\u0301e\u0301e\u0301e\u0301e\u0301", 3) == "e\u0301…e\u0301"


@pytest.mark.parametrize(("align", "padded"), [("<", "ab  "), (">", "  ab"), ("^", " ab ")])
def test_padding_goes_where_the_alignment_says(align, padded):
    assert pad("ab", 4, align) == padded


@given(st.text(alphabet="ab日é ", max_size=60), st.integers(2, 20))
def test_wrapped_text_fits_and_keeps_every_letter(text, width):
    lines = wrap(text, width)
    assert all(cell_width(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.lists(TEXTS, max_size=5), st.integers(0, 40))
def test_cropped_spans_fit_and_say_that_something_is_gone(texts, width):
    whole = "".join(texts)
    cropped = "".join(span.text for span in crop_spans((Span(text, Role.DIM) for text in texts), width))
    assert cell_width(cropped) <= width
    assert cropped == whole or cropped.endswith("…") or width == 0


@pytest.mark.parametrize("width", [-3, 0, 1, 2])
def test_text_without_room_is_wrapped_to_two_cells(width):
    assert wrap("web 日本", width) == ["we", "b", "日", "本"]
