"""Flows from Hubble without Relay: ``hubble observe`` run in the Cilium agent of every node."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.observed import Observed
from netsec_tui.model.timespan import plausible
from netsec_tui.sources import retry
from netsec_tui.sources.access import Access
from netsec_tui.sources.bounded import put
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.login import log_in
from netsec_tui.sources.cluster.resources import resource
from netsec_tui.sources.contract import Emit, FlowsRead, SourceStatus
from netsec_tui.sources.counted import counted
from netsec_tui.sources.hubble.agents import ORIGIN, AgentStream, Told, agent_pod, agents
from netsec_tui.sources.nodes_named import names_of, trouble_of
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.reach.pod_exec import Executor, executor
from netsec_tui.sources.reach.pod_websocket import Target
from netsec_tui.sources.spans import Spans

LIST_SECONDS = 30.0
_PATIENCE = 0.1
_REST_SECONDS = 0.7
"""How long agents that were asked to stop may still say what they had heard: less than is listened for."""

_ROOM = 256
"""Messages of all agents that may wait; with more, agents wait, and their nodes' buffers hold what comes."""

_PODS = resource("pods")


@dataclass(slots=True)
class _Node:
    """Hold how the stream of one node's agent goes.

    ``due`` is monotonic time, ``read_to`` and ``silent`` as in ``Told``, ``newest`` of the last flow.
    """

    stream: AgentStream
    target: Target
    due: float = 0.0
    wait: float = retry.FIRST_WAIT
    busy: bool = False
    heard: bool = False
    ended: bool = False
    trouble: str = ""
    read_to: float = 0.0
    silent: bool = False
    newest: float = 0.0


