"""Answer for one connection, on both of its sides, Services and bare addresses included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.core.evaluate.doubt import Question, side_verdict
from netsec_tui.core.evaluate.service import backends
from netsec_tui.core.evaluate.state import ClusterState, Policies
from netsec_tui.model.connection import (
    Connection,
    ConnectionVerdict,
    Doubt,
    End,
    EndPod,
    Outcome,
    SideVerdict,
)
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import Service
from netsec_tui.model.policy import NetworkPolicy

NOT_A_POD = SideVerdict(Outcome.ALLOWED, notes=("not a pod: no NetworkPolicy applies on this side",))


def evaluate(
    policies: Policies | Iterable[NetworkPolicy], state: ClusterState, connection: Connection
) -> ConnectionVerdict:
    """Return whether policies allow a connection, on the egress and on the ingress side (B3).

    An address that a pod of the state has stands for that pod, a Service's for the pods behind it. Pass a
    ``Policies`` when asking more than once: it remembers whom each policy selects.

    Raises:
        BadInputError: an end is text but no IP address.
    """
    known = policies if isinstance(policies, Policies) else Policies(policies)
    source, destination = _resolve(state, connection.source), _resolve(state, connection.destination)
    told = [end for end in (connection.source, connection.destination) if isinstance(end, str)]
    family = connection.family or (address_number(told[0])[0] if told else None)
    case = replace(connection, source=source, destination=destination, family=family)
    if isinstance(destination, str):
        service = state.service_at(destination)
        if service is not None:
            return _evaluate_service(known, state, case, service)
    return ConnectionVerdict(
        egress=_side(known, state, case, Direction.EGRESS),
        ingress=_side(known, state, case, Direction.INGRESS),
    )


def _resolve(state: ClusterState, end: End) -> End:
    return (state.pod_at(end) or end) if isinstance(end, str) else end


def _side(
    policies: Policies, state: ClusterState, connection: Connection, direction: Direction
) -> SideVerdict:
    subject, peer = connection.source, connection.destination
    if direction is Direction.INGRESS:
        subject, peer = peer, subject
    if isinstance(subject, EndPod):
        return side_verdict(Question(policies, state, connection, direction, subject, peer))
    if state.in_pod_range(subject) and state.node_at(subject) is None:
        return SideVerdict(Outcome.UNDECIDED, doubt=Doubt.UNKNOWN_POD)
    return NOT_A_POD


def _evaluate_service(
    policies: Policies, state: ClusterState, connection: Connection, service: Service
) -> ConnectionVerdict:
    translated = connection.source_translated or (
        service.exposed and not isinstance(connection.source, EndPod)
    )
    led = replace(connection, through_service=True, source_translated=translated)
    verdicts = [
        evaluate(policies, state, replace(led, destination=end, port=port))
        for end, port in backends(state, service, connection.protocol, connection.port)
        if isinstance(end, EndPod) or state.service_at(end) is None
    ]
    if verdicts:
        return ConnectionVerdict(
            egress=_common([v.egress for v in verdicts]), ingress=_common([v.ingress for v in verdicts])
        )
    unknown = SideVerdict(Outcome.UNDECIDED, doubt=Doubt.SERVICE_ADDRESS)
    source = connection.source
    if not isinstance(source, EndPod):
        return ConnectionVerdict(egress=NOT_A_POD, ingress=unknown)
    held_back = policies.selecting(source, Direction.EGRESS)
    free = not held_back and not any(override.may_select(source) for override in state.overrides)
    return ConnectionVerdict(egress=SideVerdict(Outcome.ALLOWED) if free else unknown, ingress=unknown)


def _common(sides: list[SideVerdict]) -> SideVerdict:
    """Return the answer that all backends share; the rules behind it are those of all of them."""
    isolated = tuple(dict.fromkeys(ref for side in sides for ref in side.isolated_by))
    allowed = tuple(dict.fromkeys(ref for side in sides for ref in side.allowed_by))
    notes = tuple(dict.fromkeys(note for side in sides for note in side.notes))
    if len({side.outcome for side in sides}) == 1:
        return SideVerdict(sides[0].outcome, isolated, allowed, sides[0].doubt, notes)
    return SideVerdict(Outcome.UNDECIDED, isolated, allowed, Doubt.SERVICE_ADDRESS, notes)
