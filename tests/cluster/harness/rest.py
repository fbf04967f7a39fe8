"""The API server as plain JSON: single requests, and mirrors of collections that follow every change."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import urllib3
import yaml

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
_PAUSE = 0.3
_TIMEOUT = urllib3.Timeout(connect=5, read=30)
# The server ends a watch by itself after its seconds; only a dead server is silent for longer.
_WATCH_SECONDS = 240


class ApiError(RuntimeError):
    """The API server refuses a request.

    Attributes:
        status: the code of HTTP.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Rest:
    """Requests to the API server that a kubeconfig names; many threads may share one."""

    def __init__(self, kubeconfig: Path) -> None:
        """Read server, authority and token from a kubeconfig with one cluster and one user."""
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self._server = cluster["server"]
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        self._pool = urllib3.PoolManager(ca_certs=cluster["certificate-authority"], maxsize=16, retries=False)

    def get(self, path: str) -> Object:
        """Return what stands at a path.

        Raises:
            ApiError: the server refuses.
            urllib3.exceptions.HTTPError: there is no server.
        """
        return self.send("GET", path)

    def items(self, path: str) -> list[Object]:
        """Return the objects of a collection; raises as ``get`` does."""
        return self.get(path)["items"]  # type: ignore[no-any-return]

    def send(
        self, method: str, path: str, body: Object | None = None, form: str = "application/json"
    ) -> Object:
        """Send a request and return the answer; ``form`` is the content type. Raises as ``get`` does."""
        headers = {**self._headers, "Content-Type": form}
        response = self._pool.request(
            method,
            self._server + path,
            body=json.dumps(body) if body else None,
            headers=headers,
            timeout=_TIMEOUT,
        )
        answer: Object = json.loads(response.data or b"{}")
        if response.status >= 300:
            raise ApiError(response.status, f"{method} {path}: {answer.get('message', response.status)}")
        return answer

    def watch(self, path: str, version: str) -> Iterator[tuple[str, Object]]:
        """Yield as (event, object) what happens after a resourceVersion, until the server ends it."""
        query = f"?watch=1&allowWatchBookmarks=true&timeoutSeconds={_WATCH_SECONDS}&resourceVersion={version}"
        response = self._pool.request(
            "GET",
            self._server + path + query,
            headers=self._headers,
            preload_content=False,
            timeout=urllib3.Timeout(connect=5, read=_WATCH_SECONDS + 10),
        )
        try:
            for line in response:
                event = json.loads(line)
                yield event.get("type", "ERROR"), event.get("object", event)
        finally:
            response.close()


class Mirror:
    """All objects of one collection, kept up to date by a thread, while the API server comes and goes."""

    def __init__(self, rest: Rest, path: str, changed: Callable[[Object, bool], None] | None = None) -> None:
        """Say what to mirror.

        Args:
            rest: The API server.
            path: Of the collection.
            changed: Is told of every object that is new or different, and whether it is (still) there.
        """
        self._rest, self._path = rest, path
        self._changed = changed or (lambda item, there: None)
        self._objects: dict[str, Object] = {}
        self._lock = threading.Lock()
        self._listed = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"mirror {path}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; the thread itself goes with the server's next word or its end."""
        self._stopped.set()

    def objects(self, seconds: float = 10) -> list[Object]:
        """Return what there is now; waits, so many seconds at most, for the first list."""
        self._listed.wait(seconds)
        with self._lock:
            return list(self._objects.values())

    def _follow(self) -> None:
        version = ""
        while not self._stopped.is_set():
            with suppress(urllib3.exceptions.HTTPError, ApiError, OSError, ValueError):
                version = version or self._list()
                for event, item in self._rest.watch(self._path, version):
                    if self._stopped.is_set():
                        return
                    if event == "ERROR":  # Mostly: the version is too old.
                        version = ""
                        break
                    version = item["metadata"]["resourceVersion"]
                    if event != "BOOKMARK":
                        self._keep(item, event != "DELETED")
                else:
                    continue
            self._stopped.wait(_PAUSE)

    def _list(self) -> str:
        answer = self._rest.get(self._path)
        there = {item["metadata"]["uid"] for item in answer["items"]}
        for uid in set(self._objects) - there:
            self._keep(self._objects[uid], False)
        for item in answer["items"]:
            self._keep(item, True)
        self._listed.set()
        return answer["metadata"]["resourceVersion"]  # type: ignore[no-any-return]

    def _keep(self, item: Object, there: bool) -> None:
        uid = item["metadata"]["uid"]
        with self._lock:
            if there:
                self._objects[uid] = item
            else:
                self._objects.pop(uid, None)
        self._changed(item, there)