class HubbleExecSource:
    """Follow the agents of all nodes; one that breaks off costs no other and is taken up again."""

    live = True

    def __init__(self, access: Access) -> None:
        self.name = access.name_of("hubble-exec")
        self._access = access
        self._client: Any = None
        self._executor: Executor | None = None
        self._nodes: dict[str, _Node] = {}
        self._told: queue.Queue[Told] = queue.Queue(_ROOM)
        self._closed = threading.Event()
        self._listed = float("-inf")
        self._lost = ""
        self._flows, self._unread, self._why = 0, 0, ""
        self._spans = Spans()

    def read(self, emit: Emit) -> None:
        """Emit what all agents hold now.

        Raises:
            NetsecError: the kubeconfig cannot be used, no agent is there, or none gives anything.
        """
        self._list()
        stop = threading.Event()
        try:
            while not all(node.ended for node in self._nodes.values()):
                self._turn(emit, stop, follow=False)
        finally:
            stop.set()
            self._closed.set()
        if not any(node.heard for node in self._nodes.values()):
            raise UnreachableError(self._trouble() or "no Cilium agent says anything")
        self._tell(emit, ended=True)

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit what all agents hold and see until ``stop`` is set.

        Raises:
            NetsecError: the agents cannot be listed at the start, or there are none.
        """
        self._list()
        done = threading.Event()
        try:
            while not stop.is_set():
                if time.monotonic() - self._listed >= LIST_SECONDS:
                    self._list_again(emit)
                self._turn(emit, done, follow=True)
            done.set()
            self._rest(emit)
        finally:
            done.set()
            self._closed.set()

    def _list(self) -> None:
        client, self._client = self._client or log_in(self._access.context, self._access.kubeconfig), None
        found = agents(ClusterApi(client).list(_PODS, agent_pod))
        if not found:
            raise UnreachableError(
                "no pod of a Cilium agent runs here (label k8s-app=cilium, container cilium-agent); "
                "netsec-tui doctor tells which sources this cluster has"
            )
        self._executor, self._client = executor(client), client
        for name, target in found.items():
            node = self._nodes.setdefault(name, _Node(AgentStream(name), target))
            if node.target != target:
                node.target, node.due, node.wait = target, 0.0, retry.FIRST_WAIT
        for name in [name for name, node in self._nodes.items() if name not in found and not node.busy]:
            del self._nodes[name]
        self._listed, self._lost = time.monotonic(), ""

    def _list_again(self, emit: Emit) -> None:
        try:
            self._list()
        except NetsecError as error:
            self._listed = time.monotonic()
            self._lost = f"{error}; streams that are open go on"
        self._tell(emit)

    def _rest(self, emit: Emit) -> None:
        """Take in what agents had said before they were asked to stop; who cannot end has not told all."""
        deadline = time.monotonic() + _REST_SECONDS
        while time.monotonic() < deadline:
            try:
                told = self._told.get(timeout=_PATIENCE)
            except queue.Empty:
                if any(node.busy for node in self._nodes.values()):
                    continue
                break
            self._hand_on(told, emit)
            if node := self._nodes.get(told.node):
                node.busy = not told.ended
                if not told.ended:
                    self._note(node, told, emit, follow=True)
        for node in self._nodes.values():
            if node.busy and node.heard:
                node.read_to = node.read_to or node.newest
        self._tell(emit)

    def _turn(self, emit: Emit, stop: threading.Event, *, follow: bool) -> None:
        """Start streams whose time has come, and take in what was said."""
        self._start(stop, follow=follow)
        try:
            told = self._told.get(timeout=_PATIENCE)
        except queue.Empty:
            return
        self._hand_on(told, emit)
        if node := self._nodes.get(told.node):
            self._note(node, told, emit, follow=follow)
        self._tell(emit)

    def _hand_on(self, told: Told, emit: Emit) -> None:
        if told.flows:
            self._flows += sum(isinstance(flow, Flow) for flow in told.flows)
            emit(FlowsRead(told.flows))
        if told.unread:
            self._unread += told.unread
            self._why = f"{names_of([told.node])}: {told.why}"
            emit(FlowsRead((Gap(time.time(), told.unread, self._why, told.node),)))

    def _start(self, stop: threading.Event, *, follow: bool) -> None:
        assert self._executor
        now = time.monotonic()
        for node in self._nodes.values():
            if node.busy or node.ended or node.due > now:
                continue
            node.busy = True
            work = (self._executor, node.target, stop, partial(put, self._told, stop=self._closed))
            name = f"{self.name} {node.stream.node}"
            threading.Thread(
                target=node.stream.run, args=work, kwargs={"follow": follow}, name=name, daemon=True
            ).start()

    def _note(self, node: _Node, told: Told, emit: Emit, *, follow: bool) -> None:
        """Keep in mind how a node's stream goes, and take it up again later where it has ended."""
        if not told.ended:
            now = time.time()
            times = [flow.time for flow in told.flows if isinstance(flow, Flow) and plausible(flow.time, now)]
            self._spans.begin(told.node, min(times, default=now))
            node.read_to, node.silent = told.read_to, told.silent
            node.newest = max([node.newest, *times])
            if told.repeats:
                self._spans.resume(told.node)
            node.heard, node.trouble, node.wait = True, "", retry.FIRST_WAIT
            return
        node.busy, node.ended = False, not follow
        until = node.read_to or told.read_to
        if follow:
            self._spans.end(told.node, until)
        trouble = printable(told.trouble, 400)
        if trouble and node.heard and not node.trouble:
            reason = f"{names_of([told.node])}: {trouble}; flows may be missing"
            emit(FlowsRead((Gap(until, 0, reason, told.node),)))
        node.trouble = trouble
        node.due = time.monotonic() + node.wait
        node.wait = retry.longer(node.wait)
        # The pod may have been replaced, or the credentials have ended: who is there now is asked next.
        self._listed = min(self._listed, time.monotonic() - LIST_SECONDS + retry.FIRST_WAIT)
        if told.unauthenticated:
            self._client = None

    def _tell(self, emit: Emit, *, ended: bool = False) -> None:
        giving = [name for name, node in self._nodes.items() if node.heard and not node.trouble]
        until = time.time() if ended else 0.0 if giving else self._spans.last
        read_to = {} if ended else {n: self._nodes[n].read_to for n in giving if self._nodes[n].read_to}
        spans = self._spans.of(self._nodes, read_to)
        observed = Observed(ORIGIN, self._spans.first, until, frozenset(giving), spans=spans)
        detail = f"{counted(self._flows, 'flow')} from {len(giving)} of {len(self._nodes)} nodes"
        detail += f"; {self._why}" if self._why else ""
        error = "; ".join(filter(None, (self._lost, self._trouble())))
        status = SourceStatus(self.name, self.live, detail, self._unread, error, ended=ended)
        overdue = [read_to[name] for name in read_to if self._nodes[name].silent]
        first = min(read_to.values(), default=0.0)
        emit(replace(status, observed=observed, read_to=first, due=min(overdue, default=0.0)))

    def _trouble(self) -> str:
        """Return why streams have ended, one sentence for all that share a reason."""
        return trouble_of({name: node.trouble for name, node in self._nodes.items()}, "no flows")
