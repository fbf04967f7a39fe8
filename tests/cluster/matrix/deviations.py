"""Where the enforcer is known to differ from the evaluator, with the reason; nothing else is excused."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from netsec_tui.core.evaluate import Policies
from netsec_tui.model.connection import EndPod, Outcome
from netsec_tui.model.policy import IPBlock, NetworkPolicy, PolicyRule
from tests.cluster.product.evaluation import Evaluation, Question


@dataclass(frozen=True)
class Deviation:
    """One way in which kube-network-policies reads policies differently."""

    name: str
    reason: str

    def outcome(self, evaluation: Evaluation, question: Question) -> Outcome:
        """Return what the evaluator says when it reads egress rules as the enforcer does."""
        destination = evaluation.pods[question.destination]
        address = evaluation.address(question.destination, question.family)
        policies = Policies(_numbered(policy, destination, address) for policy in evaluation.policies.all)
        return Evaluation(evaluation.inventory, policies).outcome(question)


NAMED_PORT_OF_BLOCK = Deviation(
    "a named port of an egress rule with an ipBlock",
    "kube-network-policies 1.1.1 resolves the name at the pod that has the address: evaluateEgress asks for "
    "the ports before it looks at the peer (pkg/networkpolicy/networkpolicy.go). A name says nothing about "
    "addresses.",
)

DEVIATIONS = (NAMED_PORT_OF_BLOCK,)


def _numbered(policy: NetworkPolicy, destination: EndPod, address: str) -> NetworkPolicy:
    """Return a policy whose egress rules let through what their blocks and one pod's names let through."""
    blocks = tuple(
        rule for each in policy.egress if (rule := _of_blocks(each, destination, address)) is not None
    )
    return replace(policy, egress=(*policy.egress, *blocks))


def _of_blocks(rule: PolicyRule, destination: EndPod, address: str) -> PolicyRule | None:
    """Return a rule of only the blocks that hold the address, with only the names, as numbers.

    All other peers and ports stay as they are, in the rule itself; None where there is no such block or name.
    """
    peers = tuple(peer for peer in rule.peers if peer.ip_block and _holds(peer.ip_block, address))
    ports = tuple(
        replace(entry, port=number)
        for entry in rule.ports
        if isinstance(entry.port, str)
        and (number := destination.named_ports.get((entry.port, entry.protocol))) is not None
    )
    return PolicyRule(peers, ports) if peers and ports else None


def _holds(block: IPBlock, address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return ip in ipaddress.ip_network(block.cidr, strict=False) and not any(
        ip in ipaddress.ip_network(cidr, strict=False) for cidr in block.excepts
    )
