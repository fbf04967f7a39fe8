"""Lists of objects from an API server, and its refusals as sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.cluster_login import complaints
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects import printable, strip, unpack

PAGE = 500
TIMEOUT = (5, 30)
"""Seconds to connect and to wait for data."""

_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Resource:
    """Name one resource: as RBAC spells it, and the client's class and method that list it."""

    name: str
    group: str
    api: str
    method: str


RESOURCES = (
    Resource("namespaces", "", "CoreV1Api", "namespace"),
    Resource("nodes", "", "CoreV1Api", "node"),
    Resource("pods", "", "CoreV1Api", "pod_for_all_namespaces"),
    Resource("services", "", "CoreV1Api", "service_for_all_namespaces"),
    Resource("replicasets", "apps", "AppsV1Api", "replica_set_for_all_namespaces"),
    Resource("deployments", "apps", "AppsV1Api", "deployment_for_all_namespaces"),
    Resource("statefulsets", "apps", "AppsV1Api", "stateful_set_for_all_namespaces"),
    Resource("daemonsets", "apps", "AppsV1Api", "daemon_set_for_all_namespaces"),
    Resource("jobs", "batch", "BatchV1Api", "job_for_all_namespaces"),
    Resource("cronjobs", "batch", "BatchV1Api", "cron_job_for_all_namespaces"),
    Resource("endpointslices", "discovery.k8s.io", "DiscoveryV1Api", "endpoint_slice_for_all_namespaces"),
    Resource("networkpolicies", "networking.k8s.io", "NetworkingV1Api", "network_policy_for_all_namespaces"),
)


class RefusedError(NetsecError):
    """Report one resource that the API server does not give; others may still be read."""


class ClusterApi:
    """List resources of one cluster, page by page and without typed models, which cost 20 times more."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.server = printable(urlsplit(client.configuration.host).netloc.rpartition("@")[2])

    def list(self, resource: Resource) -> list[KubeObject]:
        """Return all objects of a resource, stripped.

        A list whose continue token has expired (410, Resource Expired) is begun again.

        Raises:
            RefusedError: the server does not give this resource: RBAC forbids it, or it has none such.
            UnreachableError: the server cannot be reached, or does not take the credentials.
        """
        for _ in range(_RESTARTS):
            try:
                return list(self._items(resource))
            except _ExpiredError:
                continue
        raise RefusedError(f"{resource.name} cannot be listed: the list expires before its end is read")

    def _items(self, resource: Resource) -> Iterator[KubeObject]:
        token = ""
        while True:
            page = self._page(resource, token)
            yield from (kept for item in unpack(page) if (kept := _stripped(item)) is not None)
            metadata = page.get("metadata")
            token = metadata.get("continue") or "" if isinstance(metadata, Mapping) else ""
            if not token:
                return

    def _page(self, resource: Resource, token: str) -> Mapping[str, Any]:
        import urllib3
        from kubernetes import client

        list_method = getattr(getattr(client, resource.api)(self._client), f"list_{resource.method}")
        more = {"_continue": token} if token else {}
        with complaints() as heard:
            try:
                answer = list_method(limit=PAGE, _preload_content=False, _request_timeout=TIMEOUT, **more)
                page = json.loads(answer.data)
            except client.ApiException as error:
                raise _refusal(error, resource, self.server, heard) from error
            except urllib3.exceptions.HTTPError as error:
                raise UnreachableError(_unreachable(error, self.server)) from error
            except (ValueError, RecursionError):
                page = None
        if not isinstance(page, Mapping) or not isinstance(page.get("items") or [], list):
            raise UnreachableError(f"{self.server} answers, but not as a Kubernetes API server does")
        return page


class _ExpiredError(Exception):
    """Report a continue token that the server no longer knows."""


def _stripped(item: Any) -> KubeObject | None:
    return strip(item) if isinstance(item, Mapping) else None


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
            return RefusedError(
                f"{resource.name} may not be listed; what is missing in a ClusterRole is "
                f'apiGroups: ["{resource.group}"], resources: ["{resource.name}"], verbs: ["list"]'
            )
        case 404:
            return RefusedError(f"{server} has no {resource.name} (apiGroup {resource.group or 'core'}, v1)")
        case 0:
            return UnreachableError(
                f"the TLS connection to {server} fails: {_tail(error.reason)}; "
                "check the certificate authority and the client certificate in the kubeconfig"
            )
        case status if 400 <= status < 500 and status != 429:
            return RefusedError(
                f"{resource.name} cannot be listed: {server} answers {status} {_tail(error.reason)}"
            )
        case status:
            return UnreachableError(
                f"{server} answers {status} {_tail(error.reason)} instead of a list; try again"
            )


def _unreachable(error: Exception, server: str) -> str:
    from urllib3 import exceptions

    match error:
        case exceptions.NameResolutionError():
            reason = "its name is not known here"
        case exceptions.NewConnectionError():
            reason = _tail(str(error))
        case exceptions.TimeoutError():
            reason = f"it does not answer within {TIMEOUT[0]} s (data: {TIMEOUT[1]} s)"
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
