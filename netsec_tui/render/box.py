"""The heavy box of the selected workload, common to both layouts."""

from __future__ import annotations

from dataclasses import replace

from netsec_tui.model.topology import Entity, Topology
from netsec_tui.render.cells import cell_width, crop, fit, wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.names import bare_name, labels_text, long_kind, short_kind
from netsec_tui.render.parts import Pen, lasting
from netsec_tui.render.spans import Role, Span

_FACTS = 6
_OWNERS = 8
"""Rows of facts and of covered owners in a box at most; the detail has them all."""
_LEAST = 14
"""Cells inside a tall box at least."""


def inner_width(pen: Pen, limit: int) -> int:
    """Return the cells inside a tall box: what the names need, at most ``limit``; facts go with that."""
    names = [cell_width(_title(entity)) for entity in pen.topology.covered]
    names.append(cell_width(title(pen, limit - 2)) + 2)
    return max(_LEAST, min(limit, max(names)))


def title(pen: Pen, width: int) -> str:
    """Return what stands in the upper edge: the workload with its kind, the kind alone where it is long."""
    peer = pen.topology.selected.peer
    ways = (_title(pen.topology.selected), f"{short_kind(peer)}/{bare_name(peer)}")
    fitting = (way for way in ways if cell_width(way) <= width)
    return next(fitting, fit(long_kind(peer), width, pen.glyphs.ellipsis))


def content(pen: Pen, width: int) -> list[Span]:
    """Return the text inside a tall box, a span a row, each at most ``width`` cells.

    The name is here only where the title leaves it out. Facts are no targets: the cursor would stop at
    each, and the title stands for them.
    """
    topology, ellipsis = pen.topology, pen.glyphs.ellipsis
    peer = topology.selected.peer
    named = title(pen, width - 2).endswith(bare_name(peer))
    rows = [] if named else [Span(bare_name(peer), Role.SELECTED)]
    rows.append(Span(f"in {literal(peer.namespace)}", Role.DIM))
    if topology.covered:
        rows += [Span(""), Span("selects", Role.DIM), *_covered(topology)]
    facts = [piece for fact in fact_texts(topology.selected) for piece in _pieces(fact, width, ellipsis)]
    rows += [Span("")] if facts else []
    rows += [Span(fact, Role.DIM) for fact in facts[:_FACTS]]
    rows += [Span(f"{len(facts) - _FACTS} more", Role.DIM)] if len(facts) > _FACTS else []
    return [Span(fit(span.text, width, ellipsis), span.role, span.target) for span in rows]


def _pieces(fact: str, width: int, ellipsis: str) -> list[str]:
    return wrap(fact, width) if " " in fact else [fit(fact, width, ellipsis)]


def line(pen: Pen, width: int) -> list[Span]:
    """Return the texts of a flat box: the workload, whom a Service covers, and its facts."""
    topology, dot = pen.topology, f" {pen.glyphs.dot} "
    selected = topology.selected
    rows = [Span(f"{_title(selected)} in {literal(selected.peer.namespace)}", Role.SELECTED, selected.peer)]
    rows += [replace(span, text=f"selects {span.text}") for span in _covered(topology)]
    facts = dot.join(fact_texts(selected))
    if facts:
        rows.append(Span(crop(facts, width, pen.glyphs.ellipsis), Role.DIM, selected.peer))
    return [replace(span, text=fit(span.text, width, pen.glyphs.ellipsis)) for span in rows]


def fact_texts(entity: Entity) -> list[str]:
    """Return labels, listening ports and Services, a text each."""
    labels = [labels_text((pair,)) for pair in lasting(entity.labels)]
    ports = [f"listens on {literal(', '.join(entity.ports))}"] if entity.ports else []
    return labels + ports + [f"svc {literal(service)}" for service in entity.services]


def _covered(topology: Topology) -> list[Span]:
    rows = [Span(_title(owner), Role.SELECTED, owner.peer) for owner in topology.covered[:_OWNERS]]
    more = len(topology.covered) - _OWNERS
    return [*rows, Span(f"{more} more", Role.DIM)] if more > 0 else rows


def _title(entity: Entity) -> str:
    return f"{long_kind(entity.peer)}/{bare_name(entity.peer)}"
