"""The sources of flows by the names that people give them; each is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import Source


@dataclass(frozen=True, slots=True)
class SourceKind:
    """Say what a source reads; ``addressed`` means that it may be given an address of its own."""

    what: str
    make: Callable[[Access], Source]
    addressed: bool = True


def make_source(name: str, access: Access) -> Source:
    """Return the source with one of the names of ``SOURCES``, not yet connected to anything."""
    return SOURCES[name].make(access)


def _hubble_exec(access: Access) -> Source:
    from netsec_tui.sources.hubble_exec import HubbleExecSource

    return HubbleExecSource(access)


def _netobserv(access: Access) -> Source:
    from netsec_tui.sources.netobserv import NetObservSource

    return NetObservSource(access)


def _conntrack(access: Access) -> Source:
    from netsec_tui.sources.conntrack import ConntrackSource

    return ConntrackSource(access.context, access.kubeconfig)


SOURCES: Mapping[str, SourceKind] = MappingProxyType(
    {
        "hubble-exec": SourceKind("Hubble in each of Cilium's agents", _hubble_exec, addressed=False),
        "netobserv": SourceKind("NetObserv's flows in Loki", _netobserv),
        "conntrack": SourceKind("the connection tracking tables of the nodes", _conntrack, addressed=False),
    }
)
