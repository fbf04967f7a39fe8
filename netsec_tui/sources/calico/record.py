"""What Goldmane and Whisker tell alike: connections of one window of time, as one end's node saw them.

Read from projectcalico/calico: goldmane/proto/api.proto, felix/collector/types/endpoint/endpoint.go and
whisker-backend/pkg/upstream/goldmane/convert.go. Neither tells pods, addresses outside, or client ports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from netsec_tui.errors import NetsecError
from netsec_tui.model.flow import Endpoint, Labels, Protocol, Reserved, Verdict
from netsec_tui.model.timespan import SKEW_SECONDS, plausible
from netsec_tui.sources.fields import count, text, whole
from netsec_tui.sources.problem import Problem

WORKLOAD, HOST, NETWORK_SET, NETWORK = 1, 2, 3, 4
"""EndpointType of api.proto; released versions of Whisker tell none."""

TYPES: Mapping[str, int] = {
    "WorkloadEndpoint": WORKLOAD,
    "HostEndpoint": HOST,
    "NetworkSet": NETWORK_SET,
    "Network": NETWORK,
}
ACTIONS: Mapping[object, Verdict] = {
    "Allow": Verdict.FORWARDED,
    "Deny": Verdict.DROPPED,
    "Pass": Verdict.FORWARDED,
    1: Verdict.FORWARDED,
    2: Verdict.DROPPED,
    3: Verdict.FORWARDED,
}
"""Action of api.proto: what became of the connection at the reporter. Staged policies have no part in it."""

SERVER_SIDE = frozenset({2, "Dst"})
"""Reporter of api.proto; else the client's node tells."""

_NETWORKS = {
    "pub": Reserved.WORLD,
    "PUBLIC NETWORK": Reserved.WORLD,
    "pvt": Reserved.PRIVATE_NETWORK,
    "PRIVATE NETWORK": Reserved.PRIVATE_NETWORK,
}
_PROTOCOLS = {
    "tcp": Protocol.TCP,
    "6": Protocol.TCP,
    "udp": Protocol.UDP,
    "17": Protocol.UDP,
    "sctp": Protocol.SCTP,
    "132": Protocol.SCTP,
    "icmp": Protocol.ICMP,
    "1": Protocol.ICMP,
    "icmpv6": Protocol.ICMP,
    "58": Protocol.ICMP,
}
_OF_CALICO = "projectcalico.org/"
"""Keys of labels that Calico adds to those of a pod."""

_LARGEST_PORT = 65535
_ENDS_KEPT = 16_384
_LATEST = 253_402_300_799
"""The last second of the year 9999; no clock is there."""

_WRONG_CLOCK = Problem(
    f"a time before the year 2000 or more than {SKEW_SECONDS:.0f} s ahead of this machine's clock: "
    "set the clock of the node that tells it, or this one's"
)


Dialled = tuple[str, str, int]
"""Namespace, name and port of a Service."""


class RawEnd(NamedTuple):
    """Hold one end as it is told; ``-`` and an empty text stand for nothing."""

    name: object
    namespace: object
    type: int
    labels: tuple[str, ...]


class Raw(NamedTuple):
    """Hold a record as it is told; times are epoch seconds, ``distinct`` what else tells it apart."""

    source: RawEnd
    destination: RawEnd
    protocol: object
    port: object
    service: tuple[object, object, object]
    reporter: object
    action: object
    connections: int
    start: object
    end: object
    distinct: object = None


class Connection(NamedTuple):
    """Name what both reporters of a connection tell alike."""

    source: tuple[str, str, int]
    destination: tuple[str, str, int]
    protocol: Protocol
    port: int


@dataclass(frozen=True, slots=True)
class Record:
    """Hold ``count`` connections that began in a window, or were open in it.

    ``port`` is the pod's, of an end that is no pod the port of the Service that was dialled. ``server_side``
    tells that the server's node reports. ``service`` is that Service, its port last, None where a pod was
    reached and the port is not told. ``identity`` tells it from all other records of the window.
    """

    connection: Connection
    source: Endpoint
    destination: Endpoint
    port: int
    service: Dialled | None
    server_side: bool
    verdict: Verdict
    count: int
    start: int
    end: int
    identity: object


