"""What hub and stacked layout share: the line of an edge, names, headings, notes, the legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netsec_tui.kube.labels import is_stable
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import Peer
from netsec_tui.model.review import Standing
from netsec_tui.model.topology import Edge, Entity, Side, Topology
from netsec_tui.render.cells import cell, cell_width, crop, fit, wrap
from netsec_tui.render.folds import Fold
from netsec_tui.render.glyphs import Glyphs, stroke
from netsec_tui.render.literal import literal
from netsec_tui.render.names import edge_port, labels_text, line_name, via_text
from netsec_tui.render.spans import Line, ManualTarget, Role, Span, Target

STROKES = 7
"""Cells of a line beside its text: two strokes, a space, a space, two strokes, the head."""
FOLD_LINE = 4
"""Cells of a fold's line at least; nothing stands on it."""


@dataclass(frozen=True, slots=True)
class Pen:
    """Hold what every part of one drawing needs; ``home`` is the selected workload's namespace."""

    topology: Topology
    glyphs: Glyphs

    @property
    def home(self) -> str:
        """Return the namespace that needs no saying."""
        return self.topology.selected.peer.namespace

    def entity(self, peer: Peer) -> Entity:
        """Return what is known of a peer."""
        return self.topology.entities[peer]


def item_target(item: Edge | Fold) -> Target:
    """Return what the line of an edge or fold points at."""
    if isinstance(item, Fold):
        return item.target
    return item.key if item.key is not None else ManualTarget(item.direction, item.index)


def slot_text(edge: Edge, with_via: bool) -> str:
    """Return what stands on the line."""
    port, via = edge_port(edge), via_text(edge.via)
    return f"{port} {via}" if with_via and via else port


def line_span(edge: Edge, slot: int, pen: Pen, with_via: bool) -> Span:
    """Return the line of an edge, ``slot`` + STROKES cells wide."""
    glyphs = pen.glyphs
    pattern = glyphs.allowed_stroke if edge.allowed else glyphs.refused_stroke
    text = fit(slot_text(edge, with_via), slot, glyphs.ellipsis)
    tail = stroke(pattern, slot - cell_width(text) + STROKES - 5)
    drawn = f"{stroke(pattern, 2)} {text} {tail}{_head(edge, glyphs)}"
    return Span(drawn, Role.ALLOWED if edge.allowed else Role.REFUSED, item_target(edge))


def fold_spans(fold: Fold, name: int, line: int, pen: Pen, *, align: str) -> tuple[tuple[Span, ...], Span]:
    """Return the text of a fold and its line; ``name`` and ``line`` are their cells.

    A text that needs more than its cells takes them from the line, all but FOLD_LINE of it.
    """
    before, verdict = fold.words(name + line - FOLD_LINE, pen.glyphs)
    used = cell_width(before) + cell_width(verdict)
    left = max(line, FOLD_LINE) - max(used - name, 0)
    blank = Span(" " * (name - used), Role.ENTITY, fold.target)
    told = (
        Span(before, Role.ENTITY, fold.target),
        Span(verdict, Role.REFUSED if fold.refused else Role.ENTITY, fold.target),
    )
    drawn = _fold_line(fold, left, pen.glyphs)
    return (blank, *told) if align == ">" else (*told, blank), drawn


def _fold_line(fold: Fold, length: int, glyphs: Glyphs) -> Span:
    if fold.expanded:
        return Span(" " * length, Role.DIM, fold.target)
    if fold.allowed:
        return Span(
            stroke(glyphs.allowed_stroke, length - 1) + glyphs.allowed_head, Role.ALLOWED, fold.target
        )
    return Span(stroke(glyphs.refused_stroke, length - 1) + glyphs.refused_head, Role.REFUSED, fold.target)


def _head(edge: Edge, glyphs: Glyphs) -> str:
    if edge.allowed:
        return glyphs.allowed_head
    if edge.standing is Standing.NOT_EXPRESSIBLE:
        return glyphs.inexpressible_head
    return glyphs.open_head if edge.open else glyphs.refused_head


def mark(item: Edge | Fold, glyphs: Glyphs) -> str:
    """Return ``!`` when an applied policy lets through what the generated one does not, else a space."""
    through = item.applied if isinstance(item, Fold) else bool(item.applied) and not item.allowed
    return glyphs.applied if through else " "


def name_text(edge: Edge, pen: Pen) -> str:
    """Return the name of an edge's peer, between stars when it is selected itself."""
    name = line_name(edge.peer, pen.home)
    return f"*{name}*" if pen.entity(edge.peer).selected else name


def name_span(edge: Edge, width: int, pen: Pen, *, align: str, again: bool) -> Span:
    """Return the name in exactly ``width`` cells; ``again`` draws a ditto mark for the peer above."""
    if again:
        return Span(cell(pen.glyphs.ditto, width, align), Role.DIM, edge.peer)
    role = Role.SELECTED if pen.entity(edge.peer).selected else Role.ENTITY
    return Span(cell(name_text(edge, pen), width, align, pen.glyphs.ellipsis), role, edge.peer)


