"""A real HTTP server that answers lists as a Kubernetes API server does, page by page."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

_LOOK = 0.04
"""Seconds between two looks of a watch for what has changed: with more looks no screen is ever at rest."""

Listed = dict[tuple[str, str], dict[str, Any]]
"""Objects by namespace and name."""

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

    A watch tells how ``objects`` differ from what was listed, looking every few milliseconds; ``open`` counts
    those under way. ``refuse_watch`` holds codes for watches as ``refuse`` does for lists, ``bodies_watch``
    lines that are told instead, each once. A version in ``expired`` is answered with 410, as an event when
    ``late`` is set; ``cut`` ends all open watches. While ``silent`` is set nothing is answered at all,
    nor what is in ``hanging``, the last parts of paths.
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
        self.refuse_watch: dict[str, list[int]] = {}
        self.bodies_watch: dict[str, list[bytes]] = {}
        self.versions: dict[tuple[str, str], Listed] = {}
        self.expired: set[str] = set()
        self.late = False
        self.cuts = 0
        self.silent = threading.Event()
        self.hanging: set[str] = set()
        self.ending = threading.Event()
        self.watches: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.open = 0
        self._counting = threading.Lock()
        self._count = 0
        self.asked: list[str] = []
        self.requests: dict[str, list[dict[str, str]]] = defaultdict(list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def cut(self) -> None:
        self.cuts += 1

    def server_close(self) -> None:
        """End the watches too: each is a thread that would go on looking for changes."""
        self.ending.set()
        super().server_close()

    def note(self, path: str, listed: Listed) -> str:
        """Remember what a list said, or what a watch has told, under a version of its own."""
        with self._counting:
            self._count += 1
            version = str(self._count)
            self.versions[path, version] = listed
            return version

    def opened(self, by: int) -> None:
        with self._counting:
            self.open += by


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        name = url.path.strip("/").rpartition("/")[2]
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        while self.server.silent.is_set() and not self.server.ending.wait(0.01):
            pass
        while name in self.server.hanging:
            if self.server.ending.wait(0.01):
                return
        if query.get("watch"):
            self._watch(url.path, name, query)
            return
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
        there = self._wanted(kind, api)
        wanted = [
            {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in there
        ]
        start = int(query.get("continue", 0))
        end = start + min(self.server.page, int(query["limit"]))
        metadata = {"resourceVersion": self.server.note(urlsplit(self.path).path, _by_name(there))}
        metadata |= {"continue": str(end)} if end < len(wanted) else {}
        document = {
            "kind": f"{kind}List",
            "apiVersion": api,
            "metadata": metadata,
            "items": wanted[start:end],
        }
        return json.dumps(document).encode()

    def _wanted(self, kind: str, api: str) -> list[dict[str, Any]]:
        group = api.rpartition("/")[0]
        return [
            obj
            for obj in self.server.objects
            if obj["kind"] == kind
            and (obj["apiVersion"].rpartition("/")[0] == group or obj["apiVersion"] == "v1")
        ]

    def _watch(self, path: str, name: str, query: dict[str, str]) -> None:
        server = self.server
        server.watches[name].append(query)
        codes = server.refuse_watch.get(name, [200])
        code = codes.pop(0) if len(codes) > 1 else codes[0]
        known = server.versions.get((path, query["resourceVersion"]))
        expired = query["resourceVersion"] in server.expired or known is None
        if self.headers.get("Authorization") != f"Bearer {server.token}":
            code = 401
        if code == 200 and expired and not server.late:
            code = 410
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if code != 200:
            return
        server.opened(1)
        try:
            if server.bodies_watch.get(name):
                self.wfile.write(server.bodies_watch[name].pop() + b"\n")
            elif expired:
                self._event("ERROR", {"kind": "Status", "apiVersion": "v1", "code": 410})
            else:
                self._changes(path, known or {}, server.cuts)
        except OSError:
            pass
        finally:
            server.opened(-1)

    def _changes(self, path: str, known: Listed, cuts: int) -> None:
        server = self.server
        kind, api = (PATHS | server.more)[path]
        while not server.ending.wait(_LOOK) and server.cuts == cuts:
            if server.silent.is_set():
                continue
            now = _by_name(self._wanted(kind, api))
            events = [("DELETED", known[key]) for key in known if key not in now]
            events += [("MODIFIED" if key in known else "ADDED", now[key])
                       for key in now if now[key] != known.get(key)]  # fmt: skip
            known = now
            for sort, obj in events:
                metadata = {**obj["metadata"], "resourceVersion": server.note(path, now)}
                self._event(sort, {**obj, "metadata": metadata})

    def _event(self, kind: str, obj: dict[str, Any]) -> None:
        self.wfile.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def log_message(self, *_: object) -> None:
        pass


def _by_name(objects: list[dict[str, Any]]) -> Listed:
    return {(obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj for obj in objects}


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


def api_client(url: str, token: str = "let-me-in") -> Any:
    """Return Kubernetes' own client for a server."""
    from kubernetes import client

    settings = client.Configuration()
    settings.host, settings.proxy = url, None
    settings.api_key = {"authorization": f"Bearer {token}"}
    return client.ApiClient(settings)
