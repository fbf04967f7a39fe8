"""A TCP proxy that hangs when it is told to: connections stay open, and nothing passes any more."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class HangingProxy:
    """Carry bytes between who connects and a server until ``hang`` is called; new connections hang as well.

    ``hung`` is when that was, in epoch seconds; after ``heal`` bytes pass again, but for those that came
    meanwhile.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self.hung, self._hangs = 0.0, False
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._sockets = [self._listener]
        self._on = threading.Thread(target=self._accept, daemon=True)
        self._on.start()

    def hang(self) -> None:
        self.hung, self._hangs = time.time(), True

    def heal(self) -> None:
        self._hangs = False

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._on.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, come: socket.socket, go: socket.socket) -> None:
        with suppress(OSError):
            while data := come.recv(1 << 16):
                if not self._hangs:
                    go.sendall(data)
            if not self._hangs:
                go.shutdown(socket.SHUT_WR)


@contextmanager
def hanging(server: tuple[str, int]) -> Iterator[HangingProxy]:
    """Carry until the block ends."""
    proxy = HangingProxy(server)
    try:
        yield proxy
    finally:
        proxy.close()