class RecordReader:
    """Make records of what is told, sharing the endpoints that repeat; ``clock`` is epoch seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ends: dict[RawEnd, Endpoint | str] = {}

    def read(self, raw: Raw) -> Record | Problem:
        """Return the record, or why it cannot be used; never raises."""
        source, destination = self._end(raw.source), self._end(raw.destination)
        if isinstance(source, str):
            return Problem(f"{source} of the source")
        if isinstance(destination, str):
            return Problem(f"{destination} of the destination")
        protocol = _PROTOCOLS.get(told(raw.protocol).lower()) or (told(raw.protocol) and Protocol.OTHER)
        port, start, end = whole(raw.port), whole(raw.start), whole(raw.end)
        if not protocol:
            return Problem("no protocol")
        if port is None or port > _LARGEST_PORT:
            return Problem("the port is not a number from 0 to 65535")
        if not end or end > _LATEST or start is None:
            return Problem("no time")
        if not all(plausible(moment, self._clock()) for moment in (start or end, end)):
            return _WRONG_CLOCK
        service = _service(raw.service)
        if service and not service[2]:  # the pod's port is not the Service's
            service = None if destination.pod else (*service[:2], port)
        # Of an end that is no pod the Service stands for it, which is known by the port that was dialled.
        dialled = service[2] if service and not destination.pod else port
        connection = Connection(_name(raw.source), _name(raw.destination), protocol, port)
        server_side = raw.reporter in SERVER_SIDE if isinstance(raw.reporter, int | str) else False
        verdict = ACTIONS.get(raw.action) if isinstance(raw.action, int | str) else None
        return Record(
            connection,
            source,
            destination,
            dialled,
            service,
            server_side,
            verdict or Verdict.UNKNOWN,
            max(1, raw.connections),
            start,
            end,
            (server_side, verdict, service, raw.distinct),
        )

    def _end(self, raw: RawEnd) -> Endpoint | str:
        try:
            known = self._ends.get(raw)
        except TypeError:  # something unhashable where text belongs
            return _endpoint(raw)
        if known is None:
            if len(self._ends) >= _ENDS_KEPT:
                self._ends.clear()
            known = self._ends[raw] = _endpoint(raw)
        return known


def _endpoint(raw: RawEnd) -> Endpoint | str:
    """Return one end, or what is lacking of it."""
    name, namespace = told(raw.name), told(raw.namespace)
    if not name:
        return "no name"
    kind = raw.type
    if kind not in TYPES.values():
        if namespace and not name.endswith("*"):  # a pod without a controller, or a NetworkSet
            return Endpoint("", namespace, reserved=Reserved.NETWORK_SET, names=(f"{namespace}/{name}",))
        kind = WORKLOAD if namespace else NETWORK
    if kind == WORKLOAD:
        return Endpoint("", namespace, name, _labels(raw.labels)) if namespace else "no namespace"
    if kind == HOST:
        return Endpoint(reserved=Reserved.HOST, names=(name,))
    if kind == NETWORK and name in _NETWORKS:
        return Endpoint(reserved=_NETWORKS[name])
    return Endpoint(reserved=Reserved.NETWORK_SET, names=(f"{namespace}/{name}" if namespace else name,))


def _labels(raw: Iterable[str]) -> Labels:
    pairs = {}
    for label in raw:
        key, _, value = text(label).partition("=")
        if key and not key.startswith(_OF_CALICO):
            pairs[key] = value
    return tuple(sorted(pairs.items()))


def _service(raw: tuple[object, object, object]) -> Dialled | None:
    namespace, name = told(raw[0]), told(raw[1])
    port = count(raw[2])
    return (namespace, name, port if port <= _LARGEST_PORT else 0) if namespace and name else None


def _name(raw: RawEnd) -> tuple[str, str, int]:
    return told(raw.namespace), told(raw.name), raw.type


def fingerprint(policies: object) -> str:
    """Return what tells apart records that differ in the policies that let them through alone."""
    try:
        return repr(policies)
    except RecursionError:
        return ""


class QuietError(NetsecError):
    """Report that a stream is silent though its server is well: it is to be opened anew."""


def told(value: object) -> str:
    """Return a text, empty where nothing is told (Felix writes ``-``)."""
    found = text(value)
    return "" if found == "-" else found
