"""Hold what policies make of an application against what was recorded: what they block, what they open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import NamedTuple

from netsec_tui.core.evaluate import ClusterState, Policies, cluster_state, evaluate
from netsec_tui.core.evaluate.match import policy_selects, selector_matches
from netsec_tui.kube.policies import parse_policy
from netsec_tui.model.connection import Connection, ConnectionVerdict, EndPod, Outcome
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector, NetworkPolicy
from tests.cluster.applications.graphs import (
    OUTSIDE,
    Application,
    Call,
    Listening,
    around,
    listening,
    owners,
    ref_of,
)
from tests.cluster.applications.standins import DNS_PORT

Place = WorkloadRef | str
"""A workload, or the address that stands for the outside."""

UNDECLARED = Listening(Protocol.TCP, 9)
"""Stands for every port that no container declares (RFC 863: discard)."""
HTTPS = Listening(Protocol.TCP, 443)
CLUSTER_DNS = WorkloadRef("Deployment", "kube-system", "coredns")
STRANGER = WorkloadRef("Deployment", "elsewhere", "stranger")


class Group(StrEnum):
    """Name the sorts of connections, in the order of the tables."""

    DECLARED = "between its workloads, ports that the server declares"
    UNDECLARED = "between its workloads, any other port"
    LOOK_UP = "name look-ups at the cluster DNS (UDP and TCP)"
    FROM_ELSEWHERE = "from another namespace"
    TO_ELSEWHERE = "to another namespace"
    FROM_OUTSIDE = "from outside of the cluster"
    TO_OUTSIDE = "to an address outside of the cluster"


class Fate(StrEnum):
    """Say what becomes of a connection, seen from what was recorded."""

    WORKS = "recorded, works"
    BLOCKED = "recorded, blocked"
    OPEN = "not recorded, left open"
    REFUSED = "not recorded, refused"


class Attempt(NamedTuple):
    """Name a connection that a client may try; ``port`` is the server's own, behind any Service."""

    client: Place
    server: Place
    protocol: Protocol
    port: int


@dataclass(frozen=True)
class Verdicts:
    """Hold what one set of policies makes of every attempt."""

    policies: tuple[NetworkPolicy, ...]
    fates: Mapping[Attempt, Fate]
    answers: Mapping[Attempt, ConnectionVerdict]

    def of(self, fate: Fate, group: Group, groups: Mapping[Attempt, Group]) -> list[Attempt]:
        """Return the attempts of a group that share a fate, in order."""
        return [a for a, found in self.fates.items() if found is fate and groups[a] is group]


def attempts(application: Application) -> dict[Attempt, Group]:
    """Return every connection that is asked about, with its group."""
    ports = {ref_of(owner): listening(owner) for owner in owners([*application.documents, *around()])}
    workloads = application.workloads
    found: dict[Attempt, Group] = {}

    def ask(
        group: Group, clients: Iterable[Place], servers: Iterable[Place], more: Iterable[Listening]
    ) -> None:
        for client, server in product(clients, servers):
            if client != server:
                declared = ports.get(server, ()) if isinstance(server, WorkloadRef) else ()
                for port in (*declared, *more):
                    found.setdefault(Attempt(client, server, port.protocol, port.port), group)

    ask(Group.DECLARED, workloads, workloads, ())
    ask(Group.UNDECLARED, workloads, workloads, [UNDECLARED])
    ask(Group.LOOK_UP, workloads, [CLUSTER_DNS], ())
    ask(Group.FROM_ELSEWHERE, [STRANGER], workloads, [UNDECLARED])
    ask(Group.TO_ELSEWHERE, workloads, [STRANGER], [UNDECLARED])
    ask(Group.FROM_OUTSIDE, [OUTSIDE], workloads, [UNDECLARED])
    ask(Group.TO_OUTSIDE, workloads, [OUTSIDE], [HTTPS, UNDECLARED])
    return found


def attempt_of(call: Call) -> Attempt:
    """Return the connection that a call comes to behind the Service."""
    return Attempt(call.client, call.server, call.dialled.protocol, call.port)


def recorded_attempts(application: Application) -> frozenset[Attempt]:
    """Return what was recorded: the calls, and the look-up before each by who dials a name."""
    calls = {attempt_of(call) for call in application.calls}
    dialling = {call.client for call in application.calls if isinstance(call.client, WorkloadRef)}
    return frozenset(calls | {Attempt(c, CLUSTER_DNS, Protocol.UDP, DNS_PORT) for c in dialling})


def network_policies(documents: Iterable[Mapping[str, object]]) -> tuple[NetworkPolicy, ...]:
    """Return the NetworkPolicies among objects, read as the API server reads them."""
    return tuple(parse_policy(document) for document in documents if document["kind"] == "NetworkPolicy")


def judged(application: Application, inventory: Inventory, policies: Iterable[NetworkPolicy]) -> Verdicts:
    """Return what policies make of every attempt, by the product's evaluator."""
    known, state, recorded = Policies(policies), cluster_state(inventory), recorded_attempts(application)
    asked = attempts(application)
    assert recorded <= set(asked), recorded - set(asked)
    answers = {attempt: _answer(known, state, attempt) for attempt in asked}
    fates = {a: fate(answers[a].outcome is Outcome.ALLOWED, a in recorded) for a in asked}
    return Verdicts(known.all, fates, answers)


def fate(works: bool, recorded: bool) -> Fate:
    """Return what becomes of a connection that works or not, and was recorded or not."""
    if recorded:
        return Fate.WORKS if works else Fate.BLOCKED
    return Fate.OPEN if works else Fate.REFUSED


def _answer(policies: Policies, state: ClusterState, attempt: Attempt) -> ConnectionVerdict:
    """Return the one answer that all pods of both ends get; raises AssertionError where they differ."""
    pairs = product(_ends(state, attempt.client), _ends(state, attempt.server))
    found = [
        evaluate(policies, state, Connection(client, server, attempt.protocol, attempt.port))
        for client, server in pairs
    ]
    assert {verdict.outcome for verdict in found} in ({Outcome.ALLOWED}, {Outcome.DENIED}), attempt
    return found[0]


def _ends(state: ClusterState, place: Place) -> list[EndPod | str]:
    return [place] if isinstance(place, str) else [pod for pod in state.pods if pod.ref == place]


def idle_policies(inventory: Inventory, policies: Iterable[NetworkPolicy]) -> list[NetworkPolicy]:
    """Return the policies that select no pod."""
    pods = cluster_state(inventory).pods
    return [p for p in policies if not any(policy_selects(p, d, pod) for d in Direction for pod in pods)]


def idle_peers(
    inventory: Inventory, policies: Iterable[NetworkPolicy]
) -> Iterator[tuple[NetworkPolicy, LabelSelector]]:
    """Yield the pod selectors of rules that match no pod of their policy's namespace, with the policy."""
    pods = cluster_state(inventory).pods
    for policy, direction in product(policies, Direction):
        near = [pod for pod in pods if pod.namespace == policy.namespace]
        for peer in (peer for rule in policy.rules(direction) for peer in rule.peers):
            selector = peer.pod_selector
            if peer.namespace_selector or not selector:
                continue
            if not any(selector_matches(selector, pod.label_map) for pod in near):
                yield policy, selector
