"""One Cilium agent after the other: where they are, and what each says of its node's flows."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import plausible
from netsec_tui.sources.backlog import Backlog
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.defect import defect_of
from netsec_tui.sources.gaps import Gaps
from netsec_tui.sources.hubble.decode import HubbleDecoder
from netsec_tui.sources.life import Life
from netsec_tui.sources.nodes_named import names_of
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.reach.pod_exec import Executor
from netsec_tui.sources.reach.pod_websocket import ExecError, Target, UnauthenticatedError
from netsec_tui.sources.recent import Recent
from netsec_tui.sources.whole_lines import WholeLines

ORIGIN = "hubble-exec"

WHOLE_BUFFER = "65535"
"""As many flows as an agent can keep (hubble-event-buffer-capacity)."""

MARGIN_SECONDS = 5.0
"""What is asked for again when a stream that has broken off is resumed; what was told already is left out."""

_CONTAINER = "cilium-agent"
_REMEMBERED = 20_000
_LONGEST = 1 << 20
"""Bytes of a line at most; Hubble's have about 1,400."""

_FLUSH_SECONDS = 0.1
_TELLING = (
    "IP",
    "l4",
    "verdict",
    "is_reply",
    "source",
    "destination",
    "trace_observation_point",
    "event_type",
)
"""What tells flows of the same time apart, as in ``relay_progress``; a node is asked by itself."""


@dataclass(frozen=True, slots=True)
class Told:
    """Carry what the agent of a node has said: flows and gaps, and how its stream is doing.

    ``ended`` means that there will be no more of this stream, ``trouble`` why, empty where it should end.
    ``unread`` counts lines that could not be used, ``why`` is the first reason. ``repeats`` means that a flow
    came again which was told before: the agent has not forgotten any since. ``read_to`` is until when the
    agent has told all by then, in epoch seconds, 0.0 where that is now; of one that has ended, or that is
    ``silent`` though it was asked for a sign of life, the last that it gave.
    """

    node: str
    flows: tuple[Flow | Gap, ...] = ()
    ended: bool = False
    trouble: str = ""
    unauthenticated: bool = False
    unread: int = 0
    why: str = ""
    repeats: bool = False
    read_to: float = 0.0
    silent: bool = False


def agent_pod(pod: KubeObject) -> KubeObject | None:
    """Keep of a pod what tells where a Cilium agent runs; None for any other.

    Agents are on their nodes' own network; a pod that only carries their label may be anybody's.
    """
    fields = Fields(pod, "", "", [])
    metadata, spec, status = fields.child("metadata"), fields.child("spec"), fields.child("status")
    labels = metadata.child("labels")
    agent = "cilium" in (labels.text("k8s-app"), labels.text("app.kubernetes.io/part-of"))
    names = [container.text("name") for container in spec.children("containers")]
    running = status.text("phase") == "Running" and not metadata.text("deletionTimestamp")
    there = spec.flag("hostNetwork") and spec.text("nodeName")
    if not (agent and running and _CONTAINER in names and there):
        return None
    return {
        "node": spec.text("nodeName"),
        "target": Target(metadata.text("namespace"), metadata.text("name"), _CONTAINER),
    }


def agents(pods: Iterable[KubeObject]) -> dict[str, Target]:
    """Return the agent of each node, of what ``agent_pod`` kept."""
    return {str(pod["node"]): pod["target"] for pod in pods}


