"""What is listed from an API server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from netsec_tui.kube.overriding import OVERRIDING_KINDS

Groups = Mapping[str, tuple[str, ...]]
"""API groups that a server has, each with its versions, the preferred one first."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Name one resource as sentences and RBAC do, and the version of its API group that is asked.

    An ``optional`` one need not be there: that the server does not have it is no trouble.
    """

    name: str
    group: str
    version: str = "v1"
    optional: bool = False

    @property
    def plural(self) -> str:
        """Return the name without the API group."""
        return self.name.partition(".")[0]

    @property
    def path(self) -> str:
        """Return where the server lists it, of all namespaces."""
        group = f"apis/{self.group}" if self.group else "api"
        return f"/{group}/{self.version}/{self.plural}"


RESOURCES = (
    Resource("namespaces", ""),
    Resource("nodes", ""),
    Resource("pods", ""),
    Resource("services", ""),
    Resource("replicasets", "apps"),
    Resource("deployments", "apps"),
    Resource("statefulsets", "apps"),
    Resource("daemonsets", "apps"),
    Resource("jobs", "batch"),
    Resource("cronjobs", "batch"),
    Resource("endpointslices", "discovery.k8s.io"),
    Resource("networkpolicies", "networking.k8s.io"),
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


def resource(name: str) -> Resource:
    """Return one of ``RESOURCES`` by its name."""
    return next(found for found in RESOURCES if found.name == name)


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
    """Return a resource in each version that it may have."""
    return tuple(Resource(f"{plural}.{group}", group, version, optional=True) for version in versions)
