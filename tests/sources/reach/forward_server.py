"""An API server of the tests that also forwards ports of pods, over real websockets to real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

from tests.sources import exec_server
from tests.sources.exec_server import ExecServer


class ForwardServer(ExecServer):
    """Forward as ``ports`` says, by pod and port.

    A number is the HTTP status that refuses it, text is what is complained of, an address is connected to.
    ``forwards`` holds every forward that was asked for; ``cut_off`` ends all that are open.
    """

    def __init__(self, objects: list[dict[str, Any]]) -> None:
        super().__init__(objects)
        self.RequestHandlerClass = _Handler
        self.ports: dict[tuple[str, int], object] = {}
        self.forwards: list[tuple[str, int]] = []
        self.open: list[socket.socket] = []
        self.pinged = b""

    def cut_off(self) -> None:
        for connection in self.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def server_close(self) -> None:
        """End what is forwarded, too."""
        self.cut_off()
        super().server_close()


class _Handler(exec_server._Handler):
    server: ForwardServer

    def do_GET(self) -> None:  # noqa: N802
        url = urlsplit(self.path)
        if not url.path.endswith("/portforward"):
            super().do_GET()
            return
        pod, port = url.path.split("/")[-2], int(parse_qs(url.query)["ports"][0])
        self.server.forwards.append((pod, port))
        answer = self.server.ports.get((pod, port), 404)
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            answer = 401
        if isinstance(answer, int):
            self._refuse(answer)
            return
        self._upgrade()
        self.close_connection = True
        self.server.open.append(self.connection)
        for channel in (0, 1):
            self._send(channel, port.to_bytes(2, "little"))
        if isinstance(answer, str):
            self._send(1, answer.encode())
        else:
            assert isinstance(answer, tuple)
            with suppress(OSError), socket.create_connection(answer) as peer:
                self._carry(peer)
        with suppress(OSError):
            self.wfile.write(b"\x88\x02\x03\xe8")

    def _carry(self, peer: socket.socket) -> None:
        def answers() -> None:
            with suppress(OSError):
                while data := peer.recv(30_000):
                    self._send(0, data)
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=answers, daemon=True)
        thread.start()
        if self.server.pinged == b"ask":
            self.wfile.write(b"\x89\x02hi")
        for opcode, data in frames_of_client(self.rfile):
            if opcode == 2 and data[:1] == b"\0":
                peer.sendall(data[1:])
            elif opcode == 10:
                self.server.pinged = data
        peer.shutdown(socket.SHUT_RDWR)
        thread.join()


def frames_of_client(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield (opcode, unmasked data) of each frame until the client closes."""
    while len(head := stream.read(2)) == 2 and head[0] & 0x0F != 8:
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(stream.read(2 if size == 126 else 8), "big")
        key, masked = stream.read(4), stream.read(size)
        assert head[1] & 0x80, "a client masks what it sends"
        yield head[0] & 0x0F, bytes(byte ^ key[at % 4] for at, byte in enumerate(masked))
