"""The label keys of a cluster, and turning single ones on and off."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.labelling import is_used, matches_any, namespace_selector
from netsec_tui.core.configure.label_keys import (
    LAST_RESORT,
    namespace_keys,
    toggled,
    toggled_in_namespaces,
    why_unused,
    why_unused_in_namespaces,
    workload_keys,
)
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import LabelFilter
from netsec_tui.model.flow import Endpoint
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory, PodOwner

NAME = "kubernetes.io/metadata.name"
KEYS = st.sampled_from(["app", "apps", "team", NAME])
PATTERNS = st.lists(st.sampled_from(["app", "app*", "team", "*", NAME]), max_size=3, unique=True).map(tuple)


def owner(name, **labels):
    return PodOwner(WorkloadRef("Deployment", "shop", name), None, tuple(sorted(labels.items())))


def test_keys_are_counted_by_owner_with_their_values_and_hashes_are_none():
    owners = (
        owner("a", app="a", tier="x"),
        owner("b", app="b"),
        replace(owner("c", host="h"), host_network=True),
    )
    hashed = owner("d")
    hashed = replace(hashed, template_labels=(("pod-template-hash", "1"),))
    known = workload_keys(Inventory(known=True, owners=(*owners, hashed)), Knowledge())
    assert [(k.key, k.objects, k.values) for k in known] == [("app", 2, ("a", "b")), ("tier", 1, ("x",))]


def test_without_cluster_state_flows_tell_the_keys():
    knowledge = Knowledge()
    knowledge.learn(Endpoint("10.0.0.1", "shop", "web-1", (("app", "web"),), (("Deployment", "web"),)))
    assert [k.key for k in workload_keys(Inventory(), knowledge)] == ["app"]


def test_keys_of_namespaces():
    inventory = Inventory(namespaces={"a": ((NAME, "a"), ("team", "x")), "b": ((NAME, "b"),)})
    assert [(k.key, k.objects) for k in namespace_keys(inventory)] == [(NAME, 2), ("team", 1)]


@pytest.mark.parametrize(
    ("include", "exclude", "why"),
    [
        ((), (), ""),
        ((), ("app",), "excluded"),
        ((), ("a*",), "excluded by a*"),
        (("team",), (), "not included"),
        (("app",), ("team",), ""),
    ],
)
def test_why_a_key_is_not_used(include, exclude, why):
    assert why_unused(LabelFilter(include, exclude), "app") == why


@given(include=PATTERNS, exclude=PATTERNS, key=KEYS)
def test_toggling_turns_exactly_round_or_says_why_not(include, exclude, key):
    before = LabelFilter(include, exclude)
    wider = [p for p in exclude if p != key and matches_any((p,), key)]
    if wider:
        with pytest.raises(BadInputError, match=re.escape(wider[0])):
            toggled(before, key)
    else:
        assert is_used(toggled(before, key), key) is not is_used(before, key)


@given(include=PATTERNS, exclude=PATTERNS, key=KEYS)
def test_a_namespace_is_selected_by_the_keys_that_are_said_to_be_used(include, exclude, key):
    labels = ((NAME, "x"), ("app", "1"), ("apps", "2"), ("team", "3"))
    keys = LabelFilter(include, exclude)
    selector = namespace_selector(keys, "x", labels)
    selected = {k for k, _ in selector.match_labels} if selector else set()
    why = why_unused_in_namespaces(keys, key)
    alone = selected == {key}
    assert (key in selected) is (alone if why == LAST_RESORT else not why)


def test_a_namespace_key_is_added_to_the_name_and_taken_back():
    team = toggled_in_namespaces(LabelFilter(), "team")
    assert team == LabelFilter(include=("team",))
    assert toggled_in_namespaces(team, "team") == LabelFilter()
    assert toggled_in_namespaces(LabelFilter(), NAME) == LabelFilter(exclude=(NAME,))
