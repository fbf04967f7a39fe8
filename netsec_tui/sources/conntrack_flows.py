"""What is new in connection tracking tables since they were last read, as flows (docs/sources.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.model.flow import EPHEMERAL, Endpoint, Flow, Protocol, Verdict
from netsec_tui.sources.conntrack_entry import Entry, Key, protocol_of

TELL_AGAIN = 60.0
"""Seconds after which a connection that goes on is told again: observations have a bucket a minute."""

_OPENING = frozenset({"SYN_SENT", "SYN_SENT2", "SYN_RECV", "ESTABLISHED", "COOKIE_WAIT", "COOKIE_ECHOED"})
_OPEN = "ESTABLISHED"
_MEMORY = 120.0
"""Seconds for which a table remembers what has ended, by the kernel's defaults (TIME_WAIT)."""

_LATE = 5
"""Seconds by which late packets of a connection that is closing may set its timeout back."""

_ENDPOINTS = 200_000
_DIRECT, _DIALLED = 0, 1
"""Where a connection's legs stand among those that _legs returns."""


_Leg = tuple[int, str, int, str, int, str]
"""A connection as one of its ends or a policy sees it, which two nodes tell alike.

The protocol's number, the client's address and port, the server's, and the tag of its key.
"""


class _Known:
    """Hold how an entry of one node stood when it was last read, and when its connection was last told."""

    __slots__ = ("age", "answered", "read", "reading", "start", "state", "timeout", "told")

    def __init__(self, told: float) -> None:
        self.told = told

    def renew(self, entry: Entry, now: float, reading: int) -> None:
        """Take over how the entry stands now."""
        _, self.state, self.timeout, self.answered, self.age, self.start = entry
        self.read, self.reading = now, reading

    def replaced(self, entry: Entry) -> bool:
        """Tell whether another connection between the same ports has taken the place of this one."""
        if self.answered and not entry.answered:
            return True
        if 0 <= entry.age < self.age or 0 <= self.start < entry.start - 1:
            return True
        if not self.state or self.state in _OPENING:
            return False
        return entry.state in _OPENING or entry.timeout > self.timeout + _LATE

    def goes_on(self, entry: Entry, now: float) -> bool:
        """Tell whether the connection is open, or packets have passed since it was last read."""
        if entry.state:
            return entry.state == _OPEN
        return entry.timeout < 0 or entry.timeout > self.timeout - (now - self.read) + 1


