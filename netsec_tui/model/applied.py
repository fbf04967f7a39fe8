"""What the applied policies do: to a workload, in a namespace, and to a communication."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netsec_tui.model.connection import RuleRef
from netsec_tui.model.identity import Direction, Peer, WorkloadRef
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.proof import Reach


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold how far an applied policy selects a workload.

    ``pods`` of the ``of`` live pods are selected; ``coming`` tells whether those that would be made next are.
    """

    policy: AppliedPolicy
    pods: int
    of: int
    coming: bool = True

    @property
    def whole(self) -> bool:
        """Tell whether it selects every pod that is there, and those to come."""
        return self.pods == self.of and self.coming


@dataclass(frozen=True, slots=True)
class Strayed:
    """Hold an applied policy that should select a workload and does not, or only ``some`` of its pods.

    ``generated`` tells whether it has the name of what is generated for the workload, ``relabelled`` whether
    it was seen to select pods that have other labels by now.
    """

    policy: AppliedPolicy
    ref: WorkloadRef
    some: bool = False
    generated: bool = False
    relabelled: bool = False

    @property
    def sentence(self) -> str:
        """Return what has happened, and the way out."""
        applied = f"applied policy {self.policy.policy.name}"
        whom = f"all pods of {self.ref}" if self.some else str(self.ref)
        if not self.relabelled:
            told = f"has the name of the generated policy and does not select {whom}"
            return f"{applied} {told}; applying the generated one replaces it"
        way = "apply it anew" if self.generated else "adjust its podSelector"
        whose = "their" if self.some else "its"
        return f"{applied} no longer selects {whom}: {whose} labels have changed; {way}"


class Isolation(StrEnum):
    """Say whether policies hold back what goes in or out; OPEN is everything gets through."""

    ISOLATED = "isolated"
    PARTLY = "isolated in part"
    OPEN = "open"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Held:
    """Hold the applied policies on a workload, or on whatever else a peer stands for.

    ``overriding`` names the policies of other kinds, and those that could not be read, that may select it;
    ``unsure`` are the directions that these may hold back. ``pods`` counts live pods that
    policies see. Not ``selectable`` are addresses and pods on the host network (``host_network``).
    ``strayed`` are policies that should select it and do not.
    """

    peer: Peer
    holds: tuple[Hold, ...] = ()
    overriding: tuple[str, ...] = ()
    unsure: tuple[Direction, ...] = ()
    pods: int = 0
    selectable: bool = True
    host_network: bool = False
    strayed: tuple[Strayed, ...] = ()

    def isolating(self, direction: Direction) -> tuple[Hold, ...]:
        """Return the policies that isolate it, or some of its pods, in a direction."""
        return tuple(hold for hold in self.holds if direction in hold.policy.policy.policy_types)

    @property
    def lost(self) -> tuple[Strayed, ...]:
        """Return those that do not select any of its pods."""
        return tuple(one for one in self.strayed if not one.some)

    def isolation(self, direction: Direction) -> Isolation:
        """Return whether a direction is isolated; not known where only what could not be told may do so."""
        holds = self.isolating(direction)
        if holds:
            return Isolation.ISOLATED if any(hold.whole for hold in holds) else Isolation.PARTLY
        return Isolation.UNKNOWN if direction in self.unsure else Isolation.OPEN


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """Hold the workloads that an applied policy selects; ``note`` says why when it selects none."""

    policy: AppliedPolicy
    selects: tuple[tuple[Peer, Hold], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class NamespaceMap:
    """Map the applied policies of a namespace to its workloads and back, with traffic or without."""

    namespace: str
    policies: tuple[PolicyUse, ...]
    workloads: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class AppliedSide:
    """Hold what the policies on one end of a communication make of it, and why, as a clause."""

    direction: Direction
    outcome: Reach
    isolated_by: tuple[RuleRef, ...] = ()
    allowed_by: tuple[RuleRef, ...] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class AppliedVerdict:
    """Hold what the applied policies make of a communication, both ends together.

    ``why`` is one sentence about both ends, ``short`` the same without naming the communication.
    ``allowed`` of ``pairs`` pairs of pods and ports are allowed.
    """

    outcome: Reach
    why: str
    short: str
    egress: AppliedSide
    ingress: AppliedSide
    pairs: int = 0
    allowed: int = 0

    def side(self, direction: Direction) -> AppliedSide:
        """Return what is said on one side."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    @property
    def policies(self) -> tuple[tuple[str, str], ...]:
        """Return (namespace, name) of every policy that isolates either end."""
        found = (*self.egress.isolated_by, *self.ingress.isolated_by)
        return tuple(dict.fromkeys((ref.namespace, ref.policy) for ref in found))
