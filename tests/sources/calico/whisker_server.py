"""Whisker's backend as it is published: a list of flows, or a stream of them as events.

Written from projectcalico/calico, whisker-backend and lib/httpmachinery/pkg/apiutil.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATH = "/whisker-backend/flows"
PAGES, ONE_PAGE = "pages", "one page"


class WhiskerServer(ThreadingHTTPServer):
    """Hold ``flows`` as Whisker writes them; ``push`` tells more to whoever streams.

    ``status`` other than 200 refuses with ``body``, which else is the answer to a list, if it is set.
    ``asked`` holds the query of every request. ``lists`` says whether lists have pages: those of released
    versions do not.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, _Handler)
        self.flows: list[dict[str, Any]] = []
        self.status = 200
        self.body: bytes | None = None
        self.lists = ONE_PAGE
        self.asked: list[dict[str, str]] = []
        self.streams: list[_Handler] = []
        self.changed = threading.Condition()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server_address[1]

    def push(self, *flows: dict[str, Any], raw: bytes = b"") -> None:
        with self.changed:
            self.flows += flows
            for stream in self.streams:
                with suppress(OSError):
                    stream.send(b"".join(map(event, flows)) + raw)

    def break_off(self) -> None:
        with self.changed:
            for stream in self.streams:
                stream.over.set()
            self.streams.clear()

    def server_close(self) -> None:
        """End the streams, too."""
        self.break_off()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: connections of these tests break off."""


def event(flow: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(flow).encode() + b"\n\n"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WhiskerServer

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.asked.append(query)
        if self.server.status != 200 or url.path != PATH:
            self._answer(self.server.status if url.path == PATH else 404, self.server.body or b"")
        elif query.get("watch") == "true":
            self._stream(int(query["startTimeGte"]))
        elif self.server.body is not None:
            self._answer(200, self.server.body)
        else:
            self._answer(200, json.dumps(self._list(query)).encode())

    def send(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _list(self, query: dict[str, str]) -> dict[str, Any]:
        flows = self.server.flows
        if self.server.lists == ONE_PAGE:
            return {"total": len(flows), "items": flows or None}
        page, size = int(query["page"]), int(query["pageSize"])
        total = {"totalPages": -(-len(flows) // size), "totalResults": len(flows)}
        return {"total": total, "items": flows[page * size : (page + 1) * size]}

    def _stream(self, since: int) -> None:
        self.over = threading.Event()
        with self.server.changed:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for flow in self.server.flows:
                if since < 0 or _seconds(flow["start_time"]) >= since:
                    self.send(event(flow))
            self.server.streams.append(self)
            self.server.changed.notify_all()
        self.over.wait()
        self.close_connection = True

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _seconds(text: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(text).timestamp())
