"""What one recording tells, or does not, says nothing of another: rows of their own keep how they start."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.model.flow import Flow, Verdict
from netsec_tui.model.identity import CommunicationKey, Direction, WorkloadRef
from netsec_tui.model.review import Row
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.options import Options
from netsec_tui.session.session import Session
from tests.core.traffic import DAY, NOON, answer, exchange, of, request

WEB, API, DB = (of(app, ip=f"10.244.0.{n}") for n, app in enumerate(("web", "api", "db"), 1))

Recording = tuple[str, list[Flow]]


def rows(*recordings: Recording) -> dict[tuple[WorkloadRef, CommunicationKey], Row]:
    """Return the rows of all workloads after these recordings."""
    session = Session(Options(), lambda: NOON + DAY)
    for name, flows in recordings:
        session.add_flows([replace(flow, origin=flow.origin or "hubble") for flow in flows], name)
    found = {}
    for choice in session.workloads():
        session.apply(ChooseWorkload(choice.ref))
        review = session.review()
        assert review is not None
        found |= {(choice.ref, row.key): row for d in Direction for row in review.of(d).rows if row.key.port}
    return found


def starts(row: Row) -> tuple[bool, str]:
    return row.ticked, row.reason


def test_a_row_told_without_answers_does_not_change_by_a_recording_that_has_some() -> None:
    unanswered = ("a", [request(WEB, API, 8080)])
    alone = rows(unanswered)
    both = rows(unanswered, ("b", exchange(WEB, DB, 5432)))
    assert {starts(row) for row in alone.values()} == {(True, "")}
    assert {key: starts(both[key]) for key in alone} == {key: starts(row) for key, row in alone.items()}


def test_what_one_recording_tells_answers_of_it_tells_all_of() -> None:
    found = rows(("a", [request(WEB, API, 8080), *exchange(WEB, DB, 5432)]))
    assert {starts(row) for (_, key), row in found.items() if key.port == 8080} == {(False, "never answered")}


PODS = st.sampled_from([WEB, API, DB])
FLOWS = st.lists(
    st.builds(
        lambda how, client, server, port, verdict, origin: how(
            client, server, port, verdict=verdict, origin=origin
        ),
        st.sampled_from([request, answer]),
        PODS,
        PODS,
        st.sampled_from([80, 5432, 8080]),
        st.sampled_from([Verdict.FORWARDED, Verdict.DROPPED, Verdict.UNKNOWN]),
        st.sampled_from(["hubble", "antrea", "conntrack"]),
    ),
    max_size=8,
)


@settings(max_examples=150)
@given(FLOWS, FLOWS)
def test_no_recording_changes_how_rows_start_that_it_says_nothing_of(a: list[Flow], b: list[Flow]) -> None:
    first, second = ("a", a), ("b", b)
    alone, others = rows(first), rows(second)
    unsaid = {key: starts(row) for key, row in alone.items() if key not in others}
    for both in (rows(first, second), rows(second, first)):
        assert {key: starts(both[key]) for key in unsaid} == unsaid