class _Told:
    """Hold what was told of a leg: ``entries`` have it, ``showing`` are those that show what was told last.

    An entry that is among these and begins anew is another connection; one that is not shows the same one.
    """

    __slots__ = ("answered", "at", "entries", "showing")

    def __init__(self) -> None:
        self.entries = 0
        self.begin(None, 0.0, answered=False)

    def begin(self, entry: _Known | None, at: float, *, answered: bool) -> None:
        """Take over a connection that is told now."""
        self.answered = answered
        self.at = at
        self.showing = [entry] if entry else []

    def drop(self, entry: _Known) -> None:
        """Forget an entry."""
        self.entries -= 1
        if entry in self.showing:
            self.showing.remove(entry)


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
            before = known.get(entry.key)
            if before is None:
                if _is_loopback(entry.key):
                    continue
                before = known[entry.key] = _Known(_begun(entry, now))
                yield from self._begin(node, entry, before, seen_before=False)
            elif before.replaced(entry):
                before.told = _begun(entry, now)
                yield from self._begin(node, entry, before, seen_before=True)
            elif entry.answered and not before.answered:
                yield from self._answer(node, entry, now)
            elif now - before.told >= TELL_AGAIN and before.goes_on(entry, now):
                before.told = now
                yield from self._again(node, entry, now)
            before.renew(entry, now, self._reading)
        self._forget(known, self._reading)

    def keep(self, nodes: Iterable[str]) -> None:
        """Forget every node but these."""
        for node in self._nodes.keys() - set(nodes):
            self._forget(self._nodes.pop(node), -1)

    def _begin(self, node: str, entry: Entry, known: _Known, *, seen_before: bool) -> Iterator[Flow]:
        at = known.told
        for what, leg in enumerate(_legs(entry.key)):
            told = self._legs.get(leg)
            if told is None:
                told = self._legs[leg] = _Told()
            told.entries += not seen_before
            if told.showing and known not in told.showing:  # another node or zone shows the same connection
                told.showing.append(known)
                if entry.answered and not told.answered:
                    told.answered = True
                    yield self._flow(leg, what, at, node, is_reply=True)
                continue
            told.begin(known, at, answered=entry.answered)
            self.told += what == _DIRECT
            yield from self._exchange(leg, what, at, node, answered=entry.answered)

    def _answer(self, node: str, entry: Entry, now: float) -> Iterator[Flow]:
        for what, leg in enumerate(_legs(entry.key)):
            told = self._legs[leg]
            if not told.answered:
                told.answered = True
                yield self._flow(leg, what, now, node, is_reply=True)

    def _again(self, node: str, entry: Entry, now: float) -> Iterator[Flow]:
        for what, leg in enumerate(_legs(entry.key)):
            told = self._legs[leg]
            if now - told.at >= TELL_AGAIN:
                told.at = now
                yield from self._exchange(leg, what, now, node, answered=told.answered)

    def _forget(self, known: dict[Key, _Known], reading: int) -> None:
        for key in [key for key, entry in known.items() if entry.reading != reading]:
            entry = known.pop(key)
            for leg in _legs(key):
                told = self._legs[leg]
                told.drop(entry)
                if not told.entries:
                    del self._legs[leg]

    def _exchange(self, leg: _Leg, what: int, time: float, node: str, *, answered: bool) -> Iterator[Flow]:
        yield self._flow(leg, what, time, node, is_reply=False)
        if answered:
            yield self._flow(leg, what, time, node, is_reply=True)

    def _flow(self, leg: _Leg, what: int, time: float, node: str, *, is_reply: bool) -> Flow:
        number, client_ip, client_port, server_ip, port, _ = leg
        protocol = protocol_of(number)
        tcp, ports = protocol is Protocol.TCP, (client_port, port) if protocol.expressible else (0, 0)
        client, server = self._endpoint(client_ip), self._endpoint(server_ip)
        return Flow(
            time,
            server if is_reply else client,
            client if is_reply else server,
            protocol,
            ports[is_reply],
            ports[not is_reply],
            # What was dialled is the same connection once more, and was translated before any policy looked.
            Verdict.TRACED if what == _DIALLED else Verdict.FORWARDED,
            is_reply=is_reply,
            proven=not _maybe_reversed(client_port, port),
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


def _begun(entry: Entry, now: float) -> float:
    """Return when a connection began where that is told, else the time of the reading.

    So it is for one that began long ago: of the time since then the table has forgotten all the others,
    and nobody shall take it for time that was observed. The age needs no clock of the node's.
    """
    start = now - entry.age if entry.age >= 0 else entry.start
    return start if now - _MEMORY <= start <= now else now


def _maybe_reversed(client_port: int, port: int) -> bool:
    """Tell whether an entry may have been made by an answer.

    The kernel forgets a connection that was quiet for long (UDP: 30 to 120 s) or when the table is full, and
    takes the next packet for the first one, whoever sends it (nf_conntrack_tcp_loose).
    """
    return 0 < client_port < EPHEMERAL <= port


def _is_loopback(key: Key) -> bool:
    _, source, _, destination, _, server, *_ = key
    return any(ip.startswith("127.") or ip == "::1" for ip in (source, destination, server))


def _legs(key: Key) -> list[_Leg]:
    """Return a connection as its client and its server are seen: directly, as dialled, and as it arrives.

    The reply's source is who really answered; what was dialled differs when it was translated (a Service, a
    node port). The reply's destination is whom the server saw: with a translated destination, that
    is the node which masquerades the client; without, the connection leaves the cluster.
    """
    number, client, client_port, dialled, dialled_port, server, port, seen, seen_port, _, tag = key
    legs = [(number, client, client_port, server, port, tag)]
    if dialled != server or dialled_port != port:
        legs.append((number, client, client_port, dialled, dialled_port, tag))
        if seen != client:
            legs.append((number, seen, seen_port, server, port, tag))
    return legs
