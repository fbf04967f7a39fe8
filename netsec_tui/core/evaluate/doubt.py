"""Answer for one side: decided where every permitted way of seeing the connection agrees.

Where the API leaves behaviour to the CNI, or a fact is not known, the side is evaluated in each way that
is possible. Only when the ways differ is it undecided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.core.evaluate.match import NamedPorts
from netsec_tui.core.evaluate.side import (
    Finding,
    Reading,
    always,
    every_name,
    find,
    held_at,
    never,
    selected_as,
)
from netsec_tui.core.evaluate.state import ClusterState, Override, Policies
from netsec_tui.model.connection import Connection, Doubt, End, EndPod, Outcome, SideVerdict
from netsec_tui.model.identity import Direction

OWN_NODE_NOTE = "traffic from a pod's own node to the pod is always allowed"

_WEIGHT = (Doubt.UNREAD, Doubt.OVERRIDDEN)
"""Of two policies that may make the answer wrong the one that can do more gives the reason."""

Ways = Iterator[tuple[Doubt, bool]]
"""Other possible answers (True: allowed), each with the doubt that it raises."""


class Question(NamedTuple):
    """Hold the question for one side: what do policies on ``subject`` make of ``peer``."""

    policies: Policies
    state: ClusterState
    connection: Connection
    direction: Direction
    subject: EndPod
    peer: End

    def find(self, reading: Reading) -> Finding:
        """Return what the policies say when the peer is read in this way."""
        connection = self.connection
        return find(
            self.policies, self.direction, self.subject, reading, connection.protocol, connection.port
        )

    @property
    def node(self) -> str | None:
        """Return the node that the peer stands for: empty when not known which, None when for none."""
        if isinstance(self.peer, str):
            return self.state.node_at(self.peer)
        return self.peer.node if self.peer.host_network else None

    def named(self, pod: EndPod | None) -> NamedPorts:
        """Return the destination's named ports; ``pod`` is the peer as this reading sees it."""
        destination = self.subject if self.direction is Direction.INGRESS else pod
        return destination.named_ports if destination else {}


def side_verdict(question: Question) -> SideVerdict:
    """Return the answer for one side with the policies behind it."""
    subject, peer = question.subject, question.peer
    from_node = question.direction is Direction.INGRESS and isinstance(peer, str) and bool(question.node)
    if from_node and question.node == subject.node and not subject.host_network:  # F3
        return SideVerdict(Outcome.ALLOWED, notes=(OWN_NODE_NOTE,))
    families = _families(question)
    finding = question.find(_usual(question, families[0]))
    doubt = next((d for d, allowed in _other_ways(question, families) if allowed != finding.allowed), None)
    overriding = _overriding(question, finding)
    if overriding:
        doubt = max((override.doubt for override in overriding), key=_WEIGHT.index)
    notes = (*(override.sentence for override in overriding), *_notes(question))
    outcome = Outcome.UNDECIDED if doubt else Outcome.ALLOWED if finding.allowed else Outcome.DENIED
    return SideVerdict(outcome, finding.isolated_by, finding.allowed_by, doubt, notes)


def _families(question: Question) -> list[int | None]:
    """Return the IP families over which the two ends can talk, None alone when that is not known."""
    if question.connection.family is not None:
        return [question.connection.family]
    ends = [
        {address_number(ip)[0] for ip in ((end,) if isinstance(end, str) else end.ips)}
        for end in (question.subject, question.peer)
    ]
    shared = ends[0] & ends[1] if all(ends) else ends[0] | ends[1]
    return [*sorted(shared)] or [None]


def _addresses(peer: End, family: int | None) -> tuple[str, ...]:
    if isinstance(peer, str):
        return (peer,)
    return tuple(ip for ip in peer.ips if family is None or address_number(ip)[0] == family)


