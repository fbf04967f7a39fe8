"""What an API server refuses, as sentences: the missing rule, or the way out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Any

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.cluster.resources import Resource
from netsec_tui.sources.defect import defect_of
from netsec_tui.sources.objects.strip import printable

Timeout = tuple[float, float]
"""Seconds to connect and to wait for data."""

GROUPS = Resource("apigroups", "", optional=True)
"""What ``/apis/`` tells, which is no resource of its own."""


class RefusedError(NetsecError):
    """Report one resource that the API server does not give; others may still be read."""


class ForbiddenError(RefusedError):
    """Report a resource that RBAC forbids."""


class AbsentError(NetsecError):
    """Report an optional resource that the API server does not have."""


class ExpiredError(NetsecError):
    """Report a continue token or a resource version that the server no longer knows (410)."""


class UnauthorizedError(UnreachableError):
    """Report that the server does not take the credentials."""


def refusal(answer: Any, resource: Resource, server: str, context: str, heard: list[str]) -> Exception:
    """Return what an answer other than 200 means; ``heard`` is what the client complained of before.

    ``context`` is the one that ``server`` was asked with, empty where it has no name.
    """
    match answer.status:
        case 410:
            return ExpiredError(f"{resource.name} are no longer known as they were")
        case 401:
            why = f" ({printable(heard[0].strip().splitlines()[-1])})" if heard and heard[0].strip() else ""
            chosen = f" --context {shlex.quote(printable(context))}" if context else ""
            return UnauthorizedError(
                f"{server} does not take the credentials of this context{why}; "
                f"log in again, until kubectl{chosen} get pods works"
            )
        case 403:
            return ForbiddenError(
                f"{resource.name} may not be listed; what is missing in a ClusterRole is {_rule(resource)}"
            )
        case 404 if resource.optional:
            return AbsentError(resource.name)
        case 404:
            return RefusedError(f"{server} has no {resource.name} (apiGroup {resource.group or 'core'}, v1)")
        case status if resource.optional or (400 <= status < 500 and status != 429):
            # Another server behind this one answers for some groups; its trouble is not this one's.
            return RefusedError(
                f"{resource.name} cannot be listed: {server} answers {status} {tail(answer.reason)}"
            )
        case status:
            return UnreachableError(
                f"{server} answers {status} {tail(answer.reason)} instead of a list; try again"
            )


def _rule(resource: Resource) -> str:
    if resource is GROUPS:
        return 'nonResourceURLs: ["/apis/"], verbs: ["get"]'
    return f'apiGroups: ["{resource.group}"], resources: ["{resource.plural}"], verbs: ["list"]'


def unwatched(resources: Iterable[Resource], seconds: float) -> str:
    """Return the sentence for resources that may be listed but not watched, empty for none.

    It does not begin with the name of a resource: nothing is missing of what that holds.
    """
    by_group: dict[str, list[str]] = {}
    for resource in resources:
        by_group.setdefault(resource.group, []).append(f'"{resource.plural}"')
    rules = "; ".join(
        f'apiGroups: ["{group}"], resources: [{", ".join(names)}], verbs: ["watch"]'
        for group, names in by_group.items()
    )
    return (
        f"changes are seen only every {seconds:g} s where watching is not allowed; "
        f"what is missing in a ClusterRole is {rules}"
        if rules
        else ""
    )


def unreachable(error: Exception, server: str, timeout: Timeout) -> str:
    """Return the sentence for a server that gives no answer at all."""
    from urllib3 import exceptions

    match error:
        case exceptions.SSLError():
            return (
                f"the TLS connection to {server} fails: {tail(str(error))}; "
                "check the certificate authority and the client certificate in the kubeconfig"
            )
        case exceptions.NameResolutionError():
            reason = "its name is not known here"
        case exceptions.NewConnectionError():
            reason = tail(str(error))
        case exceptions.TimeoutError():
            return unanswered(server, timeout[isinstance(error, exceptions.ReadTimeoutError)])
        case exceptions.ProtocolError():
            reason = "the connection breaks off while it answers"
        case _:
            reason = tail(str(error))
    return _unreached(server, reason)


def unanswered(server: str, seconds: float) -> str:
    """Return the sentence for a server that takes too long."""
    return _unreached(server, f"it does not answer within {seconds:g} s")


def _unreached(server: str, reason: str) -> str:
    return (
        f"the API server {server} cannot be reached: {reason}; "
        "check that the cluster runs and that the kubeconfig names its address"
    )


def defect(what: str, error: Exception) -> NetsecError:
    """Return what a thread that reads a cluster did not expect: anything but a NetsecError is a defect."""
    if isinstance(error, NetsecError):
        return error
    return NetsecError(f"{what} met {defect_of(error)}")


def tail(text: Any) -> str:
    """Return the telling end of a library's message, which begins with class names and addresses."""
    line = (str(text).strip().splitlines() or [""])[-1]
    return printable(re.sub(r"( \(_ssl\.c:\d+\))?\)*$", "", line.rpartition("] ")[2]) or line)
