"""Measure reading a real API server, beside kubectl: ``python tests/benchmarks/bench_reading.py``.

As root, with Go or built programs (docs/real-cluster.md). Prints a table, asserts nothing.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.cluster import fake_pods  # noqa: E402
from tests.cluster.harness import binaries  # noqa: E402
from tests.cluster.harness.client import without_proxies  # noqa: E402
from tests.cluster.harness.cluster import Cluster  # noqa: E402
from tests.cluster.harness.rest import MERGE, Rest  # noqa: E402

SIZES = (500, 5_000)
_CHANGES = 9
HEADINGS = ("pods", "kubectl", "read", "again", "inventory", "memory", "screen", "pause", "change")


def reading(kubeconfig: str) -> None:
    """Print seconds of two readings and of making the inventory, and MB of memory at the peak."""
    import resource

    from netsec_tui.sources.cluster.source import ClusterSource
    from netsec_tui.sources.contract import Message, ObjectsRead
    from netsec_tui.sources.inventory.build import build_inventory

    source, told = ClusterSource(None, kubeconfig), list[Message]()
    marks = [time.perf_counter()]
    for _ in range(2):
        source.read(told.append)
        marks.append(time.perf_counter())
    objects = next(message.objects for message in told if isinstance(message, ObjectsRead))
    build_inventory(objects)
    marks.append(time.perf_counter())
    seconds = [after - before for before, after in pairwise(marks)]
    print(json.dumps([*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def screen(kubeconfig: str) -> None:
    """Print seconds until the app has all of it, and the longest time that its loop did not turn."""
    from tests.ui.demo_host import app_of
    from tests.ui.driving import WIDE

    async def opened() -> tuple[float, float]:
        app = app_of("--kubeconfig", kubeconfig, "--context", Cluster.context)
        async with app.run_test(size=WIDE):
            start = last = time.perf_counter()
            longest, later = 0.0, 12.5  # a while more, in which the cluster does not change
            done = 0.0
            while not done or last - start < done + later:
                await asyncio.sleep(0.005)
                now = time.perf_counter()
                longest, last = max(longest, now - last), now
                if not done and app._intake.settled:
                    done = now - start
            return done, longest

    print(json.dumps(asyncio.run(opened())))


def watching(kubeconfig: str) -> None:
    """Print the median seconds from the server's answer to a changed label until it is in the inventory."""
    from netsec_tui.model.inventory import Inventory
    from netsec_tui.sources.cluster.source import ClusterSource
    from netsec_tui.sources.feeds.feed import Feed

    rest, feed, taken = Rest(Path(kubeconfig)), Feed([ClusterSource(None, kubeconfig)]), []

    def until_labelled(value: str) -> None:
        while True:
            for message in feed.drain():
                if isinstance(message, Inventory):
                    spaces = dict(message.namespaces.get(fake_pods.NAMESPACE, ()))
                    if spaces.get("changed", "") == value:
                        return
            time.sleep(0.002)

    feed.start()
    until_labelled("")
    for number in range(_CHANGES):
        time.sleep(2)  # The first of several changes that come together is told at once, the next ones later.
        label = {"metadata": {"labels": {"changed": str(number)}}}
        rest.send("PATCH", f"/api/v1/namespaces/{fake_pods.NAMESPACE}", label, MERGE)
        start = time.perf_counter()
        until_labelled(str(number))
        taken.append(time.perf_counter() - start)
    feed.close()
    print(json.dumps([median(taken)]))


def measured(cluster: Cluster, pods: int) -> list[str]:
    """Return a line of the table."""
    kubeconfig = str(cluster.kubeconfig)
    kubectl = [str(binaries.find().kubectl), "--kubeconfig", kubeconfig, "get", "pods", "-A", "-o", "json"]
    start = time.perf_counter()
    subprocess.run(kubectl, stdout=subprocess.DEVNULL, check=True, env=without_proxies())
    beside = time.perf_counter() - start
    first, again, inventory, memory = in_a_process("reading", kubeconfig)
    shown, pause = in_a_process("screen", kubeconfig)
    (change,) = in_a_process("watching", kubeconfig)
    seconds = [f"{value:.2f} s" for value in (beside, first, again, inventory)]
    return [f"{pods:,}", *seconds, f"{memory:.0f} MB", f"{shown:.2f} s", f"{pause:.2f} s", f"{change:.2f} s"]


def in_a_process(what: str, kubeconfig: str) -> list[float]:
    """Run one of the measurements in a fresh interpreter."""
    command = [sys.executable, __file__, what, kubeconfig]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=without_proxies())
    numbers: list[float] = json.loads(done.stdout)
    return numbers


def main() -> None:
    """Print the table."""
    print("| " + " | ".join(HEADINGS) + " |\n" + "|---" * len(HEADINGS) + "|")
    for pods in SIZES:
        with Cluster.up(control_plane_only=True) as cluster:
            cluster.control_plane.signal("kube-controller-manager", signal.SIGSTOP)
            fake_pods.write(Rest(cluster.kubeconfig), pods)
            print("| " + " | ".join(measured(cluster, pods)) + " |", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["reading", path]:
            reading(path)
        case ["screen", path]:
            screen(path)
        case ["watching", path]:
            watching(path)
        case _:
            main()
