"""A small cluster with traffic, made of model objects, and ways to drive the app over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from textual.screen import Screen

from netsec_tui.model.config import DiscoveredRange, RangeKind
from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import (
    AppliedPolicy,
    ContainerPort,
    Inventory,
    Node,
    Pod,
    PodOwner,
    Service,
    ServicePort,
)
from netsec_tui.model.policy import LabelSelector, NetworkPolicy
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.contract import FlowsRead, SourceStatus
from netsec_tui.ui.app import NetsecApp
from netsec_tui.ui.start import StartScope
from netsec_tui.ui.widgets.status_line import StatusLine

WIDE, NARROW = (140, 40), (80, 24)
NEWEST = 1_790_000_000.0
CHECKOUT = WorkloadRef("Deployment", "shop", "checkout")
LAST_12_H = TIMESPANS[2]
ALL = TIMESPANS[-1]
STRANGE = "[red]odd[/red]"

_OWNERS = {
    "frontend": ("Deployment", "shop", "10.0.0.1", 80),
    "checkout": ("Deployment", "shop", "10.0.0.2", 8080),
    "payment": ("Deployment", "shop", "10.0.0.3", 8443),
    "orders-db": ("StatefulSet", "data", "10.0.0.4", 5432),
    "report": ("CronJob", "ops", "10.0.0.5", 0),
    "coredns": ("Deployment", "kube-system", "10.0.0.53", 53),
    "agent": ("DaemonSet", "kube-system", "192.168.1.1", 4244),
}


def _labels(name: str) -> tuple[tuple[str, str], ...]:
    return (("k8s-app", "kube-dns"),) if name == "coredns" else (("app", name),)


def _protocol(name: str) -> Protocol:
    return Protocol.UDP if name == "coredns" else Protocol.TCP


def _pod(name: str) -> Pod:
    kind, namespace, ip, port = _OWNERS[name]
    ports = (ContainerPort("main", _protocol(name), port),) if port else ()
    owner = WorkloadRef(kind, namespace, name)
    return Pod(
        namespace, f"{name}-0", _labels(name), owner, (ip,), ports, name == "agent", "node-a", "Running", 1.0
    )


def _owner(name: str) -> PodOwner:
    kind, namespace, _, _ = _OWNERS[name]
    selector = None if kind == "CronJob" else LabelSelector(_labels(name))
    return PodOwner(
        WorkloadRef(kind, namespace, name), selector, _labels(name), _pod(name).ports, name == "agent"
    )


def _service(namespace: str, name: str, owner: str, port: int, ip: str) -> Service:
    target = _OWNERS[owner][3]
    ports = (ServicePort("main", _protocol(owner), port, target),)
    return Service(namespace, name, _labels(owner), ports, cluster_ips=(ip,))


def applied(name: str) -> AppliedPolicy:
    """Return a NetworkPolicy of the cluster that selects checkout and allows nothing."""
    policy = NetworkPolicy("shop", name, LabelSelector(_labels("checkout")))
    raw = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"app": "checkout"}}, "policyTypes": ["Ingress", "Egress"]},
    }
    return AppliedPolicy(policy, raw)


def cluster() -> Inventory:
    """Return the state of the cluster."""
    namespaces = ("shop", "data", "ops", "kube-system")
    return Inventory(
        known=True,
        namespaces={name: (("kubernetes.io/metadata.name", name),) for name in namespaces},
        pods=tuple(map(_pod, _OWNERS)),
        owners=tuple(map(_owner, _OWNERS)),
        services=(
            _service("shop", "checkout", "checkout", 80, "10.96.0.2"),
            _service("kube-system", "kube-dns", "coredns", 53, "10.96.0.10"),
        ),
        nodes=(Node("node-a", ("192.168.1.1",), ("10.0.0.0/16",)),),
        policies=(applied("old-policy"),),
        discovered=(
            DiscoveredRange(RangeKind.POD, "10.0.0.0/16", "Node node-a podCIDRs"),
            DiscoveredRange(RangeKind.SERVICE, "10.96.0.0/16", "ServiceCIDR kubernetes"),
        ),
    )


def _endpoint(name: str) -> Endpoint:
    if name not in _OWNERS:
        return Endpoint(ip=name)
    pod = _pod(name)
    return Endpoint(pod.ips[0], pod.namespace, pod.name, pod.labels, ((pod.owner.kind, pod.owner.name),))


def talk(client: str, server: str, port: int, at: float = NEWEST, denied: bool = False) -> list[Flow]:
    """Return a request and its answer; only the request when it was denied."""
    ends = _endpoint(client), _endpoint(server)
    protocol = _protocol(server)
    verdict = Verdict.DROPPED if denied else Verdict.FORWARDED
    tcp = protocol is Protocol.TCP
    request = Flow(at, *ends, protocol, 40000, port, verdict, is_reply=False, syn=tcp, node="node-a")
    if denied:
        return [request]
    answer = Flow(
        at, ends[1], ends[0], protocol, port, 40000, verdict, is_reply=True, syn=tcp, ack=tcp, node="node-a"
    )
    return [request, answer]


def traffic() -> list[Flow]:
    """Return what was seen in a little over three hours."""
    return [
        *talk("frontend", "checkout", 8080, NEWEST - 11_400),
        *talk("report", "checkout", 8080),
        *talk("198.51.100.9", "checkout", 8080),
        *talk("checkout", "payment", 8443),
        *talk("checkout", "orders-db", 5432),
        *talk("checkout", "coredns", 53),
        *talk("checkout", "203.0.113.7", 443),
        *talk("checkout", "203.0.113.8", 443),
        *talk("agent", "203.0.113.7", 443),
    ]


class Feed:
    """Hand on messages that a test puts in."""

    def __init__(self, *messages: Any) -> None:
        self.waiting = list(messages)
        self.running = False

    def start(self) -> None:
        self.running = True

    def drain(self, max_seconds: float) -> list[Any]:
        told, self.waiting = self.waiting, []
        return told

    def stop(self) -> None:
        self.running = False

    def close(self) -> bool:
        self.stop()
        return True


READ = SourceStatus("recording", live=False, ended=True)


def full_feed(flows: Iterable[Flow] | None = None, inventory: Inventory | None = None, *more: Any) -> Feed:
    """Return a feed that has read everything."""
    told = tuple(traffic() if flows is None else flows)
    return Feed(cluster() if inventory is None else inventory, FlowsRead(told), READ, *more)


def app_over(feed: Feed | None = None, start: StartScope | None = None, **options: Any) -> NetsecApp:
    """Return the app over the small cluster, checkout chosen unless told otherwise."""
    session = Session(Options(cluster="kind-shop"), now=lambda: NEWEST)
    chosen = StartScope("shop", "Deployment", "checkout", LAST_12_H) if start is None else start
    return NetsecApp(session, feed if feed is not None else full_feed(), start=chosen, **options)


def screen_text(app: NetsecApp) -> str:
    """Return what is on the screen, without colours."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def read_all(feed: Feed, pilot: Any) -> None:
    """Wait until the app has taken everything from the feed and drawn it."""
    await pilot.pause()
    while feed.waiting:
        await pilot.pause(0.02)
    await idle(pilot)


