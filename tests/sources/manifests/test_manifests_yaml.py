from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.sources.manifests.parse import read_documents

LAUGHS = "\n".join(
    ["x: &x [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    + [
        f"{name}: &{name} [{', '.join([f'*{inner}'] * 10)}]"
        for inner, name in zip("xabcdefg", "abcdefgh", strict=True)
    ]
)


def read(text: str) -> list[tuple[int, object]]:
    """Return line and value of every document, the error in place of the value."""
    return [(found.line, found.error or found.value) for found in read_documents(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# nothing\n---\n---\n", []),
        ("a: 1\n---\nb: 2\n", [(1, {"a": 1}), (2, {"b": 2})]),
        ("# head\n---\na: 1\n--- # more\nb: 2", [(2, {"a": 1}), (4, {"b": 2})]),
        ("a: 1\r\n---\r\nb: 2\r\n", [(1, {"a": 1}), (2, {"b": 2})]),
        ("a: |\n  --- not a separator\nb: 2", [(1, {"a": "--- not a separator\n", "b": 2})]),
        ("a: &x [1]\nb: *x", [(1, {"a": [1], "b": [1]})]),
        ('{"a": 1}\n{"b": 2}', [(1, {"a": 1}), (2, {"b": 2})]),
        ('{"a": 1}\n---\n{"b": 2}', [(1, {"a": 1}), (3, {"b": 2})]),
        ("{a: 1}", [(1, {"a": 1})]),
        ("at: 2024-05-01T10:00:00Z", [(1, {"at": "2024-05-01T10:00:00Z"})]),
    ],
)
def test_documents(text: str, expected: object) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: b: c", 1, "mapping values are not allowed"),
        ("ok: 1\n---\nx: 1\ny: [1,\nz: }", 5, "is no YAML"),
        ("a:\n\t- b", 2, "is no YAML"),
        ('{"kind": "List",\n "items": [', 2, "is no JSON"),
        ('{"a": 1} junk', 1, "is no JSON"),
        ("a: \x1b[31m", 1, "control characters"),
        ("a: !!python/object/apply:os.system [id]", 1, "could not determine a constructor"),
        ("a: *b", 1, "undefined alias"),
        ("&a [*a]", 1, "*a"),
        (LAUGHS, 1, "aliases are written out"),
        ("- " * 100_000, 1, "levels deep"),
        ("a: " + "[" * 100_000, 1, "levels deep"),
        ('{"a": ' * 100_000, 1, "is no JSON"),
        ("{{ .Values.name }}", 1, "is no YAML"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, words: str) -> None:
    found = read(text)[-1]
    assert found[0] == line
    assert words in str(found[1])


def test_a_broken_document_costs_no_other() -> None:
    assert [value for _, value in read("a: 1\n---\n{bad\n---\nb: 2")][::2] == [{"a": 1}, {"b": 2}]


@given(st.text(alphabet="ab:-{}[]&*!?'\"|> \n\t#,%\x1b", max_size=40))
def test_no_text_makes_it_raise(text: str) -> None:
    assert all(document.line >= 1 for document in read_documents(text))
