"""Lines of the configuration: they fit every width, say what matters, and let no escape code through."""

import pytest

from netsec_tui.core.cluster.addresses import Ranges, network
from netsec_tui.core.configure.label_keys import KnownKey
from netsec_tui.model.config import Config, LabelConfig, LabelFilter, RangeKind
from netsec_tui.model.configuring import LabelEffect, RangeLine, SelectorChange
from netsec_tui.model.decision import Alias
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.policy import LabelSelector, Requirement
from netsec_tui.render.alias_settings import Seen, alias_lines
from netsec_tui.render.cells import line_width
from netsec_tui.render.label_settings import effect_lines, label_lines, selector_text
from netsec_tui.render.range_settings import range_lines

EVIL = "\x1b[31m\u202e" + "x" * 90
WEB, API = WorkloadRef("Deployment", "shop", "web"), WorkloadRef("Deployment", "shop", EVIL)


def labels(width):
    keys = LabelConfig(LabelFilter(("app", EVIL), ("helm.sh/*",)), LabelFilter())
    known = (
        KnownKey("app", 3, ("a", EVIL)),
        KnownKey("helm.sh/chart", 1, ("x",)),
        KnownKey(EVIL, 1, (EVIL,)),
    )
    return label_lines(keys, known, known, width)


def effect(width):
    before = LabelSelector((("app", EVIL),))
    change = SelectorChange(WEB, before, None, also=(API,), no_longer=(API,), why=EVIL, dns=True)
    return effect_lines(LabelEffect((change,), 9), width)


def aliases(width):
    config = Config(
        aliases=(Alias(EVIL, ("2001:db8::/32", "203.0.113.0/24")), Alias("b", ("203.0.113.7/32",), True))
    )
    return alias_lines(config, Ranges(pods=(network("203.0.113.0/28"),)), {"b": Seen(2, 7)}, width)


def ranges(width):
    known = (
        RangeLine(RangeKind.POD, 4, "10.0.0.0/8", by_hand=True),
        RangeLine(RangeKind.POD, 4, "10.1.0.0/16", EVIL, in_force=False, note=EVIL),
    )
    return range_lines(known, ("kube-apiserver", EVIL), (EVIL,), width)


MAKERS = [labels, effect, aliases, ranges]


def text(lines):
    return " ".join(" ".join(line.text for line in lines).split())


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("width", [40, 78, 138])
def test_every_line_fits_and_nothing_unseen_is_in_it(make, width):
    lines = make(width)
    assert max(map(line_width, lines)) <= width
    assert all("\x1b" not in line.text and "\u202e" not in line.text for line in lines)


@pytest.mark.parametrize("width", [78, 138])
def test_labels_say_what_is_used_and_why_not(width):
    shown = text(labels(width))
    assert "[x] app 3 owners" in shown
    assert "[ ] helm.sh/chart 1 owner" in shown
    assert "excluded by helm.sh/*" in shown


def test_an_effect_says_what_would_be_selected_or_why_nothing():
    shown = text(effect(138))
    assert "1 of 9 selectors change; 1 would select others than now, or nothing" in shown
    assert "shop/Deployment/web (cluster DNS)" in shown
    assert "would also select" in shown
    assert "would no longer select" in shown


def test_no_effect_is_said():
    assert text(effect_lines(LabelEffect((), 9), 78)) == "None of 9 selectors changes."


def test_an_alias_shows_its_width_its_state_and_where_it_was_seen():
    shown = text(aliases(138))
    assert "b [x] allowed" in shown
    assert "2 rows, 7 seen" in shown
    assert "about 2^96 addresses" in shown


def test_problems_of_aliases_come_first():
    lines = [line.text for line in aliases(138)]
    notes = lines[lines.index("Notes") + 1 :]
    marked = [number for number, line in enumerate(notes) if line.strip().startswith("!")]
    plain = [number for number, line in enumerate(notes) if line.startswith("  ") and ": " in line]
    assert marked
    assert marked[0] == min(plain)


def test_ranges_say_where_they_come_from_and_what_holds():
    shown = text(ranges(138))
    assert "10.0.0.0/8 in force by hand" in shown
    assert "10.1.0.0/16 not in force" in shown
    assert "None is known. Add it by hand." in shown


def test_only_what_can_be_acted_on_can_be_reached():
    reached = [line.target.name for line in ranges(138) if line.target]
    assert reached[:3] == ["", "10.0.0.0/8", f"10.1.0.0/16 {EVIL}"]


@pytest.mark.parametrize(
    ("selector", "shown"),
    [
        (None, "nothing can be selected"),
        (LabelSelector((("app", "a"), ("tier", "b"))), "app=a, tier=b"),
        (LabelSelector((), (Requirement("x", "In", ("a", "b")),)), "x In (a, b)"),
        (LabelSelector((), (Requirement("x", "Exists"),)), "x Exists"),
    ],
)
def test_a_selector_in_words(selector, shown):
    assert selector_text(selector) == shown
