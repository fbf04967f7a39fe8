"""The command for a person: from manifests to what the product shows, and what it says when it cannot."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.harness import binaries as programs
from tests.cluster.harness import instance, waiting
from tests.cluster.harness.client import without_proxies
from tests.cluster.harness.instance import Instance
from tests.cluster.owners import ROOT, command, run

SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: none, ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: shop}
spec:
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec: {containers: [{name: orders, image: none, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {selector: {app: orders}, ports: [{port: 80, targetPort: 8080}]}
"""
CALLS = """\
calls:
  - {from: shop/deploy/web, to: 'shop/svc/orders:80'}
  - {from: shop/deploy/web, to: 'orders.shop:80'}
"""
_AS_NOBODY = "import os, tests.cluster.__main__ as it; os.seteuid(65534); raise SystemExit(it.main())"


def refused(done):
    """Return the one sentence that a command ends with."""
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture(scope="module")
def number(binaries):
    """Return the number of a cluster as ``up`` makes it."""
    up = run("up", "--detach")
    assert up.returncode == 0, up.stderr
    found = int(re.match(r"Cluster (\d+) runs", up.stdout)[1])
    owner = instance.owners()[found]
    yield found
    down = run("down", "--cluster", found)
    assert down.stdout == f"Cluster {found} has ended.\n", down.stderr
    assert owner not in instance.owners().values()


@pytest.fixture(scope="module")
def driven(number, tmp_path_factory):
    """Return what ``load`` and ``drive`` say of a small shop."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.yaml").write_text(SHOP)
    (folder / "calls.yaml").write_text(CALLS)
    loaded = run("load", "--cluster", number, folder / "shop.yaml")
    done = run("drive", "--cluster", number, folder / "calls.yaml")
    assert (loaded.returncode, done.returncode) == (0, 0), loaded.stderr + done.stderr
    return loaded.stdout, done.stdout


def rows(number, workload):
    """Return (direction, peer, port) of the rows that the product has of a workload in the nodes' tables."""
    flags = ["--kubeconfig", Instance(number).kubeconfig, "--context", "harness", "--source", "conntrack"]
    listing = [sys.executable, "-m", "netsec_tui", "list", *flags, "-n", "shop", workload, "-o", "json"]
    done = subprocess.run(
        list(map(str, listing)), capture_output=True, text=True, check=True, env=without_proxies()
    )
    seen = [row for row in json.loads(done.stdout)["rows"] if row["lastSeen"]]
    return {(row["direction"], row["peer"]["name"], row["port"]) for row in seen}


def test_load_says_what_it_loaded_and_drive_who_answered(driven):
    loaded, done = driven
    assert {"Namespace/shop", "shop/Deployment/web", "shop/Service/orders"} <= set(loaded.splitlines())
    lines = done.splitlines()
    assert len(lines) == 2
    assert all(re.search(r": reached shop/orders-\S+ 8080$", line) for line in lines), done


def test_the_product_sees_what_was_driven(number, driven):
    assert rows(number, "deploy/orders") == {("ingress", "web", 8080)}


def test_what_the_matrix_tries_is_no_traffic(number, driven):
    before = rows(number, "deploy/orders")
    matrix = run("matrix", "--cluster", number)
    assert matrix.returncode == 0, matrix.stdout + matrix.stderr
    assert "shop/Deployment/orders" in matrix.stdout
    assert rows(number, "deploy/orders") == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"calls: [", "calls.yaml is not YAML"),
        (b"\x7fELF\x02\xff\xfe", "calls.yaml: this is no text"),
        (b"calls: [{from: a/po/b, to: '1.2.3.4:80', times: many}]", "calls.yaml, call 1: times is 'many'"),
        (b"calls: [{from: shop/po/b, to: '1.2.3.4:80'}]", "calls.yaml, call 1, shop/po/b to 1.2.3.4:80: Pod"),
    ],
)
def test_a_call_graph_that_is_wrong_is_named(number, tmp_path, content, said):
    (tmp_path / "calls.yaml").write_bytes(content)
    assert said in refused(run("drive", "--cluster", number, tmp_path / "calls.yaml"))


