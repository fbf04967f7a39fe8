"""An API server is asked for the policies of other kinds that it has, and for no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netsec_tui.core.evaluate import overrides_of
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.inventory.build import build_inventory
from tests.sources.api_server import ApiServer
from tests.sources.collected import Collected, following, read
from tests.sources.kube_objects import obj, pod
from tests.sources.running import running

CNP = obj("CiliumNetworkPolicy", "x", api="cilium.io/v2", spec={"endpointSelector": {}})
CNP_PATH = "/apis/cilium.io/v2/ciliumnetworkpolicies"
CILIUM = {CNP_PATH: ("CiliumNetworkPolicy", "cilium.io/v2")}


pytestmark = pytest.mark.usefixtures("no_proxy_and_no_waiting")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running(ApiServer([pod("web"), CNP])) as started:
        started.more = dict(CILIUM)
        yield started


def overridden(found: Collected) -> list[str]:
    inventory, problems = build_inventory(found.objects, missing=found.problems)
    assert problems == ()
    return [f"{override.kind} {override.name}" for override in overrides_of(inventory)]


def asked(server: ApiServer) -> set[str]:
    return {name for name in server.requests if "policies" in name} - {"networkpolicies"}


def test_kinds_of_the_groups_that_are_there_are_listed(server: ApiServer, source: ClusterSource) -> None:
    found = read(source)
    assert overridden(found) == ["CiliumNetworkPolicy shop/x"]
    # The group is there, its other kind is not, and that is no trouble.
    assert asked(server) == {"ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"}
    assert found.problems == ()


def test_a_cluster_without_them_is_asked_for_its_groups_alone(
    server: ApiServer, source: ClusterSource
) -> None:
    server.more = {}
    found = read(source)
    assert (overridden(found), found.problems) == ([], ())
    assert asked(server) == set()
    assert len(server.requests["apis"]) == 1


def test_each_kind_is_found_in_the_version_that_has_it(server: ApiServer, source: ClusterSource) -> None:
    group = "policy.networking.k8s.io"
    kinds = [("v1alpha2", "ClusterNetworkPolicy"), ("v1alpha1", "AdminNetworkPolicy")]
    server.more = {
        f"/apis/{group}/{version}/{kind.lower()[:-1]}ies": (kind, f"{group}/{version}")
        for version, kind in kinds
    }
    server.objects = [obj(kind, "x", None, api=f"{group}/{version}") for version, kind in kinds]
    found = read(source)
    assert overridden(found) == ["AdminNetworkPolicy x", "ClusterNetworkPolicy x"]
    assert found.problems == ()


def test_calico_is_listed_once_where_both_its_groups_are_served(
    server: ApiServer, source: ClusterSource
) -> None:
    served = [("projectcalico.org/v3", "x"), ("crd.projectcalico.org/v1", "default.x")]
    for api, name in served:
        server.more[f"/apis/{api}/globalnetworkpolicies"] = ("GlobalNetworkPolicy", api)
        server.objects.append(obj("GlobalNetworkPolicy", name, None, api=api, spec={}))
    assert overridden(read(source)) == ["CiliumNetworkPolicy shop/x", "Calico GlobalNetworkPolicy x"]
    del server.more["/apis/projectcalico.org/v3/globalnetworkpolicies"]
    assert "Calico GlobalNetworkPolicy default.x" in overridden(read(source))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (403, 'apiGroups: ["cilium.io"], resources: ["ciliumnetworkpolicies"], verbs: ["list"]'),
        (503, "answers 503"),
    ],
)
def test_a_kind_that_is_not_given_is_named_and_may_override_anything(
    server: ApiServer, source: ClusterSource, code: int, words: str
) -> None:
    server.refuse["ciliumnetworkpolicies"] = [code]
    found = read(source)
    (problem,) = found.problems
    assert problem.startswith("ciliumnetworkpolicies.cilium.io ")
    assert words in problem
    assert overridden(found) == ["CiliumNetworkPolicy that could not be listed"]
    assert found.names == ["web"]


def test_groups_that_are_not_told_leave_everything_open(server: ApiServer, source: ClusterSource) -> None:
    server.refuse["apis"] = [403]
    found = read(source)
    (problem,) = found.problems
    assert 'nonResourceURLs: ["/apis/"], verbs: ["get"]' in problem
    assert overridden(found) == ["policy of another kind that could not be listed"]


def test_network_policies_and_those_of_calico_are_not_mixed_up(
    server: ApiServer, source: ClusterSource
) -> None:
    server.more = {"/apis/projectcalico.org/v3/networkpolicies": ("NetworkPolicy", "projectcalico.org/v3")}
    server.refuse["networkpolicies"] = [200, 403]
    assert overridden(read(source)) == ["Calico NetworkPolicy that could not be listed"]


def test_kinds_that_come_and_go_are_followed(server: ApiServer, source: ClusterSource) -> None:
    kinds: Any = lambda found: {o["kind"] for o in found.objects}  # noqa: E731
    server.more = {}
    with following(source) as found:
        found.wait_for(lambda: kinds(found) == {"Pod"})
        server.more = dict(CILIUM)
        found.wait_for(lambda: kinds(found) == {"Pod", "CiliumNetworkPolicy"})
        server.objects = [*server.objects, {**CNP, "metadata": {"name": "y", "namespace": "shop"}}]
        found.wait_for(lambda: "y" in found.names)
        server.more = {}
        found.wait_for(lambda: kinds(found) == {"Pod"})
