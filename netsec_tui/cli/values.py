"""Read the values of flags (timespans, ranges, ``KIND/NAME``); a wrong one gets one clear sentence."""

from __future__ import annotations

import ipaddress
import re
from argparse import ArgumentTypeError
from typing import NamedTuple

from netsec_tui.model.timespan import TIMESPANS, Timespan
from netsec_tui.sources.access import Address
from netsec_tui.sources.registry import SOURCES

NO_SOURCE = "none"
"""What keeps a cluster from being looked at for sources of flows."""

_MINUTES = {"d": 24 * 60, "h": 60, "m": 1}
_TIMESPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?", re.ASCII)
_LONGEST_MINUTES = 100 * 365 * 24 * 60
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_UNITS = (24 * 3600, 3600, 60, 1)
_LARGEST_PORT = 65535
_LONGEST_SECONDS = 7 * 24 * 3600
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+)):(\d{1,5})", re.ASCII)

_SERVER_NAME = re.compile(r"[A-Za-z0-9_.:-]+", re.ASCII)

_KINDS = {
    "Service": ("svc", "service", "services"),
    "Deployment": ("deploy", "deployment", "deployments"),
    "DaemonSet": ("ds", "daemonset", "daemonsets"),
    "StatefulSet": ("sts", "statefulset", "statefulsets"),
    "CronJob": ("cj", "cronjob", "cronjobs"),
    "Job": ("job", "jobs"),
    "ReplicaSet": ("rs", "replicaset", "replicasets"),
    "ReplicationController": ("rc", "replicationcontroller", "replicationcontrollers"),
    "Pod": ("po", "pod", "pods"),
    "Workload": ("workload", "workloads"),
}
_KIND_BY_SPELLING = {spelling: kind for kind, spellings in _KINDS.items() for spelling in spellings}


class Target(NamedTuple):
    """Hold ``KIND/NAME`` as typed; ``kind`` in the API's spelling where it is a built-in one."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    def matches_kind(self, kind: str) -> bool:
        """Tell whether a workload's kind is the one meant: any case, singular or plural."""
        wanted, given = self.kind.casefold(), kind.casefold()
        return wanted in (given, given + "s")


def target(text: str) -> Target:
    """Return the workload that ``deploy/web`` means, with kubectl's short kinds and plurals in any case.

    Kinds that are not built in (``rollout/web``, ``rollouts.argoproj.io/web``) are kept for matching.

    Raises:
        ArgumentTypeError: the text is not of the form KIND/NAME.
    """
    kind, slash, name = text.partition("/")
    if not (kind and slash and name) or "/" in name:
        raise ArgumentTypeError(f"{text!r} is not KIND/NAME, for instance deploy/web")
    plain = kind.partition(".")[0].casefold()
    return Target(_KIND_BY_SPELLING.get(plain, kind.partition(".")[0]), name)


def timespan(text: str) -> Timespan:
    """Return the timespan that ``5m``, ``12h``, ``7d``, ``1h30m`` or ``all`` means.

    Raises:
        ArgumentTypeError: it is not such a text, or zero; the finest step is a minute.
    """
    if text.casefold() == "all":
        return TIMESPANS[-1]
    match = _TIMESPAN.fullmatch(text.casefold())
    minutes = 0
    if match and text:
        minutes = sum(int(n or 0) * m for n, m in zip(match.groups(), _MINUTES.values(), strict=True))
    if not 0 < minutes <= _LONGEST_MINUTES:
        raise ArgumentTypeError(f"{text!r} is not a span of whole minutes; use 5m, 1h, 12h, 1d, 7d or all")
    for known in TIMESPANS:
        if known.seconds == minutes * 60:
            return known
    return Timespan(f"last {_spell(minutes)}", minutes * 60)


def _spell(minutes: int) -> str:
    words = []
    for unit, size in (("d", 24 * 60), ("h", 60), ("min", 1)):
        count, minutes = divmod(minutes, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words)


