"""What the FlowCollector says of NetObserv: how much is sampled, and where Loki's gateway is.

It is of the whole cluster (network-observability-operator): nobody writes it who has a namespace alone.
"""

from __future__ import annotations

from typing import NamedTuple

from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.refusals import AbsentError, RefusedError
from netsec_tui.sources.cluster.resources import Groups, Resource
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.fields import Fields

GROUP = "flows.netobserv.io"
_OPERATORS_OWN = 50
"""What NetObserv's operator sets where the FlowCollector says nothing."""

_NAMESPACE = "netobserv"
"""Where the operator puts its own where the FlowCollector says nothing."""


class Collector(NamedTuple):
    """Say of how many packets one is looked at, and the namespace of the LokiStack that flows are put into.

    ``sampling`` is 0, ``gateway`` empty where that is not known, or there is no LokiStack.
    """

    sampling: int = 0
    gateway: str = ""


UNKNOWN = Collector()


def collector_of(api: ClusterApi, groups: Groups) -> Collector:
    """Return what the FlowCollector says, nothing where it may not be read or is not there.

    Raises:
        UnreachableError: the API server does not answer.
    """
    for version in groups.get(GROUP, ()):
        resource = Resource(f"flowcollectors.{GROUP}", GROUP, version, optional=True)
        try:
            found = api.list(resource, lambda collector: collector)
        except (RefusedError, AbsentError):
            continue
        for collector in found:
            return _read(collector)
    return UNKNOWN


def has_gateway(api: ClusterApi, namespace: str) -> bool:
    """Tell whether the FlowCollector says that flows are put into a LokiStack in a namespace.

    Raises:
        NetsecError: the API server does not answer, or tells no API groups.
    """
    return collector_of(api, api.groups()).gateway == namespace


def _read(collector: KubeObject) -> Collector:
    """Return what is of use (FlowCollector API: spec.agent.ebpf, spec.loki, spec.namespace).

    Its own sampling of 0 means every packet, as 1 does. Without a namespace the LokiStack is beside the rest.
    """
    spec = Fields(collector, "", "", []).child("spec")
    sampling = spec.child("agent").child("ebpf").data.get("sampling", _OPERATORS_OWN)
    loki = spec.child("loki")
    stack = loki.child("lokiStack").text("namespace") or spec.text("namespace") or _NAMESPACE
    return Collector(
        max(sampling, 1) if isinstance(sampling, int) else 0,
        stack if loki.text("mode").lower() == "lokistack" else "",
    )
