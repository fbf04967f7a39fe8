"""Flows from Hubble Relay, by the API server's port-forward: what the kernels did, and what may go wrong."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.model.flow import Flow, Gap, Verdict
from netsec_tui.sources import life
from netsec_tui.sources.access import Access
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.sources.grpc import connection as grpc_connection
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from netsec_tui.sources.life import Life
from tests.cluster.harness import waiting
from tests.cluster.harness.calls import Call
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.hubble import CAPACITY, Hubble
from tests.cluster.harness.hubble_flows import background
from tests.cluster.harness.rest import Rest
from tests.cluster.harness.traffic import Answer
from tests.cluster.product.running import (
    ACCOUNTS,
    PORT_FORWARD,
    account,
    cluster_flags,
    documented_rights,
    run,
    token,
    write_kubeconfig,
)
from tests.cluster.product.tracked import CALLS, OUTSIDE, TALL, Key, rows, tracked_cluster
from tests.sources.collected import Collected, following, gaps
from tests.ui.demo_host import app_of
from tests.ui.driving import Operator

SOURCE = ("--source", "hubble")
PATIENCE = 60
SCREEN_SECONDS = 2.0
"""How long after Relay's message a row takes at most to be on the screen of a machine that is not busy."""
ONE_CALL = Call("tracked/deploy/client", "tracked/svc/api:80")
DENIED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "nobody", "namespace": "tracked"},
    "spec": {"podSelector": {"matchLabels": {"app": "api"}}, "policyTypes": ["Ingress"]},
}


@pytest.fixture(scope="module")
def own_cluster(binaries) -> Iterator[Cluster]:
    """Return a cluster of this module alone, so that it is known how many connections there are."""
    with tracked_cluster(enforce=True) as started:
        yield started


@pytest.fixture(scope="module")
def plain(own_cluster) -> Iterator[Hubble]:
    with Hubble.up(own_cluster) as started:
        yield started


@pytest.fixture
def hubble(plain) -> Hubble:
    """Return a Hubble whose agents know nothing."""
    plain.forget()
    return plain


def listed(cluster: Cluster, target: str) -> dict[Key, dict[str, Any]]:
    """Return the rows of a workload but those of DNS."""
    found = rows(cluster.kubeconfig, target, *SOURCE)
    return {key: row for key, row in found.items() if row["peer"]["type"] != "dns"}


def dialled(row: dict[str, Any]) -> dict[str, int]:
    """Return the Services that a row was dialled by, with how many sockets told of it."""
    return {f"{via['name']}:{via['port']}": row["counts"]["traced"] for via in row["via"]}


def relay(cluster: Cluster, kubeconfig: Path | None = None) -> HubbleRelaySource:
    return HubbleRelaySource(Access(cluster.context, str(kubeconfig or cluster.kubeconfig)))


def flows(collected: Collected) -> list[Flow]:
    return [flow for flow in list(collected.flows) if isinstance(flow, Flow)]


def holes(collected: Collected) -> list[Gap]:
    """Return the gaps of what Hubble did not have any more when it could be asked again."""
    return [gap for gap in gaps(collected) if "any more" in gap.reason]


def to_port(collected: Collected, port: int) -> list[Flow]:
    return [flow for flow in flows(collected) if flow.destination_port == port and not flow.is_reply]


def wait(what: str, check: Callable[[], object]) -> None:
    waiting.until(check, PATIENCE, what)


def reach(cluster: Cluster, port: int, times: int = 1) -> None:
    """Have the clients call the world outside at a port that nobody else calls, and be answered."""
    done = cluster.drive([Call("tracked/deploy/client", f"{OUTSIDE}:{port}", times=times)])
    assert {one.heard.answer for one in done} == {Answer.REACHED}


def seen(collected: Collected, port: int, clients: int = 2) -> Callable[[], bool]:
    """Tell whether each client's connection to a port was told."""
    return lambda: len({flow.source.ip for flow in to_port(collected, port)}) == clients


def twice(collected: Collected) -> list[Any]:
    """Return the packets that were told more than once; each node tells a packet of its own."""
    told = Counter(
        (f.time, f.node, f.source.ip, f.source_port, f.destination.ip, f.destination_port, f.syn, f.ack)
        for f in flows(collected)
        if f.verdict is Verdict.FORWARDED
    )
    return [key for key, count in told.items() if count > 1]


