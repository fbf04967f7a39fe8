"""Traffic as the kernel of the nodes tells it: Services, node ports, the outside, host network."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import yaml

from netsec_tui.model.flow import Flow
from netsec_tui.sources.capture.source import CaptureSource
from tests.cluster.harness import netns, waiting
from tests.cluster.harness.calls import Call
from tests.cluster.harness.client import without_proxies
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.places import origin
from tests.cluster.harness.rest import Rest
from tests.cluster.product.running import (
    ACCOUNTS,
    EXEC,
    ROOT,
    account,
    binding,
    cluster_flags,
    documented_rights,
    run,
    said_in,
)
from tests.cluster.product.tracked import CALLS, OUTSIDE, TALL, Key, rows, tracked_cluster
from tests.sources.collected import read
from tests.ui.demo_host import app_of
from tests.ui.driving import Operator

SOURCE = ("--source", "conntrack")
SCREEN_SECONDS = 6.0
"""How long after its packet a connection takes at most to be on the screen of a machine that is not busy."""
_PATIENCE = 60
FROM_CLIENTS, FROM_API, FROM_AGENTS, FROM_OUTSIDE = 4, 6, 4, 3


@pytest.fixture(scope="module")
def own_cluster(binaries):
    """Return a cluster of this module alone, so that it is known how many connections there are."""
    with tracked_cluster() as started:
        yield started


@pytest.fixture(scope="module")
def driven(own_cluster):
    """Return the cluster once all calls have been answered."""
    done = own_cluster.drive(CALLS)
    assert [one for one in done if one.heard.answer.name != "REACHED"] == []
    return own_cluster


def told(kubeconfig: Path, target: str) -> dict[Key, tuple[int, list[str]]]:
    """Return count and Services of each row."""
    return {
        key: (row["counts"]["forwarded"], [f"{via['name']}:{via['port']}" for via in row["via"]])
        for key, row in rows(kubeconfig, target, *SOURCE).items()
    }


def test_a_client_is_told_with_what_it_dialled_and_who_answered(driven):
    found = told(driven.kubeconfig, "deploy/client")
    dns = [key for key in found if key[3] == 53]
    assert {key: row for key, row in found.items() if key not in dns} == {
        ("egress", "api", "TCP", 8080): (FROM_CLIENTS, ["api:80"]),
        ("egress", "api", "UDP", 5353): (2, ["api:5300"]),
        ("egress", "node1", "TCP", 9555): (2, []),
        ("egress", "node2", "TCP", 9555): (2, []),
        ("egress", OUTSIDE, "TCP", 443): (2, []),
    }
    assert [found[key] for key in dns] == [(3 * 2, ["kube-dns:53"])]


def test_a_server_is_told_who_came_and_as_whom(driven):
    found = told(driven.kubeconfig, "deploy/api")
    assert {key[1:]: row for key, row in found.items() if key[0] == "ingress"} == {
        ("api", "TCP", 8080): (FROM_API, ["api:80"]),
        ("client", "TCP", 8080): (FROM_CLIENTS, ["api:80"]),
        ("client", "UDP", 5353): (2, ["api:5300"]),
    } | _external(driven, found)
    assert found["egress", "api", "TCP", 8080] == (FROM_API, ["api:80"])


def _external(cluster, found):
    """Return the row of all that came from nodes and from outside.

    A connection by the node port is told as its client's, and as that of the node which stands in for the
    client; so is one of a pod that happened to be led back to itself.
    """
    (key,) = [key for key in found if key[0] == "ingress" and key[1] not in ("api", "client")]
    count, via = found[key]
    least = FROM_AGENTS + 2 * FROM_OUTSIDE
    assert least <= count <= least + FROM_API
    return {key[1:]: (count, via)}


def test_recording_goes_on_and_tells_every_connection_once(driven, tmp_path):
    path = tmp_path / "recorded.capture"
    command = [sys.executable, "-m", "netsec_tui", "record", *SOURCE, "-o", str(path)]
    recording = subprocess.Popen(
        [*command, *cluster_flags(driven.kubeconfig)], cwd=ROOT, env=without_proxies(), stderr=subprocess.PIPE
    )
    try:
        waiting.until(lambda: b'"dport":443' in _content(path), 30, "what the tables hold already")
        driven.drive([Call("tracked/deploy/client", f"{OUTSIDE}:8443", times=3)])
        waiting.until(lambda: _content(path).count(b'"dport":8443') >= 6, 30, "what is new in the tables")
        recording.send_signal(signal.SIGINT)
        said = recording.communicate(timeout=30)[1].decode()
    finally:
        recording.kill()
        recording.wait()
    assert recording.returncode == 0, said
    flows = [flow for flow in read(CaptureSource(path)).flows if isinstance(flow, Flow) and not flow.is_reply]
    assert len([flow for flow in flows if flow.destination.ip == OUTSIDE]) == 2 + 6
    assert len(said_in(said)) == 1, said


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


async def test_a_row_is_on_the_screen_soon_after_its_packet(driven, record_property):
    """Connections come at all times of a period; a machine may be busy for one of a round, or for a round."""
    app = app_of(
        *SOURCE, *cluster_flags(driven.kubeconfig), "-n", "tracked", "deploy/client", "--since", "all"
    )
    rounds: list[list[float]] = []
    async with app.run_test(size=TALL) as pilot:
        operator = Operator(app, pilot)
        await operator.until(lambda: "443/TCP" in operator.screen(), "what the tables hold", _PATIENCE)
        await operator.press()
        for first in (7200, 7210, 7220):
            if not rounds or _usual(rounds[-1]) >= SCREEN_SECONDS:
                rounds.append(await _time_rows(driven, operator, range(first, first + 10)))
    said = "; ".join(" ".join(f"{wait:.2f}" for wait in waits) for waits in rounds)
    record_property("seconds from the packet to the screen", said)
    print("seconds from the packet to the screen:", said)
    assert min(map(_usual, rounds)) < SCREEN_SECONDS


def _usual(waits: list[float]) -> float:
    """Return the longest wait of a round but for one."""
    return sorted(waits)[-2]


async def _time_rows(cluster: Cluster, operator: Operator, ports: range) -> list[float]:
    """Open a connection to each port, over more than a period, and return how long each row took."""
    pods = Rest(cluster.kubeconfig).items("/api/v1/namespaces/tracked/pods?labelSelector=app%3Dclient")
    place, _ = origin(cluster.instance, f"tracked/{pods[0]['metadata']['name']}")
    opened: dict[int, float] = {}
    shown: dict[int, float] = {}

    def look() -> bool:
        screen, now = operator.screen(), time.monotonic()
        shown.update((port, now) for port in opened if port not in shown and f" {port}/TCP" in screen)
        return len(shown) == len(ports)

    async def open_all(sockets: ExitStack) -> None:
        for port in ports:
            one = sockets.enter_context(closing(netns.socket_in(place, socket.AF_INET, socket.SOCK_STREAM)))
            one.settimeout(_PATIENCE)
            opened[port] = time.monotonic()
            await asyncio.to_thread(one.connect, (OUTSIDE, port))
            await asyncio.sleep(0.77)

    with ExitStack() as sockets:
        opening = asyncio.create_task(open_all(sockets))
        await operator.until(look, "the rows", _PATIENCE)
        await opening
    return [shown[port] - opened[port] for port in ports]


def test_what_the_server_asks_for_is_what_the_sentence_names(driven, tmp_path):
    listing = documented_rights()
    missing = account(driven, tmp_path, "no-exec", [right for right in listing if right not in EXEC])
    done = run(missing, "list", "-n", "tracked", *SOURCE)
    assert done.code == 69
    assert any(
        "commands may not be run in pods of namespace" in line
        and 'apiGroups: [""], resources: ["pods/exec"], verbs: ["create", "get"]' in line
        for line in done.said
    ), done.said
    # What the README names is enough: where kube-proxy is, and nowhere else.
    driven.load(*_documented_exec_role("no-exec"))
    waiting.until(lambda: run(missing, "list", "-A", *SOURCE).code == 0, 30, "the Role to be in force")
    assert told(missing, "deploy/client")["egress", "api", "TCP", 8080] == (FROM_CLIENTS, ["api:80"])


def _documented_exec_role(user):
    """Return the README's Role for commands in pods, and its binding to a service account."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    role = yaml.safe_load(re.search(r"<!-- exec-role -->\n```yaml\n(.*?)```", text, re.DOTALL)[1])
    bound = binding(
        user, role["metadata"]["name"], {"kind": "ServiceAccount", "namespace": ACCOUNTS, "name": user}
    )
    bound["roleRef"]["kind"] = "Role"
    namespace = {"namespace": role["metadata"]["namespace"]}
    return role, {
        **bound,
        "apiVersion": role["apiVersion"],
        "kind": "RoleBinding",
        "metadata": {**bound["metadata"], **namespace},
    }


@pytest.mark.parametrize("right", EXEC, ids=lambda right: right.verb)
def test_one_of_the_two_verbs_is_not_enough(driven, tmp_path, right):
    listing = [other for other in documented_rights() if other not in EXEC]
    one = account(driven, tmp_path, f"exec-{right.verb}-only", [*listing, right])
    done = run(one, "list", "-n", "tracked", *SOURCE)
    assert (done.code, "pods/exec" in " ".join(done.said)) == (69, True)