def duration(text: str) -> int:
    """Return the seconds that ``30s``, ``5m``, ``1h``, ``1h30m`` or ``2d`` means, a week at most.

    Raises:
        ArgumentTypeError: it is not such a text, zero, or more than a week.
    """
    match = _DURATION.fullmatch(text.casefold())
    parts = (int(part or 0) for part in match.groups()) if match and text else ()
    total = sum(part * size for part, size in zip(parts, _UNITS, strict=False))
    if total > _LONGEST_SECONDS:
        raise ArgumentTypeError(f"{text!r} is too long; at most a week (7d)")
    if not total:
        raise ArgumentTypeError(f"{text!r} is not a duration; use for instance 30s, 5m, 1h or 1h30m")
    return total


class SourceChoice(NamedTuple):
    """Hold what ``--source`` names; without an address the source is looked for in the cluster."""

    name: str
    address: Address | None = None


def source(text: str) -> SourceChoice:
    """Return the source that ``NAME`` or ``NAME://HOST:PORT`` means; IPv6 hosts stand in brackets.

    Raises:
        ArgumentTypeError: there is no such source, it takes no address, or the address is none.
    """
    if "@" in text:  # what stands before it may be a secret, and is not repeated
        raise ArgumentTypeError(
            "an address is HOST:PORT, without user and password; a token for it is taken from "
            "NETSEC_SOURCE_TOKEN, a user of ClickHouse from NETSEC_CLICKHOUSE_USER"
        )
    name, scheme, rest = text.partition("://")
    if name == NO_SOURCE and not scheme:
        return SourceChoice(name)
    if name not in SOURCES:
        names = ", ".join((*SOURCES, NO_SOURCE))
        raise ArgumentTypeError(f"there is no source {name!r}; choose from {names}")
    if not scheme:
        return SourceChoice(name)
    usual = SOURCES[name].port
    if not usual:
        raise ArgumentTypeError(
            f"{name} takes no address: it is read through the API server, in the pods of the cluster"
        )
    match = _ADDRESS.fullmatch(rest)
    port = int(match[3]) if match else 0
    if match is None or not 0 < port <= _LARGEST_PORT or (match[1] and not _is_ipv6(match[1])):
        raise ArgumentTypeError(
            f"{rest!r} is not HOST:PORT, for instance {name}://10.0.0.5:{usual} or {name}://[fd00::5]:{usual}"
        )
    return SourceChoice(name, Address(match[1] or match[2], port))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def ranges(text: str) -> tuple[str, ...]:
    """Return comma separated CIDRs as canonical text.

    Raises:
        ArgumentTypeError: an entry is not a CIDR, or has bits set behind its prefix.
    """
    return tuple(_range(part.strip()) for part in text.split(","))


def _range(text: str) -> str:
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        interface = None
    if interface is None or "/" not in text or "%" in text:
        raise ArgumentTypeError(f"{text!r} is not a range such as 10.244.0.0/16 or fd00:10::/56")
    network = interface.network
    if interface.ip != network.network_address:
        raise ArgumentTypeError(f"{text!r} has host bits set; the range is {network}")
    return str(network)


def setting(text: str) -> tuple[str, str]:
    """Return key and value of ``KEY=VALUE``.

    Raises:
        ArgumentTypeError: there is no key or no equals sign.
    """
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise ArgumentTypeError(f"{text!r} is not KEY=VALUE, for instance cidrs.pods=10.244.0.0/16")
    return key.strip(), value


def not_empty(text: str) -> str:
    """Return a text.

    Raises:
        ArgumentTypeError: there is none, as of a variable that is not set: it would count as not given.
    """
    if not text:
        raise ArgumentTypeError("it is empty; leave the flag out where it is not needed")
    return text


def server_name(text: str) -> str:
    """Return the name or IP address that a certificate is to carry.

    Raises:
        ArgumentTypeError: no certificate carries such a name.
    """
    if not _SERVER_NAME.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no name of a server, for instance relay.example.org")
    return text
