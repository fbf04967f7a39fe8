"""What hub and stacked layout share: the line of an edge, names, headings, notes, the legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import Peer
from netsec_tui.model.review import Standing
from netsec_tui.model.topology import Edge, Entity, Side, Topology
from netsec_tui.render.cells import cell, cell_width, crop, fit, wrap
from netsec_tui.render.folds import Fold
from netsec_tui.render.glyphs import Glyphs, stroke
from netsec_tui.render.literal import literal
from netsec_tui.render.names import edge_port, labels_text, line_name, via_text
from netsec_tui.render.spans import Line, ManualTarget, Role, Span, Target

STROKES = 8
"""Cells of a line beside its text: two strokes, a space, a space, three strokes, the head."""


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


def slot_text(item: Edge | Fold, with_via: bool) -> str:
    """Return what stands on the line."""
    if isinstance(item, Fold):
        return "" if item.expanded else item.verdict
    port, via = edge_port(item), via_text(item.via)
    return f"{port} {via}" if with_via and via else port


def line_span(item: Edge | Fold, slot: int, pen: Pen, with_via: bool) -> Span:
    """Return the line of an edge or fold, ``slot`` + STROKES cells wide."""
    if isinstance(item, Fold) and item.expanded:
        return Span(" " * (slot + STROKES), Role.DIM, item.target)
    allowed = not item.refused if isinstance(item, Fold) else item.allowed
    glyphs = pen.glyphs
    pattern = glyphs.allowed_stroke if allowed else glyphs.refused_stroke
    text = fit(slot_text(item, with_via), slot, glyphs.ellipsis)
    tail = stroke(pattern, slot - cell_width(text) + 3)
    drawn = f"{stroke(pattern, 2)} {text} {tail}{_head(item, allowed, glyphs)}"
    return Span(drawn, Role.ALLOWED if allowed else Role.REFUSED, item_target(item))


def _head(item: Edge | Fold, allowed: bool, glyphs: Glyphs) -> str:
    if allowed:
        return glyphs.allowed_head
    if isinstance(item, Edge) and item.standing is Standing.NOT_EXPRESSIBLE:
        return glyphs.inexpressible_head
    return glyphs.refused_head


def mark(item: Edge | Fold, glyphs: Glyphs) -> str:
    """Return ``!`` when an applied policy lets through what the generated one does not, else a space."""
    through = item.applied if isinstance(item, Fold) else bool(item.applied) and not item.allowed
    return glyphs.applied if through else " "


def name_text(item: Edge | Fold, pen: Pen) -> str:
    """Return the name of an edge's peer, between stars when it is selected itself, or of a fold."""
    if isinstance(item, Fold):
        return item.text(1000, pen.glyphs)
    name = line_name(item.peer, pen.home)
    return f"*{name}*" if pen.entity(item.peer).selected else name


def name_span(item: Edge | Fold, width: int, pen: Pen, *, align: str, again: bool) -> Span:
    """Return the name in exactly ``width`` cells; ``again`` draws a ditto mark for the peer above."""
    ellipsis = pen.glyphs.ellipsis
    if isinstance(item, Fold):
        return Span(cell(item.text(width, pen.glyphs), width, align, ellipsis), Role.ENTITY, item.target)
    if again:
        return Span(cell(pen.glyphs.ditto, width, align), Role.DIM, item.peer)
    role = Role.SELECTED if pen.entity(item.peer).selected else Role.ENTITY
    return Span(cell(name_text(item, pen), width, align, ellipsis), role, item.peer)


def extra(item: Edge | Fold, pen: Pen, again: bool, width: int = 1000) -> Span:
    """Return what else is worth its place: why a line is as it is, else the peer's Services and labels.

    The text is at most ``width`` cells; what an applied policy does is said in fewer words before it is cut.
    """
    if isinstance(item, Fold):
        return Span("")
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
    """Return Services and labels, for instance ``svc web  app=web,tier=front``."""
    services = f"svc {literal(','.join(entity.services))}" if entity.services else ""
    return "  ".join(filter(None, (services, labels_text(entity.labels))))


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
    if any(i.standing is Standing.NOT_EXPRESSIBLE and not i.allowed for i in drawn if isinstance(i, Edge)):
        entries.append(Span(f"{glyphs.inexpressible_head} not expressible", Role.REFUSED))
    if any(mark(item, glyphs).strip() for item in drawn):
        entries.append(Span(f"{glyphs.applied} an applied policy lets it through", Role.WARNING))
    box = f"{glyphs.side}name{glyphs.side}"
    starred = any(isinstance(i, Edge) and pen.entity(i.peer).selected for i in drawn)
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
