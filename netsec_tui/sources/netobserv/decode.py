"""Decode flows of NetObserv (flowlogs-pipeline), from Loki or as its command line tool writes them.

Read from netobserv/network-observability-operator, docs/flows-format.adoc. Records have one direction each,
come from every interface and both nodes, and again every few seconds while a connection goes on. Each is
judged by itself alone, so that neither the order of records nor what was read before matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict
from netsec_tui.sources.fields import count, whole
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
)
from netsec_tui.sources.netobserv.records import Record, records
from netsec_tui.sources.netobserv.reporters import Reporters, reporter
from netsec_tui.sources.netobserv.verdict import verdict_of
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.recent import Recent

ORIGIN = "netobserv"

_PROTOCOLS = {
    6: Protocol.TCP, 17: Protocol.UDP, 132: Protocol.SCTP, 1: Protocol.ICMP, 58: Protocol.ICMP,
}  # fmt: skip
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
    """Hold a record whose fields were looked at; ``reply`` is whether it answers, None if not proven."""

    fields: Mapping[str, Any]
    time: float
    tuple: _Tuple
    protocol: Protocol
    flags: int
    node: str
    reply: bool | None

    @property
    def minute(self) -> int:
        """Return the minute since the epoch, as observations have them."""
        return int(self.time // 60)

    @property
    def established(self) -> bool:
        """Tell whether the connection got an answer; a reset is none, policies send it too."""
        if self.reply:
            return not is_refusal(self.flags)
        return self.protocol is Protocol.TCP and bool(self.flags & (ACK | SYN_ACK | FIN_ACK))


class _Saying(NamedTuple):
    """Identify what a node tells of a connection in a minute."""

    tuple: _Tuple
    node: str
    minute: int
    reply: bool | None
    verdict: Verdict
    rst: bool


class _UnusableError(Exception):
    """Carry the reason of a ``Problem``."""


class NetObservDecoder:
    """Decode records, each by itself, and tell what repeats itself once a minute for each node.

    Several decoders may take note of ``reporters`` together.
    """

    def __init__(self, reporters: Reporters | None = None) -> None:
        self._reporters = reporters or Reporters()
        self._ends = Ends()
        self._told: Recent[_Saying, bool] = Recent()
        self._asked: Recent[tuple[_Tuple, int], bool] = Recent()
        self._resets: Recent[tuple[_Tuple, int], dict[str, _Read]] = Recent()

    @property
    def sampling(self) -> int:
        """Return of how many packets one was looked at, 0 where that is not known."""
        return self._reporters.sampling

    @property
    def nodes(self) -> dict[str, tuple[float, float]]:
        """Return when each node that reported has had its first and its last record, in epoch seconds."""
        return self._reporters.nodes

    def decode(self, value: object) -> list[Flow | Problem]:
        """Return the flows in one decoded JSON value: an answer of Loki, an array of records or one record.

        A reset is held back until the request is known that it answers: it may be all that came of one.
        Never raises.
        """
        found: list[Flow | Problem] = []
        read: list[_Read] = []
        for record in records(value):
            try:
                read.append(self._read(record))
            except _UnusableError as error:
                found.append(Problem(str(error)))
        # An answer tells that its request was let in, which is not told by the request again.
        read.sort(key=lambda item: (not item.reply, item.time))
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
        key = _Tuple(number, source, ports[0], destination, ports[1])
        at, node = _time(record), reporter(fields)
        self._reporters.take(fields, at, node)
        return _Read(fields, at, key, protocol, flags, node, is_reply(fields, protocol, flags))

    def _flows(self, read: _Read) -> Iterator[Flow]:
        if read.reply:
            yield from self._answer(read)
        elif read.reply is False:
            yield from self._request(read)
        elif is_refusal(read.flags):
            yield from self._hold_back(read)
        else:
            yield from self._tell(read, verdict_of(read.fields, established=read.established))

    def _request(self, read: _Read) -> Iterator[Flow]:
        fields, dialled = read.fields, service_of(read.fields, "Dst")
        verdict = verdict_of(fields, established=read.established)
        yield from self._tell(read, _as_dialled(verdict, dialled), service=dialled)
        yield from self._resets_of(read.tuple, read.minute)
        address, port = self._ends.address(fields, "XlatDst"), count(fields.get("XlatDstPort"))
        if not dialled or not address or not 0 < port < 65536 or address == read.tuple.destination:
            return
        behind = read.tuple._replace(destination=address, destination_port=port)
        pod = self._ends.endpoint(fields, "XlatDst")
        yield from self._tell(read._replace(tuple=behind, flags=0), verdict, destination=pod)
        yield from self._resets_of(behind, read.minute)

    def _answer(self, read: _Read) -> Iterator[Flow]:
        """Tell an answer, and that its request was let in: the request's own record may not."""
        dialled = service_of(read.fields, "Src")
        verdict = verdict_of(read.fields, established=read.established)
        if verdict.allowed and not dialled:
            asked = read._replace(tuple=read.tuple.back, flags=0, reply=False)
            ends = self._ends.endpoint(read.fields, "Dst"), self._ends.endpoint(read.fields, "Src")
            yield from self._tell(asked, verdict, *ends)
        yield from self._tell(read, _as_dialled(verdict, dialled), service=dialled)

    def _hold_back(self, read: _Read) -> Iterator[Flow]:
        """Keep a reset in mind, and tell it where a request is known that it answers."""
        held = self._resets.get((read.tuple, read.minute)) or {}
        self._resets.put((read.tuple, read.minute), held | {read.node: read})
        if any(self._asked.get((read.tuple.back, minute)) for minute in _near(read.minute)):
            yield from self._refusal(read)

    def _resets_of(self, request: _Tuple, minute: int) -> Iterator[Flow]:
        """Keep a request in mind, and tell the resets that were held back until it came."""
        self._asked.put((request, minute), True)
        for near in _near(minute):
            for reset in (self._resets.get((request.back, near)) or {}).values():
                yield from self._refusal(reset)

    def _refusal(self, read: _Read) -> Iterator[Flow]:
        refusal = read._replace(reply=True)
        yield from self._tell(refusal, verdict_of(read.fields, established=refusal.established))

    def _tell(
        self,
        read: _Read,
        verdict: Verdict,
        source: Endpoint | None = None,
        destination: Endpoint | None = None,
        service: tuple[str, str] | None = None,
    ) -> Iterator[Flow]:
        """Tell what no other record has told of the minute; the ends are those of the record if not given."""
        if not self._is_news(read, verdict):
            return
        flags, reply = read.flags, read.reply
        yield Flow(
            read.time,
            source or self._ends.endpoint(read.fields, "Src"),
            destination or self._ends.endpoint(read.fields, "Dst"),
            read.protocol,
            read.tuple.source_port,
            read.tuple.destination_port,
            verdict,
            reply,
            reply is not None,
            bool(flags & (SYN | SYN_ACK)),
            bool(flags & (ACK | SYN_ACK | FIN_ACK | RST_ACK)),
            bool(reply) and is_refusal(flags),
            service,
            read.node,
            origin=ORIGIN,
            arrived=verdict is Verdict.FORWARDED and not reply,  # nothing tells so of what has only left
        )

    def _is_news(self, read: _Read, verdict: Verdict) -> bool:
        """Tell whether a node has not told the same within the minute: it comes from all its interfaces.

        Each thing that can be told is told once whatever else was, or the order of records would matter. But
        an attempt of which it is known that it was let in needs no telling: no row says otherwise by it.
        """
        rst = bool(read.reply) and is_refusal(read.flags)
        saying = _Saying(read.tuple, read.node, read.minute, read.reply, verdict, rst)
        if self._told.get(saying):
            return False
        attempt = read.reply is False and verdict is Verdict.UNKNOWN
        if attempt and self._told.get(saying._replace(verdict=Verdict.FORWARDED)):
            return False
        self._told.put(saying, True)
        return True


def _as_dialled(verdict: Verdict, service: tuple[str, str] | None) -> Verdict:
    """Return the verdict on what was dialled: once more the connection that policies see translated."""
    return Verdict.TRACED if service and not verdict.denied else verdict


def _near(minute: int) -> range:
    """Return the minutes in which a reset may be of the same connection as a request."""
    return range(minute - 1, minute + 2)


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
