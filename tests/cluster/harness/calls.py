"""Call graphs: who calls whom, as people write it in YAML."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KINDS = {
    "cj": "CronJob",
    "cronjob": "CronJob",
    "daemonset": "DaemonSet",
    "deploy": "Deployment",
    "deployment": "Deployment",
    "ds": "DaemonSet",
    "job": "Job",
    "po": "Pod",
    "pod": "Pod",
    "replicaset": "ReplicaSet",
    "rollout": "Rollout",
    "rs": "ReplicaSet",
    "service": "Service",
    "statefulset": "StatefulSet",
    "sts": "StatefulSet",
    "svc": "Service",
}
_KEYS = {"from", "to", "protocol", "times"}


@dataclass(frozen=True)
class Call:
    """A client that connects to a server, so many times.

    Attributes:
        client: ``NS/KIND/NAME`` (each of its pods calls), ``node:NAME`` or ``outside:ADDRESS``.
        server: ``NS/svc/NAME:PORT`` (its name is looked up), ``NS/KIND/NAME:PORT`` (each of its pods),
            ``node:NAME:PORT``, ``ADDRESS:PORT``, or ``HOST:PORT`` (looked up). A Service's or pod's port may
            be told by its name.
        protocol: TCP or UDP.
        times: how often.
    """

    client: str
    server: str
    protocol: str = "TCP"
    times: int = 1


@dataclass(frozen=True)
class Workload:
    """A workload or Service as a call names it."""

    namespace: str
    kind: str
    name: str


def read_calls(path: Path) -> list[Call]:
    """Return the calls of a file: a list ``calls`` of {from, to, protocol, times}, the last two optional.

    Raises:
        ValueError: an entry is not understood; the message names the file and the entry.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = document.get("calls") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f"{path}: expected a list under `calls`")
    return [_call(entry, f"{path}, call {number}") for number, entry in enumerate(entries, 1)]


def workload(text: str) -> Workload:
    """Return what ``NS/KIND/NAME`` names.

    Raises:
        ValueError: it is not of this form, or the kind is unknown; the message says so.
    """
    namespace, _, rest = text.partition("/")
    kind, _, name = rest.partition("/")
    if not (namespace and name) or kind.lower() not in KINDS:
        raise ValueError(f"{text!r}: write NAMESPACE/KIND/NAME, with KIND one of {', '.join(sorted(KINDS))}")
    return Workload(namespace, KINDS[kind.lower()], name)


def split_port(text: str) -> tuple[str, str]:
    """Return what stands before and after the last colon, an IPv6 address without its brackets.

    Raises:
        ValueError: there is no port.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port):
        raise ValueError(f"{text!r} has no port: write it behind a colon, an IPv6 address in brackets")
    return host.removeprefix("[").removesuffix("]"), port


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _call(entry: Any, where: str) -> Call:
    if not isinstance(entry, dict) or not {"from", "to"} <= set(entry) <= _KEYS:
        raise ValueError(f"{where}: write from and to, and if need be protocol and times, but not {entry!r}")
    call = Call(
        str(entry["from"]), str(entry["to"]), str(entry.get("protocol", "TCP")), int(entry.get("times", 1))
    )
    if call.protocol not in ("TCP", "UDP"):
        raise ValueError(f"{where}: protocol {call.protocol!r} is neither TCP nor UDP")
    try:
        split_port(call.server)
        if not call.client.startswith(("node:", "outside:")):
            workload(call.client)
        if "/" in call.server:
            workload(split_port(call.server)[0])
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return call
