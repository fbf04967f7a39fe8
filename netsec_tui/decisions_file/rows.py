"""Rows and manual rules of a decisions file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from netsec_tui.configuration.fields import Reader, shown
from netsec_tui.configuration.nodes import Items, Node, Text
from netsec_tui.configuration.values import entry_value
from netsec_tui.core.decide.manual import manual_mistake
from netsec_tui.decisions_file.format import KINDS, MANUAL_KEYS, PEER_KEYS, ROW_KEYS, SINGLES, STOOD_KEYS
from netsec_tui.model.decision import ManualRule, PortRange, StoodFor
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, Direction, Peer, PeerSort

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_HIGHEST = 65535


class ReadRow(NamedTuple):
    """Hold a row with the Service ports that were dialled, and what it stood for."""

    key: CommunicationKey
    service_ports: tuple[int, ...]
    stood: StoodFor


def text_of(reader: Reader, node: Node, at: str) -> str | None:
    """Return a text, None after a problem; YAML's numbers and truth values need quotes to be one."""
    if isinstance(node, Text) and node.textual:
        return node.value
    reader.problems.add(node.line, f"{at}: a text belongs here; write it in quotes")
    return None


def rows_of(reader: Reader, node: Node | None, at: str) -> list[Node]:
    """Return the entries of a list."""
    if isinstance(node, Items):
        return node.items
    if node is not None and not (isinstance(node, Text) and node.nothing):
        reader.problems.add(node.line, f"{at}: a list belongs here, with a line for each row")
    return []


def read_row(reader: Reader, node: Node, at: str, direction: Direction) -> ReadRow | None:
    """Return a row with what a peer of its sort tells besides, None after a problem."""
    found = reader.pairs(node, at, ROW_KEYS)
    peer = _peer(reader, node, found, at, direction)
    protocol = _protocol(reader, node, found.get("protocol"), at)
    port = _port(reader, found.get("port"), f"{at}.port") if "port" in found else 0
    ports = _port_list(reader, found, "servicePorts", at)
    stood = _stood(reader, found, at)
    if peer is None or protocol is None:
        return None
    if "servicePorts" in found and peer.sort is not PeerSort.SERVICE:
        reader.problems.add(node.line, f"{at}: servicePorts is only for a peer of sort service")
    for name in ("podPorts", "selector", "addresses"):
        sorts = [sort for sort, names in STOOD_KEYS.items() if name in names]
        if name in found and peer.sort not in sorts:
            only = " or ".join(map(str, sorts))
            reader.problems.add(node.line, f"{at}: {name} is only for a peer of sort {only}")
    return ReadRow(CommunicationKey(direction, peer, protocol, port), ports, stood)


def _port_list(reader: Reader, found: dict[str, Node], name: str, at: str) -> tuple[int, ...]:
    items = rows_of(reader, found.get(name), f"{at}.{name}")
    return tuple(sorted({_port(reader, item, f"{at}.{name}") for item in items}))


def _stood(reader: Reader, found: dict[str, Node], at: str) -> StoodFor:
    selector = text_of(reader, found["selector"], f"{at}.selector") if "selector" in found else ""
    addresses = tuple(sorted(set(_addresses(reader, found, at))))
    return StoodFor(addresses, _port_list(reader, found, "podPorts", at), selector or "")


def _addresses(reader: Reader, found: dict[str, Node], at: str) -> Iterator[str]:
    at = f"{at}.addresses"
    for item in rows_of(reader, found.get("addresses"), at):
        told = text_of(reader, item, at)
        if told == "":
            reader.problems.add(item.line, f"{at}: an address belongs here")
        elif told is not None and _canonical(reader, item, told, at):
            yield told


