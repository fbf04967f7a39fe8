"""When each node was watched: what joins later, goes away and comes back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.sources import spans as spans_module
from netsec_tui.sources.spans import Spans


def told(*steps):
    spans = Spans()
    for what, *rest in steps:
        getattr(spans, what)("n1", *rest)
    return [(span.since, span.until) for span in spans.of(["n1"])]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], []),
        ([("begin", 100)], [(100, 0)]),
        ([("begin", 100), ("begin", 200)], [(100, 0)]),
        ([("begin", 100), ("begin", 40)], [(40, 0)]),
        ([("begin", 100), ("end", 200)], [(100, 200)]),
        ([("end", 200)], []),
        ([("begin", 100), ("end", 200), ("end", 300)], [(100, 200)]),
        ([("begin", 100), ("end", 50)], [(100, 100)]),
        ([("begin", 100), ("end", 200), ("begin", 300)], [(100, 200), (300, 0)]),
        ([("begin", 100), ("end", 200), ("begin", 150)], [(100, 0)]),
        ([("begin", 100), ("end", 200), ("begin", 300), ("begin", 200)], [(100, 0)]),
        ([("begin", 100), ("end", 200), ("begin", 300), ("resume",)], [(100, 0)]),
        ([("begin", 100), ("end", 200), ("resume",)], [(100, 200)]),
        ([("begin", 100), ("resume",)], [(100, 0)]),
        ([("resume",)], []),
    ],
)
def test_what_was_watched_of_a_node(steps, expected):
    assert told(*steps) == expected


STEPS = st.lists(st.tuples(st.sampled_from(["begin", "end"]), st.integers(1, 30)), max_size=12)


@given(STEPS)
def test_spans_are_in_order_do_not_touch_and_only_the_last_goes_on(steps):
    found = told(*steps)
    assert all(until and until < later for (_, until), (later, _) in pairwise(found))
    assert all(since <= (until or since) for since, until in found)


def test_of_a_node_that_comes_and_goes_the_latest_are_kept(monkeypatch):
    monkeypatch.setattr(spans_module, "_MOST", 2)
    steps = [step for at in (10, 20, 30) for step in (("begin", at), ("end", at + 5))]
    assert told(*steps) == [(20, 25), (30, 35)]


def test_nodes_that_have_left_are_forgotten_and_the_beginning_stays():
    spans = Spans()
    assert (spans.first, spans.last) == (0.0, 0.0)
    spans.begin("n1", 10)
    spans.begin("n2", 20)
    spans.end("n2", 25)
    assert [span.node for span in spans.of(["n2", "n1", "n3"])] == ["n1", "n2"]
    cut = spans.of(["n1", "n2"], {"n1": 15, "n2": 22})
    assert [(span.node, span.until) for span in cut] == [("n1", 15), ("n2", 25)]  # what has ended stays
    spans.keep(["n2"])
    assert [span.node for span in spans.of(["n1", "n2"])] == ["n2"]
    assert (spans.first, spans.last) == (10, 25)
