"""One line of a connection tracking table: /proc/net/nf_conntrack, ``conntrack -L`` (docs/sources.md).

The kernel writes them in net/netfilter/nf_conntrack_standalone.c (ct_seq_show).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from netsec_tui.errors import BadInputError
from netsec_tui.model.flow import Protocol
from netsec_tui.sources.inventory.addresses import canonical_ip

_LINE = re.compile(
    r"(?:ipv[46] +\d+ +)?([a-z0-9_-]+) +(\d{1,3})(?: +(\d{1,9}))?(?: +([A-Z][A-Z0-9_]*))?"
    r"(?: +timeout=\d+, stream_timeout=\d+)?"
    r" +src=([^ ]+) dst=([^ ]+)(?: sport=(\d+) dport=(\d+))?((?: (?!src=)[^ ]*)*)"
    r" src=([^ ]+) dst=([^ ]+)(?: sport=(\d+) dport=(\d+))?(.*)"
)
_ZONE = re.compile(r" zone(?:-\w+)?=\d+")
_AGE = re.compile(r" delta-time=(\d{1,12})\b")
_START = re.compile(r" \[start=\w+ (\w+ +\d+ \d\d:\d\d:\d\d \d{4})\]")
_ICMP_ID = re.compile(r" type=(\d{1,3}) code=\d+ id=(\d{1,5})\b")
_PROTOCOLS = {
    1: Protocol.ICMP,
    6: Protocol.TCP,
    17: Protocol.UDP,
    58: Protocol.ICMP,
    132: Protocol.SCTP,
}
_LONGEST = 2000
"""Characters of a line at most; the kernel's have less than 500."""

_ADDRESSES = 200_000
"""Distinct spellings of addresses that are remembered; a table has far fewer."""


Key = tuple[int, str, int, str, int, str, int, str, int, str, str]
"""What identifies an entry of one node's table, a plain tuple, of which there may be hundreds of thousands.

The protocol's number; source and destination of the original direction, an address and a port each; those of
the reply; the text of its zones, empty for none; type and id of an ICMP echo, which has no ports, else empty.
A port is 0 where there are none.
"""


class Entry(NamedTuple):
    """Hold one line.

    ``state`` is empty for a protocol without states. ``timeout`` is in seconds, -1 where the network card or
    the flow table has taken the connection over. ``answered`` is None where it is not told. ``age`` is in
    whole seconds, ``start`` in seconds since the epoch; both are -1 when not told.
    """

    key: Key
    state: str
    timeout: int
    answered: bool | None
    age: int
    start: float


@dataclass(frozen=True, slots=True)
class Unread:
    """Say in a few words why a line cannot be used; the caller adds where it stands."""

    reason: str


def protocol_of(number: int) -> Protocol:
    """Return the protocol with a number of IANA's, as the product names it."""
    return _PROTOCOLS.get(number, Protocol.OTHER)


class EntryDecoder:
    """Decode lines one by one, sharing the addresses that repeat."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}

    def decode(self, line: str) -> Entry | Unread:
        """Return the entry that a line holds, or why there is none; never raises."""
        found = _LINE.match(line) if len(line) <= _LONGEST else None
        if found is None:
            return Unread(
                "not an entry of a connection tracking table: two groups of src= and dst= are expected"
            )
        _, number, timeout, state, a, b, ap, bp, between, c, d, cp, dp, rest = found.groups()
        addresses = self._addresses
        try:
            source, destination, server, seen = addresses[a], addresses[b], addresses[c], addresses[d]
        except KeyError:
            for text in (a, b, c, d):
                if not self._learn(text):
                    return Unread(f"{text[:60]!r} is no IP address")
            return self.decode(line)
        ports = int(ap or 0), int(bp or 0), int(cp or 0), int(dp or 0)
        if max(ports) > 65535:
            return Unread("a port is no number from 0 to 65535")
        zone = "" if " zone=0 " in rest or "zone" not in between + rest else _zone(between + rest)
        age = _AGE.search(rest) if "delta-time=" in rest else None
        tag = "" if ap else _tag(between)
        return Entry(
            (
                int(number),
                source,
                ports[0],
                destination,
                ports[1],
                server,
                ports[2],
                seen,
                ports[3],
                zone,
                tag,
            ),
            state or "",
            int(timeout) if timeout else -1,
            "[UNREPLIED]" not in between,
            int(age[1]) if age else -1,
            _start(rest) if "[start=" in rest else -1.0,
        )

    def _learn(self, text: str) -> bool:
        if text in self._addresses:
            return True
        try:
            address = canonical_ip(text)
        except BadInputError:
            return False
        if len(self._addresses) >= _ADDRESSES:
            self._addresses.clear()
        self._addresses[text] = address
        return True


def _zone(told: str) -> str:
    zones = "".join(_ZONE.findall(told))
    return "" if zones == " zone=0" else zones


def _tag(between: str) -> str:
    echo = _ICMP_ID.search(between)
    return f"{echo[1]}/{echo[2]}" if echo else ""


def _start(rest: str) -> float:
    """Return when a connection began; the tool writes the node's local time, which is UTC in most images."""
    found = _START.search(rest)
    try:
        moment = datetime.strptime(" ".join(found[1].split()), "%b %d %H:%M:%S %Y") if found else None
    except ValueError:
        return -1.0
    return moment.replace(tzinfo=UTC).timestamp() if moment else -1.0
