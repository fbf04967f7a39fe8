"""Compare what a direction of a policy lets through with what rows show and wider decisions say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from netsec_tui.core.cluster.pod_index import PodIndex
from netsec_tui.core.decide.standing import Case
from netsec_tui.core.evaluate.addresses import Span, address_number, block_spans, span_text
from netsec_tui.core.words import rule_port_text
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.identity import PeerSort
from netsec_tui.model.policy import IPBlock, PolicyPort, PolicyRule
from netsec_tui.model.proof import Opener
from netsec_tui.model.review import Inclusion

Entry = PolicyPort | None
"""One entry of ports, None for all ports of all protocols."""

_SHOWS_PODS = (PeerSort.OWNER, PeerSort.SERVICE, PeerSort.DNS, PeerSort.API_SERVER)

_ANYWHERE = (IPBlock("0.0.0.0/0"), IPBlock("::/0"))


class Rest(NamedTuple):
    """Hold what nobody decided: pods with their ports, addresses as (text, how many, ports)."""

    pods: Mapping[EndPod, str]
    addresses: tuple[tuple[str, int, str], ...]


class Shown:
    """Hold the pods and addresses that the rows of a direction show, by protocol and port.

    Rows that are out count too: whether these are let through is told of the row itself. A row of addresses
    shows no pod, not even one that has such an address now.
    """

    def __init__(self, cases: tuple[Case, ...], index: PodIndex) -> None:
        self.cases = cases
        self.pods: dict[tuple[str, int], int] = defaultdict(int)
        self.addresses: dict[tuple[str, int], set[tuple[int, int]]] = defaultdict(set)
        for case in cases:
            named = case.communication.peer.sort in _SHOWS_PODS
            pods = index.of_ends(case.asked.ends) if named else 0
            addresses = [address_number(ip) for end in case.asked.ends for ip in _addresses(end)]
            for port in case.asked.ports:
                self.pods[port] |= pods
                self.addresses[port].update(addresses)


class Opened:
    """Hold what the rules of one direction let through, by entry of ports."""

    def __init__(self, home: str, rules: Iterable[PolicyRule], index: PodIndex) -> None:
        self._home, self._index = home, index
        self._pods: dict[Entry, int] = defaultdict(int)
        self._blocks: dict[Entry, list[IPBlock]] = defaultdict(list)
        for rule in rules:
            for entry in rule.ports or (None,):
                pods, blocks = self._reached(rule)
                self._pods[entry] |= pods
                self._blocks[entry] += blocks

    def _reached(self, rule: PolicyRule) -> tuple[int, list[IPBlock]]:
        if not rule.peers:
            return (1 << len(self._index.groups)) - 1, list(_ANYWHERE)
        pods = 0
        for peer in rule.peers:
            pods |= self._index.of_peer(self._home, peer)
        return pods, [peer.ip_block for peer in rule.peers if peer.ip_block]

    def beyond(self, shown: Shown, inclusions: Iterable[Inclusion], *, held: Container[int]) -> Rest:
        """Return what is let through beyond the rows and the wider decisions among ``inclusions``.

        ``held`` are the IP families over which ipBlocks match pods: none where the CNI does not.
        """
        wide = [one.rule for one in inclusions if one.opener is not Opener.ROW]
        if PolicyRule() in wide:
            return Rest({}, ())
        pods: dict[EndPod, list[Entry]] = defaultdict(list)
        addresses: list[tuple[str, int, str]] = []
        for entry in sorted(self._pods, key=_entry_order):
            known = [self._reached(rule) for rule in wide if _covers(rule.ports, entry)]
            seen = shown.pods.get(_port(entry), 0)
            for groups, _ in known:
                seen |= groups
            for pod in self._index.members(self._pods[entry] & ~seen):
                pods[pod].append(entry)
            single = shown.addresses.get(_port(entry), set())
            for pod in self._held(self._blocks[entry], held):
                if not self._index.of_ends((pod,)) & seen and entry not in pods[pod]:
                    pods[pod].append(entry)
            blocks = [block for block in self._blocks[entry] if _only(block) not in single]
            decided = [block for _, blocks_known in known for block in blocks_known]
            addresses += _unshown(blocks, decided, single, entry)
        return Rest({pod: _texts(entries) for pod, entries in pods.items() if entries}, tuple(addresses))

    def _held(self, blocks: Iterable[IPBlock], families: Container[int]) -> Iterator[EndPod]:
        for block in blocks:
            yield from self._index.within(block, families)


def _addresses(end: End) -> tuple[str, ...]:
    return (end,) if isinstance(end, str) else end.ips


def _unshown(
    blocks: list[IPBlock], decided: list[IPBlock], single: set[tuple[int, int]], entry: Entry
) -> Iterator[tuple[str, int, str]]:
    told = set(decided)
    left = [span for block in blocks if block not in told for span in block_spans(block)]
    if not left:
        return
    cuts = [span for block in decided for span in block_spans(block)]
    cuts += [Span(family, number, number) for family, number in single]
    for span in subtract(left, cuts):
        yield span_text(span), span.last - span.first + 1, rule_port_text(entry)


def subtract(spans: Iterable[Span], cuts: Iterable[Span]) -> list[Span]:
    """Return what is left of some spans without others, in order and each address once."""
    left: list[Span] = []
    ordered = sorted(cuts)
    for family, first, last in sorted(spans):
        position = first
        if left and left[-1].family == family:
            position = max(position, left[-1].last + 1)
        for cut in ordered:
            if cut.family != family or cut.last < position:
                continue
            if cut.first > last:
                break
            if cut.first > position:
                left.append(Span(family, position, cut.first - 1))
            position = max(position, cut.last + 1)
        if position <= last:
            left.append(Span(family, position, last))
    return left


def _only(block: IPBlock) -> tuple[int, int] | None:
    """Return the address of an ipBlock that holds just one."""
    spans = block_spans(block)
    if len(spans) == 1 and spans[0].first == spans[0].last:
        return spans[0].family, spans[0].first
    return None


def _port(entry: Entry) -> tuple[str, int]:
    """Return the (protocol, port) by which rows know an entry; a range is no row's."""
    if entry is None or not isinstance(entry.port, int) or entry.end_port:
        return "", 0
    return entry.protocol, entry.port


def _covers(ports: tuple[PolicyPort, ...], entry: Entry) -> bool:
    return not ports or (entry is not None and any(_holds(port, entry) for port in ports))


def _holds(port: PolicyPort, entry: PolicyPort) -> bool:
    if port.protocol != entry.protocol:
        return False
    if port.port is None or port == entry:
        return True
    if not isinstance(port.port, int) or not isinstance(entry.port, int):
        return False
    return port.port <= entry.port and (entry.end_port or entry.port) <= (port.end_port or port.port)


def _entry_order(entry: Entry) -> tuple[str, int, int]:
    if entry is None:
        return "", 0, 0
    number = entry.port if isinstance(entry.port, int) else 0
    return entry.protocol, number, entry.end_port or number


def _texts(entries: Iterable[Entry]) -> str:
    return ", ".join(map(rule_port_text, entries))
