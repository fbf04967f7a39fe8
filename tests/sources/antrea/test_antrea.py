"""Antrea's Flow Aggregator followed over real gRPC: its protocol as published, and what can go wrong."""

import json
import random
import threading
import time
from collections import Counter

import pytest
from grpclib.const import Status

from netsec_tui.errors import BadInputError, UnreachableError
from netsec_tui.model.flow import Flow, Verdict
from netsec_tui.sources import retry
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.antrea.message import AntreaMessageDecoder
from netsec_tui.sources.antrea.proto import classes
from netsec_tui.sources.antrea.source import AntreaSource
from netsec_tui.sources.problem import Problem
from netsec_tui.sources.reach.service import TOKEN_VARIABLE
from tests.sources.antrea.antrea_server import FlowAggregator, flow
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, gaps, read
from tests.sources.grpc.grpc_peer import certificates, serving_grpc
from tests.sources.kube_objects import obj
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.running import running

NAME = "flow-aggregator.flow-aggregator.svc"
NOW = time.time()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"), NAME)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.02)


@pytest.fixture(params=["one", ""], ids=["resumes", "cannot resume"])
def aggregator(request):
    return FlowAggregator(request.param)


def source(peer, made, **tls):
    options = TlsOptions(ca_file=str(made.authority), server_name=NAME, **tls)
    return AntreaSource(Access("prod", address=Address(*peer.address), tls=options))


def serving(aggregator, made):
    return serving_grpc(aggregator.methods, made.server_context())


def ports(collected):
    """Return the client ports of what was let through, as often as it was told."""
    return sorted(
        f.source_port for f in collected.flows
        if isinstance(f, Flow) and not f.is_reply and f.verdict is Verdict.FORWARDED
    )  # fmt: skip


def test_a_published_message_tells_the_connection_and_its_service(aggregator, made):
    aggregator.ring = [flow(1767607230.5), flow(1767607230.5, 44753, ingress_network_policy_rule_action=3)]
    with serving(aggregator, made) as peer:
        collected = read(source(peer, made))
    request, answer, dialled, _, denied, *_ = collected.flows
    assert (request.source.pod, request.destination.pod, request.destination_port, request.time) == (
        "web-6b5-x1", "api-0", 8080, 1767607230.5,
    )  # fmt: skip
    assert (request.verdict, request.proven, answer.is_reply) == (Verdict.FORWARDED, True, True)
    assert (dialled.destination.ip, dialled.destination_port, dialled.service, dialled.verdict) == (
        "10.96.0.20", 80, ("shop", "api"), Verdict.TRACED,
    )  # fmt: skip
    assert (denied.source_port, denied.verdict) == (44753, Verdict.DROPPED)
    status = collected.status
    assert (status.ended, status.error) == (True, "")
    assert (status.observed.origin, status.observed.since, status.observed.nodes) == (
        "antrea", 1767607230.5, None,
    )  # fmt: skip
    assert aggregator.requests[0].cluster_wide
    assert not aggregator.requests[0].follow


def test_what_was_held_and_what_comes_are_followed(aggregator, made):
    aggregator.ring = [flow(NOW - 100, 1000)]
    with serving(aggregator, made) as peer, following(source(peer, made)) as collected:
        collected.wait_for(lambda: ports(collected) == [1000])
        aggregator.ring.append(flow(NOW, 1001))
        collected.wait_for(lambda: ports(collected) == [1000, 1001])
        aggregator.ring.append(flow(NOW + 10, 1000))  # the same connection goes on
        aggregator.ring.append(flow(NOW + 11, 1002))
        collected.wait_for(lambda: 1002 in ports(collected))
    assert ports(collected) == [1000, 1000, 1001, 1002]  # 110 s later
    assert not gaps(collected)


def test_a_server_that_is_killed_and_comes_back_costs_nothing_twice(aggregator, made):
    aggregator.ring = [flow(NOW - 10, 1000), flow(NOW - 9, 1001)]
    with serving(aggregator, made) as peer, following(source(peer, made)) as collected:
        collected.wait_for(lambda: ports(collected) == [1000, 1001])
        peer.kill()
        collected.wait_for(lambda: "it is tried again" in collected.status.error)
        aggregator.ring.append(flow(NOW - 5, 1002))
        peer.start()
        collected.wait_for(lambda: 1002 in ports(collected) and not collected.status.error)
    assert ports(collected) == [1000, 1001, 1002]
    last = aggregator.requests[-1]
    if aggregator.epoch:
        assert (last.resume.stream_epoch, last.resume.sequence_number) == ("one", 1)
        assert not gaps(collected)
    else:
        assert NOW - 132 < last.since.seconds < NOW - 128
        (gap,) = gaps(collected)
        assert "was out of reach" in gap.reason


def test_a_break_that_lasts_to_the_end_is_a_gap(aggregator, made):
    aggregator.ring = [flow(NOW - 10, 1000)]
    with serving(aggregator, made) as peer, following(source(peer, made)) as collected:
        collected.wait_for(lambda: ports(collected) == [1000])
        peer.kill()
        collected.wait_for(lambda: "it is tried again" in collected.status.error)
    (gap,) = gaps(collected)
    assert gap.reason.endswith("nothing had come of the Flow Aggregator since it broke off")


def test_a_record_of_a_clock_far_ahead_does_not_end_what_is_asked_for_after_a_break(made):
    now, aggregator = time.time(), FlowAggregator("")  # the hour of the import may be long past
    aggregator.ring = [flow(now - 10, 1000), flow(now + 9000, 1001)]
    with serving(aggregator, made) as peer, following(source(peer, made)) as collected:
        collected.wait_for(lambda: ports(collected) == [1000, 1001])
        aggregator.ring.append(
            flow(now - 4, 1001)
        )  # the same connection, told by a node whose clock is right
        collected.wait_for(lambda: ports(collected) == [1000, 1001, 1001])
        peer.kill()
        aggregator.ring.append(flow(now - 5, 1002))
        peer.start()
        collected.wait_for(lambda: 1002 in ports(collected))
    assert now - 140 < aggregator.requests[-1].since.seconds <= time.time() - 120
    assert ports(collected) == [1000, 1001, 1001, 1002]


def test_a_reset_and_nothing_else_is_no_answer():
    refused = flow(NOW)
    refused.transport.TCP.state_name, refused.reverse_stats.packet_total_count = "CLOSE", 1
    received = classes()["Flow"].FromString(refused.SerializeToString())
    told = [f for f in AntreaMessageDecoder().decode(received) if not f.service]
    assert [(f.verdict, f.is_reply, f.rst) for f in told] == [
        (Verdict.UNKNOWN, False, False), (Verdict.UNKNOWN, True, True),
    ]  # fmt: skip


def test_a_restart_loses_what_nobody_can_count(made):
    aggregator = FlowAggregator()
    aggregator.ring = [flow(NOW - 10, 1000)]
    with serving(aggregator, made) as peer, following(source(peer, made)) as collected:
        collected.wait_for(lambda: ports(collected) == [1000])
        peer.kill()
        aggregator.epoch, aggregator.ring = "two", [flow(NOW, 1001)]
        peer.start()
        collected.wait_for(lambda: 1001 in ports(collected))
    (gap,) = gaps(collected)
    assert gap.lost == 0
    assert gap.time < gap.until <= time.time()


def test_what_is_held_is_asked_for_by_itself_before_what_comes(aggregator, made):
    """An answer that has not ended has not told all, however slowly it comes."""
    aggregator.ring = [flow(time.time() - 600, 1000)]
    aggregator.more = threading.Event()
    with serving(aggregator, made) as peer, following(source(peer, made)) as collected:
        collected.wait_for(lambda: ports(collected) == [1000])
        collected.wait_for(lambda: collected.status.read_to)
        assert collected.status.read_to == collected.status.observed.until < time.time() - 500
        aggregator.more.set()
        collected.wait_for(lambda: not collected.status.read_to and not collected.status.observed.until)
    assert [request.follow for request in aggregator.requests] == [False, True]
    assert not gaps(collected)


def test_a_restart_between_what_was_held_and_what_comes_is_a_gap(made):
    aggregator = FlowAggregator()
    aggregator.ring, aggregator.more = [flow(NOW - 10, 1000)], threading.Event()
    with serving(aggregator, made) as peer, following(source(peer, made)) as collected:
        collected.wait_for(lambda: ports(collected) == [1000])
        aggregator.epoch, aggregator.ring = "two", [flow(NOW, 1001)]
        aggregator.more.set()
        collected.wait_for(lambda: 1001 in ports(collected))
    (gap,) = gaps(collected)
    assert "did not go on from where it had been read" in gap.reason
    assert gap.time <= gap.until <= time.time()


def test_records_that_were_overwritten_are_counted(made):
    aggregator = FlowAggregator()
    aggregator.ring = [flow(NOW, 1000)]
    with serving(aggregator, made) as peer, following(source(peer, made)) as collected:
        collected.wait_for(lambda: ports(collected) == [1000])
        peer.kill()
        aggregator.ring += [flow(NOW, 1001 + number) for number in range(9)]
        aggregator.overwrite(6)
        peer.start()
        collected.wait_for(lambda: 1009 in ports(collected))
    assert [gap.lost for gap in gaps(collected)] == [5]
    assert "overwrote records" in gaps(collected)[0].reason


def test_a_record_that_is_of_no_use_is_counted(aggregator, made):
    odd = flow(NOW, 1000)
    odd.ip.source = b"\1\2\3"
    aggregator.ring = [odd, flow(NOW, 1001)]
    with serving(aggregator, made) as peer:
        collected = read(source(peer, made))
    assert (ports(collected), collected.status.skipped) == ([1001], 1)
    assert "no address" in collected.status.detail


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Status.PERMISSION_DENIED, r'is apiGroups: \["observability.antrea.io"\], resources: \["flows"\]'),
        (Status.UNAUTHENTICATED, "it wants a token"),
        (Status.UNIMPLEMENTED, "flowStreamService.enable"),
        (Status.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"),
    ],
)
def test_refusals_are_sentences(aggregator, made, refusal, words):
    aggregator.refuse = refusal
    with serving(aggregator, made) as peer, pytest.raises(UnreachableError, match=words):
        read(source(peer, made))


def in_cluster(api, tmp_path, **tls):
    config = write_kubeconfig(tmp_path / "config", api.url)
    return AntreaSource(Access("prod", str(config), tls=TlsOptions(**tls)))


SLICE = obj(
    "EndpointSlice", "fa-x1", "flow-aggregator", "discovery.k8s.io/v1",
    metadata={"labels": {"kubernetes.io/service-name": "flow-aggregator"}},
    ports=[{"name": "ipfix-udp", "port": 4739}],
    endpoints=[{"targetRef": {"kind": "Pod", "name": "fa-0"}}],
)  # fmt: skip


def exporting(to="flow-aggregator/flow-aggregator:4739:tls", namespace="kube-system", enable="true"):
    """Return the configuration of agents that send their flows somewhere."""
    settings = f"featureGates: {{}}\nflowExporter:\n  enable: {enable}\n  flowCollectorAddr: {to!r}\n"
    return obj("ConfigMap", "antrea-config", namespace, data={"antrea-agent.conf": settings})


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [exporting(enable="false")],
        [exporting("flows/flow-aggregator:4739:tls")],
        [exporting("flow-aggregator/flow-aggregator-2")],
        [exporting(namespace="flow-aggregator")],
        [obj("ConfigMap", "antrea-config", "kube-system", data={"antrea-agent.conf": "flowExporter: [}"})],
    ],
)
def test_one_that_the_agents_do_not_name_gets_no_token_of_the_clusters(made, tmp_path, objects):
    with running(ForwardServer([SLICE, *objects])) as api:
        aggregator = FlowAggregator(token=api.token)
        ca = {"kind": "ConfigMap", "data": {"ca.crt": made.authority.read_text()}}
        api.bodies["flow-aggregator-ca"] = json.dumps(ca).encode()
        with serving(aggregator, made) as peer:
            api.ports["fa-0", 14740] = peer.address
            with pytest.raises(UnreachableError, match=r"UNAUTHENTICATED.*kube-system/antrea-config"):
                read(in_cluster(api, tmp_path))
    assert api.forwards == [("fa-0", 14740)]


def test_it_is_found_in_the_cluster_with_its_authority_and_gets_the_kubeconfigs_token(made, tmp_path):
    with running(ForwardServer([SLICE, exporting()])) as api:
        aggregator = FlowAggregator(token=api.token)
        aggregator.ring = [flow(NOW, 1000)]
        ca = {"kind": "ConfigMap", "data": {"ca.crt": made.authority.read_text()}}
        api.bodies["flow-aggregator-ca"] = json.dumps(ca).encode()
        with serving(aggregator, made) as peer:
            api.ports["fa-0", 14740] = peer.address
            assert ports(read(in_cluster(api, tmp_path))) == [1000]
            # Whoever takes any certificate does not give a token away.
            with pytest.raises(UnreachableError, match="UNAUTHENTICATED"):
                read(in_cluster(api, tmp_path, insecure=True))
    assert api.forwards == [("fa-0", 14740)] * 2


def test_a_stream_service_that_is_switched_off_names_the_switch(made, tmp_path):
    with running(ForwardServer([SLICE])) as api:
        api.ports["fa-0", 14740] = "dial tcp4 127.0.0.1:14740: connect: connection refused"
        with pytest.raises(UnreachableError, match=r"flowStreamService\.enable"):
            read(in_cluster(api, tmp_path, insecure=True))


def test_the_token_for_an_address_comes_from_the_environment_and_is_never_told(made, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    aggregator = FlowAggregator(token="s3cret")
    aggregator.ring = [flow(NOW, 1000)]
    with serving(aggregator, made) as peer:
        collected = read(source(peer, made))
    assert ports(collected) == [1000]
    assert "s3cret" not in str(collected.messages)


def test_a_token_that_no_header_may_hold_is_refused_and_not_shown(made, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret\nx: y")
    with serving(aggregator := FlowAggregator(token="s3cret"), made) as peer:
        with pytest.raises(BadInputError, match=f"^{TOKEN_VARIABLE} is no token: [^3]*$"):
            read(source(peer, made))
        monkeypatch.setenv(TOKEN_VARIABLE, "s3cret\r\n")
        aggregator.ring = [flow(NOW, 1000)]
        assert ports(read(source(peer, made))) == [1000]


def test_no_mutation_of_a_message_breaks_the_decoder():
    from google.protobuf.message import DecodeError

    chance, decoder, found = random.Random(7), AntreaMessageDecoder(), Counter()
    labelled = flow(NOW)
    labelled.k8s.source_pod_labels.labels.add(key="app", value="web")
    labelled.proxy_snat_ip = b"\1\2\3\4"
    reading = classes()["Flow"]
    for number in range(100_000):
        labelled.transport.source_port = number % 65536
        raw = bytearray(labelled.SerializeToString())
        for _ in range(chance.randrange(1, 3)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        try:
            message = reading.FromString(bytes(raw))
        except DecodeError:
            found["no message"] += 1
            continue
        found.update(type(flow) for flow in decoder.decode(message))
    assert set(found) == {Flow, Problem, "no message"}
    assert min(found.values()) > 500
