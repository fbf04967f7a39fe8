"""A real HTTP server that answers queries as Loki does: forward in time, no more entries than the limit."""

from __future__ import annotations

import json
import socket
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Entry = tuple[dict[str, str], int, str]
"""Labels, time in nanoseconds, line."""


class LokiServer(ThreadingHTTPServer):
    """Hold what to answer.

    ``codes`` are used up in turn before anything else is answered; ``most`` is the largest limit
    that is allowed. ``asked`` holds the parameters of each query that was answered, ``headers`` those
    of each request. Once it is ``over``, connections that are kept end.
    """

    daemon_threads = True

    def __init__(
        self, entries: list[Entry], prefix: str = "", at: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        super().__init__(at, _Handler)
        self.entries = entries
        self.path = f"{prefix}/loki/api/v1/query_range"
        self.most = 5000
        self.over = threading.Event()
        self.codes: list[tuple[int, bytes]] = []
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []

    def answer(self, query: dict[str, str]) -> tuple[int, bytes]:
        start, end, limit = (int(query[name]) for name in ("start", "end", "limit"))
        if limit > self.most:
            return 400, f"max entries limit per query exceeded, limit > {self.most}".encode()
        assert query["direction"] == "forward"
        assert query["query"] == '{app="netobserv-flowcollector"}'
        within = sorted((e for e in self.entries if start <= e[1] < end), key=lambda e: e[1])[:limit]
        streams = defaultdict(list)
        for labels, at, line in within:
            streams[json.dumps(labels)].append([str(at), line])
        result = [{"stream": json.loads(labels), "values": values} for labels, values in streams.items()]
        self.asked.append(query)
        return 200, json.dumps(
            {"status": "success", "data": {"resultType": "streams", "result": result}}
        ).encode()


class _Handler(BaseHTTPRequestHandler):
    server: LokiServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.headers.append(dict(self.headers))
        code, body = 404, b"404 page not found"
        if self.server.over.is_set():
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if self.server.codes:
            code, body = self.server.codes.pop(0)
        elif url.path == self.server.path:
            code, body = self.server.answer({k: v[0] for k, v in parse_qs(url.query).items()})
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
