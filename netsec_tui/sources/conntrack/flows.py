"""What is new in connection tracking tables since they were last read, as flows (docs/sources.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict
from netsec_tui.sources.conntrack.direction import Directions, Judgement, Told, is_opened, is_proof
from netsec_tui.sources.conntrack.entry import Entry, Key, protocol_of
from netsec_tui.sources.conntrack.known import MEMORY, OPEN, OVER, REFUSED, Change, Known, News, is_due, met
from netsec_tui.sources.conntrack.legs import DIALLED, DIRECT, Leg, direct_leg, is_left_out, legs, turned
from netsec_tui.sources.conntrack.timeouts import Idle, Timeouts, ended, idle, timeouts_of

ORIGIN = "conntrack"
"""What every flow of connection tracking names as its origin."""

ORIGIN_WITHOUT_ANSWERS = "conntrack-brief"
"""What flows of entries name that do not tell whether an answer came: they prove none that is missing."""

_ENDPOINTS = 200_000


class Connections:
    """Know the connections of all nodes; each is told once, however many tables and zones show it.

    ``told`` counts them.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, dict[Key, Known]] = {}
        self._read: dict[str, float] = {}
        self._legs: dict[Leg, Told] = {}
        self._quiet: Counter[Leg] = Counter()
        self._directions = Directions(self._legs)
        self._endpoints: dict[tuple[str, float], Endpoint] = {}
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
        yield from self.see(node, entries, now)
        known = self._nodes[node]
        self._forget(known, [key for key, entry in known.items() if entry.reading != self._reading])

    def see(self, node: str, entries: Iterable[Entry], now: float) -> Iterator[Flow]:
        """Yield what a part of a node's table, read at ``now``, tells that was not told before."""
        self._reading += 1
        known = self._nodes.setdefault(node, {})
        shown: Timeouts | None = None
        if now - self._read.get(node, 0.0) > MEMORY:  # else, what is new has had a packet since
            entries = list(entries)
            shown = timeouts_of(entries)
        self._read[node] = now
        yield from self._tell(node, self._news(known, entries, now, shown), now)

    def _news(
        self, known: dict[Key, Known], entries: Iterable[Entry], now: float, shown: Timeouts | None
    ) -> Iterator[News]:
        """Yield what is to be told of entries, and take over how they stand."""
        for entry in entries:
            before = known.get(entry.key)
            if before is None:
                if is_left_out(entry.key):
                    continue
                before = known[entry.key] = self._meet(entry, now, shown)
                change = None if before.quiet else Change.BEGINS
            elif before.reading == self._reading:  # a table that changes while it is read may show one twice
                continue
            else:
                change = before.change(entry, now)
            if change is Change.WAKES:
                self._wake(entry.key)
            before.renew(entry, now, self._reading)
            if change:
                yield News(change, entry, before)

    def _tell(self, node: str, news: Iterable[News], now: float) -> Iterator[Flow]:
        """Tell what a reading has brought, in an order of its own."""
        known = [*news]
        for doubted, told in self._directions.listen(one.entry for one in known if is_proof(one)):
            yield from self._correction(doubted, told)
        for change, entry, before in sorted(known, key=self._directions.rank):
            if change is Change.IS_ANSWERED:
                yield from self._answer(node, entry, before, now)
            elif change is Change.GOES_ON:
                yield from self._again(node, entry.key, before, now)
            else:
                yield from self._begin(node, entry, before, seen_before=change is Change.BEGINS_ANEW)

    def hear(self, node: str, what: str, entry: Entry, now: float) -> Iterator[Flow]:
        """Yield what a NEW, UPDATE or DESTROY of ``conntrack -E`` tells that was not told before."""
        known = self._nodes.setdefault(node, {})
        before = known.get(entry.key)
        if what == "DESTROY":
            yield from self._end(node, entry, before, now)
        elif what == "NEW" and before is None and not entry.state and not is_left_out(entry.key):
            before = known[entry.key] = Known(now)
            before.renew(entry, now, self._reading)
            yield from self._tell(node, [News(Change.BEGINS, entry, before)], now)
        else:
            self._read[node] = now  # a packet has passed just now, whatever the timeout
            yield from self.see(node, (entry,), now)

    def _end(self, node: str, entry: Entry, before: Known | None, now: float) -> Iterator[Flow]:
        """Tell what is first heard of as it ends; nobody knows when attempts were made, or open ones used."""
        known, told = self._nodes[node], entry.answered or entry.state in REFUSED
        if before is None and told and entry.state != OPEN and not is_left_out(entry.key):
            before = known[entry.key] = met(entry, now, *ended(entry))
            yield from self._tell(node, [News(Change.BEGINS, entry, before)], now)
        elif before and not before.quiet and entry.answered and not before.answered:
            yield from self._tell(node, [News(Change.IS_ANSWERED, entry, before)], now)
        elif before and before.opened and entry.answered is False and entry.state in REFUSED:
            yield from self._refused(node, entry.key, before, now)
        self._forget(known, [entry.key] if before else [])

    def _refused(self, node: str, key: Key, known: Known, now: float) -> Iterator[Flow]:
        """Tell the RST that ended what was seen to open; the kernel takes it for no answer."""
        for what, leg in legs(key, mirrored=known.mirrored):
            told = self._legs[leg]
            if what != DIALLED and not told.answered:
                yield replace(self._flow(leg, what, told, now, node, is_reply=True), syn=False, rst=True)

    def expire(self, node: str, now: float) -> None:
        """Forget entries whose timeouts have run out although no end was heard of."""
        known = self._nodes.get(node, {})
        self._forget(known, [key for key, entry in known.items() if entry.ran_out(now)])

    def keep(self, nodes: Iterable[str]) -> None:
        """Forget every node but these."""
        for node in self._nodes.keys() - set(nodes):
            self._forget(known := self._nodes.pop(node), [*known])
            self._read.pop(node, None)

    def hand_over(self, addresses: Collection[str]) -> None:
        """Forget what is known of addresses that others have now."""
        self._directions.forget(addresses)

    def _meet(self, entry: Entry, now: float, shown: Timeouts | None) -> Known:
        since = Idle() if shown is None else idle(entry, shown)
        if since.seconds <= MEMORY or entry.state in OVER:
            return met(entry, now, *since)
        leg = direct_leg(entry.key)
        self._quiet[leg] += 1
        self._directions.remember(leg, proven=is_opened(entry))
        return Known(now, quiet=True)

    def _wake(self, key: Key) -> None:
        leg = direct_leg(key)
        self._quiet[leg] -= 1
        if not self._quiet[leg]:
            del self._quiet[leg]

    def _begin(self, node: str, entry: Entry, known: Known, *, seen_before: bool = False) -> Iterator[Flow]:
        """Tell what begins, or what another node or zone has told before where that is so."""
        opened, own = is_opened(entry), direct_leg(entry.key)
        judged = Judgement(False, True) if opened else self._directions.judge(own)
        # What its server's packet made shows an answer by itself.
        answered = True if judged.mirrored and entry.state not in REFUSED else entry.answered
        if seen_before and judged.mirrored != known.mirrored:
            self._leave(entry.key, known)
            seen_before = False
        known.opened, known.mirrored = opened, judged.mirrored
        for what, leg in legs(entry.key, mirrored=judged.mirrored):
            told = self._legs.get(leg)
            if told is None:
                told = self._legs[leg] = Told()
            told.entries += not seen_before
            if told.showing and known not in told.showing:  # another node or zone shows the same connection
                told.showing.append(known)
                if judged.proven and not told.proven:
                    told.proven = True
                    yield from self._correction(leg, told)
                if answered and not told.answered:
                    yield from self._answered(leg, what, told, known.told, node, known.doubt)
            else:
                told.begin(known, known.told, node, answered=answered, proven=judged.proven)
                told.doubt = known.doubt
                self.told += what == DIRECT
                yield from self._exchange(leg, what, told, known.told, node)
            if what != DIALLED:
                self._directions.remember(leg, proven=judged.proven)
                if not judged.proven:  # either end may prove to be the server
                    self._directions.doubt(own, told)
                    self._directions.doubt(leg, told)

    def _answer(self, node: str, entry: Entry, known: Known, now: float) -> Iterator[Flow]:
        for what, leg in legs(entry.key, mirrored=known.mirrored):
            told = self._legs[leg]
            if not told.answered:
                yield from self._answered(leg, what, told, now, node)

    def _answered(
        self, leg: Leg, what: int, told: Told, time: float, node: str, doubt: float = 0.0
    ) -> Iterator[Flow]:
        """Tell that what was an attempt until now did arrive."""
        told.answered, told.doubt = True, doubt
        if what != DIALLED:
            yield self._flow(leg, what, told, time, node)
        yield self._flow(leg, what, told, time, node, is_reply=True)

    def _again(self, node: str, key: Key, known: Known, now: float) -> Iterator[Flow]:
        self._turn(key, known)
        for what, leg in legs(key, mirrored=known.mirrored):
            told = self._legs[leg]
            if is_due(told.at, now):
                told.at, told.doubt = now, 0.0
                yield from self._exchange(leg, what, told, now, node)

    def _turn(self, key: Key, known: Known) -> None:
        """Turn an entry round that was told without proof, where the opposite was proven since."""
        if known.opened:
            return
        own = direct_leg(key)
        shown = turned(own) if known.mirrored else own
        before = self._legs[shown]
        if before.proven:
            return
        judged = self._directions.judge(own)
        if not judged.proven:
            return
        self._leave(key, known)
        known.mirrored = judged.mirrored
        leg = turned(own) if known.mirrored else own
        told = self._legs.get(leg)
        if told is None:
            told = self._legs[leg] = Told()
            answered = before.answered or known.mirrored
            told.begin(None, before.at, before.node, answered=answered, proven=True)
        told.entries += 1
        told.showing.append(known)

    def _leave(self, key: Key, known: Known) -> None:
        """Take an entry from the legs that it has shown."""
        for _, leg in legs(key, mirrored=known.mirrored):
            told = self._legs[leg]
            told.drop(known)
            if not told.entries:
                del self._legs[leg]

    def _forget(self, known: dict[Key, Known], keys: Iterable[Key]) -> None:
        for key in keys:
            entry = known.pop(key)
            if entry.quiet:
                self._wake(key)
            else:
                self._leave(key, entry)

    def _exchange(self, leg: Leg, what: int, told: Told, time: float, node: str) -> Iterator[Flow]:
        yield self._flow(leg, what, told, time, node)
        if told.answered:
            yield self._flow(leg, what, told, time, node, is_reply=True)

    def _correction(self, leg: Leg, told: Told) -> Iterator[Flow]:
        """Tell with proof what was told without: it stands for no connection more."""
        proof = Told()
        proof.begin(None, told.at, told.node, answered=told.answered, proven=True)
        proof.doubt = told.doubt
        for flow in self._exchange(leg, DIRECT, proof, told.at, told.node):
            yield replace(flow, count=0)

    def _flow(
        self, leg: Leg, what: int, told: Told, time: float, node: str, *, is_reply: bool = False
    ) -> Flow:
        number, client_ip, client_port, server_ip, port, _ = leg
        protocol = protocol_of(number)
        tcp, ports = protocol is Protocol.TCP, (client_port, port) if protocol.expressible else (0, 0)
        client, server = self._endpoint(client_ip, told.doubt), self._endpoint(server_ip, told.doubt)
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
            origin=ORIGIN_WITHOUT_ANSWERS if told.answered is None else ORIGIN,
        )

    def _endpoint(self, ip: str, doubt: float) -> Endpoint:
        endpoint = self._endpoints.get((ip, doubt))
        if endpoint is None:
            if len(self._endpoints) >= _ENDPOINTS:
                self._endpoints.clear()
            endpoint = self._endpoints[ip, doubt] = Endpoint(ip, doubt=doubt)
        return endpoint


def _verdict(what: int, *, answered: bool | None) -> Verdict:
    """Return what became of a request: nobody knows whether one without an answer was let in at its end."""
    # What was dialled is the same connection once more, and was translated before any policy looked.
    if what == DIALLED:
        return Verdict.TRACED
    return Verdict.FORWARDED if answered else Verdict.UNKNOWN
