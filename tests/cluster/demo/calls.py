"""The demo's call graph (workloads/demo/calls.yaml): what is called, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tests.cluster.harness.calls import is_address

HOURS = 13 + 1 / 3
"""What the demo shows."""


@dataclass(frozen=True)
class Call:
    """One entry of ``calls``, whose file explains the fields.

    ``server`` has no port in it any more; ``port`` is 0 for ICMP, and where only a name is asked for.
    """

    client: str
    server: str
    port: int = 0
    protocol: str = "TCP"
    times: int = 3
    hours: tuple[float, float] = (0.0, HOURS)
    everyone: bool = False
    silent: bool = False

    def __str__(self) -> str:
        return f"{self.client} to {self.server}:{self.port}/{self.protocol}"


class Turn(NamedTuple):
    """The n-th exchange of a call, counted from 0, and its hour."""

    hour: float
    call: Call
    number: int


class JobTurn(NamedTuple):
    """The hour at which a Job begins, or ends; ``file`` is its manifest, or ``cronjob`` whose it is."""

    hour: float
    namespace: str
    name: str
    begins: bool
    file: str = ""
    cronjob: str = ""


def calls(document: Mapping[str, Any]) -> list[Call]:
    """Return the calls of the document.

    Raises:
        KeyError, TypeError, ValueError: an entry is not written as the file's head says.
    """
    return [_call(dict(entry)) for entry in document["calls"]]


def _call(fields: dict[str, Any]) -> Call:
    client, server = fields.pop("from"), fields.pop("to")
    # Without a port: names, and what is pinged.
    if ":" in server:
        server, _, fields["port"] = server.rpartition(":")
        fields["port"] = int(fields["port"])
    if "hours" in fields:
        fields["hours"] = tuple(fields["hours"])
    return replace(Call(client, server.strip("[]")), **fields)


def outside(document: Mapping[str, Any]) -> set[str]:
    """Return the addresses of the world outside: who calls from there, and what answers there."""
    found = {address for addresses in document["outside"].values() for address in addresses}
    for call in calls(document):
        if call.client.startswith("outside:"):
            found.add(call.client.partition(":")[2])
        if is_address(call.server) and not call.silent:
            found.add(call.server)
    return found


def turns(found: Sequence[Call]) -> list[Turn]:
    """Return all exchanges by their hours: those of a call are spread evenly over the call's hours."""
    spread = [
        Turn(call.hours[0] + (call.hours[1] - call.hours[0]) * (number + 0.5) / call.times, call, number)
        for call in found
        for number in range(call.times)
    ]
    return sorted(spread, key=lambda turn: turn.hour)


def jobs(document: Mapping[str, Any], start: float) -> list[JobTurn]:
    """Return when Jobs begin and end, by their hours.

    Args:
        document: What the file holds.
        start: When the demo begins, in seconds since 1970. A CronJob names its Jobs after the minutes.
    """
    return sorted(turn for entry in document["jobs"] for turn in _jobs(entry, start))


def _jobs(entry: Mapping[str, Any], start: float) -> Iterator[JobTurn]:
    namespace, _, name = (entry.get("cronjob") or entry["name"]).partition("/")
    if "file" in entry:
        begin, end = entry["hours"]
        yield JobTurn(begin, namespace, name, True, file=entry["file"])
        yield JobTurn(end, namespace, name, False)
        return
    before = ""
    for hour in entry["hours"]:
        if before:
            yield JobTurn(hour, namespace, before, False)
        before = f"{name}-{int(start + hour * 3600) // 60}"
        yield JobTurn(hour, namespace, before, True, cronjob=name)
