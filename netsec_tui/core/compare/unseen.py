"""List what policies would let a workload talk to, and who may talk to it, that no row shows.

Owners are compared as a whole: a connection counts when it is open between any two pods. Pods on the host
network are not asked about, and what other kinds of policy may overrule is not known here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.row_ends import RowEnds
from netsec_tui.core.compare.trim import Number, Trimmed, holding, within
from netsec_tui.core.evaluate import Connectivity, Policies, PortSet, connectivity
from netsec_tui.core.evaluate.addresses import address_number, block_spans
from netsec_tui.core.evaluate.bits import members
from netsec_tui.core.evaluate.ports import PROTOCOLS, PortAtoms, port_entries
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import EndPod
from netsec_tui.model.decision import PortRange
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.policy import IPBlock
from netsec_tui.model.review import Subject
from netsec_tui.model.whatif import Unseen

_Port = tuple[str, int]
_EXCEPTIONS = 3
"""Owners open on all ports are told in one line when no more than so many others are not."""


class Seen(NamedTuple):
    """Hold whom rows show on which ports: pod owners, and addresses as (family, number)."""

    owners: Mapping[tuple[Direction, WorkloadRef], set[_Port]]
    addresses: Mapping[tuple[Direction, Number], set[_Port]]

    @classmethod
    def of(cls, rows: Iterable[Communication], ends: RowEnds) -> Seen:
        """Gather what rows show; one may have no traffic, as that of a DNS which was not asked yet."""
        seen = cls(defaultdict(set), defaultdict(set))
        for row in rows:
            direction = row.key.direction
            ports = {(str(protocol), port) for protocol, port in ends.ports(row)}
            for end in ends.peers(row):
                if isinstance(end, str):
                    seen.addresses[direction, address_number(end)] |= ports
                else:
                    seen.owners[direction, end.ref] |= ports
        return seen


def never_seen(
    policies: Policies,
    ground: Ground,
    subject: Subject,
    ends: RowEnds,
    seen: Seen,
) -> tuple[Unseen, ...]:
    """Return lines for pod owners and addresses."""
    own = tuple(end for end in ends.own if isinstance(end, EndPod))
    if not own:
        return ()
    lines: list[Unseen] = []
    opened = _open_to_owners(policies, ground, own)
    for direction in Direction:
        addresses = _open_to_addresses(policies, own, direction)
        lines += _address_lines(direction, addresses, seen)
        lines += _owner_lines(direction, subject, opened[direction], seen)
    return tuple(lines)


# -- pod owners --------------------------------------------------------------------------------------------


def _open_to_owners(
    policies: Policies, ground: Ground, own: tuple[EndPod, ...]
) -> dict[Direction, dict[WorkloadRef, PortSet]]:
    """Return for each direction every other owner with the ports that are open, none of them too."""
    state = ground.state
    mine = set(map(id, own))
    ours = {pod.ref for pod in own}
    pods = (*own, *(p for p in ground.pods if id(p) not in mine and p.ref not in ours))
    # What no pod has an address in means nothing for connections between pods.
    near = Trimmed(policies.all, holding(pods if state.ipblock_matches_pods else ())).policies
    matrix = connectivity(near.all, pods, ipblock_matches_pods=state.ipblock_matches_pods)
    masks: dict[Direction, dict[WorkloadRef, int]] = {d: defaultdict(int) for d in Direction}
    reach = _reach(matrix, {n for n, group in enumerate(matrix.pods.pods) for p in group if id(p) in mine})
    for number, group in enumerate(matrix.pods.pods):
        for ref in {pod.ref for pod in group} - ours:
            for direction in Direction:
                masks[direction][ref] |= reach[direction].get(number, 0)
    return {d: {ref: matrix.atoms.ports(mask) for ref, mask in masks[d].items()} for d in Direction}


def _reach(matrix: Connectivity, own: set[int]) -> dict[Direction, dict[int, int]]:
    """Map each class to the ports open between it and any of our own classes, by direction."""
    reach: dict[Direction, dict[int, int]] = {d: defaultdict(int) for d in Direction}
    bits = sum(1 << number for number in own)
    for number, row in enumerate(matrix.rows[: len(matrix.pods.pods)]):
        for sources, ports in row:
            if sources & bits:
                reach[Direction.EGRESS][number] |= ports
            if number in own:
                for source in members(sources):
                    reach[Direction.INGRESS][source] |= ports
    return reach


def _owner_lines(
    direction: Direction, subject: Subject, opened: Mapping[WorkloadRef, PortSet], seen: Seen
) -> Iterator[Unseen]:
    wide = [ref for ref, ports in opened.items() if ports.everything]
    others = sorted(ref for ref in opened if not opened[ref].everything)
    folded = len(wide) > _EXCEPTIONS >= len(others)
    if folded:
        but = f" but {', '.join(_name(ref, subject) for ref in others)}" if others else ""
        yield Unseen(direction, f"all other pod owners ({len(wide):,}){but}", "all ports", len(wide))
    for ref in others if folded else sorted(opened):
        known = seen.owners.get((direction, ref), set())
        ports = _text(opened[ref], known)
        if ports:
            yield Unseen(direction, _name(ref, subject), ports)


def _name(ref: WorkloadRef, subject: Subject) -> str:
    return str(ref) if ref.namespace == subject.ref.namespace else f"{ref.namespace}/{ref}"


# -- addresses ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Opened:
    """Hold the ports open to every address (``anywhere``) and to the addresses of blocks."""

    anywhere: PortSet
    blocks: Mapping[IPBlock, PortSet]


def _open_to_addresses(policies: Policies, own: tuple[EndPod, ...], direction: Direction) -> _Opened:
    """Return what any of our pods may exchange with addresses; only our own side has a say."""
    named = [pod.named_ports for pod in own]
    atoms = PortAtoms(port_entries(policies.all), named)
    masks: dict[IPBlock | None, int] = defaultdict(int)
    for pod in {(p.namespace, p.labels, p.ports): p for p in own}.values():
        selecting = policies.selecting(pod, direction)
        if not selecting:
            masks[None] = atoms.everything
        names = pod.named_ports if direction is Direction.INGRESS else {}
        for rule in (rule for policy in selecting for rule in policy.rules(direction)):
            mask = atoms.entries_mask(rule.ports, names)
            blocks: list[IPBlock | None] = [p.ip_block for p in rule.peers if p.ip_block]
            for block in blocks if rule.peers else [None]:
                masks[block] |= mask
    anywhere = masks.pop(None, 0)
    blocks_open = {block: atoms.ports(mask & ~anywhere) for block, mask in masks.items() if block}
    return _Opened(atoms.ports(anywhere), blocks_open)


def _address_lines(direction: Direction, opened: _Opened, seen: Seen) -> Iterator[Unseen]:
    if opened.anywhere:
        yield Unseen(direction, "any address", str(opened.anywhere))
    by_port: dict[_Port, list[Number]] = defaultdict(list)
    for (side, number), ports in seen.addresses.items():
        for port in ports if side is direction else ():
            by_port[port].append(number)
    for numbers in by_port.values():
        numbers.sort()
    for block, ports_open in opened.blocks.items():
        text = _text(ports_open, _seen_everywhere(block, direction, seen, by_port))
        if text:
            cut = f" except {', '.join(block.excepts)}" if block.excepts else ""
            yield Unseen(direction, f"{block.cidr}{cut}", text)


def _seen_everywhere(
    block: IPBlock, direction: Direction, seen: Seen, by_port: Mapping[_Port, list[Number]]
) -> set[_Port]:
    """Return the ports on which every address of a block was seen."""
    spans = block_spans(block)
    width = sum(span.last - span.first + 1 for span in spans)
    if width == 1:
        return seen.addresses.get((direction, (spans[0].family, spans[0].first)), set())
    return {
        port
        for port, numbers in by_port.items()
        if sum(within(numbers, span.family, span.first, span.last) for span in spans) == width
    }


# -- ports -------------------------------------------------------------------------------------------------


def _text(opened: PortSet, known: set[_Port]) -> str:
    """Return the open ports without those that were seen, empty when nothing is left."""
    inside = sorted(port for port in known if port[0] in PROTOCOLS and opened.covers(*port))
    if opened.everything and inside:
        return f"all ports but {'; '.join(f'{protocol} {port}' for protocol, port in inside)}"
    ranges = (
        tuple(_without(opened[index], {number for name, number in inside if name == protocol}))
        for index, protocol in enumerate(PROTOCOLS)
    )
    rest = PortSet(*ranges)
    return str(rest) if rest else ""


def _without(ranges: Iterable[PortRange], numbers: set[int]) -> Iterator[PortRange]:
    for whole in ranges:
        first = whole.first
        for number in sorted(n for n in numbers if whole.first <= n <= whole.last):
            if number > first:
                yield PortRange(first, number - 1)
            first = number + 1
        if first <= whole.last:
            yield PortRange(first, whole.last)
