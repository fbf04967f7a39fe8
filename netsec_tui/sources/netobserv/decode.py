"""Decode flows of NetObserv (flowlogs-pipeline), from Loki or as its command line tool writes them.

Read from netobserv/network-observability-operator, docs/flows-format.adoc. Records have one direction each,
come from every interface and both nodes, and again every few seconds while a connection goes on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from netsec_tui.model.flow import EPHEMERAL, Flow, Protocol, Verdict
from netsec_tui.model.timespan import plausible
from netsec_tui.sources.netobserv.ends import Ends, service_of
from netsec_tui.sources.netobserv.flags import (
    ACK,
    FIN_ACK,
    RST_ACK,
    SYN,
    SYN_ACK,
    flags_of,
    is_refusal,
    is_reply,
    tells_pairs,
)
from netsec_tui.sources.netobserv.records import Record, records, whole
from netsec_tui.sources.netobserv.verdict import verdict_of
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.recent import Recent, Told

ORIGIN = "netobserv"

_PROTOCOLS = {
    6: Protocol.TCP, 17: Protocol.UDP, 132: Protocol.SCTP, 1: Protocol.ICMP, 58: Protocol.ICMP,
}  # fmt: skip
_BELONGS = 120.0
"""Seconds between two records that may be of one connection."""

_SAYING = {Verdict.UNKNOWN: 0, Verdict.ERROR: 1}
_DECIDED = 2
"""How much verdicts say of what became of a connection; all others say most."""

_MARKS = re.compile(
    rb'\\?"(SrcAddr|DstAddr|TimeFlowStartMs|TimeFlowEndMs|FlowDirection|K8S_FlowLayer|AgentIP)\\?"'
)


def looks(head: bytes) -> bool:
    """Tell whether the first bytes of an input are flows of NetObserv."""
    if b'"resultType"' in head and b'"streams"' in head:
        return True
    return b"netobserv-flowcollector" in head or len({found[1] for found in _MARKS.finditer(head)}) > 2


class _Tuple(NamedTuple):
    """Identify the packets of a record: from where to where."""

    protocol: int
    source: str
    source_port: int
    destination: str
    destination_port: int

    @property
    def back(self) -> _Tuple:
        """Return what identifies the packets of the other direction."""
        return _Tuple(self.protocol, self.destination, self.destination_port, self.source, self.source_port)


class _Read(NamedTuple):
    """Hold a record whose fields have been looked at."""

    fields: Mapping[str, Any]
    time: float
    tuple: _Tuple
    protocol: Protocol
    flags: int


class _UnusableError(Exception):
    """Carry the reason of a ``Problem``."""


class NetObservDecoder:
    """Decode records, in view of those that came before: both directions, several interfaces and nodes.

    ``sampling`` is the largest that a record told, one of so many packets; 0 while none has told any, which
    does not mean that every packet was looked at. ``nodes`` tells when each that reported has had its
    first and its last record, in epoch seconds.
    """

    def __init__(self) -> None:
        self.sampling = 0
        self.nodes: dict[str, tuple[float, float]] = {}
        self._ends = Ends()
        self._pairs = False
        self._opened: Recent[_Tuple, float] = Recent()
        self._answered: Recent[_Tuple, float] = Recent()
        self._clients: Recent[tuple[int, str, int], float] = Recent()
        self._resets: Recent[_Tuple, _Read] = Recent()
        self._told: Told[tuple[_Tuple, bool]] = Told()

    def decode(self, value: object) -> list[Flow | Problem]:
        """Return the flows in one decoded JSON value: an answer of Loki, an array of records or one record.

        Nothing is returned for what repeats within the minute. Records that come in one value are
        understood by each other, whatever their order. A reset is held back until it is known what it
        answers: it may be all that came of a request. Never raises.
        """
        found: list[Flow | Problem] = []
        read: list[_Read] = []
        for record in records(value):
            try:
                read.append(self._read(record))
            except _UnusableError as error:
                found.append(Problem(str(error)))
        read.sort(key=attrgetter("time"))  # Loki answers with the newest first
        for item in read:
            self._learn(item)
        for item in read:
            found += self._flows(item)
        return found

    def _read(self, record: Record | Problem) -> _Read:
        if isinstance(record, Problem):
            raise _UnusableError(record.reason)
        fields = record.fields
        number = whole(fields.get("Proto"))
        if number is None:
            raise _UnusableError("no Proto, the number of the protocol")
        source, destination = self._ends.address(fields, "Src"), self._ends.address(fields, "Dst")
        if not source or not destination:
            raise _UnusableError("SrcAddr or DstAddr is no IP address")
        protocol = _PROTOCOLS.get(number, Protocol.OTHER)
        ports = (_port(fields, "Src"), _port(fields, "Dst")) if protocol.expressible else (0, 0)
        flags = flags_of(fields) if protocol is Protocol.TCP else 0
        self._pairs = self._pairs or tells_pairs(fields, flags)
        self.sampling = max(self.sampling, whole(fields.get("Sampling")) or 0)
        key = _Tuple(number, source, ports[0], destination, ports[1])
        return _Read(fields, _time(record), key, protocol, flags)

    def _learn(self, read: _Read) -> None:
        """Keep in mind what a record proves, for itself and for others of its connection."""
        reply = self._proven(read)
        if reply is None:
            return
        request = read.tuple.back if reply else read.tuple
        self._opened.put(request, read.time)
        if reply and not self._resets_only(read):
            self._answered.put(request, read.time)
        if service_of(read.fields, "Src" if reply else "Dst") and request.source_port >= EPHEMERAL:
            # Behind a Service the same client's port talks to a pod: that is the same connection.
            self._clients.put(request[:3], read.time)

    def _proven(self, read: _Read) -> bool | None:
        return is_reply(read.fields, read.protocol, read.flags, pairs=self._pairs)

    def _direction(self, read: _Read) -> bool | None:
        """Return whether a record's packets are answers, by itself or by what others proved."""
        own = self._proven(read)
        if own is not None:
            return own
        there, back = read.tuple, read.tuple.back
        if there == back:
            return None
        asks = _is_near(self._opened.get(there), read.time) or self._dialled(there, read.time)
        answers = _is_near(self._opened.get(back), read.time) or self._dialled(back, read.time)
        return answers if asks != answers else None

    def _dialled(self, request: _Tuple, time: float) -> bool:
        return request.destination_port < EPHEMERAL and _is_near(self._clients.get(request[:3]), time)

    def _flows(self, read: _Read) -> list[Flow]:
        node = self._ends.reporter(read.fields)
        if node and plausible(read.time, time.time()):
            first, last = self.nodes.get(node, (read.time, read.time))
            self.nodes[node] = min(first, read.time), max(last, read.time)
        reply = self._direction(read)
        if reply is None and self._resets_only(read):
            self._resets.put(read.tuple, read)
            return []
        if reply and not self._resets_only(read):
            self._answered.put(read.tuple.back, read.time)
            # The answer says of its request that it was let in: that is not told by the request again.
            self._told.add((read.tuple.back, False), read.time, _rank(reply=False, saying=_DECIDED))
        flows = [self._flow(read, node, reply)]
        if reply is False:
            flows += [self._behind(read, node), *self._refused(read)]
        return [flow for flow in flows if flow]

    def _resets_only(self, read: _Read) -> bool:
        return is_refusal(read.flags, pairs=self._pairs)

    def _refused(self, read: _Read) -> list[Flow]:
        """Return the reset of a request that was held back, as its answer."""
        reset = self._resets.get(read.tuple.back)
        return self._flows(reset) if reset and _is_near(reset.time, read.time) else []

    def _established(self, read: _Read, reply: bool | None) -> bool:
        """Tell whether a connection is known to have got an answer; a reset is none, policies send it too."""
        if reply and self._resets_only(read):
            return False
        if reply or _is_near(self._answered.get(read.tuple), read.time):
            return True
        return read.protocol is Protocol.TCP and bool(read.flags & (ACK | SYN_ACK | FIN_ACK))

    def _flow(self, read: _Read, node: str, reply: bool | None) -> Flow | None:
        fields, flags = read.fields, read.flags
        verdict = verdict_of(fields, established=self._established(read, reply))
        service = service_of(fields, "Src" if reply else "Dst") if reply is not None else None
        if service and not verdict.denied:
            # What was dialled is the same connection once more, translated before any policy looks.
            verdict = Verdict.TRACED
        if not self._is_news(read.tuple, read.time, reply, verdict):
            return None
        return Flow(
            read.time,
            self._ends.endpoint(fields, "Src"),
            self._ends.endpoint(fields, "Dst"),
            read.protocol,
            read.tuple.source_port,
            read.tuple.destination_port,
            verdict,
            reply,
            reply is not None,
            bool(flags & (SYN | SYN_ACK)),
            bool(flags & (ACK | SYN_ACK | FIN_ACK | RST_ACK)),
            bool(reply) and self._resets_only(read),
            service,
            node,
            origin=ORIGIN,
        )

    def _behind(self, read: _Read, node: str) -> Flow | None:
        """Return the flow to the pod that a dialled Service was translated to, where that is told."""
        fields = read.fields
        address, port = self._ends.address(fields, "XlatDst"), whole(fields.get("XlatDstPort")) or 0
        dialled = service_of(fields, "Dst")
        if not dialled or not address or not 0 < port < 65536 or address == read.tuple.destination:
            return None
        behind = read.tuple._replace(destination=address, destination_port=port)
        self._opened.put(behind, read.time)
        verdict = verdict_of(fields, established=self._established(read, reply=False))
        if not self._is_news(behind, read.time, False, verdict):
            return None
        return Flow(
            read.time,
            self._ends.endpoint(fields, "Src"),
            self._ends.endpoint(fields, "XlatDst"),
            read.protocol,
            behind.source_port,
            port,
            verdict,
            is_reply=False,
            node=node,
            origin=ORIGIN,
        )

    def _is_news(self, key: _Tuple, time: float, reply: bool | None, verdict: Verdict) -> bool:
        """Tell whether a record tells what no other did within the minute.

        The same packets come from all interfaces and both nodes. A direction that becomes known is news, and
        so is what became of a request that was an attempt until then.
        """
        rank = _rank(reply=reply, saying=_SAYING.get(verdict, _DECIDED))
        return self._told.is_news((key, verdict.denied), time, rank)


def _rank(*, reply: bool | None, saying: int) -> int:
    """Return how much is told: who opened the connection before what became of it."""
    return 3 * (reply is not None) + saying


def _is_near(other: float | None, time: float) -> bool:
    return other is not None and abs(other - time) <= _BELONGS


def _port(fields: Mapping[str, Any], side: str) -> int:
    port = whole(fields.get(f"{side}Port"))
    if port is None or port > 65535:
        raise _UnusableError(f"{side}Port is not a number from 0 to 65535")
    return port


def _time(record: Record) -> float:
    """Return when the last packet of a record was seen, in epoch seconds."""
    for name, scale in (("TimeFlowEndMs", 1e3), ("TimeReceived", 1.0)):
        if told := whole(record.fields.get(name)):
            return told / scale
    if record.at:
        return record.at / 1e9
    raise _UnusableError("no TimeFlowEndMs")
