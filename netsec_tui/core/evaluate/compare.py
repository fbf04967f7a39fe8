"""Compare what two sets of policies allow in the same cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from netsec_tui.core.evaluate.families import Row
from netsec_tui.core.evaluate.matrix import Connectivity, Layer, connectivity
from netsec_tui.model.connection import EndPod
from netsec_tui.model.policy import NetworkPolicy


class Comparison(NamedTuple):
    """Hold what only the second set allows (``gained``) and what only the first does (``lost``)."""

    gained: Connectivity
    lost: Connectivity


def compare(
    before: Iterable[NetworkPolicy],
    after: Iterable[NetworkPolicy],
    pods: Iterable[EndPod],
    *,
    ipblock_matches_pods: bool = True,
) -> Comparison:
    """Return how what the policies alone allow changes from ``before`` to ``after``."""
    old, new, all_pods = tuple(before), tuple(after), tuple(pods)
    was = connectivity(old, all_pods, ipblock_matches_pods=ipblock_matches_pods, beside=new)
    now = connectivity(new, all_pods, ipblock_matches_pods=ipblock_matches_pods, beside=old)
    return Comparison(gained=_less(now, was), lost=_less(was, now))


def _less(whole: Connectivity, other: Connectivity) -> Connectivity:
    """Return what one allows and the other does not, over each IP family by itself."""
    pairs = zip(whole.layers, other.layers, strict=True)
    layers: list[Layer] = [
        (family, tuple(tuple(_beyond(mine, theirs)) for mine, theirs in zip(rows, others, strict=True)))
        for (family, rows), (_, others) in pairs
    ]
    return replace(whole, layers=tuple(layers))


def _beyond(row: Row, other: Row) -> Iterator[tuple[int, int]]:
    """Return the cells of a row less what another row holds; the cells of each are disjoint."""
    if row == other:
        return
    for sources, ports in row:
        rest = sources
        for theirs, held in other:
            shared = rest & theirs
            rest ^= shared
            if shared and ports & ~held:
                yield shared, ports & ~held
        if rest:
            yield rest, ports