def status(app: NetsecApp) -> str:
    """Return what the status line says."""
    return app.screen_stack[0].query_one(StatusLine).text


async def started(pilot: Any) -> None:
    """Wait until the app has done what the last key asked for."""
    await pilot.pause()
    await idle(pilot)


async def idle(pilot: Any) -> None:
    """Wait until nothing runs beside the screen but a question that is open: it lasts until its answer.

    Gives up after some seconds, so that the assertion that follows tells what is missing.
    """
    for _ in range(500):
        modal = pilot.app.screen.is_modal
        running = [w for w in pilot.app.workers if not w.is_finished and not (modal and w.group == "scope")]
        if not running:
            break
        await pilot.pause(0.01)
    await composed(pilot)


async def until(pilot: Any, holds: Callable[[], bool]) -> None:
    """Wait until something holds; fails when it never does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"waited in vain; on the screen is\n{screen_text(pilot.app)}")


async def composed(pilot: Any) -> None:
    """Wait until the screen on top has all its widgets, and each has handled what it was sent.

    A screen composes its widgets, these theirs, and each does so in its own time.
    """
    before: list[Any] = []
    while before != (now := [pilot.app.screen, *pilot.app.screen.walk_children()]):
        before = now
        await pilot.pause()
    await pilot.pause()


async def shown(pilot: Any, kind: type[Screen[Any]]) -> None:
    """Wait until a screen of a kind is on top, with all its widgets."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    await composed(pilot)
