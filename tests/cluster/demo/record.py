"""Record the demo's capture anew: a cluster, real connections in it, and ``netsec-tui record`` watching them.

``.venv/bin/python -m tests.cluster record-demo`` does it; docs/demo.md has what comes out.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from netsec_tui.demo.source import CAPTURE
from netsec_tui.model.flow import Flow
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.contract import Message
from tests.cluster.demo.calls import HOURS, JobTurn, calls, jobs, outside, turns
from tests.cluster.demo.capture import WINDOW, compose, counted, told_by
from tests.cluster.demo.traffic import Driver, Made
from tests.cluster.harness import waiting
from tests.cluster.harness.calls import Workload
from tests.cluster.harness.client import without_proxies
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.forgetting import forget_all
from tests.cluster.harness.rest import Object, Rest
from tests.cluster.harness.snapshot import Snapshot
from tests.cluster.harness.status import say_finished

FOLDER = Path(__file__).resolve().parents[1] / "workloads" / "demo"
_PAGE = Path(__file__).resolve().parents[3] / "docs" / "demo.md"
_MARK = "<!-- counted by the command that records -->\n"
_NODES = 3
_BALANCER = {"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.100"}]}}}
"""What a cloud would say of Service web. Its clients dial the nodes here, as a balancer does for them."""

_STEPS = 40
_PACE = 5.0
"""The demo is made in so many steps, each of which takes so long; the nodes' tables are read as often."""

_SECONDS = 60
_HASH_LABEL, _HASH = "rollouts-pod-template-hash", "6c54bd5869"


def main(path: Path = CAPTURE, pace: float = _PACE) -> None:
    """Write the demo's capture.

    Args:
        path: The file, in place of what stands there; where it is the package's own, docs/demo.md counts it.
        pace: How many seconds a step takes; the fewer, the coarser are the times.

    Raises:
        OSError: the file cannot be written; found out before anything is recorded.
        RuntimeError: no cluster can run here, or something does not go as the call graph says.
        LookupError, TimeoutError: something is missing, or not in time; the message names it.
    """
    _check_writable(path)
    graph, added = (yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in ("calls", "synthetic"))
    with Cluster.up(_NODES) as cluster:
        _load(cluster, graph)
        recording = cluster.instance.folder / "recording"
        day = _Day(cluster, graph, pace)
        # What was needed to bring the cluster up is no part of the recording.
        forget_all([node.path for node in cluster.nodes])
        with _recorder(cluster, recording):
            day.run()
            waiting.until(
                lambda: not _missing(day.driver.made, recording), _SECONDS, "a recording of all calls", 1
            )
        compose(recording, added, path)
    said = counted(path)
    print(f"{path} is written: {said}")
    if path == CAPTURE:
        before, mark, rest = _PAGE.read_text(encoding="utf-8").partition(_MARK)
        after = rest.partition("\n")[2]
        _PAGE.write_text(f"{before}{mark}{said}\n{after}", encoding="utf-8")
        print(f"{_PAGE} counts it; python -m docs.make_picture draws it")


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file to write")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path} cannot be written: nothing may be written into {path.parent}")


