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
        ValueError: something is not understood; the message names the file, and the entry.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: this is no text; expected YAML with a list under `calls`") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
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
    times = entry.get("times", 1)
    if type(times) is not int or times < 1:
        raise ValueError(f"{where}: times is {times!r}; write a number of at least 1")
    call = Call(str(entry["from"]), str(entry["to"]), str(entry.get("protocol", "TCP")), times)
    if call.protocol not in ("TCP", "UDP"):
        raise ValueError(f"{where}: protocol {call.protocol!r} is neither TCP nor UDP")
    try:
        host, port = split_port(call.server)
        if "/" not in host and not (port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f"{port!r} is no port of {host}: write a number from 1 to 65535")
        if not call.client.startswith(("node:", "outside:")):
            workload(call.client)
        if "/" in host:
            workload(host)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return call
