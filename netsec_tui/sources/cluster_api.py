"""Lists of objects from an API server, and its refusals as sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.cluster_login import complaints
from netsec_tui.sources.cluster_resources import Groups, Resource
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects import printable, strip, unpack
from netsec_tui.sources.objects_fields import Fields

Cut = Callable[[KubeObject], KubeObject | None]
"""What is kept of an object, None for nothing."""

PAGE = 500
TIMEOUT = (5, 30)
"""Seconds to connect and to wait for data."""

_RESTARTS = 3


class RefusedError(NetsecError):
    """Report one resource that the API server does not give; others may still be read."""


class ForbiddenError(RefusedError):
    """Report a resource that RBAC forbids."""


class AbsentError(NetsecError):
    """Report an optional resource that the API server does not have."""


class ClusterApi:
    """List resources of one cluster, page by page and without typed models, which cost 20 times more."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.server = printable(urlsplit(client.configuration.host).netloc.rpartition("@")[2])

    def list(self, resource: Resource, cut: Cut = strip) -> list[KubeObject]:
        """Return all objects of a resource, each as ``cut`` leaves it.

        A list whose continue token has expired (410, Resource Expired) is begun again.

        Raises:
            RefusedError: the server does not give this resource: RBAC forbids it, or it has none such.
            AbsentError: it has none such, and it need not.
            UnreachableError: the server cannot be reached, or does not take the credentials.
        """
        for _ in range(_RESTARTS):
            try:
                return list(self._items(resource, cut))
            except _ExpiredError:
                continue
        raise RefusedError(f"{resource.name} cannot be listed: the list expires before its end is read")

    def _items(self, resource: Resource, cut: Cut) -> Iterator[KubeObject]:
        token = ""
        while True:
            page = self._page(resource, token)
            yield from (kept for item in unpack(page) if (kept := _cut(item, cut)) is not None)
            metadata = page.get("metadata")
            token = metadata.get("continue") or "" if isinstance(metadata, Mapping) else ""
            if not token:
                return

    def config_map(self, namespace: str, name: str) -> KubeObject | None:
        """Return one ConfigMap, stripped; None when it is of no use.

        Raises:
            ForbiddenError: RBAC forbids it.
            RefusedError: the server does not give it for another reason.
            AbsentError: there is none.
            UnreachableError: as ``list`` does.
        """
        from kubernetes import client

        read = partial(client.CoreV1Api(self._client).read_namespaced_config_map, name, namespace)
        return strip({"apiVersion": "v1", "kind": "ConfigMap", **self._answer(read, _CONFIG_MAP)})

    def groups(self) -> Groups:
        """Return the API groups that the server has, none when it does not tell of any.

        Raises:
            RefusedError: RBAC forbids it.
            UnreachableError: as ``list`` does.
        """
        from kubernetes import client

        try:
            document = self._answer(client.ApisApi(self._client).get_api_versions, _GROUPS)
        except AbsentError:
            return {}
        groups = Fields(document, "the API server", "", []).children("groups")
        return {group.text("name"): _versions(group) for group in groups}

    def _page(self, resource: Resource, token: str) -> Mapping[str, Any]:
        from kubernetes import client

        list_method = getattr(getattr(client, resource.api)(self._client), f"list_{resource.method}")
        more = {"_continue": token} if token else {}
        return self._answer(partial(list_method, *resource.args, limit=PAGE, **more), resource)

    def _answer(self, ask: Callable[..., Any], resource: Resource) -> Mapping[str, Any]:
        import urllib3
        from kubernetes import client

        with complaints() as heard:
            try:
                page = json.loads(ask(_preload_content=False, _request_timeout=TIMEOUT).data)
            except client.ApiException as error:
                raise _refusal(error, resource, self.server, heard) from error
            except urllib3.exceptions.HTTPError as error:
                raise UnreachableError(_unreachable(error, self.server)) from error
            except (ValueError, RecursionError):
                page = None
        if not isinstance(page, Mapping) or not isinstance(page.get("items") or [], list):
            raise UnreachableError(f"{self.server} answers, but not as a Kubernetes API server does")
        return page


_GROUPS = Resource("apigroups", "", "ApisApi", "", optional=True)
_CONFIG_MAP = Resource("configmaps", "", "CoreV1Api", "", optional=True)


def _versions(group: Fields) -> tuple[str, ...]:
    preferred = group.child("preferredVersion").text("version")
    versions = (version.text("version") for version in group.children("versions"))
    return tuple(dict.fromkeys(version for version in (preferred, *versions) if version))


class _ExpiredError(Exception):
    """Report a continue token that the server no longer knows."""


def _cut(item: Any, cut: Cut) -> KubeObject | None:
    return cut(item) if isinstance(item, Mapping) else None


def _refusal(error: Any, resource: Resource, server: str, heard: list[str]) -> Exception:
    match error.status:
        case 410:
            return _ExpiredError()
        case 401:
            why = f" ({printable(heard[0].strip().splitlines()[-1])})" if heard and heard[0].strip() else ""
            return UnreachableError(
                f"{server} does not take the credentials of this context{why}; "
                "log in again, until kubectl get pods works"
            )
        case 403:
            return ForbiddenError(
                f"{resource.name} may not be listed; what is missing in a ClusterRole is {_rule(resource)}"
            )
        case 404 if resource.optional:
            return AbsentError(resource.name)
        case 404:
            return RefusedError(f"{server} has no {resource.name} (apiGroup {resource.group or 'core'}, v1)")
        case 0:
            return UnreachableError(
                f"the TLS connection to {server} fails: {_tail(error.reason)}; "
                "check the certificate authority and the client certificate in the kubeconfig"
            )
        case status if resource.optional or (400 <= status < 500 and status != 429):
            # Another server behind this one answers for some groups; its trouble is not this one's.
            return RefusedError(
                f"{resource.name} cannot be listed: {server} answers {status} {_tail(error.reason)}"
            )
        case status:
            return UnreachableError(
                f"{server} answers {status} {_tail(error.reason)} instead of a list; try again"
            )


def _rule(resource: Resource) -> str:
    if resource is _GROUPS:
        return 'nonResourceURLs: ["/apis/"], verbs: ["get"]'
    return f'apiGroups: ["{resource.group}"], resources: ["{resource.plural}"], verbs: ["list"]'


def _unreachable(error: Exception, server: str) -> str:
    from urllib3 import exceptions

    match error:
        case exceptions.NameResolutionError():
            reason = "its name is not known here"
        case exceptions.NewConnectionError():
            reason = _tail(str(error))
        case exceptions.TimeoutError():
            reason = f"it does not answer within {TIMEOUT[0]} s (data: {TIMEOUT[1]} s)"
        case exceptions.ProtocolError():
            reason = "the connection breaks off while it answers"
        case _:
            reason = _tail(str(error))
    return (
        f"the API server {server} cannot be reached: {reason}; "
        "check that the cluster runs and that the kubeconfig names its address"
    )


def _tail(text: Any) -> str:
    """Return the telling end of a library's message, which begins with class names and addresses."""
    line = (str(text).strip().splitlines() or [""])[-1]
    return printable(re.sub(r"( \(_ssl\.c:\d+\))?\)*$", "", line.rpartition("] ")[2]) or line)
