"""Flows from the kernel's connection tracking tables, read on each node through the API server."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.model.flow import Gap
from netsec_tui.model.observed import Observed
from netsec_tui.model.timespan import from_to
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.login import log_in
from netsec_tui.sources.cluster.refusals import RefusedError
from netsec_tui.sources.cluster.resources import resource
from netsec_tui.sources.conntrack.detail import OTHERS_UNKNOWN, detail_of
from netsec_tui.sources.conntrack.entry import Entry, EntryDecoder
from netsec_tui.sources.conntrack.flows import ORIGIN, Connections
from netsec_tui.sources.conntrack.health import BLIND, divide, losses, missed, unread
from netsec_tui.sources.conntrack.known import MEMORY
from netsec_tui.sources.conntrack.nodes import (
    Answer,
    Node,
    Way,
    due_nodes,
    read_table,
    read_until,
    targets,
)
from netsec_tui.sources.conntrack.pods import SILENT_SECONDS, PodAddresses, Sight, seen_pod
from netsec_tui.sources.contract import Emit, FlowsRead, SourceStatus
from netsec_tui.sources.defect import defect_of
from netsec_tui.sources.nodes_named import names_of, trouble_of
from netsec_tui.sources.objects.strip import object_key, printable
from netsec_tui.sources.reach.pod_exec import Executor, executor
from netsec_tui.sources.reach.pod_websocket import Target
from netsec_tui.sources.spans import Spans

POLL_SECONDS = 5.0
"""From the beginning of one reading of a node to that of the next. A connection that was reset stays in the
table for 10 s, all others longer."""

RETRY_SECONDS = 30.0
"""Seconds until a node that never gave a table is asked again, and so are nodes that could not be listed."""

_LIST_SECONDS = 60.0
_LIST_AGAIN_SECONDS = 1.0
"""Seconds between two lists at least, when a pod in which commands were run is gone."""

_PATIENCE = 0.1
_LAST_SECONDS = 0.7
"""How long tables are waited for when reading ends: less than what is said then is listened to."""

_PART = 10_000
"""Flows that are handed on at once."""

_NODES, _PODS = resource("nodes"), resource("pods")


class ConntrackSource:
    """Read the tables of all nodes of one context again and again; a node that gives none costs no other."""

    live = True

    def __init__(self, context: str | None = None, kubeconfig: str | None = None) -> None:
        self.name = f"conntrack of context {context}" if context else "conntrack of the current context"
        self._context = context
        self._kubeconfig = kubeconfig
        self._client: Any = None
        self._executor: Executor | None = None
        self._nodes: dict[str, Node] = {}
        self._others_unknown = False
        self._listed = float("-inf")
        self._lost = ""
        self._moved = False
        self._decoder = EntryDecoder()
        self._connections = Connections()
        self._addresses = PodAddresses()
        self._sight = Sight(self._addresses)
        self._spans = Spans()
        self._until = 0.0
        self._unread = ""
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def read(self, emit: Emit) -> None:
        """Emit what all tables hold now.

        Raises:
            NotFoundError: there is no such context or no kubeconfig.
            BadInputError: the kubeconfig cannot be read.
            UnreachableError: no node gives its table; the sentence says why.
        """
        self._list()
        stop = threading.Event()
        while not all(node.asked for node in self._nodes.values()):
            self._turn(emit, stop, once=True)
        if not any(node.given for node in self._nodes.values()):
            nobody = (
                f"no node runs a pod; {OTHERS_UNKNOWN}"
                if self._others_unknown
                else "the cluster has no nodes"
            )
            raise UnreachableError(self._trouble() or nobody)
        if blind := self._blind(0.0):  # there is no second reading to wait for
            emit(FlowsRead(blind))
        self._tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what is new in the tables, every few seconds.

        Raises:
            NetsecError: the nodes cannot be listed at the start, for the reasons of ``read``.
        """
        self._list()
        done = threading.Event()
        try:
            while not stop.is_set():
                self._turn(emit, done)
            self._read_once_more(emit, done)
            self._end(emit)
        finally:
            done.set()

    def _read_once_more(self, emit: Emit, done: threading.Event) -> None:
        """Read the tables a last time, as far as that can be had at once."""
        nodes = [node for node in self._nodes.values() if node.given]
        deadline = time.monotonic() + _LAST_SECONDS
        for node in nodes:
            node.due = 0.0
        while any(node.busy or not node.due for node in nodes) and time.monotonic() < deadline:
            self._turn(emit, done)

    def _end(self, emit: Emit) -> None:
        """Say until when each node was watched: its last table; one whose next is overdue fails.

        Where no node has answered for so long the source itself has failed, from its newest table on.
        """
        now, monotonic = time.time(), time.monotonic()
        newest, due = read_until(self._nodes.values(), monotonic, POLL_SECONDS)
        failed = now > due
        end = newest if failed else now
        for name in self._given():
            node = self._nodes[name]
            self._spans.end(name, node.read)
            if end > node.overdue_from(monotonic, POLL_SECONDS):
                emit(FlowsRead((unread(name, node.read, end),)))
                if not failed:
                    node.trouble = f"no table {from_to(node.read, end)}"
        self._tell(emit)

    def _turn(self, emit: Emit, stop: threading.Event, *, once: bool = False) -> None:
        """Ask the nodes whose time has come, each ``once`` or again, and take in what has been answered."""
        if time.monotonic() >= self._list_due():
            self._list_again(emit)
        self._ask(stop, once=once)
        try:
            answer = self._answers.get(timeout=_PATIENCE)
        except queue.Empty:
            return
        node = self._nodes.get(answer.node)
        if node is None:  # it has left the cluster since
            return
        first_miss = answer.gone and not node.gone
        node.busy, node.way, node.gone = False, answer.way, answer.gone or (node.gone and not answer.way)
        now, hopeless = time.monotonic(), node.entries < 0 and not answer.way
        node.due = now + RETRY_SECONDS if hopeless else node.due_after(now, POLL_SECONDS)
        if first_miss:  # who took its place is asked at once, before anything is complained of
            self._moved = True
            return
        node.asked = True
        if answer.way:
            self._take(answer, node, emit)
        elif not stop.is_set():
            self._fail(answer, node, emit)
        self._tell(emit)

    def _list_due(self) -> float:
        """Return when the nodes and pods are to be listed again, in monotonic time."""
        if self._moved:
            return self._listed + _LIST_AGAIN_SECONDS
        if self._lost or any(node.gone for node in self._nodes.values()):
            return self._listed + POLL_SECONDS
        return self._listed + (RETRY_SECONDS if self._others_unknown else _LIST_SECONDS)

    def _list(self) -> None:
        client, self._client = self._client or log_in(self._context, self._kubeconfig), None
        api = ClusterApi(client)
        listed = _node_names(api)
        pods = api.list(_PODS, seen_pod)
        found = targets(pods)
        names = sorted({pod["node"] for pod in pods}) if listed is None else listed
        self._connections.hand_over(self._addresses.take(pods))
        self._executor, self._client = executor(client), client
        for name in names:
            node = self._nodes.setdefault(name, Node([]))
            node.tries = found.get(name, [])
            if node.gone:
                node.due = 0.0
        for gone in self._nodes.keys() - set(names):
            del self._nodes[gone]
        self._connections.keep(names)
        self._spans.keep(names)
        self._listed = time.monotonic()
        self._lost, self._moved, self._others_unknown = "", False, listed is None

    def _list_again(self, emit: Emit) -> None:
        try:
            self._list()
        except NetsecError as error:
            self._listed, self._moved = time.monotonic(), False
            self._lost = f"{error}; tables are read as before"
        self._tell(emit)

    def _ask(self, stop: threading.Event, *, once: bool) -> None:
        """Start reading the nodes that are due, a few at once: one that hangs must not hold up the others."""
        assert self._executor
        now = time.monotonic()

        def may(node: Node) -> bool:
            return not (node.gone and self._moved) and not (once and node.asked)

        for name in due_nodes(self._nodes, now, may):
            node = self._nodes[name]
            node.begin(now)
            work = (name, self._executor, node.tries, node.way, stop)
            threading.Thread(target=self._read, args=work, name=f"{self.name} {name}", daemon=True).start()

    def _read(
        self, name: str, executor: Executor, tries: list[Target], way: Way | None, stop: threading.Event
    ) -> None:
        try:
            answer = read_table(name, executor, tries, way, stop)
        except Exception as error:  # One node must not take the others with it.
            answer = Answer(name, trouble=defect_of(error))
        self._answers.put(answer)

    def _take(self, answer: Answer, node: Node, emit: Emit) -> None:
        now, skipped = answer.at, node.skipped
        if node.read and now - node.read > MEMORY:  # what ended meanwhile the table may have forgotten
            self._spans.end(answer.node, node.read)
            emit(FlowsRead((unread(answer.node, node.read, now),)))
        self._spans.begin(answer.node, now)
        node.read = now
        self._until = max(self._until, now)
        table, statistics = divide(answer.table.decode("utf-8", "replace"))
        flows = self._connections.take(answer.node, self._entries(answer, table, node), now)
        while part := tuple(islice(flows, _PART)):
            emit(FlowsRead(part))
        node.trouble = ""
        lost = losses(statistics)
        if gaps := (*missed(answer.node, now, node.lost, lost), *self._blind(SILENT_SECONDS)):
            emit(FlowsRead(gaps))
        node.lost = lost or node.lost
        if node.skipped > skipped:
            emit(FlowsRead((Gap(now, node.skipped - skipped, self._unread, answer.node),)))

    def _entries(self, answer: Answer, table: str, node: Node) -> Iterator[Entry]:
        """Yield a table's entries; the same line is not counted again each time that it cannot be read."""
        skipped, unread, node.entries = 0, "", 0
        for number, line in enumerate(table.split("\n"), 1):
            entry = self._decoder.decode(line)
            if isinstance(entry, Entry):
                node.entries += 1
                self._sight.look(entry, answer.node, answer.at)
                yield entry
                continue
            if not line:
                continue
            skipped += 1
            if skipped > node.skipped:
                node.skipped = skipped
                unread = unread or printable(f"node {answer.node}, line {number}: {entry.reason}", 400)
        self._unread = unread or self._unread
        self._sight.end(answer.node, answer.at)

    def _fail(self, answer: Answer, node: Node, emit: Emit) -> None:
        trouble = printable(answer.trouble, 400)
        if not node.trouble:
            reason = f"{names_of([answer.node])}: {trouble}; connections may be missing"
            emit(FlowsRead((Gap(time.time(), 0, reason, answer.node),)))
        node.trouble = trouble
        self._spans.end(answer.node, node.read)
        if answer.unauthenticated:
            self._client, self._listed = None, float("-inf")

    def _tell(self, emit: Emit, *, ended: bool = False) -> None:
        skipped = sum(node.skipped for node in self._nodes.values())
        known = ended or any(node.entries >= 0 for node in self._nodes.values())
        again = "" if known else f"tried again every {RETRY_SECONDS:g} s"
        trouble = self._trouble()
        error = "; ".join(filter(None, (self._lost, trouble, trouble and again)))
        detail, observed = self._detail(SILENT_SECONDS if not ended else 0.0), self._observed(ended=ended)
        status = SourceStatus(self.name, self.live, detail, skipped, error, ended=ended, observed=observed)
        read_to, due = read_until([] if ended else self._nodes.values(), time.monotonic(), POLL_SECONDS)
        emit(replace(status, read_to=read_to, due=due))

    def _observed(self, *, ended: bool) -> Observed:
        given, spans = self._given(), self._spans
        until = self._until if ended or not given else 0.0
        nodes, idle = frozenset(given), self._connections.quiet
        return Observed(ORIGIN, spans.first, until, nodes, idle=idle, spans=spans.of(self._nodes))

    def _given(self) -> list[str]:
        return [name for name, node in self._nodes.items() if node.given]

    def _blind(self, silent: float) -> tuple[Gap, ...]:
        """Return a gap for each node that is found blind for the first time."""
        news = self._sight.news(self._given(), silent)
        return tuple(Gap(self._until, 0, f"{names_of(news)}: {BLIND}", name) for name in news)

    def _detail(self, silent: float) -> str:
        blind = self._sight.blind(self._given(), silent)
        unknown = self._others_unknown
        return detail_of(self._nodes, self._connections, blind, self._unread, others_unknown=unknown)

    def _trouble(self) -> str:
        """Return why nodes give no table, one sentence for all that share a reason."""
        return trouble_of({name: node.trouble for name, node in self._nodes.items()}, "no table")


def _node_names(api: ClusterApi) -> list[str] | None:
    """Return the nodes, None where they cannot be listed; the cluster state names the missing right."""
    try:
        return [object_key(node)[2] for node in api.list(_NODES)]
    except RefusedError:
        return None
