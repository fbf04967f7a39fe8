"""Connections that are tried all at once, each from inside a network namespace, each with what came back."""

from __future__ import annotations

import contextlib
import errno
import resource
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.cluster.harness import netns
from tests.cluster.harness.forgetting import Ends

TIMEOUT = 0.4
"""Seconds until a connection counts as unanswered; after one second the kernel would send its SYN again."""

_AT_ONCE = 500  # A queue of packets that wait for a verdict holds 1,024.
_FREEBIND = 15
# A filter of the own namespace dropped the packet, nothing came back, or there is no way to the address.
_NOBODY_SAID_NO = (errno.EPERM, errno.ETIMEDOUT, errno.ENETUNREACH)


class Answer(Enum):
    """What came of a connection."""

    REACHED = "reached"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True)
class Attempt:
    """One connection to try.

    Attributes:
        namespace: the file of the network namespace it begins in.
        source: the address it begins at, empty where the route decides.
        address: where to.
        port: where to.
        protocol: TCP or UDP.
        payload: what is sent; over TCP as soon as the connection stands.
    """

    namespace: Path
    source: str
    address: str
    port: int
    protocol: str = "TCP"
    payload: bytes = b"?\n"


@dataclass
class Outcome:
    """What came of an attempt: the answer, and the bytes that came back.

    ``sock`` is the connection where it was to be held and was reached; whoever asked for it closes it.
    ``ends`` are its ends where it could be begun.
    """

    answer: Answer = Answer.SILENT
    data: bytes = b""
    sock: socket.socket | None = None
    ends: Ends | None = None


def exchange(attempts: Sequence[Attempt], timeout: float = TIMEOUT, hold: bool = False) -> list[Outcome]:
    """Try connections, hundreds at once, and return what came of each, in order.

    Over TCP a connection that stands is REACHED, whether or not the server says a word before the timeout;
    over UDP an answer has to come. ``timeout`` is in seconds and counts for each.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    done: list[Outcome] = []
    for start in range(0, len(attempts), _AT_ONCE):
        done += _Round(attempts[start : start + _AT_ONCE], timeout, hold).run()
    return done


class _Round:
    """The attempts that are under way together."""

    def __init__(self, attempts: Sequence[Attempt], timeout: float, hold: bool) -> None:
        self._attempts, self._timeout, self._hold = attempts, timeout, hold
        self._outcomes = [Outcome() for _ in attempts]
        self._selector = selectors.DefaultSelector()

    def run(self) -> list[Outcome]:
        places: dict[Path, list[int]] = {}
        for index, attempt in enumerate(self._attempts):
            places.setdefault(attempt.namespace, []).append(index)
        with self._selector:
            for place, indices in places.items():
                with netns.inside(place):
                    for index in indices:
                        self._begin(index)
            self._wait(time.monotonic() + self._timeout)
            for key in list(self._selector.get_map().values()):
                self._end(key.fileobj, key.data)  # type: ignore[arg-type]
        return self._outcomes

    def _wait(self, deadline: float) -> None:
        while self._selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                sock: socket.socket = key.fileobj  # type: ignore[assignment]
                try:
                    self._go_on(sock, key.data, key.events)
                except OSError as error:
                    self._fail(sock, key.data, error)

    def _begin(self, index: int) -> None:
        attempt = self._attempts[index]
        family = socket.AF_INET6 if ":" in attempt.address else socket.AF_INET
        tcp = attempt.protocol == "TCP"
        sock = socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        sock.setblocking(False)
        try:
            if attempt.source:
                # The world outside speaks from any address, also from one that no link there has.
                sock.setsockopt(socket.SOL_IP, _FREEBIND, 1)
                sock.bind((attempt.source, 0))
            with contextlib.suppress(BlockingIOError):
                sock.connect((attempt.address, attempt.port))
            client, client_port, *_ = sock.getsockname()
            self._outcomes[index].ends = Ends(
                attempt.protocol, client, client_port, attempt.address, attempt.port
            )
            if not tcp:
                sock.send(attempt.payload)
        except OSError as error:
            self._fail(sock, index, error)
            return
        self._selector.register(sock, selectors.EVENT_WRITE if tcp else selectors.EVENT_READ, index)

    def _go_on(self, sock: socket.socket, index: int, events: int) -> None:
        outcome = self._outcomes[index]
        if events & selectors.EVENT_WRITE:
            failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                raise OSError(failed, "connect")
            outcome.answer = Answer.REACHED
            sock.send(self._attempts[index].payload)
            self._selector.modify(sock, selectors.EVENT_READ, index)
            return
        outcome.data = sock.recv(65535)
        outcome.answer = Answer.REACHED
        self._end(sock, index)

    def _fail(self, sock: socket.socket, index: int, error: OSError) -> None:
        outcome = self._outcomes[index]
        if outcome.answer is Answer.SILENT and error.errno not in _NOBODY_SAID_NO:
            outcome.answer = Answer.REFUSED
        self._end(sock, index)

    def _end(self, sock: socket.socket, index: int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)
        outcome = self._outcomes[index]
        if self._hold and outcome.answer is Answer.REACHED:
            outcome.sock = sock
        else:
            sock.close()
