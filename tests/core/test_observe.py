"""Order and batches of flows make no difference; a timespan looks at the minutes it names and no more."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsec_tui.core.traffic.observe import Observations
from netsec_tui.errors import NotFoundError
from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol, Reserved, Verdict
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.actions import ChooseTimespan, ChooseWorkload
from tests.core.traffic import (
    IN,
    NOON,
    OUT,
    cluster_node,
    end,
    exchange,
    inventory,
    listed,
    node,
    of,
    only,
    pod,
    ref,
    request,
    review,
    service,
    session,
    table,
    workload,
)

# Order and batches

STATE = inventory(
    workload("Deployment", "web", ports={"http": 8080}),
    workload("Deployment", "api", ports={"http": 8080, "grpc": 45000}),
    workload("DaemonSet", "agent", host=True),
    workload("CronJob", "backup"),
    pod("web-0", "web", ip="10.244.0.1", owner=("Deployment", "web"), created="2023-11-14T00:00:00Z"),
    pod("api-0", "api", ip="10.244.0.2", owner=("Deployment", "api"), created="2023-11-15T00:02:00Z"),
    pod("old", "old", ip="10.244.0.3", phase="Succeeded", created="2023-11-14T00:00:00Z"),
    pod("new", "new", ip="10.244.0.3", created="2023-11-15T00:03:00Z"),
    service("api", [(80, "http")], ip="10.96.0.1"),
    service("web", [(8080, 8080)], ip="10.96.0.2"),
    cluster_node("n1", "172.18.0.2", "10.244.0.0/24"),
)
ENDS = [
    of("web", 0, ip="10.244.0.1"),
    of("web", 1, workloads=(("Deployment", "web"),)),
    of("api"),
    end("api-0"),
    end("lone", ip="10.244.0.9"),
    end(labels={"app": "api", "version": "v1"}, ip="10.244.0.77"),
    end("api-0", labels={"app": "api", "version": "v1"}),
    end("backup-28333333-abcde", workloads=(("Job", "backup-28333333"),)),
    of("agent", ip="172.18.0.2"),
    end("lone", labels={"tier": "a"}),
    end("lone", labels={"tier": "b", "zone": "z"}),
    end("api-0", workloads=(("ReplicaSet", "api-5d9f7c"),)),
    end("api-0", workloads=(("Deployment", "api"),)),
    Endpoint("10.244.0.1"),
    Endpoint("10.244.0.2"),
    Endpoint("10.244.0.3"),
    Endpoint("10.244.0.9"),
    Endpoint("10.96.0.1"),
    Endpoint("10.96.0.2"),
    Endpoint("198.51.100.1"),
    node("172.18.0.2"),
    Endpoint("10.244.0.50", reserved=Reserved.HOST),
    Endpoint(),
]
FLOWS = st.builds(
    Flow,
    time=st.integers(0, 400).map(lambda s: NOON + s),
    source=st.sampled_from(ENDS),
    destination=st.sampled_from(ENDS),
    protocol=st.sampled_from([Protocol.TCP, Protocol.TCP, Protocol.UDP]),
    source_port=st.sampled_from([80, 8080, 9090, 40000, 45000]),
    destination_port=st.sampled_from([80, 8080, 9090, 40000, 45000]),
    verdict=st.sampled_from([Verdict.FORWARDED, Verdict.DROPPED, Verdict.TRACED]),
    is_reply=st.sampled_from([None, False, True]),
    proven=st.booleans(),
    rst=st.booleans(),
    service=st.sampled_from([None, None, ("shop", "api")]),
)


def everything(made):
    found = {"workloads": made.workloads()}
    for choice in made.workloads():
        made.apply(ChooseWorkload(choice.ref))
        found[choice.ref] = made.review()
    return found


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FLOWS, max_size=12), st.data(), st.sampled_from([None, STATE]))
def test_any_order_and_any_batches_give_the_same(flows, data, state):
    objects = state or ()
    wanted = everything(session(flows, objects))
    shuffled = data.draw(st.permutations(flows))
    cut = data.draw(st.integers(0, len(flows)))
    made = session((), objects)
    for batch in (shuffled[:cut], shuffled[cut:]):
        made.add_flows(batch)
        everything(made)  # so that the next batch meets what was resolved before
    assert everything(made) == wanted


@settings(max_examples=40)
@given(st.lists(FLOWS, max_size=10))
def test_cluster_state_may_come_before_or_after_the_flows(flows):
    wanted = everything(session(flows, STATE))
    made = session(flows)
    everything(made)
    made.set_inventory(STATE)
    assert everything(made) == wanted


@settings(max_examples=40)
@given(st.lists(FLOWS, max_size=10))
def test_listed_workloads_have_as_many_rows_as_said(flows):
    made = session(flows, STATE)
    for choice in made.workloads():
        made.apply(ChooseWorkload(choice.ref))
        found = made.review()
        said = (len(found.ingress.rows), len(found.egress.rows))
        assert said == (choice.ingress, choice.egress), choice
        assert choice.ref.kind != "Node"


def test_one_by_one_is_like_all_at_once():
    flows = [flow for i in range(20) for flow in exchange(of("web", i % 3), of("api", i % 2), 8080)]
    made = session()
    for flow in flows:
        made.add_flows([flow])
        made.workloads()
    assert everything(made) == everything(session(flows))


# Windows

LABELS = [span.label for span in TIMESPANS]
AGES = {"last 5 min": 300, "last 1 h": 3600, "last 12 h": 43200, "last 1 d": 86400, "last 7 d": 604800}
WEB, DB = of("web"), of("db")


def test_timespans_offered():
    assert [*AGES, "all"] == LABELS
    assert {span.label: span.seconds for span in TIMESPANS} == {**AGES, "all": None}


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("label", AGES)
def test_window_reaches_back_to_the_minute(label, live):
    newest = NOON + 20 * 86400
    age = AGES[label]
    flows = [
        request(WEB, of("inside"), 1, time=newest - age),
        request(WEB, of("outside"), 1, time=newest - age - 60),
        request(WEB, of("now"), 1, time=newest),
    ]
    made = session(flows, live=live, now=newest, span=LABELS.index(label))
    assert table(made, "Workload/web", OUT) == ["Workload/inside TCP 1", "Workload/now TCP 1"]
    assert "Workload/outside" not in listed(made)
    made.apply(ChooseTimespan(TIMESPANS[-1]))
    assert len(table(made, "Workload/web", OUT)) == 3


@given(st.sets(st.integers(0, 9), min_size=1), st.integers(0, 9), st.integers(0, 9))
def test_an_edge_is_seen_in_a_window_where_something_of_it_counts(minutes, low, high):
    recorded = Observations()
    recorded.add(request(of("web"), of("api"), 80, time=NOON + 60 * minute) for minute in minutes)
    (edge,) = recorded.edges.values()
    window = NOON // 60 + low, NOON // 60 + high
    assert edge.seen(*window) is any(low <= minute <= high for minute in minutes)
    assert edge.seen(*window) is (edge.sum(*window) is not None)


def test_window_ends_at_the_newest_record_for_files_and_now_for_live():
    flows = exchange(WEB, DB, 5432)
    later = NOON + 86400
    assert listed(session(flows, now=later, span=0)) == ["Workload/db", "Workload/web"]
    assert listed(session(flows, now=later, span=0, live=True)) == []


def test_live_window_moves_on_by_itself():
    now = [NOON]
    made = session(exchange(WEB, DB, 5432), live=True, span=0)
    made._now = lambda: now[0]
    assert listed(made) == ["Workload/db", "Workload/web"]
    review(made, "Workload/web")
    now[0] = NOON + 400
    assert listed(made) == []
    assert made.review().egress.rows == ()


def test_counts_and_times_are_those_of_the_window():
    flows = [request(WEB, DB, 5432, time=NOON + 600 * i, count=i + 1) for i in range(4)]
    made = session(flows, span=0)
    row = only(made, "Workload/web", OUT).communication
    assert (row.counts.allowed, row.first_seen, row.last_seen) == (4, NOON + 1800, NOON + 1800)
    made.apply(ChooseTimespan(TIMESPANS[1]))
    row = only(made, "Workload/web", OUT).communication
    assert (row.counts.allowed, row.first_seen, row.last_seen) == (10, NOON, NOON + 1800)


def test_workload_outside_the_window_can_be_looked_at_and_shows_nothing():
    flows = [*exchange(WEB, DB, 5432), *exchange(of("a"), of("b"), 1, time=NOON + 7200)]
    made = session(flows, span=0)
    assert listed(made) == ["Workload/a", "Workload/b"]
    found = review(made, "Workload/web")
    assert found.egress.rows == ()
    assert "all egress will be refused" in found.egress.note


@pytest.mark.parametrize("name", ["Deployment/ghost", "Service/ghost", "Workload/"])
def test_unknown_workload_is_refused_with_a_sentence(name):
    made = session(exchange(WEB, DB, 5432))
    with pytest.raises(NotFoundError, match="was not found in namespace 'shop'; recorded there: Workload/db"):
        made.apply(ChooseWorkload(ref(name)))
    with pytest.raises(NotFoundError, match="no workload with communications in namespace 'x'"):
        made.apply(ChooseWorkload(ref(name, "x")))
    with pytest.raises(NotFoundError, match="no communication of any workload was recorded yet"):
        session().apply(ChooseWorkload(ref(name)))


# Coverage


@pytest.mark.parametrize(
    ("span", "seen", "live", "covered"),
    [
        ("all", (0, 11400), False, 11400),
        ("last 1 h", (0, 11400), False, 3600),
        ("last 12 h", (0, 11400), False, 11400),
        ("last 1 h", (0, 11400), True, 3600),
        ("all", (5, 5), False, 0),
    ],
)
def test_coverage_is_what_was_seen_of_what_was_asked(span, seen, live, covered):
    flows = [request(WEB, DB, 5432, time=NOON + s) for s in seen]
    made = session(flows, span=LABELS.index(span), live=live, now=NOON + seen[1])
    coverage = review(made, "Workload/web").coverage
    assert (coverage.asked.label, coverage.covered, coverage.short) == (span, covered, True)
    assert coverage.newest == NOON + seen[1]


@pytest.mark.parametrize(("hours", "warned"), [(11, True), (12, False), (13, False)])
def test_less_than_twelve_hours_are_warned_of(hours, warned):
    made = session([request(WEB, DB, 5432, time=NOON + s) for s in (0, hours * 3600)])
    warnings = review(made, "Workload/web").warnings
    assert any(f"only {hours} h seen; observe at least 12 h" in w for w in warnings) is warned


def test_losses_of_the_source_are_kept_and_said():
    made = session([Gap(NOON, 7, "the kernel's event buffer was full"), *exchange(WEB, DB, 5432)])
    assert made.lost == {"the kernel's event buffer was full": 7}
    assert any("7 events or lines were lost" in w for w in review(made, "Workload/web").warnings)


# An address has another holder later


def holders():
    return [
        workload("Deployment", "web"),
        pod("first", "first", ip="10.244.0.3", phase="Succeeded", created="2023-11-14T00:00:00Z",
            ended="2023-11-15T00:59:30Z"),
        pod("second", "second", ip="10.244.0.3", created="2023-11-15T01:00:00Z"),
        pod("third", "third", ip="10.244.0.4", created="2023-11-15T01:00:00Z"),
    ]  # fmt: skip


HOUR = 3600.0


@pytest.mark.parametrize(
    ("ip", "after", "wanted"),
    [
        ("10.244.0.3", -2 * 86400, "ip 10.244.0.3"),
        ("10.244.0.3", 0, "Pod/first"),
        ("10.244.0.3", HOUR - 120, "Pod/first"),
        ("10.244.0.3", HOUR - 4, "ip 10.244.0.3"),
        ("10.244.0.3", HOUR, "Pod/second"),
        ("10.244.0.3", 2 * HOUR, "Pod/second"),
        ("10.244.0.4", 0, "ip 10.244.0.4"),
        ("10.244.0.4", HOUR + 60, "Pod/third"),
    ],
)
def test_address_belongs_to_the_pod_that_had_it_then(ip, after, wanted):
    made = session(exchange(WEB, Endpoint(ip), 8080, time=NOON + after), holders())
    assert table(made, "Deployment/web", OUT) == [f"{wanted} TCP 8080"]
    if wanted.startswith("Pod/"):
        assert table(made, wanted, IN) == ["Deployment/web TCP 8080"]


@pytest.mark.parametrize("step", [1, -1])
def test_flows_on_both_sides_of_a_change_of_hands_go_to_both_holders(step):
    made = session((), holders())
    for after in (0, 2 * HOUR)[::step]:
        made.add_flows(exchange(WEB, Endpoint("10.244.0.3"), 8080, time=NOON + after))
        listed(made)
    assert table(made, "Deployment/web", OUT) == ["Pod/first TCP 8080", "Pod/second TCP 8080"]
    for name in ("first", "second"):
        row = only(made, f"Pod/{name}", IN)
        assert (row.communication.counts.allowed, row.communication.counts.answers) == (1, 1)


def test_minute_of_a_change_of_hands_counts_once():
    moments = (HOUR - 70, HOUR, HOUR + 70)
    flows = [request(WEB, Endpoint("10.244.0.3"), 8080, time=NOON + after) for after in moments]
    made = session(flows, holders())
    counts = {
        name: only(made, f"Pod/{name}", IN).communication.counts.allowed for name in ("first", "second")
    }
    assert counts == {"first": 1, "second": 2}


def test_pod_told_by_name_keeps_what_is_its_own_through_a_change_of_hands():
    flows = exchange(WEB, end("first", ip="10.244.0.3"), 8080, time=NOON + 2 * HOUR)
    assert table(session(flows, holders()), "Deployment/web", OUT) == ["Pod/first TCP 8080"]
