"""How many packets NetObserv's agents look at, as the FlowCollector says (network-observability-operator)."""

from __future__ import annotations

from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.refusals import AbsentError, RefusedError
from netsec_tui.sources.cluster.resources import Groups, Resource
from netsec_tui.sources.objects.fields import Fields

_GROUP = "flows.netobserv.io"
_OPERATORS_OWN = 50
"""What NetObserv's operator sets where the FlowCollector says nothing."""


def sampling_of(api: ClusterApi, groups: Groups) -> int:
    """Return of how many packets NetObserv looks at one, 0 where that is not known.

    The FlowCollector's own 0 means every packet, as 1 does (FlowCollector API, spec.agent.ebpf.sampling).

    Raises:
        UnreachableError: the API server does not answer.
    """
    for version in groups.get(_GROUP, ()):
        resource = Resource(f"flowcollectors.{_GROUP}", _GROUP, version, optional=True)
        try:
            found = api.list(resource, lambda collector: collector)
        except (RefusedError, AbsentError):
            continue
        for collector in found:
            agent = Fields(collector, "", "", []).child("spec").child("agent").child("ebpf")
            sampling = agent.data.get("sampling", _OPERATORS_OWN)
            return max(sampling, 1) if isinstance(sampling, int) else 0
    return 0
