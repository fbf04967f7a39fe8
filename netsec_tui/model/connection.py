"""One connection that policies are asked about, and the answer for both of its sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from netsec_tui.model.flow import Labels, Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.inventory import ContainerPort

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that the API server puts on every Namespace (GA since Kubernetes 1.22)."""


@dataclass(frozen=True)
class EndPod:
    """Hold a pod as policies see it.

    ``namespace_labels`` None means that nobody told them: then only the namespace's name is matched.
    ``ips`` is empty while the pod has no address. ``synthetic`` marks a pod that stands for those that an
    owner would make next. Without slots, so that the look-ups below are made once.
    """

    namespace: str
    name: str
    labels: Labels = ()
    namespace_labels: Labels | None = None
    ips: tuple[str, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    host_network: bool = False
    node: str = ""
    owner: WorkloadRef | None = None
    synthetic: bool = False

    @cached_property
    def label_map(self) -> Mapping[str, str]:
        """Return the labels for matching."""
        return dict(self.labels)

    @cached_property
    def namespace_label_map(self) -> Mapping[str, str]:
        """Return the namespace's labels for matching, its name label always among them."""
        return {NAMESPACE_NAME_LABEL: self.namespace} | dict(self.namespace_labels or ())

    @cached_property
    def named_ports(self) -> Mapping[tuple[str, str], int]:
        """Map (port name, protocol) to a number; of two containers with the same name the first counts."""
        return {(p.name, str(p.protocol)): p.port for p in reversed(self.ports) if p.name}

    @property
    def ref(self) -> WorkloadRef:
        """Return the owner, or the pod itself when it has none."""
        return self.owner or WorkloadRef("Pod", self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


End = EndPod | str
"""One end of a connection: a pod, or the text of an IP address."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Ask about opening a connection; ``port`` is the destination pod's own port, not a Service's.

    ``family`` is 4 or 6, None when it is not known. ``through_service`` means that the opener dialled a
    Service which led to ``destination``. ``source_translated`` means that a node or load balancer may have
    put its own address in place of the source's.
    """

    source: End
    destination: End
    protocol: Protocol
    port: int
    family: int | None = None
    through_service: bool = False
    source_translated: bool = False


class Outcome(StrEnum):
    """Name the three answers of an evaluation."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNDECIDED = "undecided"


class Doubt(StrEnum):
    """Say why a side cannot be decided; the value is the sentence for a person."""

    HOST_NETWORK = "a pod on the host network: whether policies see it as a pod is up to the CNI"
    OWN_NODE = "a pod and its own node: whether policies hold back this traffic is up to the CNI"
    NODE_UNKNOWN = "it is not known whether the other end is on the pod's own node"
    NEXT_POD_NODE = "an owner's next pod may run on that very node"
    NODE_ADDRESS = "whether this CNI's ipBlock matches a node's address depends on its configuration"
    HAIRPIN = "a pod reaching itself through a Service: whether policies apply is up to the CNI"
    SERVICE_ADDRESS = "a Service's address: policies act on the pods behind it, which are not known or differ"
    TRANSLATED = "a node or load balancer may have replaced the source address before the policy sees it"
    NOT_TRANSPORT = "a NetworkPolicy says nothing of this protocol: it is up to the CNI"
    FAMILIES_DIFFER = "the answer differs between IPv4 and IPv6"
    UNKNOWN_POD = "the address is in the pods' range, but which pod has it is not known"
    PORT_UNKNOWN = "its listening port is not known"
    ADDRESS_UNKNOWN = "an ipBlock may match the pod's address, which is not known"
    UNREAD = "what a NetworkPolicy says is not known"
    OVERRIDDEN = "another kind of policy may override"


@dataclass(frozen=True, slots=True)
class RuleRef:
    """Point at a policy, and at one of its rules counted from 0; None means the policy as a whole."""

    namespace: str
    policy: str
    direction: Direction
    index: int | None = None

    def __str__(self) -> str:
        rule = "" if self.index is None else f" {self.direction}[{self.index}]"
        return f"{self.namespace}/{self.policy}{rule}"


@dataclass(frozen=True, slots=True)
class SideVerdict:
    """Hold the answer for one side.

    ``isolated_by`` are all policies that isolate the pod in this direction, ``allowed_by`` all rules that
    allow the connection. ``doubt`` is set exactly when the outcome is UNDECIDED; the two tuples then tell
    what the policies alone say. ``notes`` are sentences about what the answer rests on.
    """

    outcome: Outcome
    isolated_by: tuple[RuleRef, ...] = ()
    allowed_by: tuple[RuleRef, ...] = ()
    doubt: Doubt | None = None
    notes: tuple[str, ...] = ()

    @property
    def deciding(self) -> tuple[RuleRef, ...]:
        """Return the rules that allow, else the policies that isolate; empty when none selects the pod."""
        return self.allowed_by or self.isolated_by


@dataclass(frozen=True, slots=True)
class ConnectionVerdict:
    """Hold the answer for both sides; an end that is no pod has nothing to say and counts as allowed."""

    egress: SideVerdict
    ingress: SideVerdict

    @property
    def outcome(self) -> Outcome:
        """Return whether the connection comes about: both sides must allow it, and either can refuse."""
        outcomes = (self.egress.outcome, self.ingress.outcome)
        for outcome in (Outcome.DENIED, Outcome.UNDECIDED):
            if outcome in outcomes:
                return outcome
        return Outcome.ALLOWED

    def side(self, direction: Direction) -> SideVerdict:
        """Return the answer of one side."""
        return self.ingress if direction is Direction.INGRESS else self.egress
