"""A flow of which it is not known to the second when it was, at an address that changes hands."""

import pytest

from netsec_tui.model.flow import Endpoint
from tests.core.test_gone import at
from tests.core.traffic import IN, NOON, exchange, pod, session, table, workload

IP, DB = "10.244.1.77", Endpoint("10.244.2.30")


def cluster(gone, came):
    """Return a cluster in which web had an address until ``gone``, and bot from ``came`` on, in seconds."""
    made = [
        *(workload("Deployment", name) for name in ("web", "bot", "db")),
        pod("db-0", "db", ip=DB.ip, owner=("Deployment", "db"), created=at(-7200)),
    ]
    if gone is not None:
        ended = {"deleted": NOON + gone} if gone else {}
        made.append(pod("web-0", "web", ip=IP, owner=("Deployment", "web"), created=at(-7200), **ended))
    if came is not None:
        made.append(pod("bot-0", "bot", ip=IP, owner=("Deployment", "bot"), created=at(came)))
    return made


@pytest.mark.parametrize(
    ("gone", "came", "doubt", "whose"),
    [
        (None, -60, 0, "Deployment/bot"),
        (None, -60, 90, "Deployment/bot"),
        # It came while the flow was, or after: it is none of its own.
        (None, 30, 0, f"ip {IP}"),
        (None, 30, 10, f"ip {IP}"),
        (None, 30, 90, f"ip {IP}"),
        # It had it before, and nobody else since.
        (30, None, 90, "Deployment/web"),
        (0, None, 90, "Deployment/web"),
        # One had it first and the other then.
        (30, 35, 90, f"ip {IP}"),
        (30, 35, 10, "Deployment/web"),
        (30, 200, 90, "Deployment/web"),
        (-60, -50, 90, "Deployment/bot"),
    ],
)
def test_whose_an_address_was_is_known_where_it_was_one_pods_all_the_while(gone, came, doubt, whose):
    flows = exchange(Endpoint(IP, doubt=doubt), DB, 5432, time=NOON)
    found = session(flows, cluster(gone, came), now=NOON + 7200)
    assert table(found, "Deployment/db", IN) == [f"{whose} TCP 5432"]
