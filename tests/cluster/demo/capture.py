"""From a recording of some minutes to the demo's capture: stretched, counted, added to."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.inventory import SCHEDULED, Inventory
from netsec_tui.sources.capture.lines import HEADER_KEY, HEADER_VALUE, VERSION
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.capture.writer import CaptureWriter
from netsec_tui.sources.contract import FlowsRead, KubeObject, Message, ObjectsRead
from netsec_tui.sources.inventory.build import build_inventory
from tests.cluster.demo.synthetic import Window, addition, flows

SOURCE = "demo"
WINDOW = Window(1_772_742_000.0 - (13 * 3600 + 20 * 60), 1_772_742_000.0)
"""07:00 to 20:20 UTC on 2026-03-05."""

NOTE = (
    "Recorded by netsec-tui from real connections between network namespaces, in some minutes; its times are "
    "stretched over 07:00 to 20:20 of 2026-03-05. Flows marked synthetic were added, and {unread} left out: "
    "docs/demo.md"
)

_TOGETHER = 600
"""Seconds of the demo in which alike flows are one record that counts them."""


class Clock:
    """Maps the time of a recording onto the window of the demo: it runs faster, nothing changes its place."""

    def __init__(self, first: float, last: float, window: Window = WINDOW) -> None:
        """Say which moments of the recording become the two ends of the window.

        Raises:
            ValueError: the two are not apart.
        """
        if last <= first:
            raise ValueError("a recording has to last")
        self._last, self._end = last, window.end
        self.pace = (window.end - window.start) / (last - first)

    def __call__(self, moment: float) -> float:
        """Return the moment in the demo, to the millisecond."""
        return round(self._end - (self._last - moment) * self.pace, 3)


def compose(recording: Path, added: Mapping[str, Any], target: Path) -> None:
    """Write the demo's capture.

    Args:
        recording: What ``netsec-tui record`` wrote.
        added: What synthetic.yaml says.
        target: The file to write, in place of what stands there.

    Raises:
        LookupError: something that is named in ``added`` was not recorded.
        RuntimeError: the recording has gaps or problems, or no flows.
    """
    observed, state = read(recording)
    recorded = _inventory(state)
    seen = [flow for flow in observed if not _is_of_the_machinery(flow, recorded)]
    clock = Clock(min(flow.time for flow in seen), max(flow.time for flow in seen))
    objects = _less([_moved(item, clock) for item in state], added["unread"])
    inventory = _inventory(objects)
    kept = _together(replace(flow, time=clock(flow.time)) for flow in seen)
    more = [flow for entry in added["flows"] for flow in flows(addition(entry), inventory, WINDOW)]
    with CaptureWriter(target, overwrite=True) as capture:
        capture.write(ObjectsRead(SOURCE, tuple(sorted(objects, key=_order))))
        capture.write(FlowsRead(tuple(sorted([*kept, *more], key=lambda flow: flow.time))))
    _add_note(target, NOTE.format(unread=" and ".join(map(_named, added["unread"]))))
    target.chmod(0o644)  # unlike other recordings it holds nothing of anybody, and is installed for all


def read(recording: Path) -> tuple[list[Flow], list[KubeObject]]:
    """Return the flows of a recording and the last state of its cluster.

    Raises:
        RuntimeError: the recording has gaps or problems, or lacks flows or objects.
    """
    messages: list[Message] = []
    CaptureSource(recording).read(messages.append)
    told = told_by(messages)
    lost = [flow.reason for flow in told if isinstance(flow, Gap)]
    states = [message for message in messages if isinstance(message, ObjectsRead)]
    lost += [problem for state in states[-1:] for problem in state.problems]
    if lost or len(states) == 0 or not told:
        raise RuntimeError(f"the recording is not whole: {'; '.join(lost) or 'it lacks flows or objects'}")
    return [flow for flow in told if isinstance(flow, Flow)], list(states[-1].objects)


def told_by(messages: Iterable[Message]) -> list[Flow | Gap]:
    """Return the flows and gaps of messages."""
    return [flow for message in messages if isinstance(message, FlowsRead) for flow in message.flows]


def _inventory(objects: Sequence[KubeObject]) -> Inventory:
    inventory, problems = build_inventory(objects)
    if problems:
        raise RuntimeError(f"the recorded objects are not clear: {'; '.join(problems)}")
    return inventory


def _is_of_the_machinery(flow: Flow, inventory: Inventory) -> bool:
    """Tell whether both ends are nodes or the API server: what runs the cluster, and reads the tables."""
    own = {*inventory.node_by_ip, *inventory.api_server_ips}
    return {flow.source.ip, flow.destination.ip} <= own


def _together(found: Iterable[Flow]) -> list[Flow]:
    """Count flows that differ in nothing but the client's port and a few minutes, at the time of the last."""
    latest: dict[object, Flow] = {}
    for flow in sorted(found, key=lambda flow: flow.time):
        listens = flow.source_port if flow.is_reply else flow.destination_port
        alike = replace(flow, time=0.0, source_port=0, destination_port=listens, count=0)
        key = (alike, int(flow.time // _TOGETHER))
        before = latest.pop(key, None)
        latest[key] = replace(flow, count=flow.count + (before.count if before else 0))
    return list(latest.values())


_TIMES = {"creationTimestamp": 0.0, "finishedAt": 2.0, "lastTransitionTime": 2.0}
"""Fields of objects that hold times, each with the seconds by which its moment may have been later."""


def _moved(item: KubeObject, clock: Clock) -> dict[str, Any]:
    """Return an object with its times on the demo's clock, so that no pod is younger than its flows.

    Ends, and flows, are told to the second: a pod ends on that clock when all of its flows have passed. A pod
    is given its node when it is made.
    """
    moved = copy.deepcopy(dict(item))
    _move_times(moved, clock)
    for condition in moved.get("status", {}).get("conditions", ()):
        if condition.get("type") == SCHEDULED:
            condition["lastTransitionTime"] = moved["metadata"]["creationTimestamp"]
    return moved


def _move_times(value: Any, clock: Clock) -> None:
    if isinstance(value, list):
        for entry in value:
            _move_times(entry, clock)
    if not isinstance(value, dict):
        return
    for key, entry in value.items():
        if key in _TIMES and entry:
            moment = clock(datetime.fromisoformat(entry).timestamp() + _TIMES[key])
            value[key] = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        else:
            _move_times(entry, clock)


def _less(objects: Sequence[dict[str, Any]], unread: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return the objects without those, or those ranges of a ServiceCIDR, that are not to be known."""
    kept = list(objects)
    for wanted in unread:
        found = [o for o in kept if (o["kind"], o["metadata"]["name"]) == (wanted["kind"], wanted["name"])]
        if not found:
            raise LookupError(f"{_named(wanted)} was not recorded")
        if "cidr" in wanted:
            found[0]["spec"]["cidrs"].remove(wanted["cidr"])
        else:
            kept.remove(found[0])
    return kept


def counted(capture: Path) -> str:
    """Return the sentence of docs/demo.md that counts what a capture holds."""
    flows, objects = read(capture)
    found, added = _inventory(objects), sum(flow.synthetic for flow in flows)
    return (
        f"{len(found.nodes)} nodes, {len(found.pods)} pods of {len(found.owners)} workloads, "
        f"{len(found.services)} Services; {len(flows) - added} records of flows that were recorded, "
        f"{added} that were added."
    )


def _named(wanted: Mapping[str, str]) -> str:
    whole = f"{wanted['kind']} {wanted['name']}"
    return f"{wanted['cidr']} of {whole}" if "cidr" in wanted else whole


def _order(item: Mapping[str, Any]) -> tuple[str, str, str]:
    meta = item["metadata"]
    return item["kind"], meta.get("namespace", ""), meta["name"]


def _add_note(target: Path, note: str) -> None:
    _, _, rest = target.read_text(encoding="ascii").partition("\n")
    header = json.dumps({HEADER_KEY: HEADER_VALUE, "version": VERSION, "note": note}, separators=(",", ":"))
    target.write_text(f"{header}\n{rest}", encoding="ascii")
