"""A range for one address: what is in force stays so, and what moves is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.addresses import network
from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.core.configure.claims import claimed, moved_sentence
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config, DiscoveredRange, RangeKind
from netsec_tui.model.inventory import Inventory

POD, SERVICE = RangeKind.POD, RangeKind.SERVICE
TOLD = Inventory(
    discovered=(
        DiscoveredRange(POD, "10.244.0.0/16", "Node n1 podCIDRs"),
        DiscoveredRange(POD, "fd00::/64", "Node n1 podCIDRs"),
        DiscoveredRange(SERVICE, "10.96.0.0/16", "ServiceCIDR default"),
    )
)


@pytest.mark.parametrize(
    ("config", "kind", "typed", "pods", "services"),
    [
        (Config(), POD, ("10.9.0.0/16",), ("10.9.0.0/16", "10.244.0.0/16"), ()),
        (Config(), SERVICE, ("10.9.0.0/16",), (), ("10.9.0.0/16", "10.96.0.0/16")),
        (Config(), POD, ("10.0.0.0/8",), ("10.0.0.0/8",), ()),
        (Config(), POD, ("fd01::/64",), ("fd00::/64", "fd01::/64"), ()),
        (Config(pod_cidrs=("10.8.0.0/16",)), POD, ("10.9.0.0/16",), ("10.8.0.0/16", "10.9.0.0/16"), ()),
    ],
    ids=[
        "first pod range",
        "first service range",
        "it holds what is told",
        "its family alone",
        "not the first",
    ],
)
def test_what_is_in_force_is_taken_over_with_the_first_range_of_a_family(config, kind, typed, pods, services):
    after = claimed(TOLD, config, kind, typed).config
    assert (set(after.pod_cidrs), set(after.service_cidrs)) == (set(pods), set(services))


def test_taking_over_is_told():
    (note,) = claimed(TOLD, Config(), POD, ("10.9.0.0/16",)).notes
    assert note.startswith("10.244.0.0/16, which the cluster tells, is entered by hand with it")
    assert not claimed(TOLD, Config(), POD, ("10.0.0.0/8",)).notes


def test_what_is_no_range_is_refused():
    with pytest.raises(BadInputError):
        claimed(TOLD, Config(), POD, ("nonsense",))


@given(st.ip_addresses(v=4).map(str), st.integers(8, 32), st.sampled_from([POD, SERVICE]))
def test_no_address_of_the_cluster_falls_out(address, length, kind):
    after = settled(TOLD, claimed(TOLD, Config(), kind, (f"{address}/{length}",)).config)
    in_force = [network(cidr) for cidr in (*after.pod_cidrs, *after.service_cidrs)]
    told = [network(found.cidr) for found in TOLD.discovered]
    assert all(any(t.version == r.version and t.subnet_of(r) for r in in_force) for t in told)


@pytest.mark.parametrize(
    ("typed", "addresses", "told"),
    [
        (("203.0.113.7/32",), ("203.0.113.7",), "the unresolved address becomes Internal"),
        (
            ("203.0.113.0/24",),
            ("203.0.113.7", "203.0.113.8", "8.8.8.8"),
            "of 3 unresolved addresses become: 2 Internal",
        ),
        (("10.9.0.0/16",), ("203.0.113.7", "8.8.8.8"), "none of 2 unresolved addresses changes category"),
    ],
)
def test_what_moves_is_told(typed, addresses, told):
    after = claimed(TOLD, Config(), SERVICE, typed).config
    assert moved_sentence(TOLD, Config(), after, addresses) == told


def test_addresses_that_were_unknown_move_too():
    bare = Inventory(discovered=TOLD.discovered[:1])
    after = claimed(bare, Config(), SERVICE, ("10.96.0.0/16",)).config
    told = moved_sentence(bare, Config(), after, ("10.96.0.9", "8.8.8.8", "9.9.9.9"))
    assert told == "of 3 unresolved addresses become: 1 Internal, 2 External"
