"""Policies of other kinds: whom each selects, read exactly or taken to select anybody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.evaluate.state import Override
from netsec_tui.kube.overriding import OVERRIDING_KINDS, overriding_kind, read_overriding
from netsec_tui.model.connection import EndPod
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import OverridingPolicy
from netsec_tui.model.policy import LabelSelector, Requirement

CILIUM, ADMIN, CALICO = "cilium.io/v2", "policy.networking.k8s.io/v1alpha1", "projectcalico.org/v3"
CNP2, ANTREA, AWS = (
    "policy.networking.k8s.io/v1alpha2",
    "crd.antrea.io/v1beta1",
    "networking.k8s.aws/v1alpha1",
)
EVERY = LabelSelector()
DB = LabelSelector((("app", "db"),))
IS_DB = {"matchLabels": {"app": "db"}}


def read(api: str, kind: str, name: str = "p", **body: Any) -> OverridingPolicy | None:
    obj = {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **body}
    found = overriding_kind(obj)
    assert found is not None
    return read_overriding(found, "shop" if found.namespaced else "", name, obj)


def subject(api: str, kind: str, **body: Any) -> tuple[LabelSelector | None, LabelSelector | None]:
    policy = read(api, kind, **body)
    assert policy is not None
    return policy.selector, policy.namespace_selector


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ({}, EVERY),
        (IS_DB, DB),
        ({"matchLabels": {"k8s:app": "db"}}, DB),
        ({"matchLabels": {"any:app": "db"}}, DB),
        ({"matchLabels": {"k8s.io/app": "db"}}, LabelSelector((("k8s.io/app", "db"),))),
        (
            {"matchExpressions": [{"key": "any:app", "operator": "In", "values": ["db"]}]},
            LabelSelector((), (Requirement("app", "In", ("db",)),)),
        ),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, None),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}, None),
        ({"matchLabels": {"reserved:host": ""}}, None),
        ({"matchLabels": {"container:app": "db"}}, None),
        ({"matchLabels": {"k8s:io.kubernetes.pod.namespace": "shop"}}, None),
        ({"matchLabels": {"io.cilium.k8s.policy.serviceaccount": "db"}}, None),
        ({"matchLabels": {"app": 1}}, None),
        ({"matchExpressions": [{"key": "app", "operator": "Like"}]}, None),
        (None, None),
        ([], None),
    ],
)
def test_cilium_endpoint_selector(endpoint: Any, expected: LabelSelector | None) -> None:
    assert subject(CILIUM, "CiliumNetworkPolicy", spec={"endpointSelector": endpoint}) == (expected, None)


def test_cilium_specs_count_like_the_spec() -> None:
    same = {"endpointSelector": IS_DB}
    assert subject(CILIUM, "CiliumNetworkPolicy", specs=[same, same]) == (DB, None)
    assert subject(CILIUM, "CiliumNetworkPolicy", spec=same, specs=[{"endpointSelector": {}}]) == (None, None)
    assert subject(CILIUM, "CiliumNetworkPolicy", specs=["broken"]) == (None, None)
    assert subject(CILIUM, "CiliumNetworkPolicy") == (None, None)


def test_a_cilium_policy_for_nodes_selects_no_pods() -> None:
    nodes: dict[str, Any] = {"nodeSelector": {}}
    kind = "CiliumClusterwideNetworkPolicy"
    assert read(CILIUM, kind, spec=nodes) is None
    assert subject(CILIUM, kind, specs=[nodes, {"endpointSelector": IS_DB}]) == (DB, None)
    assert subject(CILIUM, kind, spec={**nodes, "endpointSelector": IS_DB}) == (DB, None)


@pytest.mark.parametrize(
    ("api", "kind"),
    [
        (ADMIN, "AdminNetworkPolicy"),
        (ADMIN, "BaselineAdminNetworkPolicy"),
        (CNP2, "ClusterNetworkPolicy"),
        (AWS, "ClusterNetworkPolicy"),
    ],
)
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"namespaces": {}}, (EVERY, EVERY)),
        ({"namespaces": IS_DB}, (EVERY, DB)),
        ({"pods": {"podSelector": IS_DB, "namespaceSelector": {}}}, (DB, EVERY)),
        ({"pods": {"podSelector": IS_DB}}, (DB, None)),
        ({"pods": []}, (None, None)),
        ({"namespaces": {"matchLabels": []}}, (EVERY, None)),
        ({"namespaces": IS_DB, "nodes": {}}, (None, None)),
        ({"serviceAccounts": {}}, (None, None)),
        (None, (None, None)),
    ],
)
def test_subject_of_the_network_policy_api(api: str, kind: str, told: Any, expected: Any) -> None:
    assert subject(api, kind, spec={"subject": told}) == expected


@pytest.mark.parametrize("api", [CALICO, "crd.projectcalico.org/v1"])
@pytest.mark.parametrize("kind", ["NetworkPolicy", "GlobalNetworkPolicy"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, EVERY),
        ("", EVERY),
        (" all() ", EVERY),
        ("app == 'db'", DB),
        ('app=="db"', DB),
        ("app == 'db' && tier == 'back'", LabelSelector((("app", "db"), ("tier", "back")))),
        ("app == ''", LabelSelector((("app", ""),))),
        ("app != 'db'", None),
        ("app == 'db' || app == 'web'", None),
        ("app == 'db' && has(tier)", None),
        ("!(app == 'db')", None),
        ("app == 'a && b'", None),
        ("projectcalico.org/namespace == 'shop'", None),
        ("pcns.team == 'a'", None),
        (5, None),
    ],
)
def test_calico_selector(api: str, kind: str, text: Any, expected: LabelSelector | None) -> None:
    assert subject(api, kind, spec={"selector": text}) == (expected, None)


def test_calicos_copy_of_a_network_policy_is_left_out() -> None:
    assert read(CALICO, "NetworkPolicy", "knp.default.web", spec={}) is None
    assert read(ANTREA, "NetworkPolicy", "knp.default.web", spec={}) is not None


@pytest.mark.parametrize("kind", ["NetworkPolicy", "ClusterNetworkPolicy"])
@pytest.mark.parametrize(
    ("applied_to", "expected"),
    [
        ([{"podSelector": IS_DB}], (DB, None)),
        ([{"namespaceSelector": IS_DB}], (EVERY, DB)),
        ([{"podSelector": IS_DB, "namespaceSelector": {}}], (DB, EVERY)),
        ([{"podSelector": {"matchLabels": 1}}], (None, None)),
        ([{"podSelector": IS_DB}, {"podSelector": {}}], (None, None)),
        ([{"podSelector": IS_DB, "group": "g"}], (None, None)),
        ([{"group": "g"}], (None, None)),
        ([{}], (None, None)),
        ([], (None, None)),
        (None, (None, None)),
    ],
)
def test_antrea_applied_to(kind: str, applied_to: Any, expected: Any) -> None:
    assert subject(ANTREA, kind, spec={"appliedTo": applied_to}) == expected


def test_aws_application_network_policy_selects_as_network_policy_does() -> None:
    assert subject(AWS, "ApplicationNetworkPolicy", spec={"podSelector": IS_DB}) == (DB, None)


@pytest.mark.parametrize(
    ("api", "kind", "spec", "baseline"),
    [
        (ADMIN, "AdminNetworkPolicy", {}, False),
        (ADMIN, "BaselineAdminNetworkPolicy", {}, True),
        (CNP2, "ClusterNetworkPolicy", {"tier": "Admin"}, False),
        (CNP2, "ClusterNetworkPolicy", {"tier": "Baseline"}, True),
        (CNP2, "ClusterNetworkPolicy", {}, False),
        (ANTREA, "ClusterNetworkPolicy", {"tier": "baseline"}, True),
        (ANTREA, "NetworkPolicy", {"tier": "application"}, False),
        (CALICO, "GlobalNetworkPolicy", {"tier": "Baseline"}, False),
        (CILIUM, "CiliumNetworkPolicy", {"tier": "Baseline"}, False),
    ],
)
def test_only_a_baseline_policy_gives_way(api: str, kind: str, spec: Any, baseline: bool) -> None:
    policy = read(api, kind, spec=spec)
    assert policy is not None
    assert policy.baseline is baseline


IN, OUT = Direction.INGRESS, Direction.EGRESS


@pytest.mark.parametrize(
    ("api", "kind", "spec", "directions"),
    [
        (CILIUM, "CiliumNetworkPolicy", {"ingress": [{}]}, (IN,)),
        (CILIUM, "CiliumNetworkPolicy", {"egressDeny": [{}]}, (OUT,)),
        (CILIUM, "CiliumNetworkPolicy", {"egress": []}, (OUT,)),
        (CILIUM, "CiliumNetworkPolicy", {"ingress": None, "egress": [{}]}, (OUT,)),
        (CILIUM, "CiliumNetworkPolicy", {"ingress": [{}], "enableDefaultDeny": {"egress": True}}, (IN, OUT)),
        (CILIUM, "CiliumNetworkPolicy", {}, (IN, OUT)),
        (CILIUM, "CiliumNetworkPolicy", "broken", (IN, OUT)),
        (ADMIN, "AdminNetworkPolicy", {"ingress": [{}], "egress": [{}]}, (IN, OUT)),
        (CALICO, "NetworkPolicy", {"types": ["Egress"], "ingress": [{}]}, (OUT,)),
        (CALICO, "NetworkPolicy", {"types": "Egress"}, (IN, OUT)),
        (ANTREA, "NetworkPolicy", {"ingress": [{}]}, (IN,)),
    ],
)
def test_only_the_directions_that_it_speaks_about_count(
    api: str, kind: str, spec: Any, directions: tuple[Direction, ...]
) -> None:
    policy = read(api, kind, spec=spec)
    assert policy is not None
    assert policy.directions == directions


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just("all()"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
FIELDS = ["endpointSelector", "nodeSelector", "subject", "selector", "appliedTo", "tier", "types", "ingress"]


def test_a_part_that_cannot_be_read_may_speak_about_both_directions() -> None:
    policy = read(CILIUM, "CiliumNetworkPolicy", spec={"ingress": [{}]}, specs=["broken"])
    assert policy is not None
    assert policy.directions == (IN, OUT)


@given(
    kind=st.sampled_from(OVERRIDING_KINDS),
    spec=JUNK | st.dictionaries(st.sampled_from(FIELDS), JUNK),
    specs=JUNK,
)
def test_whatever_stands_in_one_is_read_or_taken_for_anybody(kind: Any, spec: Any, specs: Any) -> None:
    policy = read(f"{kind.group}/v1", kind.kind, spec=spec, specs=specs)
    assert policy is None or (policy.kind == kind.title and policy.directions)


ONE, OTHER = (
    EndPod(namespace, "p", (("app", "db"),), namespace_labels=(("team", team),))
    for namespace, team in (("shop", "a"), ("data", "b"))
)
TEAM_A = LabelSelector((("team", "a"),))


@pytest.mark.parametrize(
    ("override", "selects"),
    [
        (Override("AdminNetworkPolicy", "", "p", DB, namespace_selector=TEAM_A), [True, False]),
        (Override("AdminNetworkPolicy", "", "p", DB, namespace_selector=EVERY), [True, True]),
        (Override("AdminNetworkPolicy", "", "p", TEAM_A, namespace_selector=EVERY), [False, False]),
        (Override("AdminNetworkPolicy", "", "p"), [True, True]),
        (Override("CiliumNetworkPolicy", "data", "p"), [False, True]),
    ],
)
def test_whom_a_policy_may_select(override: Override, selects: list[bool]) -> None:
    assert [override.may_select(pod) for pod in (ONE, OTHER)] == selects


def test_a_namespace_with_unknown_labels_may_be_selected() -> None:
    override = Override("AdminNetworkPolicy", "", "p", namespace_selector=TEAM_A)
    assert override.may_select(EndPod("shop", "p"))
