"""Say in one sentence which connections come about or no longer do; all names in it are literal."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence

from netsec_tui.model.difference import Addresses, Change, Difference, Group, Ports, Turn
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.render.literal import literal
from netsec_tui.render.names import plural

_NAMED = 6
"""More names than this are counted; JSON has them all."""
_LEFT_OUT = 3
"""Up to so many pod owners, "any pod" is said with those that are not meant."""
_HEADINGS = {Turn.LOST: "lost", Turn.GAINED: "gained"}


def sentence(change: Change) -> str:
    """Return for instance ``- any pod and any address -> shop/Deployment/web: all ports but TCP 8080``."""
    own = group_text(change.own, Group())
    peers = group_text(change.peers, change.own)
    source, destination = (peers, own) if change.source is change.peers else (own, peers)
    limits = [f"over IPv{change.family} only"] if change.family else []
    limits += ["between some of their pods only"] if change.partial else []
    limited = f" ({', '.join(limits)})" if limits else ""
    return f"{change.turn} {source} -> {destination}: {ports_text(change.ports, change.rest)}{limited}"


def heading(difference: Difference, turn: Turn) -> str:
    """Return how much is gained or lost, for instance ``lost by 14 pairs of pod owners or addresses:``."""
    return f"{_HEADINGS[turn]} by {plural(difference.count(turn), 'pair')} of pod owners or addresses:"


def group_text(group: Group, opposite: Group) -> str:
    """Return ends in words; ``opposite`` are those on the other side of the same connections."""
    pieces = [*_pods(group, opposite), *_addresses(group)]
    if len(pieces) < 2:
        return "".join(pieces)
    return f"{', '.join(pieces[:-1])} and {pieces[-1]}"


def _pods(group: Group, opposite: Group) -> list[str]:
    owners, others = group.owners, group.others
    if not owners:
        return []
    if not others and len(owners) > 1:
        return ["any pod"]
    if len(owners) > 1 and set(others) <= set(opposite.owners):
        return ["any other pod"]
    if len(others) <= min(_LEFT_OUT, len(owners) - 1):
        return [f"any pod (not of {', '.join(map(_owner_text, others))})"]
    if group.remaining and len(owners) > _LEFT_OUT:
        return ["any other pod not named below"]
    counted = Counter(ref.namespace for ref in owners)
    whole = [space for space in group.spaces if counted[space] > 1]
    rest = [ref for ref in owners if ref.namespace not in whole]
    spaces = [f"any pod in {literal(space)}" for space in whole]
    return [*_few(spaces, "namespace"), *_few([_owner_text(ref) for ref in rest], "pod owner")]


def _few(pieces: Sequence[str], what: str) -> list[str]:
    more = len(pieces) - _NAMED
    return [*pieces[:_NAMED], plural(more, f"more {what}")] if more > 0 else list(pieces)


def _owner_text(ref: WorkloadRef) -> str:
    return literal(f"{ref.namespace}/{ref}")


def _addresses(group: Group) -> list[str]:
    inside, outside = group.addresses, group.beyond
    if not inside:
        return []
    if len(outside) < len(inside):
        return [_any("address", outside)]
    return [text for version in (4, 6) for text in _family(version, inside, outside)]


def _family(version: int, inside: Iterable[Addresses], outside: Iterable[Addresses]) -> list[str]:
    mine = [one for one in inside if _version(one) == version]
    rest = [one for one in outside if _version(one) == version]
    if len(rest) < len(mine):
        return [_any(f"IPv{version} address", rest)]
    return _few(list(map(range_text, mine)), "range")


def _any(what: str, but: Iterable[Addresses]) -> str:
    left_out = ", ".join(_few(list(map(range_text, but)), "range"))
    return f"any {what} (not {left_out})" if left_out else f"any {what}"


def _version(addresses: Addresses) -> int:
    return ipaddress.ip_address(addresses.first).version


def range_text(addresses: Addresses) -> str:
    """Return one address, a CIDR where it is one, else the first and the last."""
    if addresses.first == addresses.last:
        return addresses.first
    first, last = map(ipaddress.ip_address, addresses)
    size = int(last) - int(first) + 1
    if size & (size - 1) == 0 and int(first) % size == 0:
        return f"{first}/{first.max_prefixlen - size.bit_length() + 1}"
    return f"{first}-{last}"


def ports_text(ports: Sequence[Ports], rest: Sequence[Ports]) -> str:
    """Return for instance ``TCP 80,443; UDP 53``, or what is left out where that is shorter."""
    if not rest:
        return "all ports"
    return f"all ports but {_listed(rest)}" if len(rest) < len(ports) else _listed(ports)


def _listed(ports: Iterable[Ports]) -> str:
    by_protocol: dict[str, list[str]] = {}
    for protocol, first, last in ports:
        by_protocol.setdefault(protocol, []).append(str(first) if first == last else f"{first}-{last}")
    return "; ".join(
        protocol if numbers == ["1-65535"] else f"{protocol} {','.join(numbers)}"
        for protocol, numbers in by_protocol.items()
    )
