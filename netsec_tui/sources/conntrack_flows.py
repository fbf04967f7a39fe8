"""What is new in connection tracking tables since they were last read, as flows (docs/sources.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from netsec_tui.model.flow import EPHEMERAL, Endpoint, Flow, Protocol, Verdict
from netsec_tui.sources.conntrack_entry import Entry, Key, protocol_of
from netsec_tui.sources.conntrack_known import MEMORY, OPENING, Known, begun, idle, longest_timeouts

TELL_AGAIN = 60.0
"""Seconds after which a connection that goes on is told again: observations have a bucket a minute."""

_ENDPOINTS = 200_000
_REMEMBERED = 100_000
"""Connections between two ports of clients that are remembered after their entries are gone."""

_DIRECT, _DIALLED = 0, 1
"""Where a connection's legs stand among those that _legs returns."""


_Leg = tuple[int, str, int, str, int, str]
"""A connection as one of its ends or a policy sees it, which two nodes tell alike.

The protocol's number, the client's address and port, the server's, and the tag of its key.
"""


class _Told:
    """Hold what was told of a leg: ``entries`` have it, ``showing`` are those that show what was told last.

    An entry that is among these and begins anew is another connection; one that is not shows the same one.
    """

    __slots__ = ("answered", "at", "entries", "proven", "showing")

    def __init__(self) -> None:
        self.entries = 0
        self.begin(None, 0.0, answered=False, proven=False)

    def begin(self, entry: Known | None, at: float, *, answered: bool, proven: bool) -> None:
        """Take over a connection that is told now; ``proven`` tells whether it is known who opened it."""
        self.answered, self.proven = answered, proven
        self.at = at
        self.showing = [entry] if entry else []

    def drop(self, entry: Known) -> None:
        """Forget an entry."""
        self.entries -= 1
        if entry in self.showing:
            self.showing.remove(entry)


