"""An address that changes hands within a minute: whose a flow is, by its time and not by its minute."""

import itertools

import pytest

from netsec_tui.model.flow import Endpoint, Verdict
from netsec_tui.model.review import Standing
from tests.core.test_gone import at
from tests.core.traffic import (
    IN,
    NOON,
    OUT,
    end,
    exchange,
    listed,
    only,
    pod,
    request,
    review,
    session,
    table,
    workload,
)

IP = "10.244.1.77"
DB = Endpoint("10.244.2.30")
SHARED = (
    "an address changed hands in the minute in which it was seen: it may have been shop/{}, "
    "and all of that minute is counted here"
)


def cluster(gone=50, came=49, owners=("web", "bot")):
    """Return a cluster in which web-0 had an address until ``gone``, and bot-0 came at ``came`` (s)."""
    first, second = owners
    return [
        *(workload("Deployment", name) for name in dict.fromkeys((*owners, "db"))),
        pod("db-0", "db", ip=DB.ip, owner=("Deployment", "db"), created=at(-7200)),
        pod("web-0", first, ip=IP, owner=("Deployment", first), created=at(-7200), deleted=NOON + gone),
        pod("bot-0", second, ip=IP, owner=("Deployment", second), created=at(came)),
    ]


def made(*seconds, objects=None):
    """Return a session with one answered connection at each of some times (s) after noon."""
    flows = [flow for s in seconds for flow in exchange(Endpoint(IP), DB, 5432, time=NOON + s)]
    return session(flows, objects or cluster(), now=NOON + 7200)


def rows(found):
    """Return who talked to db: how often it was let in, its pods, and how it stands."""
    owners = [name for name in listed(found) if name != "Deployment/db"]
    made = {name.removeprefix("Deployment/"): only(found, name, OUT) for name in owners}
    return {
        name: (row.communication.counts.allowed, row.communication.own_pods, row.standing)
        for name, row in made.items()
    }


WEB, BOT = ("shop/web-0",), ("shop/bot-0",)


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        ((5,), {"web": (1, WEB, Standing.IN)}),
        ((5, 20, 49), {"web": (3, WEB, Standing.IN)}),
        ((50,), {"bot": (1, BOT, Standing.IN)}),
        ((51, 59), {"bot": (2, BOT, Standing.IN)}),
        # Each of the two certainly talked, but how often is not known.
        ((5, 55), {"bot": (2, BOT, Standing.OUT), "web": (2, WEB, Standing.OUT)}),
        # Where one is known without, what is shared tells nothing more.
        ((-100, 5, 55), {"bot": (2, BOT, Standing.OUT), "web": (1, WEB, Standing.IN)}),
        ((-100, 5, 55, 200), {"bot": (1, BOT, Standing.IN), "web": (1, WEB, Standing.IN)}),
    ],
)
def test_a_flow_is_whose_the_address_was_when_it_was(seconds, wanted):
    for order in itertools.permutations(seconds):
        assert rows(made(*order)) == wanted


def test_what_two_share_within_a_minute_is_said_to_be_the_others_maybe():
    found = made(5, 55)
    for name, other in (("web", "bot-0"), ("bot", "web-0")):
        assert only(found, f"Deployment/{name}", OUT).reason == SHARED.format(other)
        peer = [row for row in review(found, "Deployment/db").ingress.rows if row.key.peer.name == name]
        assert [row.reason for row in peer] == [SHARED.format(other)]


def test_where_the_address_was_nobodys_for_a_part_of_the_minute_that_is_said():
    objects = [o for o in cluster(gone=-100) if o["metadata"]["name"] != "bot-0"]  # told of for two minutes
    row = only(made(5, 55, objects=objects), "Deployment/web", OUT)
    assert row.reason == SHARED.replace("shop/{}", "nobody")


def test_times_of_a_shared_minute_are_those_of_flows_that_were_the_pods_own():
    found = made(5, 20, 55)
    rows = [only(found, f"Deployment/{name}", OUT).communication for name in ("web", "bot")]
    assert [row.first_seen for row in rows] == [NOON + 5, rows[1].last_seen]
    assert rows[0].last_seen < NOON + 50
    assert rows[1].last_seen >= NOON + 55


def test_one_that_came_and_went_within_the_minute_may_have_been_seen_from_when_it_came_on():
    objects = [
        *cluster(gone=20, came=39, owners=("web", "bot")),
        workload("Deployment", "job"),
        pod("job-0", "job", ip=IP, owner=("Deployment", "job"), created=at(19), deleted=NOON + 40),
    ]
    row = only(made(5, 55, objects=objects), "Deployment/job", OUT).communication
    assert (row.first_seen, row.last_seen) == (NOON + 20, NOON + 20)


@pytest.mark.parametrize("order", list(itertools.permutations((5, 55, 20))))
def test_a_minute_that_is_shared_only_later_is_shared_all_the_same(order):
    live = session((), cluster(), now=NOON + 7200)
    for second in order:
        live.add_flows(exchange(Endpoint(IP), DB, 5432, time=NOON + second))
        listed(live)
    assert rows(live) == rows(made(*order)) == {"bot": (3, BOT, Standing.OUT), "web": (3, WEB, Standing.OUT)}


def test_pods_of_one_owner_are_one_row_without_a_doubt():
    found = made(5, 55, objects=cluster(owners=("web", "web")))
    row = only(found, "Deployment/web", OUT)
    assert (row.communication.counts.allowed, row.standing) == (2, Standing.IN)


def test_a_denial_of_the_next_holder_is_not_held_against_the_one_before():
    flows = [f for s in (-100, 5) for f in exchange(Endpoint(IP), DB, 5432, time=NOON + s)]
    denied = request(Endpoint(IP), DB, 5432, time=NOON + 55, verdict=Verdict.DROPPED)
    found = session([*flows, denied], cluster(), now=NOON + 7200)
    assert rows(found)["web"] == (1, WEB, Standing.IN)


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(70, "Deployment/bot"), (69, f"ip {IP}"), (-49, f"ip {IP}"), (-481, "Deployment/web")],
)
def test_a_flow_older_than_a_pod_is_not_the_pods(seconds, wanted):
    found = made(seconds, objects=cluster(gone=-600, came=70))
    assert table(found, "Deployment/db", IN) == [f"{wanted} TCP 5432"]


@pytest.mark.parametrize("before", [1, 4, 14, 100])
def test_who_called_before_the_pod_was_created_that_has_its_address_is_not_let_in_as_that_pod(before):
    """The caller was deleted before anybody read the cluster state, so nothing is known of it."""
    objects = [o for o in cluster(came=30) if o["metadata"]["name"] != "web-0"]
    (row,) = review(made(30 - before, objects=objects), "Deployment/db").ingress.rows
    why = "the address of pod shop/bot-0 since 2023-11-15 00:00:30 UTC: an ipBlock must not stand for pods"
    assert (row.key.peer.name, row.standing) == (IP, Standing.NOT_EXPRESSIBLE)
    assert row.reason == f"{IP} is {why}"


def test_a_pod_that_flows_name_has_no_address_from_before_it_was_there():
    named = exchange(end("bot-0", ip=IP), DB, 5432, time=NOON + 600)
    early = exchange(Endpoint(IP), DB, 5432, time=NOON - 600)
    objects = [o for o in cluster(came=300) if o["metadata"]["name"] != "web-0"]
    found = session([*named, *early], objects, now=NOON + 7200)
    assert table(found, "Deployment/db", IN) == ["Deployment/bot TCP 5432", f"ip {IP} TCP 5432"]
