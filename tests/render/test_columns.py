"""The tables' lines have exactly the width of the plan and say without colour how a row stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.communication import AddressCategory, Via
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import DNS, WorkloadRef, address_peer, alias_peer, owner_peer
from netsec_tui.model.review import Standing
from netsec_tui.render.cells import line_width
from netsec_tui.render.columns import Field, column_plan, header_line, row_line
from netsec_tui.render.literal import literal
from netsec_tui.render.moments import short, utc
from netsec_tui.render.row_cells import checkbox, compact
from netsec_tui.render.spans import Role
from tests.render.golden import assert_golden, texts
from tests.render.random_reviews import ROWS
from tests.render.reviews import IN, NEWEST, OUT, counts, deployment, row, shop

ALWAYS = {Field.CHECK, Field.NAME, Field.PORT}


def test_golden():
    review = shop()
    rows = [*review.ingress.rows, *review.egress.rows]
    sections = []
    for width in (40, 70, 80, 100, 140):
        for unresolved in (False, True):
            plan = column_plan(width, unresolved, home="shop", newest=NEWEST)
            drawn = [row_line(r, plan) for r in rows if r.key.peer.unresolved is unresolved]
            sections.append((f"{width} columns", texts([header_line(plan), *drawn])))
    assert_golden("tables_shop", sections)


@given(st.integers(1, 250), st.booleans())
def test_header_is_exactly_as_wide_as_the_plan(width, unresolved):
    assert line_width(header_line(column_plan(width, unresolved))) == width


@given(ROWS, st.integers(1, 250), st.booleans(), st.booleans())
def test_row_is_exactly_as_wide_as_the_plan_and_literal(drawn, width, unresolved, ascii_only):
    line = row_line(drawn, column_plan(width, unresolved, ascii_only=ascii_only))
    assert line_width(line) == width
    assert line.target == drawn.key
    assert all(literal(span.text) == span.text for span in line.spans)


@pytest.mark.parametrize("unresolved", [False, True])
def test_wider_plans_only_add_columns(unresolved):
    before = ALWAYS
    for width in range(40, 250):
        fields = {column.field for column in column_plan(width, unresolved).columns}
        assert fields >= before
        before = fields
    assert Field.LAST in before


@pytest.mark.parametrize("unresolved", [False, True])
@pytest.mark.parametrize("width", [66, 70, 78, 80])
def test_narrow_panes_show_peer_port_counts_and_reason(width, unresolved):
    fields = {column.field for column in column_plan(width, unresolved).columns}
    assert fields >= {*ALWAYS, Field.ALLOWED, Field.DENIED, Field.REASON}


@pytest.mark.parametrize(
    ("about", "box"),
    [
        ({"standing": Standing.IN}, "[x]"),
        ({"standing": Standing.OUT}, "[ ]"),
        ({"standing": Standing.NOT_EXPRESSIBLE}, "[-]"),
        ({"standing": Standing.OUT, "allowed_by": "alias"}, "[+]"),
        ({"standing": Standing.IN, "allowed_by": "alias"}, "[x]"),
        ({"standing": Standing.IN, "suspended": True}, "(x)"),
        ({"standing": Standing.OUT, "suspended": True}, "( )"),
        ({"standing": Standing.IN, "suspended": True, "allowed_by": "Allow All"}, "(+)"),
        ({"standing": Standing.NOT_EXPRESSIBLE, "suspended": True}, "(-)"),
    ],
)
def test_checkbox_says_how_the_row_stands(about, box):
    drawn = row(IN, deployment("a"), **about)
    assert checkbox(drawn).text == box
    assert checkbox(drawn).role is (Role.ALLOWED if drawn.in_policy else Role.REFUSED)
    assert row_line(drawn, column_plan(80, False)).text.startswith(box)


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        (row(IN, deployment("web", "front")), ["front/web", "8080/TCP"]),
        (row(IN, owner_peer(WorkloadRef("CronJob", "a", "b"))), ["a/b", " cj "]),
        (row(OUT, DNS, 53, Protocol.UDP), ["cluster DNS", "53/UDP+TCP"]),
        (row(OUT, deployment("a"), 0, Protocol.ICMP), ["ICMP"]),
        (row(OUT, deployment("a"), 0, Protocol.SCTP), ["?/SCTP"]),
        (row(OUT, deployment("a"), seen=counts(1234, 999_999)), ["1.2k", "1.0M"]),
        (row(OUT, deployment("a"), via=(Via("s", "web", 80), Via("s", "x", 1))), ["web:80 +1"]),
        (row(OUT, deployment("a"), reason="never answered", standing=Standing.OUT), ["never answered"]),
        (row(OUT, deployment("a"), standing=Standing.OUT, allowed_by="Allow All"), ["allowed by Allow All"]),
        (
            row(OUT, deployment("a"), standing=Standing.OUT, applied=("p",)),
            ["! applied policy p lets it through"],
        ),
        (row(OUT, deployment("[red]a")), ["[red]a"]),
        (row(OUT, deployment("a\x1b[0m")), ["a\\x1b[0m"]),
    ],
)
def test_row_says(drawn, words):
    text = row_line(drawn, column_plan(140, False)).text
    assert all(word in text for word in words)


def test_unresolved_row_has_category_and_dns_name():
    drawn = row(OUT, address_peer("192.0.2.1"), category=AddressCategory.UNKNOWN, names=("api.example",))
    text = row_line(drawn, column_plan(160, True)).text
    assert "192.0.2.1" in text
    assert "Unknown" in text
    assert "api.example" in text
    assert "alias/office" in row_line(row(OUT, alias_peer("office")), column_plan(80, True)).text


def test_namespace_goes_into_the_name_where_it_has_no_column():
    drawn = row(IN, deployment("web", "front"))
    narrow, wide = column_plan(80, False), column_plan(250, False)
    assert "front/web" in row_line(drawn, narrow).text
    assert Field.NAMESPACE in {column.field for column in wide.columns}
    assert "front/web" not in row_line(drawn, wide).text


def test_columns_stand_under_their_titles():
    plan = column_plan(140, False, newest=NEWEST)
    head, text = header_line(plan).text, row_line(row(IN, deployment("web"), 8080), plan).text
    assert head.index("Peer") == text.index("shop/web")
    assert head.index("Port") == text.index("8080/TCP")
    assert head.index("Allow") + 5 == text.index("120") + 3


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (9949, "9.9k"),
        (9950, "10k"),
        (12_345, "12k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (3_400_000, "3.4M"),
        (10**12, "1.0T"),
    ],
)
def test_counts_are_compact(count, text):
    assert compact(count) == text


@given(st.integers(0, 10**19))
def test_counts_fit_their_column(count):
    assert len(compact(count)) <= 5


@pytest.mark.parametrize(
    ("epoch", "newest", "text"),
    [
        (NEWEST, NEWEST, "14:13:20"),
        (NEWEST - 86_400, NEWEST, "09-20 14:13"),
        (NEWEST - 400 * 86_400, NEWEST, "2025-08-17"),
        (NEWEST, None, "09-21 14:13"),
        (0.0, NEWEST, ""),
        (1e20, NEWEST, ""),
    ],
)
def test_last_seen_leaves_out_only_what_goes_without_saying(epoch, newest, text):
    assert short(epoch, newest) == text


def test_times_are_absolute_and_utc():
    assert utc(NEWEST) == "2026-09-21 14:13:20 UTC"
    assert utc(0.0) == "never"
    assert utc(1e20).startswith("1000000000")


def widths(plan):
    return {column.field: column.width for column in plan.columns}


@pytest.mark.parametrize("unresolved", [False, True])
@pytest.mark.parametrize("width", [66, 75, 78, 80, 100])
def test_the_reason_gets_what_no_name_needs(width, unresolved):
    needed = widths(column_plan(width, unresolved, longest=(14, 14)))
    unknown = widths(column_plan(width, unresolved))
    assert needed[Field.NAME] == 14
    assert set(needed) >= set(unknown)
    assert needed[Field.REASON] > unknown[Field.REASON] or len(needed) > len(unknown)


@pytest.mark.parametrize("unresolved", [False, True])
def test_a_name_of_any_length_leaves_the_plan_as_wide_as_it_was(unresolved):
    for width in (20, 40, 80, 140):
        for longest in (0, 5, 30, 500):
            assert (
                line_width(header_line(column_plan(width, unresolved, longest=(longest, longest + 4))))
                == width
            )


@pytest.mark.parametrize("width", range(65, 100))
def test_an_ordinary_name_is_never_cut(width):
    drawn = row(IN, owner_peer(WorkloadRef("StatefulSet", "monitoring", "prometheus")))
    plan = column_plan(width, False, longest=(21, 25))
    assert "prometheus" in row_line(drawn, plan).text
    assert "monitoring/" in row_line(drawn, plan).text
