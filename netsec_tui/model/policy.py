"""NetworkPolicy in the API's own words (networking.k8s.io/v1), as far as it is generated or read."""

from __future__ import annotations

from dataclasses import dataclass

from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import Direction


@dataclass(frozen=True, slots=True)
class Requirement:
    """Hold one matchExpressions entry: operator In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Select by labels; no labels and no expressions select everything (LabelSelector, meta/v1)."""

    match_labels: Labels = ()
    match_expressions: tuple[Requirement, ...] = ()

    @property
    def everything(self) -> bool:
        """Tell whether the selector is empty and so matches everything."""
        return not self.match_labels and not self.match_expressions


@dataclass(frozen=True, slots=True)
class IPBlock:
    """Hold an ipBlock: canonical CIDR text and the CIDRs cut out of it."""

    cidr: str
    excepts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyPeer:
    """Hold one entry of from/to: an ipBlock, or selectors that are ANDed (NetworkPolicyPeer)."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


@dataclass(frozen=True, slots=True)
class PolicyPort:
    """Hold one entry of ports; ``port`` None means every port of the protocol (NetworkPolicyPort)."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """Hold one ingress or egress rule; empty peers mean any peer, empty ports any port."""

    peers: tuple[PolicyPeer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Hold one NetworkPolicy after API defaulting: ``policy_types`` is never empty."""

    namespace: str
    name: str
    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[Direction, ...] = (Direction.INGRESS, Direction.EGRESS)
    ingress: tuple[PolicyRule, ...] = ()
    egress: tuple[PolicyRule, ...] = ()

    def rules(self, direction: Direction) -> tuple[PolicyRule, ...]:
        """Return the rules of one direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress
