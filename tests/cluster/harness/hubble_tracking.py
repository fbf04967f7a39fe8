"""What the kernel of a node says of connections: events of its tracking, and packets that begin one."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.cluster.harness import netns
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.processes import Process

_NETFILTER, _ALL_PROTOCOLS, _TO_THIS_HOST = 12, 0x0003, 0
_IPV4, _IPV6 = 0x0800, 0x86DD
_NUMBERS = {6: "TCP", 17: "UDP"}
_LARGEST = 128  # bytes of a packet: the headers are wanted
_SYN, _ACK = 0x02, 0x10
_BUFFER = "16777216"

_EVENT = re.compile(
    r"\[(?P<time>[\d.]+)\]\s+\[(?P<what>NEW|UPDATE|DESTROY)\] ipv\d\s+\d+ (?P<protocol>tcp|udp)\s+\d+"
    r"(?: \d+)?(?: (?P<state>[A-Z_]+))? "
    r"src=(?P<src>\S+) dst=(?P<dst>\S+) sport=(?P<sport>\d+) dport=(?P<dport>\d+) (?P<one>.*?)"
    r"src=(?P<rsrc>\S+) dst=(?P<rdst>\S+) sport=(?P<rsport>\d+) dport=(?P<rdport>\d+) ?(?P<two>.*?)"
    r"id=(?P<id>\d+)"
)


class End(NamedTuple):
    """An address and a port."""

    ip: str
    port: int


class Tuple(NamedTuple):
    """A packet's protocol (TCP or UDP) and ends."""

    protocol: str
    source: End
    destination: End


@dataclass(frozen=True)
class Event:
    """A line of ``conntrack -E``.

    Attributes:
        time: in epoch seconds.
        what: NEW, UPDATE or DESTROY.
        state: of TCP, else empty.
        key: the same for all events of a connection on its node.
        original: of the first packet, as its client sent it.
        reply: of an answer, as the server sends it: its source is the server after all translation.
        answered: whether an answer was seen.
    """

    time: float
    what: str
    state: str
    key: str
    original: Tuple
    reply: Tuple
    answered: bool


class First(NamedTuple):
    """A packet that may begin a connection, as it came to a node from a pod or from elsewhere."""

    time: float
    packet: Tuple


def parse(line: str) -> Event | None:
    """Return what a line of ``conntrack -E -o timestamp,extended,id`` says; None for other protocols."""
    found = _EVENT.match(line)
    if found is None:
        return None
    protocol = found["protocol"].upper()
    original = Tuple(protocol, _end(found["src"], found["sport"]), _end(found["dst"], found["dport"]))
    reply = Tuple(protocol, _end(found["rsrc"], found["rsport"]), _end(found["rdst"], found["rdport"]))
    return Event(
        float(found["time"]),
        found["what"],
        found["state"] or "",
        found["id"],
        original,
        reply,
        "[UNREPLIED]" not in found["one"] + found["two"],
    )


def _end(ip: str, port: str) -> End:
    return End(str(ipaddress.ip_address(ip)), int(port))


class Tracking:
    """The events of one node, read as they come."""

    def __init__(self, instance: Instance, node: NodeNetwork) -> None:
        """Say of which node; ``start`` begins."""
        self.node = node
        command = ["conntrack", "-E", "-o", "timestamp,extended,id", "-b", _BUFFER]
        self._program = Process(f"conntrack-{node.name}", command, node.path, instance)
        self._read, self._rest = 0, b""
        self._packets: socket.socket | None = None

    def start(self) -> None:
        """Begin to listen; nothing that happens from now on is missed.

        Raises:
            RuntimeError: the program does not start.
        """
        self._program.log.unlink(missing_ok=True)
        self._read, self._rest = 0, b""
        with netns.inside(self.node.path):
            self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
        self._packets.setblocking(False)
        self._program.start()
        self._program.wait(self._listens)

    def stop(self) -> None:
        """End."""
        self._program.kill()
        if self._packets is not None:
            self._packets.close()

    def events(self) -> Iterator[Event]:
        """Yield what has come since the last call."""
        with self._program.log.open("rb") as log:
            log.seek(self._read)
            data = log.read()
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = parse(line.decode("ascii", "replace"))
            if event is not None:
                yield event

    def firsts(self) -> Iterator[First]:
        """Yield the packets since the last call that may have begun a connection."""
        while self._packets is not None:
            try:
                data, (_, protocol, kind, *_) = self._packets.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            packet = _packet(protocol, data) if kind == _TO_THIS_HOST else None
            if packet is not None:
                yield First(time.time(), packet)

    def _listens(self) -> bool:
        table = Path(f"/proc/{self._program.pid}/net/netlink").read_text(encoding="ascii").splitlines()[1:]
        rows = [line.split() for line in table]
        return any(int(row[1]) == _NETFILTER and int(row[3], 16) for row in rows)


def _packet(protocol: int, data: bytes) -> Tuple | None:
    """Return the ends of a SYN or of a datagram; None for anything else."""
    with suppress(IndexError, ValueError):
        if protocol == _IPV4:
            number, size, addresses = data[9], (data[0] & 15) * 4, (data[12:16], data[16:20])
        elif protocol == _IPV6:
            number, size, addresses = data[6], 40, (data[8:24], data[24:40])
        else:
            return None
        name = _NUMBERS.get(number)
        if name is None or (name == "TCP" and data[size + 13] & (_SYN | _ACK) != _SYN):
            return None
        ports = (int.from_bytes(data[size + at : size + at + 2], "big") for at in (0, 2))
        source, destination = (
            End(str(ipaddress.ip_address(ip)), port) for ip, port in zip(addresses, ports, strict=True)
        )
        return Tuple(name, source, destination)
    return None
