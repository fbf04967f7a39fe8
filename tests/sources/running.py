"""Running a server of the tests in a thread of its own."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer
from typing import TypeVar

ServerT = TypeVar("ServerT", bound=TCPServer)


@contextmanager
def running(server: ServerT, tls: ssl.SSLContext | None = None) -> Iterator[ServerT]:
    """Serve until the block ends, over TLS if there is a context."""
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
