"""Forwarding a port of a pod through the API server into a socket of this process; no local port is opened.

One websocket carries one TCP connection (the kubelet's websocket form of port-forwards): channel 0 is its
data, channel 1 what is wrong, and the first frame on each holds the port alone.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
from collections.abc import Iterable
from typing import Any

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.refusals import RefusedError
from netsec_tui.sources.cluster.resources import resource
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import object_key, printable
from netsec_tui.sources.reach.pod_frames import BINARY, CLOSE, PING, PONG, Frames, FramingError, framed
from netsec_tui.sources.reach.pod_websocket import PodApi, Stream, words_of

_FORWARD = Stream("portforward", "no port can be forwarded", "ports may not be forwarded to pods")
_ROOM = 256 << 10
"""Bytes that may wait in each direction; with more waiting, that side is not read."""

_CHUNK = 64 << 10
_DATA, _ERROR = b"\x00", b"\x01"
_MOST_WORDS = 400
_NORMAL = (1000).to_bytes(2, "big")
_ENDPOINTSLICES, _SERVICES = resource("endpointslices"), resource("services")


class NoServiceError(UnreachableError):
    """Report that a cluster has no such Service."""


class PodSocket(socket.socket):
    """Be this end of a connection to a pod; ``trouble`` says why it ended, empty when that is not told."""

    trouble = ""


def forward(pods: PodApi, namespace: str, pod: str, port: int) -> PodSocket:
    """Return a socket that is connected to a port of a pod; closing it ends the forward.

    A port that nobody listens on is told by the end of the connection, with ``trouble``.

    Raises:
        ExecForbiddenError: RBAC forbids it.
        UnauthenticatedError: the API server does not take the credentials.
        GoneError: there is no such pod (any more).
        NoConnectionError: the API server or the node does not answer.
        ExecError: it is refused for another reason.
    """
    websocket = pods.connect(_FORWARD, namespace, pod, [("ports", str(port))])
    ours, theirs = socket.socketpair()
    end = PodSocket(fileno=ours.detach())
    pump = _Pump(websocket.sock, theirs, end)
    name = f"port {port} of {printable(pod)}"
    threading.Thread(target=pump.run, args=(websocket,), name=name, daemon=True).start()
    return end


def service_target(api: ClusterApi, namespace: str, service: str, port_name: str = "") -> tuple[str, int]:
    """Return a ready pod behind a Service and the port it listens on: that of this name, else the first.

    Raises:
        RefusedError: the EndpointSlices cannot be listed.
        NoServiceError: there is no such Service.
        UnreachableError: there is no ready pod, or the server does not answer.
    """
    slices = api.list(_ENDPOINTSLICES, _backend(namespace, service))
    for slice_ in slices:
        ports = {str(name): int(number) for name, number in slice_["ports"]}
        if ports and slice_["pods"]:
            return slice_["pods"][0], ports.get(port_name) or next(iter(ports.values()))
    named = f"Service {printable(f'{namespace}/{service}')}"
    if not slices and not _is_there(api, namespace, service):
        raise NoServiceError(
            f"this cluster has no {named}; netsec-tui doctor tells which sources it has, "
            "and one elsewhere is named by its address: --source NAME://HOST:PORT"
        )
    raise UnreachableError(
        f"{named} has no pod that is ready; look at its pods with kubectl get pods -n {printable(namespace)}"
    )


def _is_there(api: ClusterApi, namespace: str, service: str) -> bool:
    """Tell whether there is such a Service; true where Services cannot be listed."""
    try:
        return (namespace, service) in (object_key(one)[1:] for one in api.list(_SERVICES))
    except RefusedError:
        return True


def _backend(namespace: str, service: str) -> Any:
    """Return what keeps of an EndpointSlice its ports and ready pods, if it is of this Service."""

    def cut(slice_: KubeObject) -> KubeObject | None:
        fields = Fields(slice_, "", "", [])
        metadata = fields.child("metadata")
        labels = metadata.child("labels")
        if (metadata.text("namespace"), labels.text("kubernetes.io/service-name")) != (namespace, service):
            return None
        ports = [(p.text("name"), p.port("port")) for p in fields.children("ports")]
        return {"ports": [p for p in ports if p[1]], "pods": [*_ready_pods(fields.children("endpoints"))]}

    return cut


def _ready_pods(endpoints: Iterable[Fields]) -> Iterable[str]:
    for endpoint in endpoints:
        target = endpoint.child("targetRef")
        ready = endpoint.child("conditions").data.get("ready")
        if ready is not False and target.text("kind") == "Pod" and target.text("name"):
            yield target.text("name")


class _Pump:
    """Carry bytes between a websocket and a socket in one thread: a TLS connection must not have two.

    Neither side is waited for alone: what one does not take yet waits here, up to ``_ROOM``.
    """

    def __init__(self, websocket: socket.socket, local: socket.socket, told: PodSocket) -> None:
        self._remote, self._local, self._told = websocket, local, told
        self._frames = Frames()
        self._to_remote, self._to_local = bytearray(), bytearray()
        self._headed: set[bytes] = set()
        self._remote_ended = self._local_ended = False
        self._selector = selectors.DefaultSelector()

    def run(self, websocket: Any) -> None:
        """Carry until either side ends; then end the other."""
        self._remote.setblocking(False)
        self._local.setblocking(False)
        self._selector.register(self._remote, selectors.EVENT_READ)
        self._selector.register(self._local, selectors.EVENT_READ)
        try:
            while self._carry():
                self._wait()
        except (OSError, FramingError) as error:
            self._complain(f"the connection through the API server breaks off: {words_of(error)}")
        finally:
            self._selector.close()
            self._local.close()
            websocket.shutdown()

    def _carry(self) -> bool:
        """Move what can be moved without waiting; return whether there may be more."""
        self._read_remote()
        self._read_local()
        _send(self._remote, self._to_remote)
        try:
            _send(self._local, self._to_local)
        except OSError:  # this process has closed its end
            return False
        if self._local_ended and not self._to_remote:
            return False
        return not self._remote_ended or bool(self._to_local)

    def _wait(self) -> None:
        reading, writing = selectors.EVENT_READ, selectors.EVENT_WRITE
        wanted = {
            self._remote: reading * (len(self._to_local) < _ROOM) | writing * bool(self._to_remote),
            self._local: reading * (len(self._to_remote) < _ROOM) | writing * bool(self._to_local),
        }
        if self._remote_ended:
            wanted[self._remote] = 0
        if self._local_ended:
            wanted[self._local] &= writing
        for side, events in wanted.items():
            known = self._selector.get_map().get(side)
            if known and not events:
                self._selector.unregister(side)
            elif known and known.events != events:
                self._selector.modify(side, events)
            elif events and not known:
                self._selector.register(side, events)
        self._selector.select()

    def _read_remote(self) -> None:
        while not self._remote_ended and len(self._to_local) < _ROOM:
            data = _receive(self._remote)
            if data is None:
                return
            self._remote_ended = self._remote_ended or not data
            for message in self._frames.feed(data):
                self._take(message.opcode, message.data)

    def _take(self, opcode: int, data: bytes) -> None:
        if opcode == CLOSE:
            self._remote_ended = True
        elif opcode == PING:
            self._to_remote += framed(PONG, data)
        elif opcode == BINARY and data:
            channel, rest = data[:1], data[1:]
            if channel not in self._headed:
                self._headed.add(channel)
                rest = rest[2:]  # the port, before anything else
            if channel == _DATA:
                self._to_local += rest
            elif channel == _ERROR and rest:
                self._complain(printable(" ".join(rest.decode("utf-8", "replace").split()), _MOST_WORDS))

    def _read_local(self) -> None:
        while not self._local_ended and len(self._to_remote) < _ROOM:
            data = _receive(self._local)
            if data is None:
                return
            if data:
                self._to_remote += framed(BINARY, _DATA + data)
            else:
                self._local_ended = True
                self._to_remote += framed(CLOSE, _NORMAL)

    def _complain(self, trouble: str) -> None:
        self._told.trouble = self._told.trouble or trouble


def _receive(side: socket.socket) -> bytes | None:
    """Return what has come, empty at the end, None when nothing has."""
    try:
        return side.recv(_CHUNK)
    except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
        return None


def _send(side: socket.socket, waiting: bytearray) -> None:
    """Send what the other side takes now, and leave the rest."""
    while waiting:
        try:
            sent = side.send(waiting[:_CHUNK])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        del waiting[:sent]
