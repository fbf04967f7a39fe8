"""Sentences about nodes name a few of many and lose none."""

import pytest

from netsec_tui.sources.nodes_named import names_of, troubles_of


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (["b"], "node b"),
        (["b", "a"], "nodes a, b"),
        (["c", "a", "b"], "nodes a, b, c"),
        (["d", "c", "b", "a", "e"], "nodes a, b, c and 2 more"),
        (["a\x1b[2J"], "node a\\x1b[2J"),
    ],
)
def test_a_few_of_many_are_named(nodes, words):
    assert names_of(nodes) == words


@pytest.mark.parametrize(
    ("reasons", "sentences", "others"),
    [
        ({}, [], 0),
        ({"a": "", "b": ""}, [], 0),
        ({"a": "gone", "b": "", "c": "gone"}, ["nodes a, c: gone"], 0),
        ({n: n.upper() for n in "abc"}, ["node a: A", "node b: B", "node c: C"], 0),
        ({n: "ABCDD"[i] for i, n in enumerate("abcde")}, ["node a: A", "node b: B", "node c: C"], 2),
    ],
)
def test_nodes_that_share_a_reason_share_a_sentence(reasons, sentences, others):
    assert troubles_of(reasons) == (sentences, others)
