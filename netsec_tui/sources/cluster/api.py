"""Lists of objects from an API server, and what changes in them."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.cluster.login import complaints, login_headers
from netsec_tui.sources.cluster.refusals import (
    GROUPS,
    AbsentError,
    ExpiredError,
    RefusedError,
    Timeout,
    refusal,
    unanswered,
    unreachable,
)
from netsec_tui.sources.cluster.resources import Groups, Resource
from netsec_tui.sources.cluster.silence import Silences, SilentError, within
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import printable, strip, unpack
from netsec_tui.sources.waits import patiently

Cut = Callable[[KubeObject], KubeObject | None]
"""What is kept of an object, None for nothing."""

PAGE = 500
TIMEOUT: Timeout = (5, 30)
PULSE: Timeout = (5, 5)
"""For the small answer that tells whether the server still does its work."""

ANSWER_SECONDS = 5.0
"""For all of that answer, its server's name and the way there included."""

WATCH_SECONDS = 300
"""How long a watch is asked for; the server may end it before."""

SILENCE: Timeout = (5, 50)
"""A watch that says nothing for longer is asked for anew: its connection may be dead unnoticed."""

_RESTARTS = 3

_silences = Silences()


@dataclass(frozen=True, slots=True)
class Listing:
    """Hold all objects of a resource and the version from which on changes to them can be watched."""

    objects: list[KubeObject]
    version: str


