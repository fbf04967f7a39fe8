"""The etcd of a test cluster, spoken to over its gateway of JSON."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from tests.cluster.harness import netns
from tests.cluster.harness.instance import Instance

_LOOPBACK, _PORT = "127.0.0.1", 2379


def compact(instance: Instance) -> None:
    """Have etcd forget every revision but the present one, at once."""
    revision = _ask(instance, "kv/range", {"key": "YQ=="})["header"]["revision"]
    _ask(instance, "kv/compaction", {"revision": revision, "physical": True})


def _ask(instance: Instance, path: str, body: dict[str, Any]) -> Any:
    connection = http.client.HTTPConnection(_LOOPBACK, _PORT)
    connection.sock = netns.socket_in(instance.path("control"), socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.sock.connect((_LOOPBACK, _PORT))
        connection.request("POST", f"/v3/{path}", json.dumps(body))
        answer = connection.getresponse()
        content = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise RuntimeError(f"etcd answers {answer.status} to {path}: {content}")
    return content