class AgentStream:
    """Read one agent's flows; what it said before a break is not told again after it."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.newest = 0.0
        self._backlog = Backlog()
        self._broke_off = 0.0
        self._life = Life()
        self._taken_up = True
        self._seen: Recent[int, bool] = Recent(_REMEMBERED)
        self._decoder = HubbleDecoder(ORIGIN, node)

    def run(
        self,
        executor: Executor,
        target: Target,
        stop: threading.Event,
        tell: Callable[[Told], object],
        *,
        follow: bool,
    ) -> None:
        """Tell what the agent says until its command ends or ``stop`` is set; the last says that it ended."""
        try:
            for told in self._read(executor, target, stop, follow=follow):
                tell(told)
        except UnauthenticatedError as error:
            tell(self._ended(str(error), unauthenticated=True))
        except ExecError as error:
            tell(self._ended(_with_way_out(str(error))))
        except Exception as error:  # one agent must not take the others with it
            tell(self._ended(defect_of(error)))
        else:
            tell(self._ended("its stream of flows has ended" if follow else ""))
        finally:
            self._broke_off, self._taken_up = self._life.last, True

    def _ended(self, trouble: str, *, unauthenticated: bool = False) -> Told:
        last = self._life.last
        return Told(self.node, ended=True, trouble=trouble, unauthenticated=unauthenticated, read_to=last)

    def _read(
        self, executor: Executor, target: Target, stop: threading.Event, *, follow: bool
    ) -> Iterator[Told]:
        """Yield what the agent holds, which its command ends by itself, then what it goes on to say."""
        said = partial(self._said, executor, target, stop)
        if not follow:
            yield from said(follow=False)
            return
        yield from self._backlog.catch_up(self._broke_off, partial(said, follow=False), stop)
        if not stop.is_set():
            yield Told(self.node)
            yield from said(follow=True)

    def _said(
        self, executor: Executor, target: Target, stop: threading.Event, *, follow: bool
    ) -> Iterator[Told]:
        """Yield what one command says, several times a second, and once at the start that there is one."""
        lines, batch = _Lines(self._seen), _Batch(self.node, self._decoder)
        handed_on, before, began, overdue = 0.0, self.newest, time.time(), 0.0
        for chunk in executor.stream(target, self._command(follow=follow), stop, self._life):
            lines.feed(chunk, batch)
            self._look(lines, batch, before, began)
            if batch.newest:
                self._backlog.take(batch.newest, asked=True)
            now = time.monotonic()
            news = batch.anything or not handed_on or overdue != self._life.overdue
            if now - handed_on >= _FLUSH_SECONDS and news:
                handed_on, overdue = now, self._life.overdue
                yield self._flushed(batch)
        if not stop.is_set():  # else the last line may have been cut off
            lines.finish(batch)
            self._look(lines, batch, before, began)
        if batch.anything:
            yield self._flushed(batch)
        self._taken_up = False

    def _look(self, lines: _Lines, batch: _Batch, before: float, began: float) -> None:
        """See whether the first flow was told before: else what came since the newest one is lost.

        After a break that is said by when the node was watched, of a command that goes on by a gap.
        """
        repeats, lines.repeats = lines.repeats, None
        if self._taken_up:
            batch.repeats = batch.repeats or bool(repeats)
        elif before and repeats is False:
            reason = f"{names_of([self.node])}: its agent overwrote flows before they were read"
            batch.lose(Gap(before, 0, reason, self.node, until=max(before, began)))

    def _flushed(self, batch: _Batch) -> Told:
        self.newest = max(self.newest, batch.newest)
        overdue = self._life.overdue
        read_to = min(filter(None, (self._backlog.read_to, overdue)), default=0.0)
        return replace(batch.take(), read_to=read_to, silent=bool(overdue))

    def _command(self, *, follow: bool) -> tuple[str, ...]:
        command: tuple[str, ...] = ("hubble", "observe", "--output", "json")
        if follow:
            command += ("--follow",)
        if not self.newest:
            return (*command, "--last", WHOLE_BUFFER)
        since = datetime.fromtimestamp(self.newest - MARGIN_SECONDS, UTC)
        return (*command, "--since", since.strftime("%Y-%m-%dT%H:%M:%SZ"))


class _Batch:
    """Gather what is told together; lost events may come by the thousand and are added up."""

    def __init__(self, node: str, decoder: HubbleDecoder) -> None:
        self._node = node
        self._decoder = decoder
        self._flows: list[Flow] = []
        self._gaps = Gaps()
        self._unread, self._why = 0, ""
        self.newest = 0.0
        self.repeats = False

    @property
    def anything(self) -> bool:
        """Tell whether there is something to tell."""
        return bool(self._flows or self._gaps or self._unread or self.repeats)

    def put(self, value: Any) -> None:
        """Take in one decoded line."""
        decoded = self._decoder.decode(value)
        if isinstance(decoded, Flow):
            if plausible(decoded.time, time.time()):
                self.newest = max(self.newest, decoded.time)
            self._flows.append(decoded)
        elif isinstance(decoded, Gap):
            self._gaps.add(decoded)
        elif isinstance(decoded, Problem):
            self.leave_out(decoded.reason)

    def lose(self, gap: Gap) -> None:
        """Take in that something is missing."""
        self._gaps.add(gap)

    def leave_out(self, reason: str) -> None:
        """Count a line that cannot be used."""
        self._unread += 1
        self._why = self._why or printable(reason)

    def take(self) -> Told:
        """Return what has been gathered and begin anew."""
        flows: tuple[Flow | Gap, ...] = (*self._flows, *self._gaps.take())
        told = Told(self._node, flows, unread=self._unread, why=self._why, repeats=self.repeats)
        self._flows, self._unread, self._why, self.repeats = [], 0, "", False
        return told


class _Lines:
    """Find the JSON values in the bytes of a stream and leave out those that were told before.

    Flows come in order: what repeats comes before what is new. ``repeats`` is whether the first flow was told
    before, None until it comes.
    """

    def __init__(self, seen: Recent[int, bool]) -> None:
        self._lines = WholeLines()
        self._begun = False
        self._seen = seen
        self.repeats: bool | None = None

    def feed(self, chunk: bytes, batch: _Batch) -> None:
        """Take in the next bytes."""
        for line in self._lines.feed(chunk):
            self._take(line, batch)
        if self._lines.begun > _LONGEST:
            batch.leave_out(f"a line is longer than {_LONGEST >> 20} MiB")
            self._lines.rest()

    def finish(self, batch: _Batch) -> None:
        """Take in what stands after the last newline."""
        self._take(self._lines.rest(), batch)

    def _take(self, line: bytes, batch: _Batch) -> None:
        if not line.strip():
            return
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            batch.leave_out("a line is no JSON")
            return
        key = _identity(value)
        again = key is not None and bool(self._seen.get(key))
        if not self._begun and type(value) is dict and "flow" in value:
            self._begun, self.repeats = True, again
        if again:
            return
        batch.put(value)
        if key is not None:
            self._seen.put(key, True)


def _identity(value: Any) -> int | None:
    """Return what tells a flow from all others: its uuid, which old agents do not give, else all it says.

    A loss is known by all it says too, if it has a time; of anything else that repeats nothing is said.
    As a hash of 64 bits: what an old agent says of a flow takes a kilobyte, and many are remembered.
    """
    flow = value.get("flow") if type(value) is dict else None
    if type(flow) is not dict:
        lost = type(value) is dict and "lost_events" in value and value.get("time")
        return hash(json.dumps(value)) if lost else None
    uuid = flow.get("uuid")
    if type(uuid) is str and uuid:
        return hash(uuid)
    return hash(json.dumps([flow.get("time") or value.get("time"), *map(flow.get, _TELLING)]))


def _with_way_out(trouble: str) -> str:
    if "not found" in trouble or "no such file" in trouble:
        return f"{trouble}; its image has no hubble: use --source hubble, or --source conntrack"
    return trouble
