"""A real HTTP server that answers lists as a Kubernetes API server does, page by page."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

PATHS = {
    "/api/v1/namespaces": ("Namespace", "v1"),
    "/api/v1/nodes": ("Node", "v1"),
    "/api/v1/pods": ("Pod", "v1"),
    "/api/v1/services": ("Service", "v1"),
    "/apis/apps/v1/replicasets": ("ReplicaSet", "apps/v1"),
    "/apis/apps/v1/deployments": ("Deployment", "apps/v1"),
    "/apis/apps/v1/statefulsets": ("StatefulSet", "apps/v1"),
    "/apis/apps/v1/daemonsets": ("DaemonSet", "apps/v1"),
    "/apis/batch/v1/jobs": ("Job", "batch/v1"),
    "/apis/batch/v1/cronjobs": ("CronJob", "batch/v1"),
    "/apis/discovery.k8s.io/v1/endpointslices": ("EndpointSlice", "discovery.k8s.io/v1"),
    "/apis/networking.k8s.io/v1/networkpolicies": ("NetworkPolicy", "networking.k8s.io/v1"),
}


class ApiServer(ThreadingHTTPServer):
    """Hold what to answer.

    ``refuse`` maps the last part of a path to status codes that are used up in turn, the last one stays;
    200 means a sound answer. ``bodies`` overrides an answer's text. ``listed`` is set after the last path.
    ``more`` maps paths of further resources to kind and version; their groups are told under ``/apis/``.
    ConfigMaps are given one by one alone; ``asked`` holds every path, however it was answered. The connection
    breaks off half way through the answers in ``broken``.
    """

    daemon_threads = True

    def __init__(self, objects: list[dict[str, Any]], page: int = 500) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects = objects
        self.page = page
        self.refuse: dict[str, list[int]] = {}
        self.bodies: dict[str, bytes] = {}
        self.broken: set[str] = set()
        self.more: dict[str, tuple[str, str]] = {}
        self.token = "let-me-in"
        self.listed = threading.Event()
        self.asked: list[str] = []
        self.requests: dict[str, list[dict[str, str]]] = defaultdict(list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        name = url.path.strip("/").rpartition("/")[2]
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.server.requests[name].append(query)
        self.server.asked.append(url.path)
        codes = self.server.refuse.get(name, [200])
        code = codes.pop(0) if len(codes) > 1 else codes[0]
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            code = 401
        body = self.server.bodies.get(name) or self._body(url.path, query)
        code = 404 if code == 200 and not body else code
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if name in self.server.broken else body)
        if url.path == [*PATHS][-1]:
            self.server.listed.set()

    def _body(self, path: str, query: dict[str, str]) -> bytes:
        known = PATHS | self.server.more
        if path == "/apis/":
            return self._groups()
        return self._list(*known[path], query) if path in known else self._config_map(path)

    def _config_map(self, path: str) -> bytes:
        for obj in self.server.objects:
            metadata = obj["metadata"]
            own = f"/api/v1/namespaces/{metadata.get('namespace')}/configmaps/{metadata['name']}"
            if obj["kind"] == "ConfigMap" and own == path:
                return json.dumps(obj).encode()
        return b""

    def _groups(self) -> bytes:
        versions: dict[str, list[dict[str, str]]] = defaultdict(list)
        for _, api in dict.fromkeys((*PATHS.values(), *self.server.more.values())):
            group, _, version = api.rpartition("/")
            told = {"groupVersion": api, "version": version}
            if group and told not in versions[group]:
                versions[group].append(told)
        groups = [
            {"name": name, "versions": told, "preferredVersion": told[0]} for name, told in versions.items()
        ]
        return json.dumps({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}).encode()

    def _list(self, kind: str, api: str, query: dict[str, str]) -> bytes:
        group = api.rpartition("/")[0]
        wanted = [
            {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}
            for obj in self.server.objects
            if obj["kind"] == kind
            and (obj["apiVersion"].rpartition("/")[0] == group or obj["apiVersion"] == "v1")
        ]
        start = int(query.get("continue", 0))
        end = start + min(self.server.page, int(query["limit"]))
        metadata = {"continue": str(end)} if end < len(wanted) else {}
        document = {
            "kind": f"{kind}List",
            "apiVersion": api,
            "metadata": metadata,
            "items": wanted[start:end],
        }
        return json.dumps(document).encode()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(objects: list[dict[str, Any]], page: int = 500) -> Iterator[ApiServer]:
    server = ApiServer(objects, page)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_kubeconfig(path: Path, url: str, user: dict[str, Any] | None = None) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "contexts": [{"name": "prod", "context": {"cluster": "prod-cluster", "user": "me"}}],
        "clusters": [{"name": "prod-cluster", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": user or {"token": "let-me-in"}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path