class ClusterApi:
    """List resources of one cluster, page by page and without typed models, which cost 20 times more.

    Fit for several threads. A server must first answer something small within 5 s; a list may take its time.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._context = str(getattr(client, "context", ""))  # of ``log_in``
        self._fresh = threading.Lock()
        self._met = False
        self.server = printable(urlsplit(client.configuration.host).netloc.rpartition("@")[2])
        proxy = getattr(client.rest_client.pool_manager, "proxy", None)
        by = f" by the proxy {printable(f'{proxy.host}:{proxy.port}')}" if proxy else ""
        self._reached = f"{self.server}{by}"

    def list(self, resource: Resource, cut: Cut = strip) -> list[KubeObject]:
        """Return all objects of a resource, each as ``cut`` leaves it.

        Raises:
            NetsecError: as ``listing`` does.
        """
        return self.listing(resource, cut).objects

    def listing(self, resource: Resource, cut: Cut = strip) -> Listing:
        """Return all objects of a resource, each as ``cut`` leaves it, and the version of the list.

        A list whose continue token has expired (410, Resource Expired) is begun again.

        Raises:
            RefusedError: the server does not give this resource: RBAC forbids it, or it has none such.
            AbsentError: it has none such, and it need not.
            UnreachableError: the server cannot be reached, or does not take the credentials.
        """
        for _ in range(_RESTARTS):
            try:
                return self._whole(resource, cut)
            except ExpiredError:
                continue
        raise RefusedError(f"{resource.name} cannot be listed: the list expires before its end is read")

    def _whole(self, resource: Resource, cut: Cut) -> Listing:
        objects: list[KubeObject] = []
        token = version = ""
        while True:
            page = self._page(resource, token)
            objects += (kept for item in unpack(page) if (kept := _cut(item, cut)) is not None)
            metadata = Fields(page, resource.name, "", []).child("metadata")
            version = version or metadata.text("resourceVersion")
            token = metadata.text("continue")
            if not token:
                return Listing(objects, version)

    def watch(self, resource: Resource, version: str) -> Any:
        """Return the open answer to a watch from a version on: an ``urllib3.HTTPResponse`` with lines.

        Raises:
            ExpiredError: the version is too old.
            ForbiddenError: RBAC forbids it.
            NetsecError: as ``listing`` does.
        """
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        return self._ask(resource, resource.path, query, SILENCE)

    def config_map(self, namespace: str, name: str) -> KubeObject | None:
        """Return one ConfigMap, stripped; None when it is of no use.

        Raises:
            ForbiddenError: RBAC forbids it.
            RefusedError: the server does not give it for another reason.
            AbsentError: there is none.
            UnreachableError: as ``listing`` does.
        """
        return strip({"apiVersion": "v1", "kind": "ConfigMap", **self._config_map(namespace, name)})

    def config_data(self, namespace: str, name: str) -> Mapping[str, str]:
        """Return all that a ConfigMap holds, nothing where it is not there or not given.

        Only for what is not missed: whoever has to tell why there is none takes ``config_map``.
        """
        try:
            found = self._config_map(namespace, name)
        except NetsecError:
            return {}
        return dict(Fields(found, _CONFIG_MAP.name, "", []).labels("data"))

    def allowed(self, attributes: Mapping[str, str]) -> bool:
        """Tell whether RBAC allows what ResourceAttributes say; only a server that says no forbids it.

        Every user who has logged in may ask this of itself (ClusterRole system:basic-user).

        Raises:
            NetsecError: the server does not answer, or has no such review.
        """
        kind = {"apiVersion": f"{_REVIEWS.group}/{_REVIEWS.version}", "kind": "SelfSubjectAccessReview"}
        body = {**kind, "spec": {"resourceAttributes": attributes}}
        answer = self._answer(_REVIEWS, _REVIEWS.path, body=body)
        return Fields(answer, _REVIEWS.name, "", []).child("status").data.get("allowed") is not False

    def groups(self) -> Groups:
        """Return the API groups that the server has, none when it tells of none; it answers or fails soon.

        Raises:
            RefusedError: RBAC forbids it.
            SilentError: it takes more than 5 s in all.
            UnreachableError: as ``listing`` does.
        """
        try:
            document = self._answer(GROUPS, "/apis/", timeout=PULSE, limit=ANSWER_SECONDS)
        except AbsentError:
            return {}
        groups = Fields(document, "the API server", "", []).children("groups")
        return {group.text("name"): _versions(group) for group in groups}

    def version(self) -> tuple[int, int]:
        """Return the major and minor version of Kubernetes.

        Raises:
            RefusedError: RBAC forbids it, or it is not told.
            UnreachableError: as ``listing`` does.
        """
        told = Fields(self._answer(_VERSION, "/version"), _VERSION.name, "", [])
        digits = [re.match(r"[0-9]{1,4}", told.text(part)) for part in ("major", "minor")]
        if None in digits:
            raise RefusedError(f"{self.server} does not tell its version")
        major, minor = (int(found[0]) for found in digits if found)
        return major, minor

    def _config_map(self, namespace: str, name: str) -> Mapping[str, Any]:
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{quote(name, safe='')}"
        return self._answer(_CONFIG_MAP, path)

    def _page(self, resource: Resource, token: str) -> Mapping[str, Any]:
        more = {"continue": token} if token else {}
        return self._answer(resource, resource.path, {"limit": str(PAGE), **more})

    def _answer(
        self,
        resource: Resource,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: Timeout | None = None,
        body: Mapping[str, Any] | None = None,
        limit: float = 0.0,
    ) -> Mapping[str, Any]:
        """Return an answer of JSON; an error while it is read counts like one before."""
        page = self._ask(resource, path, query or {}, timeout or TIMEOUT, _decoded, body, limit)
        if not isinstance(page, Mapping) or not isinstance(page.get("items") or [], list):
            raise UnreachableError(f"{self.server} answers, but not as a Kubernetes API server does")
        return page

    def _ask(
        self,
        resource: Resource,
        path: str,
        query: Mapping[str, str],
        timeout: Timeout,
        read: Callable[[Any], Any] = lambda answer: answer,
        body: Mapping[str, Any] | None = None,
        limit: float = 0.0,
    ) -> Any:
        """Return what ``read`` makes of an answer to a GET, or to a POST of a ``body``.

        ``limit`` is how many seconds all of that may take; with 0 a long wait is only told. The client's own
        methods are not used: a thread that waits in their validator as the process ends makes it abort.
        """
        import urllib3

        if not self._met:
            self._meet(limit)
        what = f"{resource.name} from the API server {self._reached}"
        with complaints() as heard:
            headers = {**_HEADERS, **self._login()}

            def exchange() -> tuple[Any, Any]:
                answer = self._client.rest_client.pool_manager.request(
                    "POST" if body else "GET",
                    self._client.configuration.host + path,
                    fields=query,
                    json=body,
                    headers=headers,
                    timeout=urllib3.Timeout(connect=timeout[0], read=timeout[1]),
                    preload_content=False,
                )
                if answer.status in _GIVEN:
                    return answer, read(answer)
                answer.drain_conn()
                return answer, None

            try:
                answer, found = within(limit, exchange) if limit else patiently(what, exchange)
            except urllib3.exceptions.TimeoutError as error:
                raise self._silent(unreachable(error, self._reached, timeout)) from error
            except urllib3.exceptions.HTTPError as error:
                raise UnreachableError(unreachable(error, self._reached, timeout)) from error
            except TimeoutError as error:
                raise self._silent(unanswered(self._reached, limit)) from error
        self._met = True
        if answer.status in _GIVEN:
            return found
        raise refusal(answer, resource, self.server, self._context, heard)

    def _meet(self, limit: float) -> None:
        """Find out whether the server answers at all, unless that is just being asked or was a moment ago.

        Whatever else is wrong is told by what is asked after that.
        """
        _silences.check(self._reached)
        if limit:
            return
        try:
            self.groups()
        except SilentError:
            raise
        except NetsecError:
            self._met = True

    def _silent(self, sentence: str) -> SilentError:
        if not self._met:
            _silences.note(self._reached, sentence)
        return SilentError(sentence)

    def _login(self) -> Mapping[str, str]:
        """Return the headers that log in; a token that has ended is renewed, by one thread for all."""
        with self._fresh:
            return login_headers(self._client)


_CONFIG_MAP = Resource("configmaps", "", optional=True)
_REVIEWS = Resource("selfsubjectaccessreviews", "authorization.k8s.io")
_VERSION = Resource("version", "")
_HEADERS = {"Accept": "application/json", "User-Agent": "netsec-tui"}
_GIVEN = (200, 201)


def _decoded(answer: Any) -> Any:
    try:
        return json.loads(answer.data)
    except (ValueError, RecursionError):
        return None


def _versions(group: Fields) -> tuple[str, ...]:
    preferred = group.child("preferredVersion").text("version")
    versions = (version.text("version") for version in group.children("versions"))
    return tuple(dict.fromkeys(version for version in (preferred, *versions) if version))


def _cut(item: Any, cut: Cut) -> KubeObject | None:
    return cut(item) if isinstance(item, Mapping) else None
