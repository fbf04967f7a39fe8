"""Who dialled a Service, where an address from which its pods were reached is another pod's by now."""

from netsec_tui.model.flow import Endpoint
from netsec_tui.model.timespan import TIMESPANS
from tests.core.test_gone import at
from tests.core.traffic import IN, NOON, exchange, pod, request, service, session, table, workload

DB, NOW_WEB, WAS_WEB = Endpoint("10.244.2.30"), Endpoint("10.244.1.8"), Endpoint("10.244.1.77")
HOUR = next(n for n, span in enumerate(TIMESPANS) if span.label == "last 1 h")


def test_what_the_next_holder_of_an_address_reached_in_the_window_hides_no_dial_of_the_one_before():
    objects = [
        *(workload("Deployment", name) for name in ("web", "bot", "db")),
        service("db", [(5432, 5432)], ip="10.96.0.9"),
        pod("db-0", "db", ip=DB.ip, owner=("Deployment", "db"), created=at(-86400)),
        pod(
            "web-0",
            "web",
            ip=WAS_WEB.ip,
            owner=("Deployment", "web"),
            created=at(-86400),
            deleted=NOON - 7200,
        ),
        pod("web-1", "web", ip=NOW_WEB.ip, owner=("Deployment", "web"), created=at(-7200)),
        pod("bot-0", "bot", ip=WAS_WEB.ip, owner=("Deployment", "bot"), created=at(-6000)),
    ]
    flows = [
        *exchange(WAS_WEB, DB, 5432, time=NOON - 9000),
        *exchange(WAS_WEB, DB, 5432, time=NOON - 60),
        request(NOW_WEB, Endpoint("10.96.0.9"), 5432, time=NOON - 60),
    ]
    found = session(flows, objects, now=NOON, span=HOUR)
    assert table(found, "Deployment/db", IN) == ["Deployment/bot TCP 5432", "Deployment/web TCP 5432"]
