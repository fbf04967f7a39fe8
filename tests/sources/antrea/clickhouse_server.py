"""A real HTTP server that speaks the little of ClickHouse's HTTP interface that reading a table needs."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

COLUMNS = (
    "timeInserted", "flowStartSeconds", "flowEndSeconds", "sourceIP", "destinationIP", "sourceTransportPort",
    "destinationTransportPort", "protocolIdentifier", "reversePacketTotalCount", "sourcePodName",
    "sourcePodNamespace", "sourceNodeName", "destinationPodName", "destinationPodNamespace",
    "destinationNodeName", "destinationClusterIP", "destinationServicePort", "destinationServicePortName",
    "ingressNetworkPolicyRuleAction", "egressNetworkPolicyRuleAction", "sourcePodLabels",
    "destinationPodLabels", "tcpState", "trusted",
)  # fmt: skip


class ClickHouseServer(ThreadingHTTPServer):
    """Hold rows by the time at which they were inserted, as they come out of the query for edges.

    ``records`` are of single connections: when they were inserted, the port, and the row.
    ``refuse`` are answers that are used up first: status and text. ``breaks`` are put after the first of
    the rows in place of the others, each once. ``asked`` holds the queries, ``logins`` who asked.
    Queries with the text ``slow`` get an answer that trickles in without end, those with the text ``endless``
    one that never ends.
    """

    daemon_threads = True

    def __init__(self, rows: list[tuple[int, dict[str, Any]]], now: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rows, self.now = rows, now
        self.records: list[tuple[int, int, dict[str, Any]]] = []
        self.columns: tuple[str, ...] = COLUMNS
        self.login = "default:"
        self.refuse: list[tuple[int, str]] = []
        self.breaks: list[bytes] = []
        self.slow = self.endless = ""
        self.asked: list[str] = []
        self.logins: list[str] = []

    def answer(self, query: str) -> bytes:
        if "version()" in query:
            return b"24.3.1.1\tEurope/Berlin\n"
        if "SELECT 1 AS check" in query:
            return _native({"check": ("UInt8", [1])})
        if "system.settings" in query:
            return _native({"name": ("String", ["max_threads"]), "value": ("String", ["1"]),
                            "readonly": ("UInt8", [0])})  # fmt: skip
        assert query.rstrip().endswith("FORMAT JSONEachRow"), query
        self.asked.append(query)
        if "system.columns" in query:
            return _lines({"name": name} for name in self.columns)
        if "now()" in query:
            return _lines([{"now": self.now}])
        bounds = re.findall(r"timeInserted\)? ([<>]=?) toDateTime\((\d+)\)", query)
        assert [how for how, _ in bounds] == [">", "<=", ">"], query
        before, until, after = (int(bound) for _, bound in bounds)
        found = _lines(row for at, row in (*self.rows, *self._edges(before, until)) if after < at <= until)
        if found and self.breaks:
            return found[: found.index(b"\n") + 1] + self.breaks.pop(0)
        return found

    def _edges(self, before: int, until: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield a row for each connection and minute, with the time at which its first was inserted."""
        known = set()
        for at, port, row in sorted(self.records, key=lambda record: record[0]):
            if before < at <= until and (key := (port, row["lastSeen"] // 60)) not in known:
                known.add(key)
                yield at, row


class _Handler(BaseHTTPRequestHandler):
    server: ClickHouseServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        query = "".join(parse_qs(urlsplit(self.path).query).get("query", [])) + body
        login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        self.server.logins.append(login)
        code, answer = 200, b""
        if self.server.refuse and "version()" not in query and "system.settings" not in query:
            code, text = self.server.refuse.pop(0)
            answer = text.encode()
        elif login != self.server.login:
            code, answer = (
                403,
                b"Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)",
            )
        else:
            answer = self.server.answer(query)
        slow = self.server.slow and self.server.slow in query
        endless = self.server.endless and self.server.endless in query
        self.send_response(code)
        if endless:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(100_000 if slow else len(answer)))
        self.end_headers()
        with suppress(OSError):  # the client has had enough
            while endless:
                self.wfile.write(b"10000\r\n" + b"{}\n ".ljust(65_536) + b"\r\n")
            while slow:
                self.wfile.write(b" ")
                time.sleep(0.02)
            self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _lines(rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _native(columns: dict[str, tuple[str, list[Any]]]) -> bytes:
    """Return a block of ClickHouse's Native format; numbers and lengths are below 128, so one byte each."""
    made = bytes([len(columns), len(next(iter(columns.values()))[1])])
    for name, (kind, values) in columns.items():
        made += _string(name) + _string(kind)
        made += b"".join(_string(value) if kind == "String" else bytes([value]) for value in values)
    return made


def _string(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()
