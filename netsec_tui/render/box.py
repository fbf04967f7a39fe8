"""The heavy box of the selected workload, common to both layouts."""

from __future__ import annotations

from dataclasses import replace

from netsec_tui.model.topology import Entity, Topology
from netsec_tui.render.cells import cell_width, crop, fit, wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.names import bare_name, labels_text, long_kind
from netsec_tui.render.parts import Pen
from netsec_tui.render.spans import Role, Span

_FACTS = 6
_OWNERS = 8
"""Rows of facts and of covered owners in a box at most; the detail has them all."""


def inner_width(pen: Pen, limit: int) -> int:
    """Return the cells inside a tall box: what the names need, at most ``limit``; facts go with that."""
    entities = (pen.topology.selected, *pen.topology.covered)
    return max(16, min(limit, max(cell_width(_title(entity)) for entity in entities)))


def content(pen: Pen, width: int) -> list[Span]:
    """Return the text inside a tall box, a span a row, each at most ``width`` cells."""
    topology, ellipsis = pen.topology, pen.glyphs.ellipsis
    peer = topology.selected.peer
    title = _title(topology.selected)
    names = [title] if cell_width(title) <= width else [long_kind(peer), bare_name(peer)]
    rows = [Span(name, Role.SELECTED) for name in names]
    rows.append(Span(f"in {literal(peer.namespace)}", Role.DIM))
    if topology.covered:
        rows += [Span(""), Span("selects", Role.DIM), *_covered(topology)]
    facts = [piece for fact in fact_texts(topology.selected) for piece in _pieces(fact, width, ellipsis)]
    rows += [Span("")] if facts else []
    rows += [Span(fact, Role.DIM) for fact in facts[:_FACTS]]
    rows += [Span(f"{len(facts) - _FACTS} more", Role.DIM)] if len(facts) > _FACTS else []
    return [Span(fit(span.text, width, ellipsis), span.role, span.target or peer) for span in rows]


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
    labels = [labels_text((pair,)) for pair in entity.labels]
    ports = [f"listens on {literal(', '.join(entity.ports))}"] if entity.ports else []
    return labels + ports + [f"svc {literal(service)}" for service in entity.services]


def _covered(topology: Topology) -> list[Span]:
    rows = [Span(_title(owner), Role.SELECTED, owner.peer) for owner in topology.covered[:_OWNERS]]
    more = len(topology.covered) - _OWNERS
    return [*rows, Span(f"{more} more", Role.DIM)] if more > 0 else rows


def _title(entity: Entity) -> str:
    return f"{long_kind(entity.peer)}/{bare_name(entity.peer)}"
