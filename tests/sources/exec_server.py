"""An API server of the tests that also runs commands in pods, over real websockets."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.sources import api_server
from tests.sources.api_server import ApiServer

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FRAME = 1 << 15
SUCCESS = {"status": "Success"}
CUT_OFF = object()
HANGS = object()


class ExecServer(ApiServer):
    """Answer commands as ``commands`` says, by pod and first word of the command.

    Bytes are what the command writes, text is what it complains of before it fails, a number is the HTTP
    status that refuses it, a function answers with the handler that it is given and its ``words``. A command
    that is not there is not in the image. ``ran`` holds every command that was asked for: pod, container,
    words. ``denied`` holds what reviews say no to: namespace and subresource, and a verb where it is of that
    one alone.
    """

    def __init__(self, objects: list[dict[str, Any]]) -> None:
        super().__init__(objects)
        self.RequestHandlerClass = _Handler
        self.commands: dict[tuple[str, str], object] = {}
        self.ran: list[tuple[str, str, tuple[str, ...]]] = []
        self.over = threading.Event()
        self.denied: set[tuple[str, ...]] = set()
        self.reviews_hang = False
        self.reviewed = threading.Event()

    def server_close(self) -> None:
        """End the commands that hang, too."""
        self.over.set()
        super().server_close()


class _Handler(api_server._Handler):
    server: ExecServer

    def do_GET(self) -> None:  # noqa: N802
        url = urlsplit(self.path)
        if not url.path.endswith("/exec"):
            super().do_GET()
            return
        query = parse_qs(url.query)
        pod, words = url.path.split("/")[-2], tuple(query["command"])
        self.words = words
        self.server.ran.append((pod, query["container"][0], words))
        answer = self.server.commands.get((pod, words[0]), f"{words[0]}: executable file not found in $PATH")
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            answer = 401
        if isinstance(answer, int):
            self._refuse(answer)
            return
        self._upgrade()
        if answer is HANGS:
            self.server.over.wait()
        elif answer is CUT_OFF:
            self._send(1, b"ipv4     2 tcp      6 431998 ESTABLI")
        elif callable(answer):
            answer(self)
        elif isinstance(answer, bytes):
            for at in range(0, len(answer), _FRAME):
                self._send(1, answer[at : at + _FRAME])
            self._end(SUCCESS)
        else:
            self._send(2, str(answer).encode())
            self._end({"status": "Failure", "message": "command terminated with exit code 1"})
        self.close_connection = True

    def do_POST(self) -> None:  # noqa: N802
        """Answer a SelfSubjectAccessReview, unless whoever asks is to wait."""
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self._refuse(401)
            return
        if self.server.reviews_hang:
            self.server.reviewed.set()
            self.server.over.wait()
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = review["spec"]["resourceAttributes"]
        right = (asked["namespace"], asked["subresource"])
        allowed = self.server.denied.isdisjoint({right, (*right, asked["verb"])})
        body = json.dumps({**review, "status": {"allowed": allowed}}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, code: int) -> None:
        body = json.dumps({"kind": "Status", "message": f"refused with {code}", "code": code}).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _upgrade(self) -> None:
        digest = hashlib.sha1(f"{self.headers['Sec-WebSocket-Key']}{_GUID}".encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        self.end_headers()

    def _end(self, status: dict[str, str]) -> None:
        self._send(3, json.dumps(status).encode())
        self.wfile.write(b"\x88\x02" + struct.pack("!H", 1000))

    def _send(self, channel: int, data: bytes) -> None:
        payload = bytes([channel]) + data
        size = bytes([len(payload)]) if len(payload) < 126 else b"\x7f" + struct.pack("!Q", len(payload))
        self.wfile.write(b"\x82" + size + payload)
