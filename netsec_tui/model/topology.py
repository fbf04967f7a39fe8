"""The picture of one workload: the entities it talks with and the communications between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netsec_tui.model.communication import Via
from netsec_tui.model.decision import GeneralRule, ManualRule
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import CommunicationKey, Direction, Peer
from netsec_tui.model.review import Standing


@dataclass(frozen=True, slots=True)
class Entity:
    """Hold one end of communications; ``selected`` is blue in the documents, everything else black.

    An alias, the cluster DNS and the API server are one entity each, whatever their addresses. A CIDR of
    a manual rule is a peer of sort ADDRESS and kind ``CIDR``. ``ports`` are
    those it listens on, as text. ``ingress`` and ``egress`` count the
    communications that the entity has with the selected workload in that direction.
    """

    peer: Peer
    selected: bool = False
    labels: Labels = ()
    services: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    ingress: int = 0
    egress: int = 0


@dataclass(frozen=True, slots=True)
class Edge:
    """Hold one communication, or one manual rule that stands even without flows.

    Exactly one of ``key`` and ``rule`` is set; ``index`` is the rule's place in its direction. ``allowed``
    is the documents' black: the generated policy lets it through; else the line is red. ``applied`` names
    applied policies that allow a red one anyway. ``open`` marks a red one that is let through in part, or of
    which that cannot be told.
    """

    direction: Direction
    peer: Peer
    allowed: bool
    standing: Standing
    key: CommunicationKey | None = None
    rule: ManualRule | None = None
    index: int = 0
    via: tuple[Via, ...] = ()
    reason: str = ""
    allowed_by: str = ""
    applied: tuple[str, ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """Hold one direction: its edges in the order of the drawing, its general rule and what that means."""

    direction: Direction
    general: GeneralRule
    note: str
    edges: tuple[Edge, ...]

    @property
    def allowed(self) -> int:
        """Return how many edges the generated policy allows."""
        return sum(edge.allowed for edge in self.edges)


@dataclass(frozen=True)
class Topology:
    """Hold the whole picture; ``covered`` are the pod owners behind a Service, selected like it.

    ``entities`` holds every end of every edge, the workload and the covered owners included. ``refusal``
    is one sentence when no policy can be made, and then no edge is allowed by one.
    """

    selected: Entity
    covered: tuple[Entity, ...]
    entities: Mapping[Peer, Entity]
    ingress: Side
    egress: Side
    refusal: str = ""

    def of(self, direction: Direction) -> Side:
        """Return one direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress
