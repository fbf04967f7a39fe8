"""Hubble Relay found and reached: by its Service through the API server, at an address, over TLS."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from netsec_tui.errors import BadInputError, NotFoundError, UnreachableError
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.feeds.feed import read_all
from netsec_tui.sources.feeds.listen import listen
from netsec_tui.sources.hubble.relay import HubbleRelaySource
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, read
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.hubble.hubble_access import direct, ports, relay_slice, service, settled
from tests.sources.hubble.hubble_peer import flow, serving_hubble
from tests.sources.kube_objects import deployment
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.reach.test_pod_forward import slice_of
from tests.sources.running import running
from tests.sources.waiting import until

pytestmark = pytest.mark.usefixtures("quick_relay")


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


def agents(name, namespace, host=True, ready=1, **labels):
    """Return a DaemonSet of agents, or of what only looks like them."""
    made = deployment(name, kind="DaemonSet")
    made["metadata"] |= {"namespace": namespace, "labels": labels}
    made["spec"]["template"]["spec"]["hostNetwork"] = host
    return {**made, "status": {"numberReady": ready}}


def mine(namespace, pod="hubble-relay-1"):
    return [service(namespace=namespace), relay_slice(pod, namespace=namespace)]


def theirs(namespace):
    """Return the Relay of somebody who has a namespace, which must not be read."""
    return mine(namespace, "mallory-0")


@pytest.mark.parametrize(
    "objects",
    [
        [*theirs("dev-team"), *mine("kube-system")],
        [*theirs("dev-team"), agents("cilium", "dev-team", ready=0), *mine("kube-system")],
        [*theirs("dev-team"), agents("cilium", "dev-team", host=False), *mine("kube-system")],
        [*theirs("dev-team"), *mine("networking"), agents("cilium", "networking")],
        [*theirs("dev-team"), *mine("networking"), agents("anetd", "networking")],
        [*theirs("dev-team"), *mine("retina"), agents("retina-agent", "retina")],
        [*theirs("dev-team"), *mine("retina"), agents("node", "retina", **{"k8s-app": "retina"})],
        [*theirs("kube-system"), *mine("networking"), agents("cilium", "networking")],
        [*mine("observability"), agents("cilium", "kube-system")],
    ],
)
def test_the_relay_of_the_cluster_is_read_and_its_place_is_said(peer, api, access, objects):
    api.objects[:] = objects
    peer.ring.append(flow(1))
    collected = read(HubbleRelaySource(access))
    assert ports(collected) == [1]
    (namespace,) = (
        one["metadata"]["namespace"] for one in objects if one in mine(one["metadata"]["namespace"])[1:]
    )
    assert f"Hubble Relay {namespace}/hubble-relay-1" in collected.status.detail
    assert api.forwards == [("hubble-relay-1", 4245)]


@pytest.mark.parametrize(
    "objects",
    [
        [*mine("dev-team"), *theirs("other-team")],
        [*mine("a"), *theirs("b"), agents("cilium", "a"), agents("cilium", "b")],
        [*mine("dev-team"), *theirs("other-team"), agents("cilium", "kube-system")],
    ],
)
def test_of_several_relays_none_is_read_where_nothing_tells_which_it_is(api, access, objects):
    api.objects[:] = objects
    first, second = (one["metadata"]["namespace"] for one in objects if one["kind"] == "Service")
    words = (
        f"cannot be told: Service {first}/hubble-relay, Service {second}/hubble-relay; .*hubble://HOST:PORT"
    )
    with pytest.raises(UnreachableError, match=words):
        read(HubbleRelaySource(access))
    assert api.forwards == []


def test_without_the_right_to_list_daemon_sets_kube_system_has_the_relay(peer, api, access):
    api.objects[:] = [*theirs("dev-team"), agents("cilium", "dev-team"), *mine("kube-system")]
    api.refuse["daemonsets"] = [403]
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


@pytest.mark.parametrize(
    ("options", "raised", "words"),
    [
        ({"ca_file": "nowhere.crt"}, NotFoundError, "--source-ca nowhere.crt cannot be read"),
        ({"cert_file": "README.md", "key_file": "README.md"}, BadInputError, "--source-cert README.md is of"),
        ({"server_name": "relay.example"}, UnreachableError, "does not speak TLS; try --source-tls off"),
        ({"insecure": True}, UnreachableError, "does not speak TLS; try --source-tls off"),
    ],
)
def test_no_plaintext_where_tls_is_asked_for(access, options, raised, words):
    for run in (read, lambda source: source.follow(lambda _: None, threading.Event())):
        with pytest.raises(raised, match=words):
            run(HubbleRelaySource(replace(access, tls=TlsOptions(**options))))


def test_an_address_with_a_certificate_is_asked_over_tls(made):
    with serving_hubble(made.server_context()) as secure:
        secure.ring.append(flow(1))
        tls = {"ca_file": str(made.authority), "server_name": "any.hubble-relay.cilium.io"}
        assert ports(read(HubbleRelaySource(direct(secure, **tls)))) == [1]


@pytest.mark.parametrize("how", ["read", "listened"])
def test_one_relay_reached_two_ways_counts_once(how):
    found = Session(Options(), time.time)

    def add(read):
        found.add_flows(read.flows, read.recording, read.teller)

    with serving_hubble() as peer:
        peer.ring.extend(flow(8080) for _ in range(3))
        addresses = (Address(name, peer.port) for name in ("127.0.0.1", "localhost"))
        ways = [HubbleRelaySource(Access(address=address)) for address in addresses]
        if how == "read":
            read_all(ways, add)
        else:
            listen([], ways, 2.0, add, threading.Event())
    (edge,) = found._record.observations.edges.values()
    (minute,) = edge.buckets
    assert sum(edge.counts(minute)) == 3
