"""Who opened a connection, as far as connection tracking proves it (docs/sources.md)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from netsec_tui.model.flow import EPHEMERAL, Protocol
from netsec_tui.sources.conntrack.entry import Entry, protocol_of
from netsec_tui.sources.conntrack.known import OPENING, REFUSED, Change, Known, News
from netsec_tui.sources.conntrack.legs import Leg, direct_leg, is_translated, turned

_REMEMBERED = 100_000
"""How many connections, and how many listening ports, are remembered; then the oldest are forgotten."""

Port = tuple[int, str, int]
"""Where something may listen: the protocol's number, address and port."""


class Told:
    """Hold what was told of a leg: ``entries`` have it, ``showing`` are those that show what was told last.

    An entry that is among these and begins anew is another connection; one that is not shows the same one.
    ``proven`` tells whether it is known who opened it, ``doubt`` by how many seconds it may have been later.
    ``answered`` is None where nobody has told.
    """

    __slots__ = ("answered", "at", "doubt", "entries", "node", "proven", "showing")

    def __init__(self) -> None:
        self.entries = 0
        self.begin(None, 0.0, "", answered=False, proven=False)

    def begin(
        self, entry: Known | None, at: float, node: str, *, answered: bool | None, proven: bool
    ) -> None:
        """Take over a connection that is told now, by which node."""
        self.answered: bool | None = answered
        self.proven = proven
        self.at, self.node, self.doubt = at, node, 0.0
        self.showing = [entry] if entry else []

    def drop(self, entry: Known) -> None:
        """Forget an entry."""
        self.entries -= 1
        if entry in self.showing:
            self.showing.remove(entry)


class Judgement(NamedTuple):
    """Say whether an entry is the other way round than its connection, and whether that is known."""

    mirrored: bool
    proven: bool


def is_opened(entry: Entry) -> bool:
    """Tell whether an entry proves who opened its connection: by its state, or because it was translated."""
    return entry.state in OPENING or is_translated(entry.key)


def is_proof(news: News) -> bool:
    """Tell whether news prove that something listens at an entry's server: an answer may be a refusal."""
    change, entry, known = news
    if change is Change.GOES_ON or not entry.answered or entry.state in REFUSED:
        return False
    return known.opened if change is Change.IS_ANSWERED else is_opened(entry)


class Directions:
    """Know who opened what and where something listens, as far as entries have proven it.

    What is proven later makes what was told before proven as well, so that the order in which tables and
    entries are read makes no difference.
    """

    def __init__(self, live: dict[Leg, Told]) -> None:
        self._live = live
        self._listening: OrderedDict[Port, None] = OrderedDict()
        self._remembered: OrderedDict[Leg, bool] = OrderedDict()
        self._unproven: dict[Port, dict[Leg, Told]] = {}
        self._doubts: OrderedDict[tuple[Port, Leg], None] = OrderedDict()

    def rank(self, news: News) -> tuple[object, ...]:
        """Return by what to sort the news of a table, whose own order must not matter.

        Each is judged by all that others prove so; of two entries that one connection may have made, the one
        towards what listens or the lower port is told.
        """
        change, entry, _ = news
        key = entry.key
        number, client_port, server, port = key[0], key[2], key[5], key[6]
        return (
            not is_opened(entry),
            (number, server, port) not in self._listening,
            not entry.answered,
            change is not Change.BEGINS_ANEW,
            port > client_port,
            key,
        )

    def judge(self, leg: Leg) -> Judgement:
        """Return what is known of an entry that does not prove its direction itself."""
        number, _, client_port, server, port, _ = leg
        if not port:  # only a request makes an entry of ICMP (nf_conntrack_proto_icmp.c); others do not tell
            return Judgement(False, protocol_of(number) is Protocol.ICMP)
        mine = self._knows(leg)
        if mine or client_port == port:
            return Judgement(False, bool(mine))
        other = self._knows(turned(leg))
        if other:
            return Judgement(True, True)
        if (number, server, port) in self._listening:
            # Where both ends listen, either may have opened it.
            return Judgement(False, not self._calls_from_a_server(leg))
        if other is not None and leg not in self._live:  # one connection, whoever opened it
            return Judgement(True, self._calls_from_a_server(leg))
        return Judgement(False, False)

    def remember(self, leg: Leg, *, proven: bool) -> None:
        """Keep a connection in mind whose ports will not tell who opened it.

        Nobody needs to remember one from a client's port to a low one: the way round it proves nothing.
        """
        _, _, client_port, _, port, _ = leg
        if client_port >= EPHEMERAL > port or not port:
            return
        proven = proven or self._remembered.pop(leg, False)
        self._remembered[leg] = proven
        _limit(self._remembered)

    def doubt(self, leg: Leg, told: Told) -> None:
        """Keep in mind what was told without proof, for the case that its server proves to listen."""
        number, _, client_port, server, port, _ = leg
        if not port or client_port == port:
            return
        at = number, server, port
        self._unproven.setdefault(at, {})[leg] = told
        self._doubts[at, leg] = None
        if len(self._doubts) > _REMEMBERED:
            (at, leg), _ = self._doubts.popitem(last=False)
            del self._unproven[at][leg]
            if not self._unproven[at]:
                del self._unproven[at]

    def listen(self, proofs: Iterable[Entry]) -> Iterator[tuple[Leg, Told]]:
        """Take note that the servers of entries have answered, and yield what that proves of what was told.

        Where both ends of a connection turn out to listen at once, it proves nothing.
        """
        legs = (direct_leg(entry.key) for entry in proofs)
        found = dict.fromkeys((number, server, port) for number, _, _, server, port, _ in legs)
        fresh = [at for at in found if at not in self._listening]
        for at in fresh:
            self._listening[at] = None
            _limit(self._listening)
        doubts = [doubt for at in fresh for doubt in self._assured(at).items()]
        for doubted, told in doubts:
            if self._knows(turned(doubted)) or self._knows(doubted) or self._calls_from_a_server(doubted):
                continue
            self._remembered[doubted] = True
            _limit(self._remembered)
            live = self._live.get(doubted)
            if live is not None:
                live.proven = True
            yield doubted, live or told

    def forget(self, addresses: Collection[str]) -> None:
        """Forget what listened at addresses that others have now."""
        gone = frozenset(addresses)
        if not gone:
            return
        for at in [at for at in self._listening if at[1] in gone]:
            del self._listening[at]
        for leg in [leg for leg in self._remembered if leg[1] in gone or leg[3] in gone]:
            del self._remembered[leg]
        for at in [at for at in self._unproven if at[1] in gone]:
            self._assured(at)

    def _assured(self, at: Port) -> dict[Leg, Told]:
        """Return what was in doubt at a port, and is not any more."""
        waiting = self._unproven.pop(at, {})
        for leg in waiting:
            del self._doubts[at, leg]
        return waiting

    def _calls_from_a_server(self, leg: Leg) -> bool:
        """Tell whether something is known to listen at the client's end, so that it may be the server."""
        number, client, client_port, *_ = leg
        return (number, client, client_port) in self._listening

    def _knows(self, leg: Leg) -> bool | None:
        """Return whether who opened a connection is proven; None for one that was not seen."""
        told = self._live.get(leg)
        if told is not None and told.proven:
            return True
        remembered = self._remembered.get(leg)
        return remembered if remembered is not None or told is None else False


def _limit(kept: OrderedDict[Any, Any]) -> None:
    if len(kept) > _REMEMBERED:
        kept.popitem(last=False)
