"""Connection tracking asked over netlink, entry by entry.

``conntrack -D`` and ``-L`` walk the whole table of the machine, whose size does not depend on what is in it,
for each entry that they remove: with the kernel's usual 262,144 buckets that is 20 ms each.

The messages and the numbers are those of linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_tcp.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.cluster.harness import netns

_NETLINK_NETFILTER = 12
_CTNETLINK = 1 << 8
_GET, _DELETE = _CTNETLINK | 1, _CTNETLINK | 2
_NLMSG_ERROR = 2
_REQUEST, _ACK = 1, 4
_NESTED = 0x8000
_TYPE = ~0xC000 & 0xFFFF
_PROTOCOLS = {"TCP": socket.IPPROTO_TCP, "UDP": socket.IPPROTO_UDP}
_HEADER, _ATTRIBUTE, _ERROR = struct.Struct("=IHHII"), struct.Struct("=HH"), struct.Struct("=i")
_FAMILY_HEADER = 4
_ORIGINAL, _PROTOCOL_INFO, _TCP_INFO, _TCP_STATE = 1, 4, 1, 1
_AT_ONCE = 100  # Their answers, of some hundred bytes each, have to fit into the buffer of the socket.

SYN_SENT, TIME_WAIT, CLOSE = 1, 7, 8
"""States of TCP connections."""


class Ends(NamedTuple):
    """The two ends of a connection as the client has them; ``protocol`` is TCP or UDP."""

    protocol: str
    client: str
    client_port: int
    server: str
    server_port: int


def tcp_states(node: Path, connections: Sequence[Ends]) -> list[int | None]:
    """Return the state of each TCP connection in a namespace's table, None where the table lacks it.

    Raises:
        OSError: the kernel refuses.
    """
    return [None if answer is None else _state(answer) for answer in _ask(node, _GET, connections)]


def remove(node: Path, connections: Sequence[Ends]) -> None:
    """Remove connections from a namespace's table; one that is not there is fine.

    Raises:
        OSError: the kernel refuses.
    """
    for _ in _ask(node, _DELETE, connections):
        pass


def remove_all(node: Path) -> None:
    """Empty a namespace's table.

    Raises:
        OSError: the kernel refuses.
    """
    with _asking(node) as asking:
        asking.send(_message(_DELETE, socket.AF_UNSPEC, b""))
        for _ in _answers(asking, 1):
            pass


def _ask(node: Path, what: int, connections: Sequence[Ends]) -> Iterator[bytes | None]:
    """Yield what the kernel says of each connection, in order; None where it has none."""
    with _asking(node) as asking:
        for start in range(0, len(connections), _AT_ONCE):
            some = connections[start : start + _AT_ONCE]
            asking.send(b"".join(_message(what, *_tuple(ends)) for ends in some))
            yield from _answers(asking, len(some))


def _asking(node: Path) -> socket.socket:
    with netns.inside(node):
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)


def _answers(asking: socket.socket, count: int) -> Iterator[bytes | None]:
    """Yield the answer to each of so many requests: each ends with a word of whether it was done."""
    said = b""
    while count:
        data = asking.recv(1 << 16)
        while data:
            length, kind, *_ = _HEADER.unpack_from(data)
            body, data = data[_HEADER.size : length], data[_aligned(length) :]
            if kind != _NLMSG_ERROR:
                said = body
                continue
            (code,) = _ERROR.unpack_from(body)
            if code not in (0, -errno.ENOENT):
                raise OSError(-code, f"connection tracking: {os.strerror(-code)}")
            yield None if code else said
            said, count = b"", count - 1


def _state(body: bytes) -> int:
    """Return the state of TCP of an entry, 0 where it has none."""
    for kind in (_PROTOCOL_INFO, _TCP_INFO, _TCP_STATE):
        start = _FAMILY_HEADER if kind == _PROTOCOL_INFO else 0
        body = next((value for one, value in _attributes(body, start) if one == kind), b"")
    return body[0] if body else 0


def _attributes(body: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    while start + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, start)
        yield kind & _TYPE, body[start + _ATTRIBUTE.size : start + length]
        start += _aligned(length)


def _message(what: int, family: int, attributes: bytes) -> bytes:
    size = _HEADER.size + _FAMILY_HEADER + len(attributes)
    header = _HEADER.pack(size, what, _REQUEST | _ACK, 0, 0)
    return header + bytes((family, 0, 0, 0)) + attributes


def _tuple(ends: Ends) -> tuple[int, bytes]:
    """Return the family of a connection, and the attribute that says which it is."""
    six = ":" in ends.client
    family = socket.AF_INET6 if six else socket.AF_INET
    source, destination = (3, 4) if six else (1, 2)
    addresses = _attribute(source, socket.inet_pton(family, ends.client))
    addresses += _attribute(destination, socket.inet_pton(family, ends.server))
    ports = _attribute(1, bytes((_PROTOCOLS[ends.protocol],)))
    ports += _attribute(2, ends.client_port.to_bytes(2, "big"))
    ports += _attribute(3, ends.server_port.to_bytes(2, "big"))
    both = _attribute(1 | _NESTED, addresses) + _attribute(2 | _NESTED, ports)
    return family, _attribute(_ORIGINAL | _NESTED, both)


def _attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return (_ATTRIBUTE.pack(length, kind) + value).ljust(_aligned(length), b"\0")


def _aligned(length: int) -> int:
    return (length + 3) & ~3
