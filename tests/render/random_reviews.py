"""Reviews of any traffic with any names, for properties of the layouts."""

from __future__ import annotations

from hypothesis import strategies as st

from netsec_tui.model.communication import Via
from netsec_tui.model.decision import GeneralRule, ManualRule, PortRange
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import (
    API_SERVER,
    DNS,
    Direction,
    WorkloadRef,
    address_peer,
    alias_peer,
    node_peer,
    owner_peer,
    service_peer,
)
from netsec_tui.model.review import Standing
from tests.render.reviews import Builder, counts, row

NAMES = st.one_of(
    st.sampled_from(["web", "db", "checkout", "a-very-long-name-of-a-workload-in-production-7d9f"]),
    st.text(min_size=1, max_size=30),
)
KINDS = st.sampled_from(["Deployment", "StatefulSet", "CronJob", "Rollout", "Service", "Workload"])
REFS = st.builds(WorkloadRef, KINDS, NAMES, NAMES)
PEERS = st.one_of(
    REFS.map(owner_peer),
    st.builds(service_peer, NAMES, NAMES),
    NAMES.map(node_peer),
    NAMES.map(alias_peer),
    st.ip_addresses().map(str).map(address_peer),
    st.sampled_from([DNS, API_SERVER]),
)
RULES = st.builds(
    ManualRule,
    st.sampled_from(Direction),
    st.sampled_from(["0.0.0.0/0", "203.0.113.7/32", "2001:db8::/32"]),
    st.sampled_from([None, Protocol.TCP, Protocol.UDP]),
    st.lists(st.builds(PortRange, st.integers(1, 65535), st.integers(1, 65535)), max_size=3).map(tuple),
)
TEXTS = st.one_of(st.just(""), st.text(max_size=60))
ROWS = st.builds(
    row,
    st.sampled_from(Direction),
    PEERS,
    st.integers(0, 65535),
    st.sampled_from(Protocol),
    standing=st.sampled_from(Standing),
    seen=st.builds(counts, st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 9)),
    via=st.lists(st.builds(Via, NAMES, NAMES, st.integers(1, 65535)), max_size=2).map(tuple),
    reason=TEXTS,
    allowed_by=TEXTS,
    suspended=st.booleans(),
    applied=st.lists(NAMES, max_size=2).map(tuple),
)


@st.composite
def reviews(draw):
    built = Builder(
        ref=draw(REFS),
        labels=draw(st.lists(st.tuples(NAMES, NAMES), max_size=3).map(tuple)),
        owners=tuple(draw(st.lists(REFS, max_size=3))),
        refusal=draw(TEXTS),
        rows=draw(st.lists(ROWS, max_size=25, unique_by=lambda row: row.key)),
        manual=draw(st.lists(RULES, max_size=3)),
        general={direction: draw(st.sampled_from(GeneralRule)) for direction in Direction},
        notes={direction: draw(TEXTS) for direction in Direction},
    )
    for drawn in built.rows[::3]:
        built.know(drawn.key.peer, labels=(("app", drawn.key.peer.name),), services=(drawn.key.peer.name,))
    return built.review()
