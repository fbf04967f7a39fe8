"""Clusters of the tests for a person: ``.venv/bin/python -m tests.cluster --help``, in the root folder."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import urllib3

from netsec_tui.demo.source import CAPTURE
from tests.cluster.applications.document import write
from tests.cluster.demo import record as record_demo
from tests.cluster.harness import binaries, instance, waiting
from tests.cluster.harness.calls import read_calls
from tests.cluster.harness.client import ClusterClient
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.hubble import Hubble
from tests.cluster.matrix.side_by_side import side_by_side

_ROOT = Path(__file__).resolve().parent.parent.parent
_DATA = _ROOT.parent / "shared" / "data"
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DOWN_SECONDS = 60
_MOST_NODES = 16
_SYSTEM = _ROOT / "tests/cluster/workloads/system.yaml"


def main() -> int:
    """Run one command, and return the exit code: 1 where it fails, 2 where it was not understood."""
    chosen = _parser().parse_args()
    for number in _ENDS:
        signal.signal(number, _interrupt)
    try:
        if chosen.of_running and os.geteuid() != 0:
            raise RuntimeError(binaries.NO_ROOT)
        return chosen.run(chosen) or 0
    except KeyboardInterrupt:
        print("error: broken off", file=sys.stderr)
    except urllib3.exceptions.HTTPError:
        print("error: the cluster's API server does not answer", file=sys.stderr)
    except (RuntimeError, LookupError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{_beside('python')} -m tests.cluster", description=__doc__)
    parser.set_defaults(of_running=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="build the programs of a cluster that are missing")
    build.set_defaults(run=_build)

    up = commands.add_parser("up", help="start a cluster; Ctrl-C ends it")
    up.add_argument("--nodes", type=_count, default=2, help=f"how many, 1 to {_MOST_NODES} (%(default)s)")
    up.add_argument("--no-enforcer", action="store_true", help="do not enforce NetworkPolicies")
    up.add_argument("--bare", action="store_true", help="without cluster DNS and pods on the nodes' network")
    up.add_argument("--hubble", action="store_true", help="with Hubble Relay and its agents")
    up.add_argument("--detach", action="store_true", help="return when it runs; the command down ends it")
    up.add_argument("--background", action="store_true", help=argparse.SUPPRESS)
    up.set_defaults(run=_up)

    load = commands.add_parser("load", help="apply manifests and wait until their pods serve")
    load.add_argument("files", nargs="+", type=Path, metavar="FILE")
    load.set_defaults(run=_load)

    matrix = commands.add_parser(
        "matrix", help="netsec-tui check --matrix beside what the kernel lets through; 1 where they differ"
    )
    matrix.set_defaults(run=_matrix)

    drive = commands.add_parser("drive", help="make the connections of a call graph, and say who answered")
    drive.add_argument("calls", type=Path, metavar="CALLS.yaml")
    drive.set_defaults(run=_drive)

    demo = commands.add_parser("record-demo", help="record the demo's capture anew, in some minutes")
    demo.add_argument("-o", "--output", type=Path, default=CAPTURE, help="the file (%(default)s)")
    demo.set_defaults(run=lambda chosen: record_demo.main(chosen.output))

    published = commands.add_parser("published", help="write docs/published-policies.md; needs no cluster")
    published.add_argument("--data", type=Path, default=_DATA, help="the folder of manifests (%(default)s)")
    published.set_defaults(run=lambda chosen: print(write(chosen.data)))

    down = commands.add_parser(
        "down", help="end a cluster that runs elsewhere, and remove what dead ones left"
    )
    down.set_defaults(run=_down)
    for command in (load, matrix, drive, down):
        command.add_argument("--cluster", type=int, metavar="N", help="which, where several run")
        command.set_defaults(of_running=True)
    return parser


def _build(_: argparse.Namespace) -> None:
    reason = binaries.why_not()
    if reason:
        raise RuntimeError(reason)
    print(binaries.build().etcd.parent)


def _up(chosen: argparse.Namespace) -> None:
    if chosen.detach:
        _up_detached(chosen)
        return
    with suppress(KeyboardInterrupt), Cluster.up(chosen.nodes, enforce=not chosen.no_enforcer) as cluster:
        if not chosen.bare:
            cluster.load(_SYSTEM)
        with Hubble.up(cluster) if chosen.hubble else nullcontext():
            _introduce(cluster, "hubble" if chosen.hubble else "conntrack")
            if chosen.background:
                _leave_terminal(cluster.instance.logs / "harness.log")
            while True:
                signal.pause()


def _interrupt(*_: object) -> None:
    # Once: a second Ctrl-C would break off the tidying up.
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _up_detached(chosen: argparse.Namespace) -> None:
    """Start a process that goes on when this one ends; it says the same things first."""
    command = [sys.executable, "-m", __package__, "up", "--background", "--nodes", str(chosen.nodes)]
    command += ["--no-enforcer"] * chosen.no_enforcer + ["--bare"] * chosen.bare
    command += ["--hubble"] * chosen.hubble
    owner = subprocess.Popen(
        command,
        cwd=_ROOT,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    # Its output ends when the cluster runs, or when it has failed.
    assert owner.stdout is not None
    said = owner.stdout.read()
    if owner.pid not in instance.owners().values():
        raise RuntimeError("the cluster did not start")
    print(said, end="")


def _leave_terminal(log: Path) -> None:
    sys.stdout.flush()
    with log.open("ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)


def _introduce(cluster: ClusterClient, source: str) -> None:
    folder = binaries.find().kubectl.parent
    print(f"Cluster {cluster.instance.number} runs. In another terminal:")
    print(f"  export KUBECONFIG={cluster.kubeconfig} PATH=$PATH:{folder}")
    command = f"{_beside('python')} -m tests.cluster"
    which = f" --cluster {cluster.instance.number}" if len(instance.owners()) > 1 else ""
    print(f"  {command} load{which} MANIFEST.yaml   # pods with real listeners")
    print(f"  {command} drive{which} CALLS.yaml     # real connections between them")
    print(f"  {command} matrix{which}               # the evaluator and the kernel side by side")
    print(f"  {_beside('netsec-tui')} --context {cluster.context} --source {source}")
    print(f"Ctrl-C here ends it, or: {command} down{which}", flush=True)


def _load(chosen: argparse.Namespace) -> None:
    loaded = ClusterClient.attach(chosen.cluster).load(*chosen.files)
    print("\n".join(loaded))
    print(f"{len(loaded)} objects are loaded, and their pods serve.")


def _matrix(chosen: argparse.Namespace) -> int:
    return int(side_by_side(ClusterClient.attach(chosen.cluster)) > 0)


def _drive(chosen: argparse.Namespace) -> None:
    calls = read_calls(chosen.calls)
    cluster = ClusterClient.attach(chosen.cluster)
    try:
        driven = cluster.drive(calls)
    except LookupError as error:
        raise LookupError(f"{chosen.calls}, {error}") from None
    for one in driven:
        came = one.problem or f"{one.heard.answer.value} {one.heard.who}".strip()
        print(f"{one.client} -> {one.call.server}/{one.call.protocol}: {came}")


def _down(chosen: argparse.Namespace) -> None:
    asked = range(instance.COUNT) if chosen.cluster is None else [chosen.cluster]
    swept = instance.sweep_dead(asked)
    for number in swept:
        print(f"Removed what cluster {number} had left: its owner is dead.")
    owners = instance.owners()
    if swept and not owners.keys() & set(asked):
        return
    if not owners:
        raise LookupError("no cluster runs here: there is nothing to end")
    number = ClusterClient.attach(chosen.cluster).instance.number
    os.kill(owners[number], signal.SIGTERM)
    # Another cluster may have its number at once.
    waiting.until(
        lambda: instance.owners().get(number) != owners[number], _DOWN_SECONDS, f"end of cluster {number}"
    )
    print(f"Cluster {number} has ended.")


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= _MOST_NODES):
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 to {_MOST_NODES}")
    return int(text)


def _beside(program: str) -> str:
    """Return how to call a program of the environment that this one runs in."""
    path = Path(sys.executable).parent / program
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