def test_rows_are_what_was_driven(own_cluster, hubble):
    done = own_cluster.drive(CALLS)
    assert [one for one in done if one.heard.answer is not Answer.REACHED] == []
    hubble.settle()
    client = listed(own_cluster, "deploy/client")
    assert {key: dialled(row) for key, row in client.items()} == {
        ("egress", "api", "TCP", 8080): {"api:80": 4},
        ("egress", "api", "UDP", 5353): {"api:5300": 2},
        ("egress", "node1", "TCP", 9555): {},
        ("egress", "node2", "TCP", 9555): {},
        ("egress", OUTSIDE, "TCP", 443): {},
    }
    server = listed(own_cluster, "deploy/api")
    external = {key for key in server if key[0] == "ingress" and key[1] not in ("api", "client")}
    assert {key[2:] for key in external} == {("TCP", 8080)}
    assert set(server) - external == {
        ("ingress", "client", "TCP", 8080),
        ("ingress", "client", "UDP", 5353),
        ("ingress", "api", "TCP", 8080),
        ("egress", "api", "TCP", 8080),
    }
    assert dialled(server["egress", "api", "TCP", 8080]) == {"api:80": 6}
    assert all(row["counts"]["answers"] for row in server.values())


def test_what_the_enforcer_refuses_is_told_as_dropped(own_cluster, hubble):
    own_cluster.apply_policies(DENIED)
    try:
        done = own_cluster.drive([ONE_CALL])
        assert {one.heard.answer for one in done} == {Answer.SILENT}
        hubble.settle()
        row = listed(own_cluster, "deploy/api")["ingress", "client", "TCP", 8080]
        # Two clients; the kernel sends a SYN again after a second, and gives up by the next. Cilium reports
        # each of them as the verdict of the policy and as the drop. Where the machine stalls meanwhile, one
        # more goes out after another two seconds.
        assert 2 * 2 <= row["counts"]["dropped"] <= 2 * 3
        assert row["state"] == "out"
    finally:
        own_cluster.delete_policies()


def test_a_row_is_on_the_screen_soon_after_relays_message(own_cluster, hubble, record_property):
    waits = asyncio.run(_time_rows(own_cluster, hubble, range(7091, 7101)))
    record_property("seconds from Relay's message to the screen", [round(wait, 2) for wait in waits])
    print("seconds from Relay's message to the screen:", *(f"{wait:.2f}" for wait in waits))
    # The best of them, since the machine may be busy with other tests.
    assert min(waits) < SCREEN_SECONDS


async def _time_rows(cluster: Cluster, hubble: Hubble, ports: range) -> list[float]:
    """Return how long after Relay's first message each row was there."""
    app = app_of(
        *SOURCE, *cluster_flags(cluster.kubeconfig), "-n", "tracked", "deploy/client", "--since", "all"
    )
    waits = []
    async with app.run_test(size=TALL) as pilot:
        operator = Operator(app, pilot)
        await operator.until(lambda: "Deployment/client" in operator.screen(), "the workload", PATIENCE)
        await asyncio.to_thread(reach, cluster, 7090)
        await operator.until(lambda: "7090/TCP" in operator.screen(), "flows", PATIENCE)
        await operator.press()
        for port in ports:
            calling = asyncio.create_task(asyncio.to_thread(reach, cluster, port))
            await operator.until(lambda port=port: bool(hubble.given_at(port)), "Relay's message", PATIENCE)
            await operator.until(
                lambda port=port: f"{port}/TCP" in operator.screen(), f"port {port}", PATIENCE
            )
            waits.append(time.time() - hubble.given_at(port)[0])
            await calling
    return waits


def test_relay_may_crash_in_mid_stream(own_cluster, hubble):
    with following(relay(own_cluster)) as collected:
        reach(own_cluster, 7010)
        wait("what came before", seen(collected, 7010))
        hubble.kill_relay()
        wait("the failure to be said", lambda: collected.status.error)
        reach(own_cluster, 7011)
        hubble.start_relay()
        wait("what happened meanwhile", seen(collected, 7011))
        reach(own_cluster, 7012)
        wait("what came after", seen(collected, 7012))
        wait("the failure to be over", lambda: not collected.status.error)
        assert twice(collected) == []
        assert holes(collected) == []


def test_a_node_that_comes_back_is_counted_once(own_cluster, hubble):
    reach(own_cluster, 7020, times=5)
    hubble.settle()
    with following(relay(own_cluster)) as collected:
        wait("the backlog", seen(collected, 7020))
        reach(own_cluster, 7021)
        wait("what is new", seen(collected, 7021))
        for node in own_cluster.nodes:
            hubble.break_node(node.name)
        reach(own_cluster, 7022)
        wait("a gap for the node", lambda: any(gap.node for gap in gaps(collected)))
        reach(own_cluster, 7023)
        wait("what came after", seen(collected, 7023))
        assert twice(collected) == []


def test_another_pod_may_take_relays_place(own_cluster, hubble):
    with following(relay(own_cluster)) as collected:
        reach(own_cluster, 7030)
        wait("what came before", seen(collected, 7030))
        hubble.replace_pod()
        reach(own_cluster, 7031)
        wait("what came after", seen(collected, 7031))
        wait("the failure to be over", lambda: not collected.status.error)
        assert twice(collected) == []


