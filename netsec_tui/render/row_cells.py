"""The cells of one row of the Ingress or Egress table, unpadded, as literal text with a role."""

from __future__ import annotations

from netsec_tui.model.identity import PeerSort
from netsec_tui.model.review import Row, Standing
from netsec_tui.render.literal import literal
from netsec_tui.render.moments import short
from netsec_tui.render.names import bare_name, port_text, short_kind, via_text
from netsec_tui.render.spans import Role, Span


def checkbox(row: Row) -> Span:
    """Return the checkbox: its form says tick, cover and suspension, its role whether it is allowed."""
    if row.standing is Standing.NOT_EXPRESSIBLE:
        sign = "-"
    elif row.allowed_by and (row.suspended or not row.ticked):
        sign = "+"
    else:
        sign = "x" if row.ticked else " "
    text = f"({sign})" if row.suspended else f"[{sign}]"
    return Span(text, Role.ALLOWED if row.in_policy else Role.REFUSED)


def name(row: Row, home: str, has_namespace: bool, has_kind: bool) -> Span:
    """Return the peer; what has no column of its own (namespace, kind) goes before the name."""
    peer = row.key.peer
    placed = peer.sort in (PeerSort.OWNER, PeerSort.SERVICE)
    parts = [bare_name(peer)]
    kind_text = short_kind(peer)
    if not has_kind and kind_text not in ("", "deploy"):
        parts.insert(0, kind_text)
    if placed and not has_namespace and peer.namespace != home:
        parts.insert(0, literal(peer.namespace))
    return Span("/".join(parts), Role.ENTITY)


def namespace(row: Row) -> Span:
    """Return the peer's namespace."""
    return Span(literal(row.key.peer.namespace), Role.DIM)


def kind(row: Row) -> Span:
    """Return the peer's kind as kubectl shortens it."""
    return Span(short_kind(row.key.peer), Role.DIM)


def category(row: Row) -> Span:
    """Return the category of an unresolved IP."""
    return Span(str(row.category or ""), Role.DIM)


def port(row: Row) -> Span:
    """Return the listening port on the pod."""
    return Span(port_text(row.key))


def via(row: Row) -> Span:
    """Return the Services that were dialled."""
    return Span(via_text(row.communication.via).removeprefix("via "), Role.DIM)


def dialled(row: Row) -> Span:
    """Return the Services that were dialled as a remark, for tables without a column of their own for it."""
    return Span(via_text(row.communication.via), Role.DIM)


def names(row: Row) -> Span:
    """Return the DNS names that the source knew."""
    return Span(literal(", ".join(row.communication.names)), Role.DIM)


def allowed(row: Row) -> Span:
    """Return how many requests went on."""
    return Span(compact(row.communication.counts.allowed))


def denied(row: Row) -> Span:
    """Return how many requests were refused."""
    count = row.communication.counts.denied
    return Span(compact(count), Role.REFUSED if count else Role.DIM)


def last_seen(row: Row, newest: float | None) -> Span:
    """Return when the communication was last seen, in UTC."""
    return Span(short(row.communication.last_seen, newest), Role.DIM)


def reason(row: Row) -> Span:
    """Return why the row stands as it does; ``!`` leads when an applied policy lets it through anyway."""
    parts = [f"allowed by {literal(row.allowed_by)}"] if row.allowed_by else []
    parts += [literal(row.reason)] if row.reason else []
    if row.suspended and not row.reason:
        parts.append("suspended")
    if row.applied and not row.in_policy:
        parts.append(f"applied policy {literal(', '.join(row.applied))} lets it through")
        return Span(f"! {'; '.join(parts)}", Role.WARNING)
    return Span("; ".join(parts), Role.WARNING if row.since else Role.DIM)


def compact(count: int) -> str:
    """Return a count in at most five cells: ``999``, ``1.2k``, ``12k``, ``3.4M``."""
    if count < 1000:
        return str(count)
    size, units = count / 1000, iter("kMGTPE")
    unit = next(units)
    while size >= 999.5:
        size, unit = size / 1000, next(units)
    return f"{size:.1f}{unit}" if size < 9.95 else f"{size:.0f}{unit}"