def test_a_file_that_cannot_be_loaded_is_named(number, tmp_path):
    (tmp_path / "program").write_bytes(b"\x7fELF\x02\x00\x01")
    assert str(tmp_path / "program") in refused(run("load", "--cluster", number, tmp_path / "program"))


def test_an_api_server_that_is_down_is_said(control_plane, tmp_path):
    (tmp_path / "calls.yaml").write_text(CALLS)
    control_plane.kill_api_server()
    try:
        said = refused(run("drive", "--cluster", control_plane.instance.number, tmp_path / "calls.yaml"))
    finally:
        control_plane.start_api_server()
    assert said == "error: the cluster's API server does not answer\n"


@pytest.mark.parametrize("count", ["0", "-1", "500", "many"])
def test_a_number_of_nodes_that_cannot_be(count):
    done = run("up", f"--nodes={count}")
    assert done.returncode == 2
    assert f"'{count}': write a number from 1 to 16" in done.stderr


@pytest.mark.parametrize("words", [["up"], ["load", "x"], ["drive", "x"], ["matrix"], ["down"]], ids=str)
def test_without_root_every_command_says_so(binaries, words):
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert refused(done) == f"error: {programs.NO_ROOT}\n"


def test_what_a_killed_owner_left_goes_with_down(binaries):
    owner = subprocess.Popen(
        command("up", "--nodes", "1", "--bare"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = int(re.match(r"Cluster (\d+) runs", owner.stdout.readline())[1])
    owner.kill()
    owner.communicate()
    down = run("down", "--cluster", found)
    assert (down.returncode, down.stdout) == (
        0,
        f"Removed what cluster {found} had left: its owner is dead.\n",
    )
    assert not Instance(found).folder.exists()


def test_who_asks_for_owners_takes_no_process_for_one(binaries):
    held = instance.claim()
    dead = next(n for n in reversed(range(instance.COUNT)) if n not in instance.owners())
    lock = instance.FOLDER / f"{dead}.lock"
    # The number of its owner, who is dead, has become this process's.
    lock.write_text(str(os.getpid()))
    try:
        assert instance.owners()[held.instance.number] == os.getpid()
        assert dead not in instance.owners()
    finally:
        lock.unlink(missing_ok=True)
        held.release()


def test_programs_that_were_built_are_used_without_go(binaries, monkeypatch):
    monkeypatch.setattr(programs, "_go", lambda: None)
    assert programs.why_not() == ""
    assert programs.find() == binaries


@pytest.mark.parametrize(("output", "said"), [("", "is a folder"), ("no/demo.jsonl", "there is no folder")])
def test_where_the_demo_cannot_be_written_is_said_before_it_is_recorded(tmp_path, output, said):
    assert said in refused(run("record-demo", "-o", tmp_path / output))


def recorders(owner):
    """Return the processes ``netsec-tui record`` that a process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == owner and {b"netsec_tui", b"record"} <= set(words):
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_recording_of_the_demo_that_is_ended_leaves_nothing(binaries, tmp_path, how):
    temporary, demo = tmp_path / "temporary", tmp_path / "demo.jsonl"
    temporary.mkdir()
    asked = command("record-demo", "-o", demo)
    with (tmp_path / "said").open("w+") as said:
        owner = subprocess.Popen(
            asked, cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, stdout=said, stderr=said
        )
        try:
            waiting.until(
                lambda: owner.poll() is not None or recorders(owner.pid),
                120,
                "the beginning of the recording",
            )
            (recorder,) = recorders(owner.pid)
            (number,) = [n for n, pid in instance.owners().items() if pid == owner.pid]
            recording, mark = Instance(number).folder / "recording", Instance(number).mark
            # From then on it outlasts an API server that is gone.
            waiting.until(
                lambda: recording.exists() and b'"objects"' in recording.read_bytes(), 60, "a recording"
            )
            owner.send_signal(how)
            code = owner.wait(60)
        finally:
            owner.kill()
        waiting.until(lambda: not Path(f"/proc/{recorder}").exists(), 20, "the end of the recorder")
        if how is signal.SIGKILL:
            run("down", "--cluster", number)  # or whoever starts one meanwhile
        else:
            said.seek(0)
            assert (code, said.read().splitlines()[-1]) == (1, "error: broken off")
    assert Instance(number).mark != mark
    assert list(temporary.iterdir()) == []
    assert not demo.exists()