def _usual(question: Question, family: int | None) -> Reading:
    """Return the common reading: a pod is a pod, but on the host network it is its node's address (F5)."""
    peer, addresses = question.peer, _addresses(question.peer, family)
    if isinstance(peer, str) or peer.host_network:
        return Reading(never, held_at(addresses), question.named(None), (), addresses)
    held = held_at(addresses) if question.state.ipblock_matches_pods else never
    return Reading(selected_as(peer), held, question.named(peer), peer.labels, addresses)


def _nobody(question: Question) -> Reading:
    """Return the reading under which only a rule for any peer matches."""
    return Reading(never, never, question.named(None), (), ())


def _other_ways(question: Question, families: list[int | None]) -> Ways:
    connection, subject, peer = question.connection, question.subject, question.peer
    if not connection.protocol.expressible:
        yield Doubt.NOT_TRANSPORT, True
    if subject.host_network:
        yield Doubt.HOST_NETWORK, True
    if connection.source_translated and question.direction is Direction.INGRESS:
        # The node that forwards may be the pod's own, from which everything is allowed.
        yield Doubt.TRANSLATED, True
        yield Doubt.TRANSLATED, question.find(_nobody(question)).allowed
    if question.node is not None:
        yield from _ways_of_node(question)
    if isinstance(peer, str):
        yield from _ways_of_address(question, peer)
    else:
        yield from _ways_of_pod(question, peer, families)


def _ways_of_node(question: Question) -> Ways:
    if not question.node or not question.subject.node:
        yield Doubt.NODE_UNKNOWN, True
    elif question.node == question.subject.node:
        yield (Doubt.OWN_NODE if question.direction is Direction.EGRESS else Doubt.HOST_NETWORK), True
    if not question.state.ipblock_matches_pods:  # E5
        yield Doubt.NODE_ADDRESS, question.find(_nobody(question)).allowed


def _ways_of_address(question: Question, ip: str) -> Ways:
    if question.node is not None or not question.state.in_pod_range(ip):
        return
    held = held_at((ip,)) if question.state.ipblock_matches_pods else never
    named = question.named(None)
    if question.direction is Direction.EGRESS:
        named = every_name(question.policies, question.subject, Direction.EGRESS, question.connection.port)
    for selected in (never, always):
        yield Doubt.UNKNOWN_POD, question.find(Reading(selected, held, named)).allowed


def _ways_of_pod(question: Question, peer: EndPod, families: list[int | None]) -> Ways:
    state, subject = question.state, question.subject
    itself = (peer.namespace, peer.name) == (subject.namespace, subject.name)
    if itself and question.connection.through_service:  # F6
        yield Doubt.HAIRPIN, True
    if peer.host_network:
        for family in families:
            held = held_at(_addresses(peer, family)) if state.ipblock_matches_pods else never
            reading = Reading(selected_as(peer), held, question.named(peer))
            yield Doubt.HOST_NETWORK, question.find(reading).allowed
    for family in families[1:]:
        yield Doubt.FAMILIES_DIFFER, question.find(_usual(question, family)).allowed
    if not peer.ips and (state.ipblock_matches_pods or peer.host_network):
        held = always if peer.host_network else state.may_hold_pods
        reading = _usual(question, families[0])._replace(held=held, addresses=None)
        yield Doubt.ADDRESS_UNKNOWN, question.find(reading).allowed


def _overriding(question: Question, finding: Finding) -> tuple[Override, ...]:
    return tuple(
        override
        for override in question.state.overrides
        if question.direction in override.directions
        and override.may_select(question.subject)
        and not (override.baseline and finding.isolated_by)
        # What one NetworkPolicy allows, no other takes away (B2).
        and not (override.doubt is Doubt.UNREAD and finding.isolated_by and finding.allowed)
    )


def _notes(question: Question) -> tuple[str, ...]:
    peer = question.peer
    if isinstance(peer, str) or peer.namespace_labels is not None:
        return ()
    if not question.policies.selecting(question.subject, question.direction):
        return ()
    return (f"labels of namespace {peer.namespace} are not known: only its name was matched",)  # C7
