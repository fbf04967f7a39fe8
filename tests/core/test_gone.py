"""What was deleted names the ends of traffic from before, and counts for nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.core.traffic.resolve import Resolver
from netsec_tui.core.traffic.tenure import certain, changes_of, holder_at, tenures
from netsec_tui.core.traffic.turns import turns
from netsec_tui.model.flow import Endpoint, Protocol, Verdict
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Pod
from netsec_tui.sources.inventory.build import build_inventory
from tests.core.traffic import (
    IN,
    NOON,
    OUT,
    end,
    exchange,
    inventory,
    listed,
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

MINUTE = 60.0
HOUR = 60 * MINUTE
LATE = 2 * MINUTE
"""For how long traffic of a deleted pod is told: a closed connection stays in a table for that long."""
IP = "10.244.0.5"
WEB = of("web")


def at(seconds: float) -> str:
    return datetime.fromtimestamp(NOON + seconds, UTC).isoformat()


def one(name, *, created=0.0, deleted=0.0, phase="", ended=0.0):
    """Return a pod by the seconds since noon at which it came, went and ended by itself; 0 is never."""
    came = NOON + created if created else 0.0
    went = NOON + deleted if deleted else 0.0
    owner = WorkloadRef("Deployment", "shop", name)
    stopped = NOON + ended if ended else 0.0
    phase = phase or ("Succeeded" if ended else "")
    return Pod("shop", name, (), owner, (IP,), phase=phase, created=came, deleted=went, ended_at=stopped)


def held(pods, seconds):
    holder = holder_at(tenures(pods), NOON + seconds)
    return holder.name if holder else None


# An address over time


@pytest.mark.parametrize(
    ("pods", "when", "wanted"),
    [
        # Deleted, and nobody came: the pod's until what is told late has come.
        ([one("a", created=-HOUR, deleted=HOUR)], 0, "a"),
        ([one("a", created=-HOUR, deleted=HOUR)], HOUR, "a"),
        ([one("a", created=-HOUR, deleted=HOUR)], HOUR + LATE - 1, "a"),
        ([one("a", created=-HOUR, deleted=HOUR)], HOUR + LATE, None),
        # Who had it before a pod was created may be gone unseen: that is never the pod's.
        ([one("a", created=-HOUR)], -HOUR, "a"),
        ([one("a", created=-HOUR)], -HOUR - 1, None),
        ([one("a", created=-HOUR, deleted=-1), one("b", created=LATE + 60)], LATE - 2, "a"),
        ([one("a", created=-HOUR, deleted=-1), one("b", created=LATE + 60)], LATE, None),
        # The next one came soon after: what is dated just before it may be of either, as clocks differ.
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR + 30)], HOUR - 1, "a"),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR + 30)], HOUR + 24, "a"),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR + 30)], HOUR + 25, None),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR + 30)], HOUR + 30, "b"),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR + 2)], HOUR - 1, "a"),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR + 2)], HOUR, None),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR + 2)], HOUR + 2, "b"),
        # Nobody came after the second one either.
        ([one("a", created=-HOUR, deleted=-1), one("b", created=60, deleted=HOUR)], HOUR + LATE - 1, "b"),
        # It was created while the other was still there: it cannot have had the address yet.
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR / 2)], HOUR - MINUTE, "a"),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=HOUR / 2)], HOUR + MINUTE, "b"),
        # Of several that were deleted meanwhile, the last one freed it.
        (
            [
                one("a", created=-HOUR, deleted=HOUR),
                one("b", created=-HOUR / 2, deleted=60),
                one("c", created=-60),
            ],
            HOUR - MINUTE,
            "a",
        ),
        # A job's pod that had ended long before it was deleted had given the address back.
        ([one("a", created=-HOUR, deleted=HOUR, phase="Succeeded"), one("b", created=60)], 5 * MINUTE, "b"),
        ([one("a", created=-HOUR, deleted=HOUR, phase="Succeeded"), one("b", created=60)], -MINUTE, None),
        # It had the address while it ran, and as long as a deleted one after that.
        ([one("a", created=-HOUR, ended=HOUR)], -HOUR + 5, "a"),
        ([one("a", created=-HOUR, ended=HOUR)], HOUR + LATE - 1, "a"),
        ([one("a", created=-HOUR, ended=HOUR)], HOUR + LATE, None),
        ([one("a", created=-HOUR, ended=-HOUR / 2, deleted=HOUR)], -HOUR / 2, "a"),
        ([one("a", created=-HOUR, ended=-HOUR / 2, deleted=HOUR)], MINUTE, None),
        ([one("a", ended=-HOUR)], 0, None),
        # The next one may have been created before, but cannot have had the address yet.
        ([one("a", created=-HOUR, ended=HOUR), one("b", created=HOUR / 2)], HOUR - MINUTE, "a"),
        ([one("a", created=-HOUR, ended=HOUR), one("b", created=HOUR / 2)], HOUR, "b"),
        ([one("a", created=-HOUR, ended=-HOUR / 2), one("b", created=60)], MINUTE - 1, None),
        ([one("a", created=-HOUR, ended=-HOUR / 2), one("b", created=60)], MINUTE, "b"),
        # Nobody knows when it ended: since it was created, another may have had the address.
        ([one("a", created=-HOUR, phase="Succeeded")], 0, None),
        ([one("a", created=-HOUR, phase="Failed")], -HOUR, None),
        ([one("a", created=-HOUR, phase="Succeeded"), one("b", created=60)], MINUTE - 1, None),
        ([one("a", created=-HOUR, phase="Succeeded"), one("b", created=60)], MINUTE, "b"),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=1, phase="Failed")], HOUR - 1, "a"),
        ([one("a", created=-HOUR, deleted=HOUR), one("b", created=1, phase="Failed")], HOUR + 1, None),
        # Manifests tell no time at all.
        ([one("a", phase="Succeeded")], 0, "a"),
        ([one("a", phase="Succeeded"), one("b")], 0, "b"),
        # Two of one time: one that has ended had given the address back.
        ([one("a", created=-HOUR), one("b", created=-HOUR, phase="Succeeded")], 0, "a"),
        ([one("a", created=-HOUR, phase="Succeeded"), one("b", created=-HOUR)], 0, "b"),
        # Nobody had it for a while.
        ([one("a", created=-HOUR, deleted=-HOUR / 2), one("b", created=HOUR)], 0, None),
        ([one("a", created=-HOUR, deleted=-HOUR / 2), one("b", created=HOUR)], 2 * HOUR, "b"),
        # A live pod that does not tell when it came (manifests) has always been there.
        ([one("a")], -9 * HOUR, "a"),
    ],
)
def test_an_address_is_whose_it_was_then(pods, when, wanted):
    assert held(pods, when) == wanted


SPANS = st.lists(
    st.tuples(
        st.integers(1, 7200), st.integers(0, 7200), st.integers(0, 7200), st.sampled_from(["", "Succeeded"])
    ),
    max_size=4,
)


@given(SPANS, st.integers(-600, 15_000), st.integers(0, 59))
def test_the_changes_cut_time_into_turns_with_one_holder_each(spans, second, more):
    found = tenures(_pods(spans))
    first = NOON + second
    last = min(first + more, first // 60 * 60 + 59)
    for turn in turns(changes_of(found), [(int(first // 60), first, last)]):
        times = [time for time in (first, last) if turn.since <= time < turn.until]
        assert {id(holder_at(found, turn.when))} >= {id(holder_at(found, time)) for time in times}
        assert times or turn.minute is not None


@given(SPANS)
def test_nobody_has_an_address_before_he_came_or_long_after_he_went(spans):
    pods = _pods(spans)
    for second in range(-300, 15_000, 7):
        holder = holder_at(tenures(pods), NOON + second)
        if holder:
            assert holder.created <= NOON + second
            assert not holder.deleted or NOON + second < holder.deleted + LATE
            assert not holder.ended or NOON + second < holder.ended_at + LATE


def _pods(spans):
    return [
        one(
            f"p{n}",
            created=came,
            deleted=came + lived if lived else 0.0,
            phase=phase,
            ended=came + ran if phase and ran else 0.0,
        )
        for n, (came, lived, ran, phase) in enumerate(spans)
    ]


@pytest.mark.parametrize(
    ("pods", "when", "wanted"),
    [
        # What may have been later than its pod's traffic can be is that of one of whom nothing is known.
        ([one("a", created=-HOUR, ended=HOUR)], HOUR, "a"),
        ([one("a", created=-HOUR, ended=HOUR)], HOUR + LATE - 50, None),
        ([one("a", created=-HOUR, deleted=HOUR)], HOUR + LATE - 50, "a"),
        ([one("a", created=-HOUR, phase="Succeeded")], 0, None),
    ],
)
def test_what_may_have_been_later_is_the_holders_of_all_that_while(pods, when, wanted):
    holder = holder_at(certain(tenures(pods), 60.0), NOON + when)
    assert (holder.name if holder else None) == wanted


# Rows


@pytest.mark.parametrize(
    ("after", "wanted"), [(-HOUR / 2, "Job/backup"), (60, "Job/backup"), (4 * HOUR, f"ip {IP}")]
)
def test_the_address_of_a_finished_job_is_nobodys_hours_later(after, wanted):
    job = pod("backup-0", ip=IP, owner=("Job", "backup"), created=at(-HOUR), phase="Succeeded", ended=at(0))
    flows = exchange(WEB, Endpoint(IP), 80, time=NOON + after)
    made = session(flows, [*SHOP, workload("Job", "backup"), job], now=NOON + 5 * HOUR)
    assert table(made, "Deployment/web", OUT) == [f"{wanted} TCP 80"]


GONE = (
    workload("Deployment", "db", deleted=NOON + HOUR),
    workload("ReplicaSet", "db-5d5d5d", "db", owner=("Deployment", "db"), deleted=NOON + HOUR),
    pod("db-5d5d5d-xxxxx", "db", ip=IP, owner=("ReplicaSet", "db-5d5d5d"), created=at(-HOUR),
        deleted=NOON + HOUR),
)  # fmt: skip
SHOP = (workload("Deployment", "web"), pod("web-0", "web", owner=("Deployment", "web"), ip="10.244.0.9"))


def test_a_deleted_workload_keeps_its_row_with_the_labels_that_it_had():
    made = session(exchange(WEB, Endpoint(IP), 80), [*SHOP, *GONE])
    assert table(made, "Deployment/web", OUT) == ["Deployment/db TCP 80"]
    assert only(made, "Deployment/web", OUT).reason == "deleted since"
    (rule,) = review(made, "Deployment/web").policies[0].egress
    assert [peer.pod_selector.match_labels for peer in rule.peers] == [(("app", "db"),)]


@pytest.mark.parametrize("target", [5432, "sql"])
def test_who_dialled_a_service_of_a_deleted_workload_has_one_row_of_it(target):
    gone = [
        workload("Deployment", "pay", ports={"sql": 5432}, deleted=NOON + HOUR),
        pod("pay-1", "pay", ip=IP, owner=("Deployment", "pay"), created=at(-HOUR), deleted=NOON + HOUR),
    ]
    dial = request(WEB, Endpoint("10.96.0.7"), 80, verdict=Verdict.TRACED)
    flows = [dial, *exchange(WEB, Endpoint(IP), 5432)]
    made = session(flows, [*SHOP, *gone, service("pay", [(80, target)], ip="10.96.0.7")])
    row = only(made, "Deployment/web", OUT)
    assert table(made, "Deployment/web", OUT) == ["Deployment/pay TCP 5432"]
    assert (row.reason, [str(via) for via in row.communication.via]) == ("deleted since", ["pay:80"])
    counted = {str(choice.ref): choice.egress for choice in made.workloads()}
    assert counted["Deployment/web"] == 1
    # What is behind the Service by now was not dialled then.
    heir = workload("Deployment", "pay2", "pay", ports={"sql": 5432})
    again = session(flows, [*SHOP, *gone, heir, service("pay", [(80, target)], ip="10.96.0.7")])
    assert table(again, "Deployment/web", OUT) == ["Deployment/pay TCP 5432"]
    assert "Deployment/pay2" not in listed(again)


def test_a_port_of_another_protocol_is_not_the_one_that_was_dialled():
    gone = [
        workload("Deployment", "dns", ports={"dns": 5353}, protocol="UDP", deleted=NOON + HOUR),
        pod("dns-1", "dns", ip=IP, owner=("Deployment", "dns"), created=at(-HOUR), deleted=NOON + HOUR),
    ]
    behind = service("dns", [(53, 5353, "TCP", "tcp"), (53, 5353, "UDP", "udp")], ip="10.96.0.7")
    dial = request(WEB, Endpoint("10.96.0.7"), 53, verdict=Verdict.TRACED)
    flows = [dial, *exchange(WEB, Endpoint(IP), 5353, protocol=Protocol.UDP)]
    made = session(flows, [*SHOP, *gone, behind])
    assert table(made, "Deployment/web", OUT) == ["Deployment/dns UDP 5353", "Service/dns TCP 5353"]


def test_traffic_from_before_goes_on_to_name_whoever_had_the_address():
    young = pod("cache-0", "cache", ip=IP, owner=("StatefulSet", "cache"), created=at(HOUR + 30))
    then = exchange(WEB, Endpoint(IP), 80)
    now = exchange(WEB, Endpoint(IP), 80, time=NOON + 2 * HOUR)
    made = session(
        [*then, *now], [*SHOP, *GONE, workload("StatefulSet", "cache"), young], now=NOON + 2 * HOUR
    )
    assert table(made, "Deployment/web", OUT) == ["Deployment/db TCP 80", "StatefulSet/cache TCP 80"]


def test_an_address_that_is_nobodys_is_an_address():
    made = session(exchange(WEB, Endpoint(IP), 80, time=NOON + 2 * HOUR), [*SHOP, *GONE], now=NOON + 2 * HOUR)
    assert table(made, "Deployment/web", OUT) == [f"ip {IP} TCP 80"]


def test_a_pod_that_only_its_name_is_told_of_is_found_by_it():
    resolver = Resolver(inventory(*SHOP, *GONE), Knowledge())
    for name in ("db-5d5d5d-xxxxx", "db-6f6f6f-zzzzz"):
        party = resolver.resolve(Endpoint("", "shop", name), 0.0)
        assert party.peer.ref == ref("Deployment/db")


def test_old_pods_of_a_workload_that_is_there_make_no_second_one():
    old = pod("web-old", "web", ip=IP, owner=("Deployment", "web"), created=at(-HOUR), deleted=NOON + HOUR)
    found = inventory(*SHOP, old)
    assert [str(owner.ref) for owner in found.owners] == ["Deployment/web"]
    assert found.gone_owners == ()
    made = session(exchange(Endpoint(IP), end("x", labels={"app": "x"}), 80), found)
    assert listed(made) == ["Deployment/web", "Workload/x"]


def test_a_workload_that_is_made_again_is_no_longer_gone():
    found = inventory(*SHOP, *GONE, workload("Deployment", "db"))
    assert (found.gone_owners, found.owner_of(ref("Deployment/db"))) == ((), found.owners[0])


def test_both_pods_that_had_one_name_are_kept():
    both = [pod("db-0", "db", ip=f"10.244.0.{n}", created=at(n), deleted=NOON + n + 1) for n in (5, 6)]
    found = inventory(*both, pod("db-0", "db", ip="10.244.0.7"))
    assert [p.ips for p in found.gone_pods] == [("10.244.0.5",), ("10.244.0.6",)]
    assert [p.ips for p in found.pods] == [("10.244.0.7",)]


def test_what_is_wrong_with_a_deleted_object_is_not_said_any_more():
    broken = workload("Deployment", "db", selector="all", deleted=NOON)
    found, problems = build_inventory([broken])
    assert problems == ()
    assert [owner.selector for owner in found.gone_owners] == [None]


def test_what_was_deleted_changes_nothing_for_workloads_that_are_there():
    """The applied, generated and proven are the same with and without tombstones that no flow names."""
    flows = exchange(WEB, of("api"), 8080)
    objects = [*SHOP, workload("Deployment", "api", ports={"http": 8080}), service("api", [(80, "http")])]
    ghost = [
        workload("Deployment", "ghost", "api", ports={"http": 9999}, deleted=NOON),
        pod("ghost-1", "api", ip="10.244.0.8", owner=("Deployment", "ghost"), ports={"http": 9999},
            created=at(-HOUR), deleted=NOON),
    ]  # fmt: skip
    plain, haunted = session(flows, objects), session(flows, [*objects, *ghost])
    for text in ("Deployment/api", "Deployment/web"):
        before, after = review(plain, text), review(haunted, text)
        assert after == before
        assert "ghost" not in repr(after)
    assert listed(haunted) == listed(plain)
    assert haunted.cluster().owners == plain.cluster().owners
    assert haunted.cluster().pods == plain.cluster().pods


def test_a_deleted_workload_with_traffic_may_be_looked_at_and_is_said_to_be_gone():
    made = session([request(WEB, Endpoint(IP), 80)], [*SHOP, *GONE])
    assert "Deployment/db" in listed(made)
    found = review(made, "Deployment/db")
    assert only(made, "Deployment/db", IN)
    assert found.subject.selector.match_labels == (("app", "db"),)
    assert any("deleted" in note for note in found.subject.notes)
