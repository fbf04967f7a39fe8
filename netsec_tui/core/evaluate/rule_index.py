"""Find the rules of a long policy that may match a peer, without asking each of thousands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from netsec_tui.core.evaluate.addresses import address_number, cidr_span
from netsec_tui.model.flow import Labels
from netsec_tui.model.policy import PolicyPeer, PolicyRule

Numbered = tuple[int, PolicyRule]
"""A rule with its place among the rules of its direction."""


class RuleIndex:
    """Sort the peers of rules by what they require: one address, one label, or anything else."""

    def __init__(self, rules: Iterable[PolicyRule]) -> None:
        self._rules = tuple(rules)
        self._always: dict[int, list[PolicyPeer]] = defaultdict(list)
        self._at_address: dict[tuple[int, int], list[tuple[int, PolicyPeer]]] = defaultdict(list)
        self._with_label: dict[tuple[str, str], list[tuple[int, PolicyPeer]]] = defaultdict(list)
        for number, rule in enumerate(self._rules):
            for peer in rule.peers:
                self._put(number, peer)
        self._open = [number for number, rule in enumerate(self._rules) if not rule.peers]

    def _put(self, number: int, peer: PolicyPeer) -> None:
        if peer.ip_block is not None:
            span = cidr_span(peer.ip_block.cidr)
            if span.first == span.last:
                self._at_address[span.family, span.first].append((number, peer))
                return
        elif peer.pod_selector is not None and peer.pod_selector.match_labels:
            self._with_label[peer.pod_selector.match_labels[-1]].append((number, peer))
            return
        self._always[number].append(peer)

    def near(self, labels: Labels, addresses: Iterable[str]) -> Iterator[Numbered]:
        """Yield, in order, the rules that may match a peer, each with only those of its peers that may."""
        found: dict[int, list[PolicyPeer]] = {number: list(peers) for number, peers in self._always.items()}
        for pair in labels:
            for number, peer in self._with_label.get(pair, ()):
                found.setdefault(number, []).append(peer)
        for address in addresses:
            for number, peer in self._at_address.get(address_number(address), ()):
                found.setdefault(number, []).append(peer)
        for number in sorted([*found, *self._open]):
            rule = self._rules[number]
            yield number, PolicyRule(tuple(found[number]), rule.ports) if rule.peers else rule
