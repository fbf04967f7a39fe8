"""What the operator decides: ticks, general rules, manual CIDR rules, aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from netsec_tui.model.communication import Via
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, Direction


class GeneralRule(StrEnum):
    """Name the general rules of the documents; ROWS_DECIDE is the default."""

    ROWS_DECIDE = "Rows decide"
    BLOCK_ALL = "Block All"
    INSIDE_NAMESPACE = "Allow All Inside Namespace"
    ALLOW_ALL = "Allow All"


@dataclass(frozen=True, slots=True)
class PortRange:
    """Hold ports from ``first`` to ``last``, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class ManualRule:
    """Hold an "Allow Egress to IP mask" (or "ingress from") rule.

    ``cidr`` is canonical. No ``protocol`` means every protocol and port; no ``ports`` every port of it.
    """

    direction: Direction
    cidr: str
    protocol: Protocol | None = None
    ports: tuple[PortRange, ...] = ()

    @property
    def port_text(self) -> str:
        """Return the ports for a person, for instance ``443,8000-8080/TCP`` or ``all ports``."""
        if self.protocol is None:
            return "all ports"
        ports = ",".join(map(str, self.ports)) or "all ports"
        return f"{ports}/{self.protocol}"

    def __str__(self) -> str:
        return f"{self.cidr} {self.port_text}"


@dataclass(frozen=True, slots=True)
class Alias:
    """Give a name to addresses and ranges; ``entries`` are canonical CIDRs, sorted, /32 and /128 included."""

    name: str
    entries: tuple[str, ...]
    allowed: bool = False


Ticks = Mapping[CommunicationKey, bool]
"""Explicit ticks only; a key that is absent follows its default."""


@dataclass(frozen=True, slots=True)
class StoodFor:
    """Hold what a row opened when it was ticked, as far as its key does not tell; empty is not known.

    ``addresses`` are those of a node, the entries of an alias, or the endpoints of a Service that are no
    pods. ``ports`` are the pod ports behind a Service, ``selector`` its labels as ``app=web,tier=front``.
    """

    addresses: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    selector: str = ""


NOTHING = StoodFor()
"""What is known of a row when its key tells all."""


@dataclass(frozen=True, slots=True)
class DirectionDecisions:
    """Hold the decisions of one direction; each general rule keeps ticks of its own.

    ``dns`` is the explicit tick of the DNS row, None for the default: it is shared by the general rules.
    ``held`` are rows, by their ``lasting`` keys, that could not be selected for want of a namespace label:
    once they can, they are out until they are ticked, whatever was ticked before. ``reviewed`` is what a
    decisions file knows, None without one: other rows are new and start out.
    ``via`` are the Service ports behind ticked rows of Services, to write their rules once they are not seen.
    ``stood`` is what ticked rows of nodes, aliases and Services stood for then: what more they open since
    was never decided on, so such a row is out until it is ticked again.
    """

    general: GeneralRule = GeneralRule.ROWS_DECIDE
    ticks: Mapping[GeneralRule, Ticks] = field(default_factory=dict)
    manual: tuple[ManualRule, ...] = ()
    dns: bool | None = None
    held: frozenset[CommunicationKey] = frozenset()
    reviewed: frozenset[CommunicationKey] | None = None
    via: Mapping[CommunicationKey, tuple[Via, ...]] = field(default_factory=dict)
    stood: Mapping[CommunicationKey, StoodFor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decisions:
    """Hold everything decided for one workload; ``notes`` tell what loading a decisions file has changed."""

    ingress: DirectionDecisions = DirectionDecisions()
    egress: DirectionDecisions = DirectionDecisions()
    notes: tuple[str, ...] = ()

    @property
    def loaded(self) -> bool:
        """Tell whether they come from a decisions file."""
        return any(side.reviewed is not None for side in (self.ingress, self.egress))

    def of(self, direction: Direction) -> DirectionDecisions:
        """Return the decisions of one direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress
