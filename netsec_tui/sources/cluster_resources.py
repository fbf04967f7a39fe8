"""What is listed from an API server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from netsec_tui.kube.overriding import OVERRIDING_KINDS

Groups = Mapping[str, tuple[str, ...]]
"""API groups that a server has, each with its versions, the preferred one first."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Name one resource as sentences and RBAC do, and the client's class and method that list it.

    An ``optional`` one need not be there: that the server does not have it is no trouble.
    """

    name: str
    group: str
    api: str
    method: str
    args: tuple[str, ...] = ()
    optional: bool = False

    @property
    def plural(self) -> str:
        """Return the name without the API group."""
        return self.name.partition(".")[0]


RESOURCES = (
    Resource("namespaces", "", "CoreV1Api", "namespace"),
    Resource("nodes", "", "CoreV1Api", "node"),
    Resource("pods", "", "CoreV1Api", "pod_for_all_namespaces"),
    Resource("services", "", "CoreV1Api", "service_for_all_namespaces"),
    Resource("replicasets", "apps", "AppsV1Api", "replica_set_for_all_namespaces"),
    Resource("deployments", "apps", "AppsV1Api", "deployment_for_all_namespaces"),
    Resource("statefulsets", "apps", "AppsV1Api", "stateful_set_for_all_namespaces"),
    Resource("daemonsets", "apps", "AppsV1Api", "daemon_set_for_all_namespaces"),
    Resource("jobs", "batch", "BatchV1Api", "job_for_all_namespaces"),
    Resource("cronjobs", "batch", "BatchV1Api", "cron_job_for_all_namespaces"),
    Resource("endpointslices", "discovery.k8s.io", "DiscoveryV1Api", "endpoint_slice_for_all_namespaces"),
    Resource("networkpolicies", "networking.k8s.io", "NetworkingV1Api", "network_policy_for_all_namespaces"),
)

_SAME_OBJECTS = {"crd.projectcalico.org": "projectcalico.org"}
"""Groups that need no listing where the other one, which holds the same objects, is served."""


RANGE_RESOURCES = (
    ("networking.k8s.io", "servicecidrs"),
    ("projectcalico.org", "ippools"),
    ("crd.projectcalico.org", "ippools"),
    ("cilium.io", "ciliumnodes"),
    ("cilium.io", "ciliumpodippools"),
    ("config.openshift.io", "networks"),
)
"""Groups and resources that tell pod and service ranges."""


def range_resources(groups: Groups) -> Iterator[tuple[Resource, ...]]:
    """Yield the resources that tell ranges and whose API group is there, each in the versions it may have."""
    for group, plural in RANGE_RESOURCES:
        if _SAME_OBJECTS.get(group) not in groups and groups.get(group):
            yield _custom(group, plural, groups[group])


def other_policies(groups: Groups) -> Iterator[tuple[Resource, ...]]:
    """Yield the policies of other kinds whose API group is there, each in the versions it may have."""
    for kind in OVERRIDING_KINDS:
        if _SAME_OBJECTS.get(kind.group) not in groups and groups.get(kind.group):
            yield _custom(kind.group, kind.plural, groups[kind.group])


def _custom(group: str, plural: str, versions: Iterable[str]) -> tuple[Resource, ...]:
    """Return a resource that the client has no method for, in each version that it may have."""
    api, method = "CustomObjectsApi", "cluster_custom_object"
    return tuple(
        Resource(f"{plural}.{group}", group, api, method, (group, version, plural), optional=True)
        for version in versions
    )