class Connections:
    """Know the connections of all nodes; each is told once, however many tables and zones show it.

    ``told`` counts them.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, dict[Key, Known]] = {}
        self._read: dict[str, float] = {}
        self._legs: dict[_Leg, _Told] = {}
        self._quiet: Counter[_Leg] = Counter()
        self._between_clients: set[_Leg] = set()
        self._listening: set[tuple[int, str, int]] = set()
        self._endpoints: dict[str, Endpoint] = {}
        self._reading = 0
        self.told = 0

    @property
    def quiet(self) -> int:
        """Return how many open connections are not told, since no packet of them was seen to pass."""
        return len(self._quiet)

    def take(self, node: str, entries: Iterable[Entry], now: float) -> Iterator[Flow]:
        """Yield what a whole table of a node, read at ``now``, tells that was not told before.

        Entries that are not in it any more are forgotten.
        """
        self._reading += 1
        known = self._nodes.setdefault(node, {})
        longest: dict[int, int] = {}
        if now - self._read.get(node, 0.0) > MEMORY:  # else, what is new has had a packet since
            entries = list(entries)
            longest = longest_timeouts(entries)
        self._read[node] = now
        for entry in entries:
            before = known.get(entry.key)
            if before is None:
                if _is_loopback(entry.key):
                    continue
                before = known[entry.key] = self._meet(entry, now, longest)
                if not before.quiet:
                    yield from self._begin(node, entry, before, seen_before=False)
            elif before.quiet:
                if before.stirs(entry, now):
                    before.quiet, before.told = False, now
                    self._wake(entry.key)
                    yield from self._begin(node, entry, before, seen_before=False)
            elif before.replaced(entry):
                before.told = begun(entry, now, 0.0)
                yield from self._begin(node, entry, before, seen_before=True)
            elif entry.answered and not before.answered:
                yield from self._answer(node, entry.key, before, now)
            elif now - before.told >= TELL_AGAIN and before.goes_on(entry, now):
                before.told = now
                yield from self._again(node, entry.key, before, now)
            before.renew(entry, now, self._reading)
        self._forget(known, self._reading)

    def keep(self, nodes: Iterable[str]) -> None:
        """Forget every node but these."""
        for node in self._nodes.keys() - set(nodes):
            self._forget(self._nodes.pop(node), -1)
            self._read.pop(node, None)

    def _meet(self, entry: Entry, now: float, longest: dict[int, int]) -> Known:
        idle_for = idle(entry, longest) if longest else 0.0
        if idle_for > MEMORY:
            self._quiet[_legs(entry.key)[_DIRECT]] += 1
            return Known(now, quiet=True)
        known = Known(begun(entry, now, idle_for), quiet=False)
        known.mirrored = self._is_mirrored(entry.key)
        return known

    def _wake(self, key: Key) -> None:
        leg = _legs(key)[_DIRECT]
        self._quiet[leg] -= 1
        if not self._quiet[leg]:
            del self._quiet[leg]

    def _is_mirrored(self, key: Key) -> bool:
        """Tell whether an entry is the other way round than its connection, which was told before."""
        number, client, client_port, server, port, *_, tag = key
        if not port or client_port >= EPHEMERAL > port:
            return False
        there = number, server, port, client, client_port, tag
        return there in self._legs or there in self._between_clients

    def _begin(self, node: str, entry: Entry, known: Known, *, seen_before: bool) -> Iterator[Flow]:
        at = known.told
        legs = _legs(entry.key, mirrored=known.mirrored)
        opened = len(legs) > 1 or entry.state in OPENING
        for what, leg in enumerate(legs):
            told = self._legs.get(leg)
            proven = self._is_proven(leg, opened=opened)
            if told is None:
                told = self._legs[leg] = _Told()
            told.entries += not seen_before
            if told.showing and known not in told.showing:  # another node or zone shows the same connection
                told.showing.append(known)
                told.proven = told.proven or proven
                if entry.answered and not told.answered:
                    yield from self._answered(leg, what, told, at, node)
                continue
            told.begin(known, at, answered=entry.answered, proven=proven)
            if what == _DIRECT:
                self.told += 1
                self._remember(leg)
            yield from self._exchange(leg, what, told, at, node)

    def _is_proven(self, leg: _Leg, *, opened: bool) -> bool:
        """Tell whether it is known who opened a connection.

        An entry proves it that was seen while it opened, or whose destination was translated: an answer does
        neither. So do others at the same listening port. Without these, an answer may have made the entry:
        the kernel forgets a connection that was quiet for long (UDP: 30 to 120 s) or when the table is full,
        and takes the next packet for the first one, whoever sends it (nf_conntrack_tcp_loose).
        """
        number, _, client_port, server, port, _ = leg
        if not 0 < client_port < EPHEMERAL <= port:
            return True
        if opened:
            if len(self._listening) >= _REMEMBERED:
                self._listening.clear()
            self._listening.add((number, server, port))
        return (number, server, port) in self._listening

    def _remember(self, leg: _Leg) -> None:
        """Keep in mind who opened a connection where the ports will not tell it."""
        _, _, client_port, _, port, _ = leg
        if client_port >= EPHEMERAL <= port != client_port:
            if len(self._between_clients) >= _REMEMBERED:
                self._between_clients.clear()
            self._between_clients.add(leg)

    def _answer(self, node: str, key: Key, known: Known, now: float) -> Iterator[Flow]:
        for what, leg in enumerate(_legs(key, mirrored=known.mirrored)):
            told = self._legs[leg]
            if not told.answered:
                yield from self._answered(leg, what, told, now, node)

    def _answered(self, leg: _Leg, what: int, told: _Told, time: float, node: str) -> Iterator[Flow]:
        """Tell that what was an attempt until now did arrive."""
        told.answered = True
        if what != _DIALLED:
            yield self._flow(leg, what, told, time, node)
        yield self._flow(leg, what, told, time, node, is_reply=True)

    def _again(self, node: str, key: Key, known: Known, now: float) -> Iterator[Flow]:
        for what, leg in enumerate(_legs(key, mirrored=known.mirrored)):
            told = self._legs[leg]
            if now - told.at >= TELL_AGAIN:
                told.at = now
                yield from self._exchange(leg, what, told, now, node)

    def _forget(self, known: dict[Key, Known], reading: int) -> None:
        for key in [key for key, entry in known.items() if entry.reading != reading]:
            entry = known.pop(key)
            if entry.quiet:
                self._wake(key)
                continue
            for leg in _legs(key, mirrored=entry.mirrored):
                told = self._legs[leg]
                told.drop(entry)
                if not told.entries:
                    del self._legs[leg]

    def _exchange(self, leg: _Leg, what: int, told: _Told, time: float, node: str) -> Iterator[Flow]:
        yield self._flow(leg, what, told, time, node)
        if told.answered:
            yield self._flow(leg, what, told, time, node, is_reply=True)

    def _flow(
        self, leg: _Leg, what: int, told: _Told, time: float, node: str, *, is_reply: bool = False
    ) -> Flow:
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
            _verdict(what, answered=told.answered),
            is_reply=is_reply,
            proven=told.proven,
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


def _verdict(what: int, *, answered: bool) -> Verdict:
    """Return what became of a request: nobody knows whether one without an answer was let in at its end."""
    # What was dialled is the same connection once more, and was translated before any policy looked.
    if what == _DIALLED:
        return Verdict.TRACED
    return Verdict.FORWARDED if answered else Verdict.UNKNOWN


def _is_loopback(key: Key) -> bool:
    _, source, _, destination, _, server, *_ = key
    return any(ip.startswith("127.") or ip == "::1" for ip in (source, destination, server))


def _legs(key: Key, *, mirrored: bool = False) -> list[_Leg]:
    """Return a connection as its client and its server are seen: directly, as dialled, and as it arrives.

    The reply's source is who really answered; what was dialled differs when it was translated (a Service, a
    node port). The reply's destination is whom the server saw: with a translated destination, that
    is the node which masquerades the client; without, the connection leaves the cluster.
    """
    number, client, client_port, dialled, dialled_port, server, port, seen, seen_port, _, tag = key
    if mirrored:  # an answer is translated no more, once its connection is forgotten
        return [(number, dialled, dialled_port, client, client_port, tag)]
    legs = [(number, client, client_port, server, port, tag)]
    if dialled != server or dialled_port != port:
        legs.append((number, client, client_port, dialled, dialled_port, tag))
        if seen != client:
            legs.append((number, seen, seen_port, server, port, tag))
    return legs