def test_a_relay_that_hangs_is_noticed(own_cluster, hubble, monkeypatch):
    monkeypatch.setattr(life, "ASK_SECONDS", 2.0)
    monkeypatch.setattr(grpc_connection, "ANSWER_SECONDS", 2.0)
    with following(relay(own_cluster)) as collected:
        reach(own_cluster, 7040)
        wait("what came before", seen(collected, 7040))
        hubble.hang_relay()
        try:
            wait("the failure to be said", lambda: collected.status.error)
        finally:
            hubble.wake_relay()
        reach(own_cluster, 7041)
        wait("what came after", seen(collected, 7041))
        wait("the failure to be over", lambda: not collected.status.error)
        assert twice(collected) == []


def test_a_relay_that_is_often_asked_for_a_sign_of_life_does_not_mind(own_cluster, hubble, monkeypatch):
    """Like any server of grpc-go, Relay sends clients away that ping often while there is nothing to say."""
    monkeypatch.setattr(life, "ASK_SECONDS", 0.5)
    asked, ask = [], Life.ask

    def counted(one):
        asked.append(one)
        ask(one)

    monkeypatch.setattr(Life, "ask", counted)
    with following(relay(own_cluster)) as collected:
        reach(own_cluster, 7050)
        wait("what came before", seen(collected, 7050))
        before = len(asked)
        wait("Relay to be asked often", lambda: len(asked) > before + 9)
        reach(own_cluster, 7051)
        wait("what came after", seen(collected, 7051))
        assert [m for m in collected.messages if isinstance(m, SourceStatus) and m.error] == []
        assert twice(collected) == []


def test_a_flood_of_losses_is_few_gaps_with_the_sum(own_cluster, hubble):
    with following(relay(own_cluster)) as collected:
        reach(own_cluster, 7060)
        wait("what came before", seen(collected, 7060))
        for _ in range(10):
            hubble.lose("node1", 3_000)
        # Where Relay is slow, the agent's buffer overruns: then that is told, and of a few flows too.
        wait("all losses", lambda: sum(gap.lost for gap in gaps(collected)) >= 30_000)
        assert sum(gap.lost for gap in gaps(collected)) < 33_000
        assert len([gap for gap in gaps(collected) if gap.lost]) < 300
        reach(own_cluster, 7061)
        wait("what came after", seen(collected, 7061))


def test_what_was_overwritten_meanwhile_is_said(own_cluster, hubble):
    with following(relay(own_cluster)) as collected:
        reach(own_cluster, 7070)
        wait("what came before", seen(collected, 7070))
        # Both clients may be on one node, and of one that has told nothing nobody knows what it overwrites.
        own_cluster.drive([Call("tracked/ds/agent", "tracked/deploy/api:8080")])
        wait("both nodes", lambda: {flow.node for flow in flows(collected)} == {"node1", "node2"})
        hubble.kill_relay()
        wait("the failure to be said", lambda: collected.status.error)
        for node in own_cluster.nodes:
            hubble.give(node.name, [background(node.name, time.time()) for _ in range(CAPACITY + 10)])
        hubble.start_relay()
        reach(own_cluster, 7071)
        wait("what came after", seen(collected, 7071))
        wait("the hole", lambda: {gap.node for gap in holes(collected)} == {"node1", "node2"})


def test_a_new_token_is_taken_up(own_cluster, hubble, tmp_path):
    rest = Rest(own_cluster.kubeconfig)
    path = account(own_cluster, tmp_path, "forwarder", [*documented_rights(), *PORT_FORWARD])
    accounts = f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts"
    with following(relay(own_cluster, path)) as collected:
        reach(own_cluster, 7080)
        wait("what came before", seen(collected, 7080))
        rest.send("DELETE", f"{accounts}/forwarder")
        rest.send("POST", accounts, {"metadata": {"name": "forwarder"}})
        hubble.kill_relay()
        hubble.start_relay()
        wait("the failure to be said", lambda: collected.status.error)
        write_kubeconfig(path, own_cluster, token(rest, "forwarder"))
        reach(own_cluster, 7081)
        wait("what came after", seen(collected, 7081))
        wait("the failure to be over", lambda: not collected.status.error)
        assert twice(collected) == []


def test_the_right_that_is_missing_is_named(own_cluster, hubble, tmp_path):
    rights = [right for right in documented_rights() if right.resource != "pods/portforward"]
    path = account(own_cluster, tmp_path, "no-forward", rights)
    done = run(path, "list", "-n", "tracked", *SOURCE)
    assert done.code != 0
    assert any('resources: ["pods/portforward"], verbs: ["create", "get"]' in line for line in done.said), (
        done.said
    )
