"""Many peers of one sort behind one line with counts, so that 300 peers stay a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netsec_tui.model.identity import Peer, PeerSort
from netsec_tui.model.topology import Edge, Side
from netsec_tui.render.cells import cell_width, fit
from netsec_tui.render.glyphs import Glyphs
from netsec_tui.render.literal import literal
from netsec_tui.render.names import plural
from netsec_tui.render.spans import FoldTarget

FOLD_OVER = 15
"""A namespace, the nodes or the addresses fold when they have more peers than this."""

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
    def applied(self) -> bool:
        """Tell whether an applied policy lets a communication through that the generated one does not."""
        return any(edge.applied and not edge.allowed for edge in self.edges)

    def text(self, width: int, glyphs: Glyphs) -> str:
        """Return for instance ``▸ ns2/… 14 peers``; the count outlives the name when that is cut."""
        sign = glyphs.unfolded if self.expanded else glyphs.folded
        group = self.target.group
        if group in _GROUP_NAMES:
            count = f"{sign} {self.peers} "
            return count + fit(_GROUP_NAMES[group], width - cell_width(count), glyphs.ellipsis)
        counts = (f"/{glyphs.ellipsis} {plural(self.peers, 'peer')}", f"{glyphs.ellipsis} {self.peers}")
        count = next((text for text in counts if cell_width(text) + 6 <= width), counts[-1])
        place = fit(literal(group.removeprefix("ns:")), width - cell_width(count) - 2, glyphs.ellipsis)
        return f"{sign} {place}{count}"

    @property
    def verdict(self) -> str:
        """Return the count that matters: what is not allowed, else that all is."""
        return f"{self.refused} not allowed" if self.refused else f"{len(self.edges)} allowed"


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
