"""The drawn topology: it fits, hides nothing, and says without colour what the colours say."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.topology import build_topology
from netsec_tui.model.decision import GeneralRule, ManualRule
from netsec_tui.model.identity import API_SERVER, DNS, Direction, WorkloadRef, address_peer, alias_peer
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Standing
from netsec_tui.render.cells import line_width
from netsec_tui.render.glyphs import ASCII, UNICODE
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import FoldTarget, ManualTarget, Role
from netsec_tui.render.topology import topology_lines
from tests.render.golden import assert_golden, texts
from tests.render.random_reviews import reviews
from tests.render.reviews import IN, OUT, Builder, crowd, deployment, row, service_with_owners, shop, silent

SETS = {"unicode": UNICODE, "ascii": ASCII}
WIDTHS = st.integers(40, 220)
GLYPHS = st.sampled_from([UNICODE, ASCII])


def draw(review, width=100, glyphs=UNICODE, expanded=frozenset(), **how):
    return topology_lines(build_topology(review), width, glyphs, expanded, **how)


def targets(lines):
    """Return everything that can be pointed at, in reading order, each once."""
    found = (span.target or line.target for line in lines for span in line.spans if span.text.strip())
    return list(dict.fromkeys(target for target in found if target is not None))


def all_edges(review):
    for direction in Direction:
        side = review.of(direction)
        yield from (row.key for row in side.rows)
        yield from (ManualTarget(direction, index) for index in range(len(side.manual)))


def line_of(lines, target):
    """Return the text of the spans that point at a target."""
    return "".join(span.text for line in lines for span in line.spans if span.target == target)


@pytest.mark.parametrize("charset", SETS)
@pytest.mark.parametrize("make", [shop, crowd, service_with_owners, silent])
def test_golden(make, charset):
    sections = [
        (f"{width} columns", texts(draw(make(), width, SETS[charset]))) for width in (60, 80, 100, 140, 200)
    ]
    assert_golden(f"topology_{make.__name__}_{charset}", sections)


def test_golden_of_a_fold_that_is_open():
    opened = frozenset({FoldTarget(IN, "ns:team-1")})
    sections = [(f"{width} columns", texts(draw(crowd(140), width, expanded=opened))) for width in (80, 120)]
    assert_golden("topology_unfolded", sections)


@settings(max_examples=150)
@given(reviews(), WIDTHS, GLYPHS, st.integers(0, 20))
def test_no_line_is_wider_than_the_pane_and_no_character_is_unseen(review, width, glyphs, fold_over):
    lines = draw(review, width, glyphs, fold_over=fold_over)
    assert max(map(line_width, lines)) <= width
    assert all(literal(span.text) == span.text for line in lines for span in line.spans)


@settings(max_examples=150)
@given(reviews(), WIDTHS, GLYPHS, st.integers(0, 20))
def test_every_communication_can_be_pointed_at_once_all_is_unfolded(review, width, glyphs, fold_over):
    folds = frozenset(
        t for t in targets(draw(review, width, glyphs, fold_over=fold_over)) if isinstance(t, FoldTarget)
    )
    shown = targets(draw(review, width, glyphs, folds, fold_over=fold_over))
    assert set(all_edges(review)) <= set(shown)
    assert folds <= set(shown)
    assert set(build_topology(review).entities) <= set(shown) | {
        o.peer for o in build_topology(review).covered
    }


@settings(max_examples=100)
@given(reviews(), WIDTHS)
def test_ascii_drawing_uses_ascii_for_all_that_is_not_data(review, width):
    bare = Builder(rows=[row(OUT, address_peer("192.0.2.1"), standing=s) for s in Standing]).review()
    for lines in (draw(bare, width, ASCII), draw(crowd(40), width, ASCII)):
        assert texts(lines).isascii()


@pytest.mark.parametrize("width", [40, 80, 100, 160])
@pytest.mark.parametrize("charset", SETS)
def test_what_is_not_allowed_looks_different_without_colour(charset, width):
    built = Builder().add(row(IN, deployment("a")), row(IN, deployment("b"), standing=Standing.OUT))
    built.add(row(IN, deployment("c"), standing=Standing.NOT_EXPRESSIBLE))
    lines = draw(built.review(), width, SETS[charset])
    drawn = [line_of(lines, edge).strip() for edge in all_edges(built.review())]
    assert (
        drawn
        == {
            "unicode": ["── 8080/TCP ──▶", "╌╌ 8080/TCP ╌╌✗", "╌╌ 8080/TCP ╌╌⊘"],
            "ascii": ["-- 8080/TCP -->", "-. 8080/TCP -.x", "-. 8080/TCP -.0"],
        }[charset]
    )


@pytest.mark.parametrize("width", [60, 120])
def test_role_follows_the_policy(width):
    review = shop()
    for direction in Direction:
        for edge in build_topology(review).of(direction).edges:
            target = edge.key or ManualTarget(direction, edge.index)
            roles = {
                span.role
                for line in draw(review, width)
                for span in line.spans
                if span.target == target and span.role in (Role.ALLOWED, Role.REFUSED)
            }
            assert roles == {Role.ALLOWED if edge.allowed else Role.REFUSED}


@pytest.mark.parametrize("width", [40, 66, 80, 100, 140, 200])
def test_applied_policy_that_lets_a_red_line_through_is_marked_at_any_width(width):
    review = shop()
    (through,) = [row for row in review.ingress.rows if row.applied]
    text = line_of(draw(review, width), through.key)
    assert "✗!" in text
    assert "! an applied policy lets it through" in texts(draw(review, width))
    if width == 200:
        assert "allow-batch lets it through" in text


def test_applied_policy_does_not_mark_a_black_line():
    built = Builder().add(row(IN, deployment("a"), applied=("allow-a",)))
    assert "!" not in texts(draw(built.review()))


def test_headings_count_what_is_allowed_manual_rules_included():
    assert "INGRESS 3/6 allowed" in texts(draw(shop()))
    assert "EGRESS 7/10 allowed" in texts(draw(shop()))


@pytest.mark.parametrize("width", [50, 130])
def test_general_rule_stands_in_the_heading(width):
    built = Builder(general={IN: GeneralRule.BLOCK_ALL}).add(row(IN, deployment("a"), suspended=True))
    assert "INGRESS 0/1 allowed · Block All" in texts(draw(built.review(), width))


@pytest.mark.parametrize("width", [45, 130])
def test_direction_without_traffic_says_what_that_means(width):
    words = " ".join(texts(draw(silent(), width)).split())
    assert "nothing seen in 3 h 10 min" in words
    assert "refused" in words
    bare = " ".join(texts(draw(Builder().review(), width)).split())
    assert "no ingress in the policy" in bare or width == 130
    assert bare.count("refused") >= 2


def test_open_direction_without_traffic_does_not_claim_to_refuse():
    built = Builder(general=dict.fromkeys(Direction, GeneralRule.ALLOW_ALL))
    assert "refused" not in texts(draw(built.review(), 80))


@pytest.mark.parametrize("width", [50, 130])
def test_no_policy_is_said_on_top(width):
    first = draw(Builder(refusal="it uses the host network").review(), width)[0]
    assert first.text.startswith("No policy can be made: it uses the host")
    assert first.spans[0].role is Role.WARNING


@pytest.mark.parametrize("width", [60, 110])
def test_selected_entities_are_marked_by_form_and_role(width):
    lines = draw(service_with_owners(), width)
    blue = next(span for line in lines for span in line.spans if "*web-blue*" in span.text)
    cart = next(span for line in lines for span in line.spans if "cart" in span.text)
    assert (blue.role, cart.role) == (Role.SELECTED, Role.ENTITY)
    assert any(
        "Deployment/web-green" in span.text and span.role is Role.SELECTED
        for line in lines
        for span in line.spans
    )


@pytest.mark.parametrize("width", [40, 80, 120])
def test_300_peers_fold_with_counts_and_nothing_is_missing(width):
    lines = draw(crowd(), width)
    folds = [target for target in targets(lines) if isinstance(target, FoldTarget)]
    assert len(lines) < 40
    assert len(folds) == 8
    said = "▸ 43 peers in team-0, 4 not allowed" if width == 120 else "▸ 43 in team-0, 4 "
    assert said in line_of(lines, FoldTarget(IN, "ns:team-0"))
    assert "▸ 75" in line_of(lines, FoldTarget(OUT, "addresses"))
    unfolded = draw(crowd(), width, expanded=frozenset(folds))
    assert sum(target in set(all_edges(crowd())) for target in targets(unfolded)) == 376


@pytest.mark.parametrize(
    ("allowed", "stroke", "verdict", "red"),
    [
        (20, ("─", "▶", Role.ALLOWED), "all allowed", Role.ENTITY),
        (1, ("─", "▶", Role.ALLOWED), "19 not allowed", Role.REFUSED),
        (0, ("╌", "✗", Role.REFUSED), "none allowed", Role.REFUSED),
    ],
)
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("width", [79, 140])
def test_a_fold_is_red_only_when_none_is_allowed(width, direction, allowed, stroke, verdict, red):
    standings = [Standing.IN] * allowed + [Standing.OUT] * (20 - allowed)
    peers = [row(direction, deployment(f"d{n}", "b"), standing=s) for n, s in enumerate(standings)]
    fold = FoldTarget(direction, "ns:b")
    spans = [span for line in draw(Builder(rows=peers).review(), width) for span in line.spans]
    drawn = [span for span in spans if span.target == fold and span.text.strip()]
    (line,) = (span for span in drawn if set(span.text) == set(stroke[:2]))
    before, count = (span for span in drawn if span is not line)
    assert line.role is stroke[2]
    assert (before.text, count.text, count.role) == ("▸ 20 peers in b, ", verdict, red)


def test_a_fold_of_more_communications_than_peers_says_of_how_many():
    peers = [row(IN, deployment(f"d{n}", "b"), port) for n in range(20) for port in (80, 443)]
    peers.append(row(IN, deployment("d0", "b"), 22, standing=Standing.OUT))
    assert "▸ 20 peers in b, 1 of 41 not allowed" in texts(draw(Builder(rows=peers).review(), 140))


@pytest.mark.parametrize(
    ("name", "width", "hub"),
    [("web", 69, False), ("web", 77, True), ("long-" * 5, 79, False), ("long-" * 5, 80, True)],
)
def test_peers_stand_left_and_right_where_they_fit(name, width, hub):
    built = Builder().add(row(IN, deployment("a")), row(OUT, deployment(name)))
    heading = next(line for line in draw(built.review(), width) if "INGRESS" in line.text)
    assert ("EGRESS" in heading.text) is hub


def test_the_cursor_stops_once_at_the_workload():
    lines = draw(service_with_owners(), 100)
    selected = build_topology(service_with_owners()).selected.peer
    assert sum(any(span.target == selected for span in line.spans) for line in lines) == 1


def test_the_name_of_the_workload_comes_again_in_a_tall_box():
    rows = [row(IN, address_peer(f"192.0.2.{n}")) for n in range(60)]
    lines = draw(Builder(rows=rows).review(), 120, fold_over=99)
    assert sum("Deployment/checkout" in line.text for line in lines) == 4


def test_a_hash_is_no_label_worth_showing():
    built = Builder(labels=(("controller-uid", "4b1c"), ("app", "once")))
    built.add(row(IN, deployment("a"))).know(
        deployment("a"), labels=(("batch.kubernetes.io/controller-uid", "4b1c"), ("tier", "x"))
    )
    for width in (66, 140):
        drawn = texts(draw(built.review(), width))
        assert "app=once" in drawn
        assert "tier=x" in drawn
        assert "4b1c" not in drawn


def test_fold_says_that_an_applied_policy_lets_something_through():
    many = [row(IN, deployment(f"d{n}"), standing=Standing.OUT, applied=("p",) * (n == 9)) for n in range(20)]
    assert "✗!" in line_of(draw(Builder(rows=many).review()), FoldTarget(IN, "ns:shop"))


def test_manual_rules_and_singletons_never_fold():
    built = Builder(manual=[ManualRule(OUT, f"10.{n}.0.0/16") for n in range(30)])
    built.add(
        row(OUT, DNS, 53), row(OUT, API_SERVER, 6443), *(row(OUT, alias_peer(f"a{n}")) for n in range(30))
    )
    assert not [t for t in targets(draw(built.review())) if isinstance(t, FoldTarget)]


def test_alias_is_one_entity_and_one_line():
    drawn = texts(draw(shop(), 60))
    assert drawn.count("alias/card network") == 1


@pytest.mark.parametrize(
    "name", ["[red]x[/red]", "\x1b[31mred", "日本語サービス", "a\u202eb", "x" * 253, "tab\tnew\nline"]
)
@pytest.mark.parametrize("width", [40, 100])
def test_hostile_names_show_literally(name, width):
    built = Builder(ref=WorkloadRef("Deployment", name, name), labels=((name, name),))
    built.add(row(IN, deployment(name, name), reason=name), row(OUT, deployment(name)))
    lines = draw(built.review(), width)
    assert max(map(line_width, lines)) <= width
    assert not {"\x1b", "\t", "\n", "\u202e"} & set("".join(line.text for line in lines))


def test_own_namespace_and_kind_deployment_need_no_saying():
    built = Builder().add(row(IN, deployment("a")), row(IN, deployment("b", "other")))
    lines = texts(draw(built.review()))
    assert " a ── " in lines
    assert " other/b ── " in lines


def test_drawing_is_the_same_whatever_the_order_of_the_rows():
    review = shop()
    turned = Builder(
        rows=[*review.egress.rows[::-1], *review.ingress.rows[::-1]], manual=list(review.egress.manual)
    )
    turned.facts = dict(review.facts)
    assert draw(turned.review(), 120) == draw(review, 120)


@pytest.mark.parametrize("reach", [Reach.PARTLY, Reach.UNKNOWN])
def test_what_is_open_in_part_or_cannot_be_told_is_no_plain_refusal(reach):
    doubtful = replace(row(OUT, deployment("cart"), standing=Standing.OUT), reach=reach)
    lines = draw(Builder().add(doubtful, row(OUT, deployment("pay"), standing=Standing.OUT)).review())
    assert "?" in line_of(lines, doubtful.key)
    assert "?" not in line_of(lines, row(OUT, deployment("pay")).key)
    assert any("? in part, or cannot tell" in line.text for line in lines)
