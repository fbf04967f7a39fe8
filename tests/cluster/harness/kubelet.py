"""Scheduler and kubelet of all nodes: gives every pod a node, a network namespace, listeners and a status."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness.dns import Names
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.places import hosts_file, pod_link
from tests.cluster.harness.pods import Addresses, unwire, wire
from tests.cluster.harness.rest import ApiError, Mirror, Object, Rest
from tests.cluster.harness.scheduling import ADDRESS, Scheduler
from tests.cluster.harness.servers import Listener, Servers, says
from tests.cluster.harness.status import path_of, ports_of, say_finished, say_running, say_waiting
from tests.cluster.harness.workqueue import WorkQueue

FINISH = "netsec-tui.dev/finish-after-seconds"
"""The annotation by which a pod ends well by itself."""

_THREADS = 4
SCHEDULER = "default-scheduler"


@dataclass(frozen=True)
class _Running:
    """A pod that has its network; ``wired`` is empty where that is its node's."""

    node: NodeNetwork
    addresses: tuple[str, ...]
    path: Path
    link: Path
    wired: str


@contextmanager
def _unless(*statuses: int) -> Iterator[None]:
    """Pass over a refusal that only says that a pod has gone, or been bound, meanwhile."""
    try:
        yield
    except ApiError as error:
        if error.status not in statuses:
            raise


class Kubelet:
    """All nodes' kubelets and the scheduler. Pods of other nodes and other schedulers are left alone."""

    def __init__(self, instance: Instance, nodes: Sequence[NodeNetwork], servers: Servers) -> None:
        """Say whose pods to run.

        Args:
            instance: The cluster.
            nodes: Its nodes, by the names that they have in the API server.
            servers: Where the pods' listeners are served.
        """
        self._instance, self._servers = instance, servers
        self._nodes = {node.name: node for node in nodes}
        self._pools = {node.name: Addresses(node.pod_ranges) for node in nodes}
        self._rest = Rest(instance.kubeconfig)
        self._scheduler = Scheduler(self._pools)
        self._names = Names(self._rest, hosts_file(instance))
        self._queue = WorkQueue(self._sync, _THREADS)
        self._pods = Mirror(self._rest, "/api/v1/pods", self._changed)
        self._api_nodes = Mirror(self._rest, "/api/v1/nodes", self._nodes_changed)
        self._known: dict[str, Object] = {}
        self._running: dict[str, _Running] = {}
        self._due: set[str] = set()

    def start(self) -> None:
        """Begin; returns at once."""
        self._names.start()
        self._queue.start()
        self._api_nodes.start()
        self._pods.start()

    def stop(self) -> None:
        """End, and remove every pod's namespace and listeners; the API server is not told."""
        for part in (self._pods, self._api_nodes, self._names, self._queue):
            part.stop()
        for uid in list(self._running):
            self._tear_down(uid)

    def _changed(self, pod: Object, there: bool) -> None:
        uid = pod["metadata"]["uid"]
        if there:
            self._known[uid] = pod
        else:
            self._known.pop(uid, None)
        self._queue.add(uid)

    def _nodes_changed(self, node: Object, there: bool) -> None:
        for uid, pod in list(self._known.items()):
            if not pod["spec"].get("nodeName"):
                self._queue.add(uid)

    def _sync(self, uid: str) -> None:
        """Bring one pod to where it should be."""
        pod = self._known.get(uid)
        if pod is None:
            self._tear_down(uid)
            return
        spec, phase = pod["spec"], pod.get("status", {}).get("phase")
        name = spec.get("nodeName")
        if name and name not in self._nodes:
            return
        if pod["metadata"].get("deletionTimestamp"):
            self._tear_down(uid)
            self._remove(pod)
        elif phase in ("Succeeded", "Failed"):
            self._tear_down(uid)
        elif name:
            self._bring_up(uid, pod)
        elif spec.get("schedulerName", SCHEDULER) == SCHEDULER:
            self._bind(pod)

    def _bind(self, pod: Object) -> None:
        name = self._scheduler.choose(pod, self._api_nodes.objects())
        if name is None:
            with _unless(404):
                say_waiting(self._rest, pod, "no node has the labels, or the address, that the pod asks for")
            return
        meta = pod["metadata"]
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": meta["name"], "uid": meta["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": name},
        }
        with _unless(404, 409):
            self._rest.send("POST", f"{path_of(pod)}/binding", body)

    def _bring_up(self, uid: str, pod: Object) -> None:
        try:
            running = self._running.get(uid) or self._wire(uid, pod)
        except (OSError, ValueError) as error:
            with _unless(404):
                say_waiting(self._rest, pod, str(error))
            raise
        with _unless(404):
            if pod.get("status", {}).get("phase") != "Running":
                say_running(self._rest, pod, running.node, running.addresses)
                self._finish_later(uid, pod)
            elif uid in self._due:
                say_finished(self._rest, pod)

    def _finish_later(self, uid: str, pod: Object) -> None:
        after = pod["metadata"].get("annotations", {}).get(FINISH)
        if after:

            def finish() -> None:
                self._due.add(uid)
                self._queue.add(uid)

            timer = threading.Timer(float(after), finish)
            timer.daemon = True
            timer.start()

    def _wire(self, uid: str, pod: Object) -> _Running:
        meta = pod["metadata"]
        node = self._nodes[pod["spec"]["nodeName"]]
        link = pod_link(self._instance, meta["namespace"], meta["name"])
        if pod["spec"].get("hostNetwork"):
            running = _Running(node, node.addresses, node.path, link, "")
        else:
            addresses = self._pools[node.name].take(meta.get("annotations", {}).get(ADDRESS, ""))
            try:
                running = _Running(node, addresses, wire(node, uid[:8], addresses), link, uid[:8])
            except RuntimeError:
                self._pools[node.name].give_back(addresses)
                raise
        self._running[uid] = running
        try:
            self._servers.serve(uid, running.path, self._listeners(pod))
        except OSError:
            self._tear_down(uid)
            raise
        link.unlink(missing_ok=True)
        link.symlink_to(running.path)
        return running

    def _listeners(self, pod: Object) -> Iterator[Listener]:
        meta = pod["metadata"]
        dns = meta.get("labels", {}).get("k8s-app") == "kube-dns"
        for port in ports_of(pod):
            if dns and (port.number == 53 or port.name.startswith("dns")):
                yield Listener(port.protocol, port.number, self._names.respond, framed=True)
            elif port.protocol in ("TCP", "UDP"):
                line = f"{meta['namespace']}/{meta['name']} {port.number}"
                yield Listener(port.protocol, port.number, says(line))

    def _tear_down(self, uid: str) -> None:
        running = self._running.pop(uid, None)
        self._due.discard(uid)
        if running is None:
            return
        # A pod of the same name may have its link there by now.
        if running.link.is_symlink() and running.link.readlink() == running.path:
            running.link.unlink()
        self._servers.stop(uid)
        if running.wired:
            unwire(running.node, running.wired)
            self._pools[running.node.name].give_back(running.addresses)

    def _remove(self, pod: Object) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": pod["metadata"]["uid"]},
        }
        with _unless(404, 409):
            self._rest.send("DELETE", path_of(pod), body)
