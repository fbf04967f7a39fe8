"""What is found out about sources of flows: whether each can be used, what it lacks, which to take; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from netsec_tui.model.origins import SOURCES_IN_ORDER, WITHOUT_ADDRESSES
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.netobserv.collector import UNKNOWN, Collector
from netsec_tui.sources.reach.pod_websocket import rule_of


class State(StrEnum):
    """Say whether a source can be used."""

    USABLE = "usable"
    UNUSABLE = "not usable"
    ABSENT = "not there"
    UNKNOWN = "not known"


class Right(NamedTuple):
    """Name what RBAC must allow: ``subresource`` of the pods in a namespace."""

    namespace: str
    subresource: str

    @property
    def rule(self) -> str:
        """Return the rule of a Role that allows it."""
        return rule_of(self.subresource)


@dataclass(frozen=True, slots=True)
class Finding:
    """Say of one source whether it is there and can be used; ``where`` names the object that tells.

    ``lacks`` are sentences: why it cannot be used, how it is switched on, or what it does not tell.
    ``rights`` are those it needs, ``missing`` those of them that RBAC denies. Where one of them is enough,
    ``instead`` says what helps whoever has none.
    """

    source: str
    state: State
    where: str = ""
    lacks: tuple[str, ...] = ()
    rights: tuple[Right, ...] = ()
    missing: tuple[Right, ...] = ()
    instead: str = ""

    @property
    def obstacle(self) -> str:
        """Say what stands first in the way of using it, empty when nothing is known to."""
        if self.missing:
            right = self.missing[0]
            return f"in namespace {right.namespace} a Role lacks {right.rule}"
        return self.lacks[0] if self.lacks else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what was listed; of workloads with ``ready`` and ``bpf``, as ``cut_workload`` makes them.

    ``host_pods`` gives each node the namespaces of pods on its network in which commands may be run.
    ``groups`` are the API groups; ``cilium`` is the ConfigMap cilium-config, empty where it cannot be read;
    ``collector`` is what NetObserv's FlowCollector says. ``trust`` tells whether it was said
    which certificates of servers to take, ``certificate`` whether a client's was given, ``clickhouse``
    whether its library is installed. ``refused`` names the resources that could not be listed.
    """

    services: Sequence[KubeObject] = ()
    workloads: Sequence[KubeObject] = ()
    host_pods: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nodes: frozenset[str] = frozenset()
    groups: Collection[str] = ()
    cilium: Mapping[str, str] = field(default_factory=dict)
    collector: Collector = UNKNOWN
    trust: bool = False
    certificate: bool = False
    clickhouse: bool = False
    refused: Collection[str] = ()


def judged(findings: Iterable[Finding], denied: Collection[Right]) -> tuple[Finding, ...]:
    """Return the findings with the rights that are denied; a source that needs one cannot be used."""
    return tuple(_judge(finding, denied) for finding in findings)


def choices(findings: Iterable[Finding]) -> Iterator[tuple[str, ...]]:
    """Yield the sources to take, then those to take where these do not answer, and so on.

    A sampled NetObserv comes after conntrack: a rare connection that it misses would be denied.
    """
    usable = {finding.source: finding for finding in findings if finding.state is State.USABLE}
    order = [name for name in SOURCES_IN_ORDER if name in usable]
    if "netobserv" in usable and usable["netobserv"].lacks and "conntrack" in usable:
        order.remove("netobserv")
        order.append("netobserv")
    while order:
        name = order.pop(0)
        if name in WITHOUT_ADDRESSES and "conntrack" in order:
            yield name, "conntrack"
        else:
            yield (name,)


def _judge(finding: Finding, denied: Collection[Right]) -> Finding:
    missing = tuple(right for right in finding.rights if right in denied)
    if not missing or (finding.instead and len(missing) < len(finding.rights)):
        return finding
    if finding.state is not State.USABLE:
        return replace(finding, missing=missing)
    lacks = (finding.instead, *finding.lacks) if finding.instead else finding.lacks
    return replace(finding, state=State.UNUSABLE, lacks=lacks, missing=missing)