class _Day:
    """The hours of the demo, made in a few minutes."""

    def __init__(self, cluster: Cluster, graph: Mapping[str, Any], pace: float) -> None:
        self._pace = pace
        self.driver = Driver(cluster)
        self._cluster = cluster
        self._rest = Rest(cluster.kubeconfig)
        self._calls = calls(graph)
        self._turns = turns(self._calls)
        self._jobs = jobs(graph, WINDOW.start)

    def run(self) -> None:
        """Begin and end the Jobs and make the calls, each in its step."""
        self.driver.silence(self._calls)
        begun = time.monotonic()
        for step in range(1, _STEPS + 1):
            until = HOURS * step / _STEPS
            self._take_jobs([job for job in self._jobs if job.hour < until])
            now = [turn for turn in self._turns if turn.hour < until]
            self._turns = self._turns[len(now) :]
            self.driver.make(now)
            if step == _STEPS // 2:
                self.driver.complete(self._calls)
            print(f"{until:4.1f} h of {HOURS:.1f} h", end="\r", file=sys.stderr)
            # The pace of the demo; it is not waited for anything.
            time.sleep(max(begun + step * self._pace - time.monotonic(), 0))

    def _take_jobs(self, due: list[JobTurn]) -> None:
        for job in due:
            (self._begin if job.begins else self._end)(job)
        self._jobs = self._jobs[len(due) :]
        if due:
            self.driver.look_around()

    def _begin(self, job: JobTurn) -> None:
        if job.file:
            self._cluster.kubectl("apply", "-f", FOLDER / job.file)
        else:
            made_from = f"--from=cronjob/{job.cronjob}"
            self._cluster.kubectl("create", "job", "-n", job.namespace, job.name, made_from)
        waiting.until(lambda: self._pods(job), _SECONDS, f"a pod of Job {job.name}")

    def _end(self, job: JobTurn) -> None:
        for pod in self._pods(job):
            say_finished(self._rest, pod)

    def _pods(self, job: JobTurn) -> list[Object]:
        try:
            return Snapshot(self._rest).pods_of(Workload(job.namespace, "Job", job.name))
        except LookupError:
            return []


def _load(cluster: Cluster, graph: Mapping[str, Any]) -> None:
    """Load what is there from the start, and have the world outside answer."""
    cluster.name_outside(graph["outside"])
    for address in outside(graph):
        cluster.add_outside(address)
    definition, rollout = yaml.safe_load_all((FOLDER / "rollout.yaml").read_text())
    cluster.load(FOLDER / "around.yaml", FOLDER / "shop.yaml", definition)
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{definition['metadata']['name']}")
    cluster.load(rollout)
    cluster.load(
        _replica_set(
            json.loads(cluster.kubectl("get", "-f", FOLDER / "rollout.yaml", "-o", "json"))["items"][1]
        )
    )
    patch = json.dumps(_BALANCER)
    cluster.kubectl(
        "patch", "-n", "shop", "service", "web", "--subresource=status", "--type=merge", "-p", patch
    )


def _replica_set(rollout: Object) -> Object:
    """Return the ReplicaSet that the controller of Argo Rollouts makes for a Rollout."""
    meta, spec = rollout["metadata"], copy.deepcopy(rollout["spec"])
    for labels in (spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"]):
        labels[_HASH_LABEL] = _HASH
    owner = {key: rollout[key] for key in ("apiVersion", "kind")}
    owner |= {"name": meta["name"], "uid": meta["uid"], "controller": True, "blockOwnerDeletion": True}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{_HASH}",
            "namespace": meta["namespace"],
            "ownerReferences": [owner],
        },
        "spec": spec,
    }


@contextmanager
def _recorder(cluster: Cluster, recording: Path) -> Iterator[None]:
    """Have the product record the cluster for the length of a block."""
    reading = ["--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context, "--source", "conntrack"]
    command = [sys.executable, "-m", "netsec_tui", "record", *reading, "-o", str(recording)]
    # It ends with this process whatever becomes of that, and in good order: Ctrl-C is for this process alone.
    recorder = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "--", *command],
        env=without_proxies(),
        stdin=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        waiting.until(lambda: _begun(recorder, recording), _SECONDS, "the beginning of the recording")
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        try:
            recorder.wait(_SECONDS)
        finally:
            recorder.kill()
    if recorder.returncode:
        raise RuntimeError(f"netsec-tui record ended with {recorder.returncode}")


def _begun(recorder: subprocess.Popen[bytes], recording: Path) -> bool:
    if recorder.poll() is not None:
        raise RuntimeError(f"netsec-tui record ended at once, with {recorder.returncode}")
    return recording.exists() and b'"objects"' in recording.read_bytes()


def _missing(made: set[Made], recording: Path) -> set[Made]:
    """Return the exchanges that were made and that the recording does not hold yet."""
    messages: list[Message] = []
    CaptureSource(recording).read(messages.append)
    flows = [flow for flow in told_by(messages) if isinstance(flow, Flow)]
    return made - {(f.source.ip, f.destination.ip, f.destination_port, str(f.protocol)) for f in flows}
