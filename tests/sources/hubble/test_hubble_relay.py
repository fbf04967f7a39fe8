"""Flows from Hubble Relay over real connections, forwarded and direct: what comes, and what goes wrong."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from grpclib.const import Status

from netsec_tui.errors import NotFoundError, UnreachableError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.grpc import connection as grpc_connection
from netsec_tui.sources.hubble import relay as hubble_relay
from netsec_tui.sources.hubble import relay_progress as hubble_relay_progress
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import PATIENCE, following, read
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.hubble.hubble_peer import flow, lost, node_status, serving_hubble
from tests.sources.kube_objects import obj
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.reach.test_pod_forward import slice_of
from tests.sources.running import running


@pytest.fixture(autouse=True)
def quick(no_proxy_and_no_waiting, monkeypatch):
    monkeypatch.setattr(hubble_relay, "_FIRST_WAIT", 0.05)
    monkeypatch.setattr(hubble_relay, "_SAY_SECONDS", 0.05)
    monkeypatch.setattr(hubble_relay, "STATUS_SECONDS", 0.2)


@pytest.fixture
def peer():
    with serving_hubble() as started:
        yield started


def direct(peer, **options):
    return Access(address=Address(*peer.address), tls=TlsOptions(**options))


@pytest.fixture
def source(peer):
    return HubbleRelaySource(direct(peer))


def until(check):
    deadline = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def ports(collected):
    return [item.destination_port for item in collected.flows if isinstance(item, Flow)]


def gaps(collected):
    return [item for item in collected.flows if isinstance(item, Gap)]


def settled(peer, collected):
    """Wait until a source follows, and has read what was there, once at least."""
    until(lambda: peer.following)
    there = {reply.flow.l4.TCP.destination_port for reply in peer.ring}
    collected.wait_for(lambda: there <= set(ports(collected)))
    until(lambda: any(not request.follow for request in peer.requests))
    collected.wait_for(lambda: collected.status.observed is not None and not collected.status.error)


def test_everything_that_is_kept_is_read(peer, source):
    peer.nodes = {"n1": 1, "kind/n2": 1}
    peer.ring.extend([flow(1), flow(2, node="kind/n2"), flow(3)])
    collected = read(source)
    assert ports(collected) == [1, 2, 3]
    assert {(f.origin, f.node) for f in collected.flows} == {("hubble", "n1"), ("hubble", "n2")}
    assert collected.flows[0].source.labels == (("app", "web"),)
    assert (collected.flows[0].is_reply, collected.flows[0].proven) == (False, True)
    status = collected.status
    assert (status.ended, status.error, gaps(collected)) == (True, "", [])
    assert status.detail == ("3 flows from 2 of 2 nodes; cilium v1.19.4; Hubble keeps flows for about 3 min")
    observed = status.observed
    assert (observed.origin, observed.nodes) == ("hubble", frozenset({"n1", "n2"}))
    assert observed.since == collected.flows[0].time
    assert observed.until


def test_what_was_there_comes_first_and_then_what_happens(peer, source):
    peer.ring.extend([flow(1), flow(2)])
    with following(source) as collected:
        settled(peer, collected)
        peer.tell(flow(3), flow(4))
        collected.wait_for(lambda: len(ports(collected)) == 4)
    assert ports(collected) == [1, 2, 3, 4]
    assert gaps(collected) == []


def test_no_request_that_follows_would_repeat_itself(peer, source):
    with following(source) as collected:
        settled(peer, collected)
    live, old = peer.requests
    assert (live.follow, live.number, live.HasField("since")) == (True, 0, False)
    assert (old.follow, old.number, old.HasField("since")) == (False, 65_535, False)


def test_what_relay_repeats_counts_once(peer, source):
    again = flow(2)
    without = [flow(3, uuid=""), flow(4, uuid="")]
    peer.ring.extend([flow(1), again, *without])
    with following(source) as collected:
        settled(peer, collected)
        peer.tell(again, *without, flow(5))
        collected.wait_for(lambda: 5 in ports(collected))
    assert ports(collected) == [1, 2, 3, 4, 5]


def test_an_agent_alone_tells_no_nodes_but_its_own(peer, source):
    peer.alone = True
    peer.ring.append(flow(1))
    assert read(source).status.observed.nodes == frozenset({"n1"})


def test_a_relay_that_does_not_tell_of_its_nodes_tells_which_are_away(peer, source):
    peer.alone, peer.nodes = True, {"n1": 1, "n2": 2}
    peer.ring.append(flow(1))
    collected = read(source)
    assert [gap.node for gap in gaps(collected)] == ["n2"]
    assert collected.status.observed.nodes == frozenset({"n1"})


def test_a_node_that_has_left_the_cluster_is_not_counted(peer, source):
    peer.nodes = {"n1": 1, "n2": 1}
    with following(source) as collected:
        collected.wait_for(lambda: "of 2 nodes" in collected.status.detail)
        del peer.nodes["n2"]
        collected.wait_for(lambda: "0 flows from 1 of 1 nodes" in collected.status.detail)
    assert gaps(collected) == []


def test_a_flood_of_lost_events_is_a_gap_now_and_then(peer, source):
    with following(source) as collected:
        settled(peer, collected)
        peer.tell(*[lost(2, node=f"n{number % 2}") for number in range(30_000)], flow(9))
        collected.wait_for(lambda: 9 in ports(collected))
    told = gaps(collected)
    assert {gap.reason for gap in told} == {
        "Hubble lost events: flows were overwritten before they were read"
    }
    assert [sum(g.lost for g in told if g.node == node) for node in ("n0", "n1")] == [30_000, 30_000]
    assert len(told) < 3_000


def test_losses_that_an_agent_tells_again_after_a_break_count_once(peer, source):
    peer.ring.append(flow(1))
    peer.losses = [lost(3), lost(3), lost(3, node="n2")]
    with following(source) as collected:
        settled(peer, collected)
        collected.wait_for(lambda: sum(gap.lost for gap in gaps(collected)) == 9)
        peer.kill()
        peer.losses.append(lost(4))
        peer.ring.append(flow(2))
        peer.start()
        collected.wait_for(lambda: 2 in ports(collected))
    assert sum(gap.lost for gap in gaps(collected) if gap.lost) == 13
    assert {gap.origin for gap in gaps(collected) if gap.lost} == {"hubble"}


def test_a_node_out_of_reach_is_a_gap_and_reports_no_more(peer, source):
    peer.nodes = {"n1": 1, "n2": 2}
    with following(source) as collected:
        collected.wait_for(lambda: len(gaps(collected)) == 1)
        peer.tell(node_status(4, "n1", message="rpc error: \x1b[2Jgone"))
        collected.wait_for(lambda: len(gaps(collected)) == 2)
        peer.nodes = {"n1": 1, "n2": 1}
        collected.wait_for(lambda: collected.status.observed.nodes == frozenset({"n1", "n2"}))
    first, second = gaps(collected)[:2]
    assert (first.node, first.reason) == ("n2", "node n2 is out of Hubble's reach")
    assert second.reason.startswith("node n1 reports an error to Hubble: rpc error:")
    assert "\x1b" not in second.reason


def test_flows_of_a_node_that_was_away_are_asked_for_when_it_is_back(peer, source):
    peer.nodes = {"n1": 1, "n2": 1}
    peer.ring.extend([flow(1), flow(2, node="n2")])
    with following(source) as collected:
        settled(peer, collected)
        peer.nodes = {"n1": 1, "n2": 2}
        collected.wait_for(lambda: collected.status.observed.nodes == frozenset({"n1"}))
        peer.ring.append(flow(3, node="n2"))  # seen while nobody could be told
        peer.nodes = {"n1": 1, "n2": 1}
        collected.wait_for(lambda: 3 in ports(collected))
    assert ports(collected) == [1, 2, 3]


def test_a_server_that_comes_back_goes_on_where_it_was(peer, source):
    peer.ring.append(flow(1))
    with following(source) as collected:
        settled(peer, collected)
        peer.tell(flow(2))
        collected.wait_for(lambda: 2 in ports(collected))
        peer.kill()
        collected.wait_for(lambda: "it is tried again in" in collected.status.error)
        collected.wait_for(lambda: "Connection refused" in collected.status.error)
        assert collected.status.observed.nodes == frozenset()
        peer.ring.append(flow(3))
        peer.start()
        collected.wait_for(lambda: 3 in ports(collected) and not collected.status.error)
        until(lambda: peer.following)
        peer.tell(flow(4))
        collected.wait_for(lambda: 4 in ports(collected))
    assert ports(collected) == [1, 2, 3, 4]
    assert gaps(collected) == []
    assert collected.status.detail.startswith("4 flows from 1 of 1 nodes")


def test_waits_grow_until_a_flow_comes(peer, source, monkeypatch):
    monkeypatch.setattr(hubble_relay, "_LONGEST_WAIT", 0.2)
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        for seconds in ("0.05", "0.1", "0.2"):
            collected.wait_for(lambda told=seconds: f"tried again in {told} s" in collected.status.error)


def test_what_was_overwritten_meanwhile_is_a_gap(source, peer):
    old = time.time() - 30
    peer.nodes = {"n1": 1, "n2": 1}
    peer.ring.extend([flow(1, at=old), flow(2, node="n2", at=old)])
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        peer.ring.popleft()
        peer.ring.append(flow(3))
        peer.start()
        collected.wait_for(lambda: 3 in ports(collected) and gaps(collected))
    (gap,) = gaps(collected)
    assert (gap.node, gap.lost) == ("n1", 0)
    assert gap.time == pytest.approx(old)
    assert gap.reason.startswith("node n1: flows of 30 s are lost in part") or "31 s" in gap.reason
    assert ports(collected) == [1, 2, 3]


def test_a_break_while_catching_up_leaves_no_hole(peer, source):
    peer.ring.append(flow(1))
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        peer.ring.extend([flow(2), flow(3), flow(4)])
        peer.breaks_after = 3
        peer.start()
        collected.wait_for(lambda: 4 in ports(collected))
    assert ports(collected) == [1, 2, 3, 4]
    assert gaps(collected) == []


def test_what_comes_before_all_is_caught_up_with_fills_no_hole(peer, source):
    """An agent alone tells of no nodes: the first that comes over a new connection is a new flow."""
    now = time.time()
    peer.alone = True
    peer.ring.append(flow(1, at=now - 100))
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        peer.ring.append(flow(2, at=now - 50))
        peer.first, peer.breaks_after = flow(3), 1
        peer.start()
        collected.wait_for(lambda: 2 in ports(collected))
    assert sorted(ports(collected)) == [1, 2, 3]


def test_no_more_is_asked_for_again_than_is_remembered(peer, source, monkeypatch):
    monkeypatch.setattr(hubble_relay_progress, "REMEMBERED", 40)
    monkeypatch.setattr(hubble_relay_progress, "_MARKS", 10)
    source = HubbleRelaySource(direct(peer))
    start = time.time() - 50
    peer.ring.extend(flow(n, at=start + n / 10) for n in range(1, 101))
    peer.ring.append(flow(200, node="slow", at=start))
    with following(source) as collected:
        settled(peer, collected)
        collected.wait_for(lambda: len(ports(collected)) == 101)
        peer.kill()
        peer.start()
        until(lambda: peer.following)
        peer.tell(flow(300))
        collected.wait_for(lambda: 300 in ports(collected))
    assert len(ports(collected)) == 102


def test_stopping_while_it_is_away_leaves_a_gap(peer, source):
    peer.ring.append(flow(1))
    with following(source) as collected:
        settled(peer, collected)
        peer.kill()
        collected.wait_for(lambda: bool(collected.status.error))
    (gap,) = gaps(collected)
    assert gap.reason.startswith("flows since then are not known")


@pytest.mark.parametrize("status", [Status.INVALID_ARGUMENT, Status.UNKNOWN])
@pytest.mark.parametrize("once", [True, False])
def test_a_server_that_refuses_filters_is_asked_without(peer, source, status, once):
    peer.refuses = status
    peer.ring.append(flow(1))
    if once:
        collected = read(source)
    else:
        with following(source) as collected:
            settled(peer, collected)
    assert ports(collected) == [1]
    assert "which cannot leave answers out" in collected.status.detail


def test_an_agent_behind_relay_that_refuses_filters_is_asked_without(peer, source):
    with following(source) as collected:
        settled(peer, collected)
        words = 'rpc error: code = InvalidArgument desc = unknown protocol: "sctp"'
        peer.tell(node_status(4, "n1", message=words))
        until(lambda: any(request.follow and not request.whitelist for request in peer.requests))
        collected.wait_for(lambda: "cannot leave answers out" in collected.status.detail)
        until(lambda: peer.following)
        peer.tell(flow(1))
        collected.wait_for(lambda: 1 in ports(collected))


def test_an_unreadable_flow_is_counted_and_the_next_is_read(peer, source):
    peer.ring.extend([flow(1, source=b"\xff\xff"), flow(2)])
    collected = read(source)
    assert ports(collected) == [2]
    assert (collected.status.skipped, [gap.lost for gap in gaps(collected)]) == (1, [1])
    assert "an endpoint is not as the protocol says" in collected.status.detail


def test_a_server_that_hangs_is_left_and_taken_up_again(peer, source, monkeypatch):
    monkeypatch.setattr(grpc_connection, "PING_SECONDS", 0.1)
    monkeypatch.setattr(grpc_connection, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr("netsec_tui.sources.grpc.channel.UNARY_SECONDS", 0.1)
    hold = threading.Event()
    with following(source) as collected:
        settled(peer, collected)
        peer._loop.call_soon_threadsafe(hold.wait, PATIENCE)
        collected.wait_for(lambda: "hangs" in collected.status.error)
        hold.set()
        collected.wait_for(lambda: not collected.status.error)
        until(lambda: peer.following)
        peer.tell(flow(1))
        collected.wait_for(lambda: 1 in ports(collected))


def test_nobody_there_is_told_with_the_address():
    with serving_hubble() as gone:
        access = direct(gone)
    with pytest.raises(UnreachableError, match=r"127.0.0.1:\d+ cannot be reached: Connection refused"):
        read(HubbleRelaySource(access))


def service(port=80, name="hubble-relay", namespace="kube-system", port_name="", **labels):
    made = obj("Service", name, namespace, spec={"ports": [{"port": port, "name": port_name}]})
    made["metadata"]["labels"] = labels
    return made


def relay_slice(pod="hubble-relay-1", name="hubble-relay", namespace="kube-system"):
    return slice_of("relay-x", [pod], [("", 4245)], name, namespace)


@pytest.fixture
def api(peer):
    with running(ForwardServer([service(), relay_slice()])) as started:
        started.ports["hubble-relay-1", 4245] = peer.address
        yield started


@pytest.fixture
def access(api, tmp_path):
    return Access("prod", str(write_kubeconfig(tmp_path / "config", api.url)))


def test_relay_is_found_and_read_through_the_api_server(peer, api, access):
    peer.ring.append(flow(1))
    with following(HubbleRelaySource(access)) as collected:
        settled(peer, collected)
        peer.tell(flow(2))
        collected.wait_for(lambda: ports(collected) == [1, 2])
    assert api.forwards == [("hubble-relay-1", 4245)]


@pytest.mark.parametrize(
    "objects",
    [
        [service(name="relay", namespace="gke-managed", **{"k8s-app": "hubble-relay"}),
         slice_of("s", ["hubble-relay-1"], [("", 4245)], "relay", "gke-managed")],
        [service(name="a", namespace="a", **{"k8s-app": "hubble-relay"}), service(), relay_slice()],
    ],
)  # fmt: skip
def test_relay_is_found_in_any_namespace_and_by_its_label(peer, api, access, objects):
    api.objects[:] = objects
    peer.ring.append(flow(1))
    assert ports(read(HubbleRelaySource(access))) == [1]


def test_another_pod_is_found_when_one_is_gone(peer, api, access):
    with following(HubbleRelaySource(access)) as collected:
        settled(peer, collected)
        api.objects[:] = [service(), relay_slice("hubble-relay-2")]
        del api.ports["hubble-relay-1", 4245]
        api.ports["hubble-relay-2", 4245] = peer.address
        api.cut_off()
        until(lambda: ("hubble-relay-2", 4245) in api.forwards)
        settled(peer, collected)
        peer.tell(flow(1))
        collected.wait_for(lambda: ports(collected) == [1])


def test_new_credentials_are_taken_up(peer, api, access):
    with following(HubbleRelaySource(access)) as collected:
        settled(peer, collected)
        api.token = "another"
        api.cut_off()
        collected.wait_for(lambda: "does not take the credentials" in collected.status.error)
        write_kubeconfig(Path(access.kubeconfig), api.url, {"token": "another"})
        collected.wait_for(lambda: not collected.status.error)
        until(lambda: peer.following)
        peer.tell(flow(1))
        collected.wait_for(lambda: ports(collected) == [1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda api: api.objects.clear(), "no Service hubble-relay; .*--source hubble://HOST:PORT"),
        (lambda api: api.objects.pop(), "Service kube-system/hubble-relay has no pod that is ready"),
        (
            lambda api: api.ports.update({("hubble-relay-1", 4245): 403}),
            r"ports may not be forwarded to pods of namespace kube-system; .*pods/portforward",
        ),
        (
            lambda api: api.ports.update({("hubble-relay-1", 4245): "connection refused"}),
            "the connection to Hubble Relay kube-system/hubble-relay-1 breaks off: connection refused",
        ),
        (lambda api: api.refuse.update(services=[403]), "services may not be listed"),
    ],
)
def test_what_stands_in_the_way_is_said(api, access, change, words):
    change(api)
    source = HubbleRelaySource(access)
    with pytest.raises(UnreachableError, match=words):
        source.follow(lambda _: None, threading.Event())
    with pytest.raises(UnreachableError, match=words):
        read(source)


def test_a_context_that_is_not_there_is_no_matter_of_trying_again(access):
    with pytest.raises(NotFoundError, match="there is no context elsewhere"):
        HubbleRelaySource(replace(access, context="elsewhere")).follow(lambda _: None, threading.Event())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"), "*.hubble-relay.cilium.io")


@pytest.mark.parametrize(
    ("port", "port_name", "mode"), [(443, "", "auto"), (9443, "https", "auto"), (80, "", "on")]
)
def test_tls_through_the_api_server_by_the_name_in_the_certificate(api, access, made, port, port_name, mode):
    api.objects[:] = [service(port, port_name=port_name), relay_slice()]
    api.objects[1]["ports"][0]["name"] = port_name
    with serving_hubble(made.server_context(mutual=True)) as secure:
        secure.ring.append(flow(1))
        api.ports["hubble-relay-1", 4245] = secure.address
        tls = TlsOptions(mode, str(made.authority), str(made.client), str(made.client_key))
        assert ports(read(HubbleRelaySource(replace(access, tls=tls)))) == [1]
        for options, words in (
            (TlsOptions(mode), "is not accepted: .*--source-ca"),
            (TlsOptions("off"), "if it speaks TLS, try --source-tls on"),
            (TlsOptions(mode, str(made.authority), server_name="example.com"), "example.com"),
        ):
            with pytest.raises(UnreachableError, match=words):
                read(HubbleRelaySource(replace(access, tls=options)))


def test_an_address_with_a_certificate_is_asked_over_tls(made):
    with serving_hubble(made.server_context()) as secure:
        secure.ring.append(flow(1))
        tls = {"ca_file": str(made.authority), "server_name": "any.hubble-relay.cilium.io"}
        assert ports(read(HubbleRelaySource(direct(secure, **tls)))) == [1]


def test_many_flows_come_whole_and_in_order(peer, source):
    peer.ring = type(peer.ring)(flow(n % 60_000 + 1) for n in range(20_000))
    collected = read(source)
    assert ports(collected) == [n % 60_000 + 1 for n in range(20_000)]
    assert max(len(m.flows) for m in collected.messages if hasattr(m, "flows")) <= 1_000
