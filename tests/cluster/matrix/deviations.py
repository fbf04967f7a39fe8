"""Where the enforcer is known to differ from the evaluator, with the reason; nothing else is excused."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netsec_tui.core.evaluate import Policies
from netsec_tui.model.connection import EndPod, Outcome
from netsec_tui.model.policy import NetworkPolicy, PolicyRule
from tests.cluster.product.evaluation import Evaluation, Question


@dataclass(frozen=True)
class Deviation:
    """One way in which kube-network-policies reads policies differently."""

    name: str
    reason: str

    def outcome(self, evaluation: Evaluation, question: Question) -> Outcome:
        """Return what the evaluator says when it reads egress rules as the enforcer does."""
        destination = evaluation.pods[question.destination]
        policies = Policies(_numbered(policy, destination) for policy in evaluation.policies.all)
        return Evaluation(evaluation.inventory, policies).outcome(question)


NAMED_PORT_OF_BLOCK = Deviation(
    "a named port of an egress rule with an ipBlock",
    "kube-network-policies 1.1.1 resolves the name at the pod that has the address: evaluateEgress asks for "
    "the ports before it looks at the peer (pkg/networkpolicy/networkpolicy.go). A name says nothing about "
    "addresses.",
)

DEVIATIONS = (NAMED_PORT_OF_BLOCK,)


def _numbered(policy: NetworkPolicy, destination: EndPod) -> NetworkPolicy:
    """Return a policy with the names of ports in egress rules put as the numbers that one pod gives them."""
    return replace(policy, egress=tuple(_rule(rule, destination) for rule in policy.egress))


def _rule(rule: PolicyRule, destination: EndPod) -> PolicyRule:
    ports = tuple(
        replace(entry, port=destination.named_ports.get((entry.port, entry.protocol), entry.port))
        if isinstance(entry.port, str)
        else entry
        for entry in rule.ports
    )
    return replace(rule, ports=ports)
