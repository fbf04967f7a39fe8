"""The sources of flows by the names that people give them; each is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import Source


@dataclass(frozen=True, slots=True)
class SourceKind:
    """Make a source; its server mostly has a ``port``, 0 where it takes no address of its own.

    ``tls`` tells whether its server speaks TLS; what is read by commands in pods has no server to speak it.
    """

    make: Callable[[Access], Source]
    port: int = 0
    tls: Literal["never", "perhaps", "always"] = "perhaps"


def make_source(name: str, access: Access) -> Source:
    """Return the source with one of the names of ``SOURCES``, not yet connected to anything."""
    return SOURCES[name].make(access)


def _hubble(access: Access) -> Source:
    from netsec_tui.sources.hubble.relay import HubbleRelaySource

    return HubbleRelaySource(access)


def _hubble_exec(access: Access) -> Source:
    from netsec_tui.sources.hubble.exec import HubbleExecSource

    return HubbleExecSource(access)


def _whisker(access: Access) -> Source:
    from netsec_tui.sources.calico.whisker import whisker_source

    return whisker_source(access)


def _goldmane(access: Access) -> Source:
    from netsec_tui.sources.calico.goldmane import goldmane_source

    return goldmane_source(access)


def _antrea(access: Access) -> Source:
    from netsec_tui.sources.antrea.source import AntreaSource

    return AntreaSource(access)


def _netobserv(access: Access) -> Source:
    from netsec_tui.sources.netobserv.source import NetObservSource

    return NetObservSource(access)


def _theia(access: Access) -> Source:
    from netsec_tui.sources.antrea.theia import TheiaSource

    return TheiaSource(access)


def _conntrack(access: Access) -> Source:
    from netsec_tui.sources.conntrack.source import ConntrackSource

    return ConntrackSource(access.context, access.kubeconfig)


SOURCES: Mapping[str, SourceKind] = MappingProxyType(
    {
        "hubble": SourceKind(_hubble, 4245),
        "hubble-exec": SourceKind(_hubble_exec, tls="never"),
        "whisker": SourceKind(_whisker, 8081),
        "goldmane": SourceKind(_goldmane, 7443, tls="always"),
        "antrea": SourceKind(_antrea, 14740, tls="always"),
        "netobserv": SourceKind(_netobserv, 3100),
        "theia": SourceKind(_theia, 8123),
        "conntrack": SourceKind(_conntrack, tls="never"),
    }
)
"""In the order in which they are taken (model/origins.py); a sampled netobserv comes after conntrack."""
