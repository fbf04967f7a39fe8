"""What the one-line parts of the screen say."""

from dataclasses import replace

import pytest

from netsec_tui.model.decision import GeneralRule, ManualRule
from netsec_tui.model.identity import Direction
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import DirectionReview, Standing
from netsec_tui.model.timespan import TIMESPANS, Coverage
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.ui.row_filter import RowFilter
from netsec_tui.ui.sentences import (
    coverage_text,
    duration,
    row_sentence,
    short_coverage,
    source_text,
    table_summary,
)
from netsec_tui.ui.view import View
from tests.render.reviews import deployment, row

HOURS = 3600


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3 * HOURS, "3 h"),
        (3 * HOURS + 10 * 60, "3 h 10 min"),
        (26 * HOURS + 5 * 60, "1 d 2 h"),
        (24 * HOURS + 5 * 60, "1 d 5 min"),
        (9 * 24 * HOURS, "9 d"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_what_was_seen_stands_beside_what_was_asked():
    coverage = Coverage(TIMESPANS[2], 3 * HOURS + 10 * 60, 0.0)
    assert coverage_text(coverage) == "last 12 h, 3 h 10 min seen"
    assert short_coverage(coverage) == "3 h 10 min of 12 h"
    assert short_coverage(Coverage(TIMESPANS[-1], 3, 0.0)) == "3 s seen"


LIVE = SourceStatus("hubble", live=True)
READ = SourceStatus("file", live=False, ended=True)


@pytest.mark.parametrize(
    ("statuses", "lost", "text"),
    [
        ((), 0, "no source"),
        ((LIVE,), 0, "live"),
        ((LIVE, READ), 0, "live"),
        ((READ,), 0, "all read"),
        ((replace(READ, ended=False),), 0, "reading"),
        ((LIVE, replace(READ, error="gone")), 0, "source failing"),
        ((replace(READ, skipped=1200), replace(LIVE, skipped=34)), 0, "live, 1,234 skipped"),
        ((READ,), 7, "all read, 7 lost"),
        ((replace(READ, synthetic=41), READ), 0, "all read, 41 synthetic"),
    ],
)
def test_sources(statuses, lost, text):
    assert source_text(View(statuses=statuses, lost=lost)) == text


def table(*rows, general=GeneralRule.ROWS_DECIDE, manual=()):
    return DirectionReview(Direction.EGRESS, general, rows, manual)


IN = row(Direction.EGRESS, deployment("web"))
OUT = row(Direction.EGRESS, deployment("db"), standing=Standing.OUT, reason="never answered")
MASK = ManualRule(Direction.EGRESS, "10.0.0.0/8")


@pytest.mark.parametrize(
    ("shown", "row_filter", "text"),
    [
        (table(IN, OUT), RowFilter(), "Rows decide, 1/2 allowed"),
        (table(IN, OUT), RowFilter("web"), "/web: 1 shown, Rows decide, 1/2 allowed"),
        (table(IN, manual=(MASK,)), RowFilter(), "Rows decide, 1 IP mask, 1/1 allowed"),
        (table(general=GeneralRule.BLOCK_ALL), RowFilter(), "Block All, 0/0 allowed"),
    ],
)
def test_a_table_sums_up(shown, row_filter, text):
    assert ", ".join(table_summary(shown, row_filter, 1)) == text


BLOCKED = table(general=GeneralRule.BLOCK_ALL)


@pytest.mark.parametrize(
    ("shown", "within", "text"),
    [
        (IN, table(), "In the policy"),
        (OUT, table(), "Not in the policy: never answered"),
        (
            replace(OUT, allowed_by="10.0.0.0/8", reach=Reach.ALLOWED),
            table(),
            "In the policy: allowed by 10.0.0.0/8; never answered",
        ),
        (
            replace(IN, suspended=True, reach=Reach.DENIED),
            BLOCKED,
            "Not in the policy: Block All overrides the tick",
        ),
        (
            replace(IN, standing=Standing.NOT_EXPRESSIBLE, reason="ICMP", reach=Reach.DENIED),
            table(),
            "Cannot be ticked: ICMP",
        ),
        (
            replace(IN, reach=Reach.UNKNOWN, reason="ticked by hand"),
            table(),
            "In the policy, but it cannot be told whether it works: ticked by hand",
        ),
        (
            replace(IN, reach=Reach.PARTLY),
            table(),
            "In the policy, but only a part of it is allowed",
        ),
        (replace(IN, reach=Reach.DENIED), table(), "In the policy, but without effect"),
        (replace(OUT, reach=Reach.UNKNOWN), table(), "Not in the policy: never answered"),
        (
            replace(OUT, applied=("allow-db",)),
            table(),
            "Not in the policy: never answered; applied policy allow-db lets it through",
        ),
    ],
)
def test_a_row_says_whether_it_is_allowed_and_why(shown, within, text):
    assert row_sentence(shown, within) == text
