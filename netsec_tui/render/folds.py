"""Many peers of one sort behind one line with counts, so that 300 peers stay a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netsec_tui.model.identity import Peer, PeerSort
from netsec_tui.model.topology import Edge, Side
from netsec_tui.render.cells import cell_width, fit
from netsec_tui.render.glyphs import Glyphs
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import FoldTarget

FOLD_OVER = 15
"""A namespace, the nodes or the addresses fold when they have more peers than this."""

_LEAST_PLACE = 5
"""Cells below which a namespace's name says nothing."""

_GROUP_NAMES = {"nodes": "nodes", "addresses": "unresolved IPs"}


@dataclass(frozen=True, slots=True)
class Fold:
    """Hold the edges behind one line; ``expanded`` means that they follow as lines of their own."""

    target: FoldTarget
    edges: tuple[Edge, ...]
    expanded: bool = False

    @property
    def peers(self) -> int:
        """Return how many different peers are folded."""
        return len({edge.peer for edge in self.edges})

    @property
    def refused(self) -> int:
        """Return how many communications the generated policy does not allow."""
        return sum(not edge.allowed for edge in self.edges)

    @property
    def allowed(self) -> bool:
        """Tell whether the line is black: the generated policy allows at least one communication."""
        return self.refused < len(self.edges)

    @property
    def applied(self) -> bool:
        """Tell whether an applied policy lets a communication through that the generated one does not."""
        return any(edge.applied and not edge.allowed for edge in self.edges)

    def words(self, width: int, glyphs: Glyphs) -> tuple[str, str]:
        """Return for instance ``▸ 302 peers in b, `` and ``1 not allowed``, together at most ``width`` cells.

        Where room is short the name is cut, then left out; the counts stay.
        """
        start = f"{glyphs.unfolded if self.expanded else glyphs.folded} {self.peers}"
        short = f"{self.refused} {glyphs.refused_head}" if self.refused else ""
        for verdict in (self._verdict, short):
            end = ", " if verdict else ""
            room = width - cell_width(start + end + verdict)
            ways = self._places(room, glyphs.ellipsis, last=verdict == short)
            fitting = (way for way in ways if cell_width(way) <= room)
            if (place := next(fitting, None)) is not None:
                return start + place + end, verdict
        return fit(start, width, glyphs.ellipsis), ""

    def _places(self, room: int, ellipsis: str, *, last: bool) -> list[str]:
        """Return how to say what is folded, the best way first; a name is cut as the last resort."""
        group = self.target.group
        if group in _GROUP_NAMES:
            return [f" {_GROUP_NAMES[group]}", *([""] if last else [])]
        place = literal(group.removeprefix("ns:"))
        ways = [f" {'peer' if self.peers == 1 else 'peers'} in {place}", f" in {place}"]
        return [*ways, f" in {fit(place, max(room - 4, _LEAST_PLACE), ellipsis)}", ""] if last else ways

    @property
    def _verdict(self) -> str:
        count = len(self.edges)
        if not self.refused:
            return "all allowed"
        if self.refused == count:
            return "none allowed"
        return f"{self.refused}{f' of {count}' if count != self.peers else ''} not allowed"


def items(side: Side, expanded: frozenset[FoldTarget], fold_over: int = FOLD_OVER) -> Iterator[Edge | Fold]:
    """Yield the edges of a side in order, each large group as one Fold and, where expanded, its edges."""
    groups: dict[str, list[Edge]] = {}
    for edge in side.edges:
        groups.setdefault(_group_of(edge), []).append(edge)
    large = {
        group: Fold(target, tuple(edges), target in expanded)
        for group, edges in groups.items()
        if group and len({edge.peer for edge in edges}) > fold_over
        for target in (FoldTarget(side.direction, group),)
    }
    told: set[str] = set()
    for edge in side.edges:
        fold = large.get(_group_of(edge))
        if fold is not None and fold.target.group not in told:
            told.add(fold.target.group)
            yield fold
        if fold is None or fold.expanded:
            yield edge


def fold_group(peer: Peer) -> str:
    """Return the group that a peer may fold into, empty for what always has a line of its own."""
    if peer.sort in (PeerSort.OWNER, PeerSort.SERVICE):
        return f"ns:{peer.namespace}"
    if peer.sort is PeerSort.ADDRESS and peer.kind != "CIDR":
        return "addresses"
    return "nodes" if peer.sort is PeerSort.NODE else ""


def group_name(group: str) -> str:
    """Return what the peers of a group have in common, for a sentence."""
    return _GROUP_NAMES.get(group) or f"namespace {literal(group.removeprefix('ns:'))}"


def _group_of(edge: Edge) -> str:
    return "" if edge.rule is not None else fold_group(edge.peer)
