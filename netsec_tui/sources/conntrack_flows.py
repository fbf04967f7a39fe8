"""What is new in connection tracking tables since they were last read, as flows (docs/sources.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict
from netsec_tui.sources.conntrack_entry import Entry, Key, protocol_of

TELL_AGAIN = 60.0
"""Seconds after which a connection that goes on is told again: observations have a bucket a minute."""

_OPENING = frozenset({"SYN_SENT", "SYN_SENT2", "SYN_RECV", "ESTABLISHED", "COOKIE_WAIT", "COOKIE_ECHOED"})
_OPEN = "ESTABLISHED"
_SLACK = 5
"""Seconds by which a start or a timeout must have moved on to count: readings take their time."""

_ENDPOINTS = 200_000


class _Leg(NamedTuple):
    """Name a connection as one of its ends or a policy sees it; two nodes tell the same."""

    number: int
    client: str
    client_port: int
    server: str
    port: int
    tag: str


class _Known:
    """Hold how an entry of one node stood when it was last read, and when its connection was last told."""

    __slots__ = ("answered", "read", "reading", "start", "state", "timeout", "told")

    def __init__(self, entry: Entry, start: float, now: float) -> None:
        self.told = now
        self.renew(entry, start, now, 0)

    def renew(self, entry: Entry, start: float, now: float, reading: int) -> None:
        """Take over how the entry stands now."""
        self.state, self.timeout, self.answered = entry.state, entry.timeout, entry.answered
        self.start, self.read, self.reading = start, now, reading

    def replaced(self, entry: Entry, start: float) -> bool:
        """Tell whether another connection between the same ports has taken the place of this one."""
        if self.answered and not entry.answered:
            return True
        if self.start >= 0 <= start:
            return start > self.start + _SLACK
        if not self.state or self.state in _OPENING:
            return False
        return entry.state in _OPENING or entry.timeout > self.timeout + _SLACK

    def goes_on(self, entry: Entry, now: float) -> bool:
        """Tell whether the connection is open, or packets have passed since it was last read."""
        if entry.state:
            return entry.state == _OPEN
        return entry.timeout < 0 or entry.timeout > self.timeout - (now - self.read) + 1


class _Told:
    """Hold what was told of a leg, and the entries that show it."""

    __slots__ = ("answered", "at", "entries")

    def __init__(self, entry: _Known, at: float) -> None:
        self.begin(entry, at)

    def begin(self, entry: _Known, at: float) -> None:
        """Begin again with one entry, for a connection that was just told."""
        self.answered = False
        self.at = at
        self.entries = [entry]


class Connections:
    """Know the connections of all nodes; each is told once, however many tables and zones show it.

    ``told`` counts them.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, dict[Key, _Known]] = {}
        self._legs: dict[_Leg, _Told] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._reading = 0
        self.told = 0

    def take(self, node: str, entries: Iterable[Entry], now: float) -> Iterator[Flow]:
        """Yield what a whole table of a node, read at ``now``, tells that was not told before.

        Entries that are not in it any more are forgotten.
        """
        self._reading += 1
        known = self._nodes.setdefault(node, {})
        for entry in entries:
            start = min(now, _start(entry, now))
            before = known.get(entry.key)
            if before is None:
                if _is_loopback(entry.key):
                    continue
                before = known[entry.key] = _Known(entry, start, now)
                yield from self._begin(node, entry, before, start, now)
            elif before.replaced(entry, start):
                yield from self._begin(node, entry, before, start, now)
            elif entry.answered and not before.answered:
                yield from self._answer(node, entry, now)
            elif now - before.told >= TELL_AGAIN and before.goes_on(entry, now):
                before.told = now
                yield from self._again(node, entry, now)
            before.renew(entry, start, now, self._reading)
        self._forget(known, self._reading)

    def keep(self, nodes: Iterable[str]) -> None:
        """Forget every node but these."""
        for node in self._nodes.keys() - set(nodes):
            self._forget(self._nodes.pop(node), -1)

    def _begin(self, node: str, entry: Entry, known: _Known, start: float, now: float) -> Iterator[Flow]:
        at = known.told = start if start >= 0 else now
        for index, leg in enumerate(_legs(entry.key)):
            told = self._legs.get(leg)
            if told is None:
                told = self._legs[leg] = _Told(known, at)
            elif known in told.entries:
                told.begin(known, at)
            else:  # another node or zone shows the same connection
                told.entries.append(known)
                if entry.answered and not told.answered:
                    told.answered = True
                    yield self._flow(leg, at, node, is_reply=True)
                continue
            told.answered = entry.answered
            self.told += not index
            yield from self._exchange(leg, at, node, answered=entry.answered)
        if now - at >= TELL_AGAIN:
            known.told = now
            yield from self._again(node, entry, now)

    def _answer(self, node: str, entry: Entry, now: float) -> Iterator[Flow]:
        for leg in _legs(entry.key):
            told = self._legs[leg]
            if not told.answered:
                told.answered = True
                yield self._flow(leg, now, node, is_reply=True)

    def _again(self, node: str, entry: Entry, now: float) -> Iterator[Flow]:
        for leg in _legs(entry.key):
            told = self._legs[leg]
            if now - told.at >= TELL_AGAIN:
                told.at = now
                yield from self._exchange(leg, now, node, answered=told.answered)

    def _forget(self, known: dict[Key, _Known], reading: int) -> None:
        for key in [key for key, entry in known.items() if entry.reading != reading]:
            entry = known.pop(key)
            for leg in _legs(key):
                told = self._legs[leg]
                told.entries.remove(entry)
                if not told.entries:
                    del self._legs[leg]

    def _exchange(self, leg: _Leg, time: float, node: str, *, answered: bool) -> Iterator[Flow]:
        yield self._flow(leg, time, node, is_reply=False)
        if answered:
            yield self._flow(leg, time, node, is_reply=True)

    def _flow(self, leg: _Leg, time: float, node: str, *, is_reply: bool) -> Flow:
        protocol = protocol_of(leg.number)
        tcp, ports = protocol is Protocol.TCP, (leg.client_port, leg.port) if protocol.expressible else (0, 0)
        client, server = self._endpoint(leg.client), self._endpoint(leg.server)
        return Flow(
            time,
            server if is_reply else client,
            client if is_reply else server,
            protocol,
            ports[is_reply],
            ports[not is_reply],
            Verdict.FORWARDED,
            is_reply=is_reply,
            syn=tcp,
            ack=tcp and is_reply,
            node=node,
        )

    def _endpoint(self, ip: str) -> Endpoint:
        endpoint = self._endpoints.get(ip)
        if endpoint is None:
            if len(self._endpoints) >= _ENDPOINTS:
                self._endpoints.clear()
            endpoint = self._endpoints[ip] = Endpoint(ip)
        return endpoint


def _start(entry: Entry, now: float) -> float:
    """Return when a connection began, -1 when not told; the age needs no clock of the node's."""
    return max(0.0, now - entry.age) if entry.age >= 0 else entry.start


def _is_loopback(key: Key) -> bool:
    ends = (key.original.source, key.original.destination, key.reply.source)
    return any(ip.startswith("127.") or ip == "::1" for ip in ends)


def _legs(key: Key) -> list[_Leg]:
    """Return a connection as its client and its server are seen: directly, as dialled, and as it arrives.

    The reply's source is who really answered; what was dialled differs when it was translated (a Service, a
    node port). The reply's destination is whom the server saw: with a translated destination, that
    is the node which masquerades the client; without, the connection leaves the cluster.
    """
    original, reply = key.original, key.reply
    client, server = original[:2], reply[:2]
    legs = [_Leg(key.number, *client, *server, key.tag)]
    if original[2:] != server:
        legs.append(_Leg(key.number, *client, *original[2:], key.tag))
        if reply.destination != original.source:
            legs.append(_Leg(key.number, *reply[2:], *server, key.tag))
    return legs
