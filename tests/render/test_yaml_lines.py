"""YAML is shown to the letter; the roles only help to read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Role
from netsec_tui.render.yaml_lines import yaml_lines

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: deployment-checkout
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: checkout
      version: "1.0"
  ingress:
  - from:
    - podSelector: {}
    ports:
    - protocol: TCP
      port: 8080
"""

YAML_LIKE = st.lists(
    st.one_of(
        st.sampled_from(["a: |", "- b: >-", "  c: 1", "---", "# x", "  - - 'q", '"k": v', "   ", "x: # y"]),
        st.text(max_size=30),
    )
).map("\n".join)


def roles(text, number=0):
    """Return text and role of each visible span of a line."""
    return [(span.text, span.role) for span in yaml_lines(text)[number].spans if span.text.strip()]


@given(st.one_of(YAML_LIKE, st.text()))
def test_no_letter_is_lost_or_added(text):
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    assert [line.text for line in yaml_lines(text)] == [literal(line) for line in lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("port: 8080", [("port", Role.KEY), (":", Role.DIM), ("8080", Role.NUMBER)]),
        (
            "- protocol: TCP",
            [("- ", Role.DIM), ("protocol", Role.KEY), (":", Role.DIM), ("TCP", Role.STRING)],
        ),
        ('version: "1.0"', [("version", Role.KEY), (":", Role.DIM), ('"1.0"', Role.STRING)]),
        ("'a: b': c", [("'a: b'", Role.KEY), (":", Role.DIM), ("c", Role.STRING)]),
        ("podSelector: {}", [("podSelector", Role.KEY), (":", Role.DIM), ("{}", Role.NUMBER)]),
        ("cidr: 10.0.0.0/8", [("cidr", Role.KEY), (":", Role.DIM), ("10.0.0.0/8", Role.STRING)]),
        ("cidr: 2001:db8::/32", [("cidr", Role.KEY), (":", Role.DIM), ("2001:db8::/32", Role.STRING)]),
        ("# why", [("# why", Role.DIM)]),
        ("a: b # why", [("a", Role.KEY), (":", Role.DIM), ("b", Role.STRING), ("# why", Role.DIM)]),
        ("a: b#c", [("a", Role.KEY), (":", Role.DIM), ("b#c", Role.STRING)]),
        ('a: "b # c"', [("a", Role.KEY), (":", Role.DIM), ('"b # c"', Role.STRING)]),
        ("- -1", [("- ", Role.DIM), ("-1", Role.NUMBER)]),
        ("- 192.0.2.1", [("- ", Role.DIM), ("192.0.2.1", Role.STRING)]),
        ("---", [("---", Role.DIM)]),
        ("ok: true", [("ok", Role.KEY), (":", Role.DIM), ("true", Role.NUMBER)]),
    ],
)
def test_roles_of_a_line(text, expected):
    assert roles(text) == expected


def test_policy_has_its_keys_and_values_told_apart():
    found = {span.text: span.role for line in yaml_lines(POLICY) for span in line.spans}
    assert found["apiVersion"] is found["app.kubernetes.io/name"] is Role.KEY
    assert found["networking.k8s.io/v1"] is found['"1.0"'] is Role.STRING
    assert found["8080"] is Role.NUMBER


def test_block_scalar_is_text_until_it_ends():
    text = "- note: |\n    key: value\n\n    # no comment\n  next: 1\n- |\n  a: b\n- c: d"
    assert roles(text, 1) == [("    key: value", Role.STRING)]
    assert roles(text, 3) == [("    # no comment", Role.STRING)]
    assert roles(text, 4)[0] == ("next", Role.KEY)
    assert roles(text, 6) == [("  a: b", Role.STRING)]
    assert roles(text, 7)[1] == ("c", Role.KEY)


def test_control_characters_are_written_out():
    assert yaml_lines("a: \x1b[31mred\r")[0].text == "a: \\x1b[31mred\\x0d"


@pytest.mark.parametrize(
    "long", ["a" * 100_000, " " * 100_000 + "x", "a " * 50_000, "{" * 100_000, "'" * 99_999]
)
def test_very_long_line_is_shown_whole(long):
    assert yaml_lines(long)[0].text == long
