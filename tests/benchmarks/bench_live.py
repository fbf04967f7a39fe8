"""Go on with a live session: how long until the review follows a flow, a new pod, a changed cluster.

Run ``python tests/benchmarks/bench_live.py``; ``--owners``, ``--edges`` and ``--times`` change the size.
Every owner has ten pods and a Service. Each line is the median time from what is new to the finished
review, without any drawing; ``workloads`` is counting the rows of all of them, which only a picker asks for.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from netsec_tui.model.config import DiscoveredRange, RangeKind  # noqa: E402
from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict  # noqa: E402
from netsec_tui.model.identity import WorkloadRef  # noqa: E402
from netsec_tui.model.inventory import (  # noqa: E402
    ContainerPort,
    Inventory,
    Node,
    Pod,
    PodOwner,
    Service,
    ServicePort,
)
from netsec_tui.model.policy import LabelSelector  # noqa: E402
from netsec_tui.session.actions import ChooseWorkload  # noqa: E402
from netsec_tui.session.session import Options, Session  # noqa: E402

NOW = 1_790_000_000.0
NAMESPACES = 20
HTTP = ContainerPort("http", Protocol.TCP, 8080)
LETTERS = "bcdfghjklm"


def cluster(owners: int) -> Inventory:
    """Return a cluster of so many Deployments with ten pods and a Service each."""
    refs = [WorkloadRef("Deployment", f"ns-{n % NAMESPACES}", f"app-{n}") for n in range(owners)]
    return Inventory(
        known=True,
        namespaces={f"ns-{n}": (("kubernetes.io/metadata.name", f"ns-{n}"),) for n in range(NAMESPACES)},
        pods=tuple(_pod(ref, 10 * n + i) for n, ref in enumerate(refs) for i in range(10)),
        owners=tuple(PodOwner(ref, LabelSelector(_app(ref)), _app(ref), (HTTP,)) for ref in refs),
        services=tuple(_service(ref, n) for n, ref in enumerate(refs)),
        nodes=(Node("n1", ("192.168.0.1",)),),
        discovered=(
            DiscoveredRange(RangeKind.POD, "10.0.0.0/12", "made up"),
            DiscoveredRange(RangeKind.SERVICE, "10.96.0.0/16", "made up"),
        ),
    )


def _app(ref: WorkloadRef) -> tuple[tuple[str, str], ...]:
    return (("app", ref.name),)


def _pod(ref: WorkloadRef, number: int) -> Pod:
    name = f"{ref.name}-6b687c8dcb-bcdf{LETTERS[number % 10]}"
    labels = (*_app(ref), ("pod-template-hash", "6b687c8dcb"))
    address = f"10.{number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
    return Pod(ref.namespace, name, labels, ref, (address,), (HTTP,))


def _service(ref: WorkloadRef, number: int) -> Service:
    ports = (ServicePort("http", Protocol.TCP, 80, "http" if number % 5 == 0 else 8080),)
    return Service(
        ref.namespace, ref.name, _app(ref), ports, cluster_ips=(f"10.96.{number // 250}.{number % 250 + 1}",)
    )


def told(pod: Pod) -> Endpoint:
    """Return a pod as Hubble tells of it."""
    return Endpoint(pod.ips[0], pod.namespace, pod.name, pod.labels, ((pod.owner.kind, pod.owner.name),))


class Bench:
    """Hold a live session and time what is done to it."""

    def __init__(self, owners: int, edges: int, times: int) -> None:
        self.session = Session(Options(live=True), lambda: NOW)
        self.inventory = cluster(owners)
        self.times = times
        rng = random.Random(1)
        talking = self.inventory.pods[: 9 * len(self.inventory.pods) // 10]
        self.quiet = [told(pod) for pod in self.inventory.pods[len(talking) :]]
        ends = [told(pod) for pod in talking]
        self.flows = [self.flow(*rng.sample(ends, 2)) for _ in range(edges)]

    def flow(self, source: Endpoint, destination: Endpoint) -> Flow:
        """Return one request."""
        ends = (source, destination, Protocol.TCP, 40_000, 8080)
        return Flow(NOW, *ends, Verdict.FORWARDED, is_reply=False, syn=True, origin="hubble", node="n1")

    def clocked(self, action: Callable[[], object]) -> float:
        """Return the milliseconds of an action with the review after it."""
        start = time.perf_counter()
        action()
        self.session.review()
        return (time.perf_counter() - start) * 1000

    def show(self, what: str, actions: list[Callable[[], object]]) -> None:
        """Print one line."""
        times = [self.clocked(action) for action in actions]
        print(f"{what:<58}{statistics.median(times):>10.2f} ms   worst {max(times):>8.2f} ms")

    def run(self) -> None:
        """Measure everything in turn."""
        session, first = self.session, self.flows[0]
        session.set_inventory(self.inventory)
        chosen = ChooseWorkload(self.inventory.owners[0].ref)
        self.show("fold the flows in", [lambda: session.add_flows(self.flows)])
        self.show("choose a workload: first review", [lambda: session.apply(chosen)])
        known = [lambda: session.add_flows([first])] * self.times
        self.show("one flow more between pods that have talked", known)
        fresh = [self.flow(end, first.destination) for end in self.quiet[: self.times]]
        self.show("the first flow of a pod", [lambda flow=flow: session.add_flows([flow]) for flow in fresh])
        self.show("a pod of the cluster changed", [self.changed(n) for n in range(self.times)])
        self.show("workloads", [self.counted] * self.times)

    def changed(self, number: int) -> Callable[[], object]:
        """Return an action: the cluster state as before, but for one pod."""
        pods = list(self.inventory.pods)
        pods[number] = replace(pods[number], labels=(*pods[number].labels, ("changed", str(number))))
        state = replace(self.inventory, pods=tuple(pods))
        return lambda: self.session.set_inventory(state)

    def counted(self) -> None:
        """Count the rows of all workloads, which a flow more has made necessary."""
        self.session.add_flows(self.flows[:1])
        self.session.workloads()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--owners", type=int, default=500)
    parser.add_argument("--edges", type=int, default=5000)
    parser.add_argument("--times", type=int, default=15)
    args = parser.parse_args()
    Bench(args.owners, args.edges, args.times).run()


if __name__ == "__main__":
    main()
