"""Topology -> lines of text that fit a width: the hub where there is room, else stacked."""

from __future__ import annotations

from netsec_tui.model.topology import Topology
from netsec_tui.render.folds import FOLD_OVER, items
from netsec_tui.render.glyphs import UNICODE, Glyphs
from netsec_tui.render.hub import fits, hub
from netsec_tui.render.parts import Pen, legend, refusal_lines
from netsec_tui.render.spans import FoldTarget, Line
from netsec_tui.render.stacked import stacked

HUB_WIDTH = 80
HUB_LEAST = 70
"""The hub is drawn from HUB_WIDTH on, from HUB_LEAST on where it cuts no name."""
MIN_WIDTH = 40


def topology_lines(
    topology: Topology,
    width: int,
    glyphs: Glyphs = UNICODE,
    expanded: frozenset[FoldTarget] = frozenset(),
    fold_over: int = FOLD_OVER,
) -> list[Line]:
    """Return the drawing, no line wider than ``width`` cells (at least MIN_WIDTH is drawn).

    ``expanded`` are the folds that show their edges; ``fold_over`` how many peers of a namespace, how
    many nodes or unresolved addresses stand on lines of their own. Every communication, entity
    and fold drawn is the target of its spans.
    """
    width = max(width, MIN_WIDTH)
    pen = Pen(topology, glyphs)
    left = list(items(topology.ingress, expanded, fold_over))
    right = list(items(topology.egress, expanded, fold_over))
    as_hub = width >= HUB_WIDTH or (width >= HUB_LEAST and fits(left, right, width, pen))
    layout = hub if as_hub else stacked
    return [
        *refusal_lines(topology, width),
        *layout(left, right, width, pen),
        Line(),
        *legend([*left, *right], pen, width),
    ]