def _peer(reader: Reader, node: Node, found: dict[str, Node], at: str, direction: Direction) -> Peer | None:
    told = text_of(reader, found["peer"], f"{at}.peer") if "peer" in found else None
    sorts = {str(sort): sort for sort in PEER_KEYS}
    sort = sorts.get(told or "")
    if sort is None:
        reader.problems.add(node.line, f"{at}: peer must be one of {', '.join(sorts)}")
        return None
    wanted = PEER_KEYS[sort]
    for key in ("namespace", "kind", "name"):
        if (key in found) != (key in wanted):
            how = "must be told of" if key in wanted else "has no meaning for"
            reader.problems.add(node.line, f"{at}: {key} {how} a peer of sort {sort}")
            return None
    named = {key: text_of(reader, found[key], f"{at}.{key}") for key in wanted}
    if None in named.values():
        return None
    if sort is PeerSort.EXTERNAL and direction is Direction.EGRESS:
        reader.problems.add(node.line, f"{at}: external is whoever comes in; it is ingress")
    if sort in SINGLES:
        return SINGLES[sort]
    kind, name = named.get("kind") or KINDS.get(sort, ""), named["name"] or ""
    if sort is PeerSort.ADDRESS and not _canonical(reader, node, name, at):
        return None
    return Peer(sort, kind, named.get("namespace") or "", name)


def _canonical(reader: Reader, node: Node, text: str, at: str) -> bool:
    """Tell whether an address is written as rows have it; an empty one stands for one not known."""
    try:
        canonical = str(ip_address(text)) if text else ""
    except ValueError:
        reader.problems.add(node.line, f"{at}: {shown(text)} is no IP address")
        return False
    if canonical != text:
        reader.problems.add(node.line, f"{at}: {shown(text)} is an unusual way to write {canonical}")
    return canonical == text


def _protocol(reader: Reader, node: Node, told: Node | None, at: str) -> Protocol | None:
    known = {str(protocol): protocol for protocol in Protocol}
    found = known.get(told.value) if isinstance(told, Text) else None
    if found is None:
        reader.problems.add((told or node).line, f"{at}: protocol must be one of {', '.join(known)}")
    return found


def _port(reader: Reader, node: Node | None, at: str) -> int:
    match = _PORTS.fullmatch(node.value) if isinstance(node, Text) else None
    if node is None or match is None or match[2] or not 1 <= int(match[1]) <= _HIGHEST:
        reader.problems.add(node.line if node else 1, f"{at}: a port is a number from 1 to {_HIGHEST}")
        return 0
    return int(match[1])


def manual_rules(reader: Reader, node: Node | None, direction: Direction) -> Iterator[ManualRule]:
    """Yield the manual rules of a direction."""
    at = f"{direction}.manualRules"
    seen: dict[ManualRule, int] = {}
    for item in rows_of(reader, node, at):
        found = reader.pairs(item, at, MANUAL_KEYS)
        cidr = reader.value(found["cidr"], f"{at}.cidr", entry_value) if "cidr" in found else None
        protocol = _protocol(reader, item, found["protocol"], at) if "protocol" in found else None
        ports = tuple(_range(reader, port, at) for port in rows_of(reader, found.get("ports"), f"{at}.ports"))
        if cidr is None:
            if "cidr" not in found:
                reader.problems.add(item.line, f"{at}: a rule must tell its cidr")
            continue
        rule = ManualRule(direction, cidr, protocol, ports)
        wrong = manual_mistake(rule)
        if rule in seen:
            wrong = f"the rule stands twice, first in line {seen[rule]}; remove one"
        if wrong:
            reader.problems.add(item.line, f"{at}: {wrong}")
        seen[rule] = item.line
        yield rule


def _range(reader: Reader, node: Node, at: str) -> PortRange:
    match = _PORTS.fullmatch(node.value) if isinstance(node, Text) else None
    if match is None:
        reader.problems.add(node.line, f"{at}: a port is a number, or a range as 8000-8080")
        return PortRange(1, 1)
    return PortRange(int(match[1]), int(match[2] or match[1]))