def extra(item: Edge, pen: Pen, again: bool, width: int = 1000) -> Span:
    """Return what else is worth its place: why a line is as it is, else the peer's Services and labels.

    The text is at most ``width`` cells; what an applied policy does is said in fewer words before it is cut.
    """
    ellipsis, target = pen.glyphs.ellipsis, item_target(item)
    if item.applied and not item.allowed:
        through = f"{literal(', '.join(item.applied))} lets it through"
        texts = (f"applied policy {through}", f"applied {through}", through)
        text = next((text for text in texts if cell_width(text) <= width), through)
        return Span(crop(text, width, ellipsis), Role.WARNING, target)
    text = f"allowed by {literal(item.allowed_by)}" if item.allowed_by else literal(item.reason)
    if not text and item.rule is not None:
        text = "manual rule"
    if text:
        return Span(crop(text, width, ellipsis), Role.DIM, target)
    text = "" if again else entity_text(pen.entity(item.peer))
    return Span(crop(text, width, ellipsis), Role.DIM, item.peer)


def entity_text(entity: Entity) -> str:
    """Return Services and lasting labels, for instance ``svc web  app=web,tier=front``."""
    services = f"svc {literal(','.join(entity.services))}" if entity.services else ""
    return "  ".join(filter(None, (services, labels_text(lasting(entity.labels)))))


def lasting(labels: Labels) -> Labels:
    """Return the labels without hashes and ids of one rollout or run; the detail has them all."""
    return tuple((key, value) for key, value in labels if is_stable(key))


def widest(texts: Iterable[str]) -> int:
    """Return the width in cells of the widest text, 0 without any."""
    return max(map(cell_width, texts), default=0)


def repeats(items: Sequence[Edge | Fold]) -> list[bool]:
    """Return for each item whether it has the same peer as the one above it."""
    again = [False] * len(items)
    for place in range(1, len(items)):
        above, this = items[place - 1], items[place]
        again[place] = isinstance(above, Edge) and isinstance(this, Edge) and above.peer == this.peer
    return again


def trim(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Return the spans without empty ones and without blanks at the end of the line."""
    kept = [span for span in spans if span.text]
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        last = kept[-1]
        kept[-1] = Span(last.text.rstrip(), last.role, last.target)
    return tuple(kept)


def heading(side: Side, pen: Pen, width: int) -> Span:
    """Return for instance ``INGRESS 5/7 allowed · Block All``."""
    text = f"{side.direction.upper()} {side.allowed}/{len(side.edges)} allowed"
    if not side.edges:
        text = f"{side.direction.upper()} nothing seen"
    if side.general is not GeneralRule.ROWS_DECIDE:
        text += f" {pen.glyphs.dot} {side.general.value}"
    return Span(crop(text, width, pen.glyphs.ellipsis), Role.HEADING)


def notes(side: Side, width: int) -> list[Span]:
    """Return what the direction as a whole does, wrapped; an empty direction always says something."""
    text = side.note
    if not text and not side.edges and side.general in (GeneralRule.ROWS_DECIDE, GeneralRule.BLOCK_ALL):
        text = f"no {side.direction} in the policy: all of it will be refused"
    return [Span(part, Role.WARNING) for part in wrap(literal(text), width)] if text else []


def refusal_lines(topology: Topology, width: int) -> list[Line]:
    """Return why no policy can be made, nothing when one can."""
    if not topology.refusal:
        return []
    text = f"No policy can be made: {literal(topology.refusal)}"
    return [*(Line((Span(part, Role.WARNING),)) for part in wrap(text, width)), Line()]


def legend(items: Iterable[Edge | Fold], pen: Pen, width: int) -> list[Line]:
    """Return what forms and colours mean, in as many lines as the width needs."""
    glyphs, drawn = pen.glyphs, list(items)
    entries = [
        Span(f"{stroke(glyphs.allowed_stroke, 3)}{glyphs.allowed_head} allowed (black)", Role.ALLOWED),
        Span(f"{stroke(glyphs.refused_stroke, 3)}{glyphs.refused_head} not allowed (red)", Role.REFUSED),
    ]
    edges = [item for item in drawn if isinstance(item, Edge)]
    inexpressible = [edge for edge in edges if edge.standing is Standing.NOT_EXPRESSIBLE]
    if any(edge.open and edge not in inexpressible for edge in edges):
        entries.append(Span(f"{glyphs.open_head} in part, or cannot tell", Role.REFUSED))
    if any(not edge.allowed for edge in inexpressible):
        entries.append(Span(f"{glyphs.inexpressible_head} not expressible", Role.REFUSED))
    if any(mark(item, glyphs).strip() for item in drawn):
        entries.append(Span(f"{glyphs.applied} an applied policy lets it through", Role.WARNING))
    box = f"{glyphs.side}name{glyphs.side}"
    starred = any(pen.entity(edge.peer).selected for edge in edges)
    entries.append(Span(f"{box}{' *name*' if starred else ''} selected (blue)", Role.SELECTED))
    return _flow(entries, width, glyphs.ellipsis)


def _flow(entries: list[Span], width: int, ellipsis: str) -> list[Line]:
    lines: list[list[Span]] = [[]]
    used = 0
    for entry in entries:
        size = cell_width(entry.text)
        if lines[-1] and used + 3 + size > width:
            lines.append([])
            used = 0
        if lines[-1]:
            lines[-1].append(Span("   "))
            used += 3
        lines[-1].append(Span(crop(entry.text, width, ellipsis), entry.role))
        used += size
    return [Line(tuple(line)) for line in lines]
