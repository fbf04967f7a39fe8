"""Short sentences of the screen about scope, sources, rows and tables; pure text."""

from __future__ import annotations

from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.review import DirectionReview, Row
from netsec_tui.model.timespan import Coverage
from netsec_tui.render.provenance import rules_text
from netsec_tui.render.standing import standing_text
from netsec_tui.ui.row_filter import RowFilter
from netsec_tui.ui.view import View


def duration(seconds: float) -> str:
    """Return a duration in the two largest units that matter, to the minute."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{int(seconds)} s"
    units = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    parts = [f"{number} {unit}" for number, unit in units if number]
    return " ".join(parts[:2])


def coverage_text(coverage: Coverage) -> str:
    """Set what was seen beside what was asked."""
    return f"{coverage.asked.label}, {duration(coverage.covered)} seen"


def short_coverage(coverage: Coverage) -> str:
    """Set what was seen beside what was asked, for narrow screens: ``3 h 10 min of 12 h``."""
    covered = duration(coverage.covered)
    if coverage.asked.seconds is None:
        return f"{covered} seen"
    return f"{covered} of {coverage.asked.label.removeprefix('last ')}"


def source_text(view: View) -> str:
    """Say how the sources are doing; skipped lines, lost events and synthetic flows are never left out."""
    return ", ".join([source_state(view), *caveats(view)])


def caveats(view: View) -> list[str]:
    """Count what could not be read, was not delivered, or was never observed."""
    skipped = sum(status.skipped for status in view.statuses)
    synthetic = sum(status.synthetic for status in view.statuses)
    counts = ((skipped, "skipped"), (view.lost, "lost"), (synthetic, "synthetic"))
    return [f"{number:,} {what}" for number, what in counts if number]


def source_state(view: View) -> str:
    """Say in a word or two whether there is more to come."""
    if not view.statuses:
        return "no source"
    if any(status.error for status in view.statuses):
        return "source failing"
    if all(status.settled for status in view.statuses):
        return "all read"
    return "live" if any(status.live for status in view.statuses) else "reading"


def source_sentences(view: View) -> list[str]:
    """Say of each source what it has read, where and how, and what is wrong with it."""
    return [
        f"{status.source}: {'; '.join(filter(None, (status.detail, status.error))) or 'nothing said yet'}"
        for status in view.statuses
    ]


def table_title(table: DirectionReview, row_filter: RowFilter, shown: int) -> list[str]:
    """Say in parts what governs a table: filter, general rule, manual rules."""
    parts = [f"{row_filter}: {shown} shown"] if row_filter.active else []
    parts.append(table.general.value)
    if table.manual:
        parts.append(f"{len(table.manual)} IP mask{'s' if len(table.manual) > 1 else ''}")
    return parts


def table_summary(table: DirectionReview, row_filter: RowFilter, shown: int) -> list[str]:
    """Say in parts what governs a table and how much of it is allowed."""
    allowed = sum(row.in_policy for row in table.rows)
    return [*table_title(table, row_filter, shown), f"{allowed}/{len(table.rows)} allowed"]


def row_sentence(row: Row, table: DirectionReview) -> str:
    """Say whether the policy allows a row and why."""
    state = standing_text(row)
    state = state[:1].upper() + state[1:]
    why = []
    if row.suspended and table.general is not GeneralRule.ROWS_DECIDE:
        why.append(f"{table.general.value} overrides the tick")
    if row.allowed_by:
        why.append(f"allowed by {row.allowed_by}")
    if row.reason:
        why.append(row.reason)
    if row.applied:
        why.append(f"applied policy {', '.join(row.applied)} lets it through")
    if not row.tickable:
        state = "Cannot be ticked"
    return f"{state}: {'; '.join(why)}" if why else state


def focus_sentence(row: Row, view: View) -> str:
    """Say whether the policy allows a row, why, and by which of its rules."""
    review, known = view.review, view.provenance
    if review is None:
        return ""
    rules = rules_text(review, known.rules_of(row.key)) if known else ""
    sentence = row_sentence(row, review.of(row.key.direction))
    if review.withheld and row.tickable:
        return "Allowed: there is no policy"
    return f"{sentence}{'; ' if ': ' in sentence else ': '}{rules}" if rules else sentence
