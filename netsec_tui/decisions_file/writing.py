"""Decisions as text: one line a row, in an order that depends on their content alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netsec_tui.core.generate.serialize import scalar
from netsec_tui.decisions_file.format import HELD, KIND, LISTS, PEER_KEYS, SCHEMA, STOOD_KEYS
from netsec_tui.model.decision import NOTHING, DirectionDecisions, GeneralRule, ManualRule, PortRange
from netsec_tui.model.identity import LOOKUPS, CommunicationKey, Direction
from netsec_tui.model.saved import SavedDecisions

_HEAD = "# Decisions of netsec-tui, see docs/decisions.md; saving them again leaves no comment but this.\n"


def written(saved: SavedDecisions) -> str:
    """Return the file; the same decisions give the same bytes."""
    ref = saved.workload
    lines = [f"schema: {SCHEMA}", f"kind: {KIND}", "workload:"]
    named = {"namespace": ref.namespace, "kind": ref.kind, "name": ref.name}
    lines += [f"  {key}: {scalar(value)}" for key, value in named.items()]
    if saved.aliases:
        lines.append("aliases:")
        lines += [f"  {scalar(name)}: {_flow(list(saved.aliases[name]))}" for name in sorted(saved.aliases)]
    for direction in Direction:
        lines.append(f"{direction}:")
        lines += (f"  {line}" for line in _side(saved.decisions.of(direction)))
    return _HEAD + "".join(f"{line}\n" for line in lines)


def _side(side: DirectionDecisions) -> Iterator[str]:
    yield f"generalRule: {scalar(str(side.general))}"
    if LOOKUPS in side.held:
        yield f"dns: {HELD}"
    elif side.dns is not None:
        yield f"dns: {_flow(side.dns)}"
    yield from _list("manualRules", map(_manual, side.manual))
    yield from _ticks(side, side.ticks.get(side.general, {}))
    yield from _list(LISTS[2], _rows(side, side.held - {LOOKUPS}))
    others = {g: side.ticks[g] for g in GeneralRule if g is not side.general and side.ticks.get(g)}
    if others:
        yield "otherRules:"
    for general, ticks in others.items():
        yield f"  {scalar(str(general))}:"
        yield from (f"    {line}" for line in _ticks(side, ticks))


def _ticks(side: DirectionDecisions, ticks: Mapping[CommunicationKey, bool]) -> Iterator[str]:
    for name, wanted in zip(LISTS, (True, False), strict=False):
        yield from _list(name, _rows(side, (key for key, ticked in ticks.items() if ticked is wanted)))


def _list(name: str, entries: Iterable[Any]) -> Iterator[str]:
    lines = [f"  - {_flow(entry)}" for entry in entries]
    return iter((f"{name}:", *lines) if lines else ())


def _rows(side: DirectionDecisions, keys: Iterable[CommunicationKey]) -> list[dict[str, Any]]:
    return [_row(key, side) for key in sorted(keys, key=_order)]


def _order(key: CommunicationKey) -> tuple[object, ...]:
    peer = key.peer
    return (list(PEER_KEYS).index(peer.sort), peer.namespace, peer.kind, peer.name, key.protocol, key.port)


def _row(key: CommunicationKey, side: DirectionDecisions) -> dict[str, Any]:
    peer = key.peer
    named = {"namespace": peer.namespace, "kind": peer.kind, "name": peer.name}
    row = {"peer": str(peer.sort), **{name: named[name] for name in PEER_KEYS[peer.sort]}}
    ports = {"port": key.port} if key.port else {}
    via = sorted({one.port for one in side.via.get(key, ())})
    stood = side.stood.get(key, NOTHING)
    opened = {
        "podPorts": list(stood.ports),
        "selector": stood.selector,
        "addresses": sorted(stood.addresses),
    }
    told = {"servicePorts": via, **(opened if peer.sort in STOOD_KEYS else {})}
    return {
        **row,
        "protocol": str(key.protocol),
        **ports,
        **{name: some for name, some in told.items() if some},
    }


def _manual(rule: ManualRule) -> dict[str, Any]:
    protocol = {"protocol": str(rule.protocol)} if rule.protocol else {}
    ports = {"ports": list(map(_ports, rule.ports))} if rule.ports else {}
    return {"cidr": rule.cidr, **protocol, **ports}


def _ports(ports: PortRange) -> int | str:
    return ports.first if ports.first == ports.last else str(ports)


def _flow(value: Any) -> str:
    """Return a value in one line, mappings and lists in brackets."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return scalar(value)
