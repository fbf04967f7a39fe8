"""What flows tell of pods later on: earlier flows are resolved as if it had been known from the start."""

from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.model.flow import Endpoint
from netsec_tui.model.inventory import Inventory
from netsec_tui.session.actions import ChooseWorkload
from tests.core.traffic import exchange, inventory, pod, service, session, workload

KNOWN = inventory(
    workload("Deployment", "web"),
    workload("Deployment", "db"),
    pod("web-0", ip="10.244.0.1", app="web"),
    pod("db-0", ip="10.244.0.2", app="db"),
    service("db", [(5432, 5432)], ip="10.96.0.2"),
    service("job", [(80, 80)], ip="10.96.0.3"),
)
APPS = ("web", "db", "job", "old")
PODS = st.builds(
    Endpoint,
    ip=st.sampled_from(["", "10.244.0.1", "10.244.0.2", "10.244.0.3", "10.244.0.4"]),
    namespace=st.just("shop"),
    pod=st.sampled_from(["", "web-0", "db-0", "db-1", "job-6b687c8dcb-bcdfg", "job-6b687c8dcb-*", "solo"]),
    labels=st.sampled_from([(), *((("app", app),) for app in APPS), (("app", "job"), ("tier", "x"))]),
    workloads=st.sampled_from(
        [(), (("ReplicaSet", "web-6b687c8dcb"),), *((("Deployment", a),) for a in APPS)]
    ),
)
ADDRESSES = st.sampled_from(
    ["10.244.0.1", "10.244.0.3", "10.244.0.4", "10.96.0.2", "10.96.0.3", "203.0.113.9"]
)
ENDS = PODS | st.builds(Endpoint, ip=ADDRESSES)
"""Pods that the cluster state knows and that it does not: by name, by labels, by address, by all of them."""

EXCHANGES = st.lists(st.builds(exchange, ENDS, ENDS, st.sampled_from([80, 5432])), min_size=2, max_size=8)


def told(flows, state, *, looked_at_between):
    """Return a session that was told of flows one by one."""
    made = session((), state)
    for flow in flows:
        made.add_flows([flow])
        if looked_at_between:
            made.workloads()
    return made


def shown(made):
    """Return every workload that is listed, with all of its rows."""
    found = {}
    for choice in made.workloads():
        made.apply(ChooseWorkload(choice.ref))
        review = made.review()
        found[choice] = [*review.ingress.rows, *review.egress.rows]
    return found


@settings(max_examples=120)
@given(exchanges=EXCHANGES, state=st.sampled_from([Inventory(), KNOWN]))
def test_what_is_told_later_counts_for_what_was_looked_at_before(exchanges, state):
    flows = [flow for one in exchanges for flow in one]
    between = told(flows, state, looked_at_between=True)
    assert shown(between) == shown(told(flows, state, looked_at_between=False))
