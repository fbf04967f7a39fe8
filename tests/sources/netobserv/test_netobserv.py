"""NetObserv's flows out of a Loki that really is asked over HTTP, at an address and through an API server."""

import json
import time

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.netobserv import loki as netobserv_loki
from netsec_tui.sources.netobserv import source as netobserv
from netsec_tui.sources.netobserv.source import NetObservSource
from netsec_tui.sources.reach import http as http_service
from netsec_tui.sources.reach.service import TOKEN_VARIABLE
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, read
from tests.sources.grpc.grpc_peer import certificates
from tests.sources.kube_objects import obj
from tests.sources.netobserv.loki_server import LokiServer
from tests.sources.netobserv.test_netobserv_decode import FOLDER, NEEDS_RECORDINGS, record, recorded
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.running import running
from tests.sources.waiting import until

NOW = time.time_ns()
SECOND = 10**9
LABELS = {"app": "netobserv-flowcollector"}


def entry(ago, port=40000, **fields):
    """Return what Loki holds of a connection that was seen some seconds ago."""
    at = NOW - int(ago * SECOND)
    made = record(Flags=0x212, TimeFlowEndMs=at // 10**6, SrcPort=port, AgentIP="192.0.2.1", **fields)
    return LABELS, at, json.dumps(made)


@pytest.fixture(autouse=True)
def now(monkeypatch):
    """Begin each test at its own time: in a long run the import may be hours ago."""
    monkeypatch.setitem(globals(), "NOW", time.time_ns())


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(netobserv, "POLL_SECONDS", 0.02)


@pytest.fixture
def loki():
    server = LokiServer([entry(ago, 40000 + ago) for ago in range(1, 200, 10)])
    with running(server):
        yield server


def source(server, hours=1.0, **tls):
    return NetObservSource(
        Access("prod", address=Address("127.0.0.1", server.server_port), tls=TlsOptions(**tls)), hours
    )


def ports(flows):
    return sorted(flow.source_port for flow in flows if isinstance(flow, Flow))


def test_everything_of_the_last_hours_is_read_page_by_page(loki, monkeypatch):
    monkeypatch.setattr(netobserv_loki, "LIMIT", 6)
    loki.entries.append(entry(2 * 3600, 50000))
    collected = read(source(loki))
    assert ports(collected.flows) == list(range(40001, 40200, 10))
    assert len(loki.asked) > 3
    status = collected.status
    assert (status.ended, status.error, status.skipped) == (True, "", 0)
    assert status.detail == "20 flows from 1 node, sampling not told"
    assert (status.observed.origin, status.observed.nodes, status.observed.sampling) == (
        "netobserv", {"node-a"}, 0,
    )  # fmt: skip
    assert NOW / 1e9 - 192 < status.observed.since < NOW / 1e9 - 190


def test_a_node_counts_up_to_its_last_record_once_it_is_silent(loki, quick):
    def of_node(name, ago, port):
        labels, at, line = entry(ago, port)
        fields = json.loads(line) | {"AgentIP": f"192.0.2.{name[-1]}", "DstK8S_HostName": name}
        return labels, at, json.dumps(fields | {"SrcK8S_HostName": name, "DstK8S_HostIP": fields["AgentIP"]})

    silent = NOW / SECOND - netobserv.SILENT_SECONDS - 5
    loki.entries += [of_node("node-7", 1000, 50000), of_node("node-7", NOW / SECOND - silent, 50001)]

    def spans(collected):
        observed = collected.status.observed
        return {
            span.node: (span.since - NOW / SECOND, span.until and span.until - NOW / SECOND)
            for span in (observed.spans if observed else ())
        }

    found = spans(read(source(loki)))
    assert found["node-a"] == (pytest.approx(-191, abs=0.1), 0.0)
    assert found["node-7"] == (pytest.approx(-1000, abs=0.1), pytest.approx(silent - NOW / SECOND, abs=0.1))
    with following(source(loki)) as collected:
        collected.wait_for(lambda: 50000 in ports(collected.flows) and spans(collected).get("node-7"))
        assert spans(collected)["node-7"][1]
        loki.entries.append(of_node("node-7", NOW / SECOND - time.time(), 50002))
        collected.wait_for(lambda: spans(collected).get("node-7") == (pytest.approx(-1000, abs=0.1), 0.0))


@NEEDS_RECORDINGS
def test_recorded_answers_in_pages_tell_the_same_as_in_one(monkeypatch):
    monkeypatch.setattr(netobserv_loki, "LIMIT", 15)
    answer = json.loads((FOLDER / "flow_records.json").read_bytes())
    shift = NOW - 60 * SECOND - 1708011867120999936
    entries = [
        (stream["stream"], int(at) + shift, line)
        for stream in answer["data"]["result"] for at, line in stream["values"]
    ]  # fmt: skip
    with running(server := LokiServer(entries)):
        collected = read(source(server))
    flows = [flow for flow in collected.flows if isinstance(flow, Flow)]
    whole = netobserv.NetObservDecoder().decode(recorded("flow_records.json"))
    seen = {(f.source.ip, f.source_port, f.destination.ip, f.destination_port, f.protocol) for f in flows}
    assert seen == {
        (f.source.ip, f.source_port, f.destination.ip, f.destination_port, f.protocol) for f in whole
    }
    assert len(server.asked) > 50 // 15


def test_new_flows_are_followed_and_the_hours_before_are_read_in_between(loki, quick):
    loki.entries.append(entry(3 * 3600, 50000))
    with following(source(loki, hours=12)) as collected:
        collected.wait_for(lambda: 50000 in ports(collected.flows))
        # The pipeline writes late.
        late = (LABELS, time.time_ns() - 20 * SECOND, entry(0, 60000)[2])
        loki.entries.append(late)
        collected.wait_for(lambda: 60000 in ports(collected.flows))
        polls = len(loki.asked)
        until(lambda: len(loki.asked) > polls + 3)
    counted = ports(collected.flows)
    assert len(counted) == len(set(counted)) == 22  # none twice, though pages overlap


def test_records_of_a_node_whose_clock_is_behind_are_read_once(loki, quick, monkeypatch):
    monkeypatch.setattr(netobserv, "LOOK_BACK_EVERY", SECOND // 10)
    loki.entries.append(entry(100, 49000))  # before the start, but read with what is new
    with following(source(loki)) as collected:
        collected.wait_for(lambda: {40191, 49000} <= {*ports(collected.flows)})
        for behind in (0, 20, 60, 110):
            at = time.time_ns() - behind * SECOND
            loki.entries.append((LABELS, at, entry(behind, 50000 + behind)[2]))
        collected.wait_for(lambda: {50000, 50020, 50060, 50110} <= {*ports(collected.flows)})
        polls = len(loki.asked)
        until(lambda: len(loki.asked) > polls + 10)
    assert len(ports(collected.flows)) == len({*ports(collected.flows)}) == 25


def test_what_is_late_is_asked_for_now_and_then_alone(loki, quick):
    with following(source(loki)):
        until(lambda: len(loki.asked) > 6)
    spans = [int(query["end"]) - int(query["start"]) for query in loki.asked if query["limit"] != "1"]
    first, *others = [span for span in spans if span < 1000 * SECOND]  # the hour before is asked for too
    assert first >= 120 * SECOND
    assert max(others) < 120 * SECOND


def test_a_server_that_allows_fewer_entries_is_asked_for_fewer(loki):
    loki.most = 700
    assert len(ports(read(source(loki)).flows)) == 20
    assert int(loki.asked[-1]["limit"]) <= 700


def test_more_records_of_one_moment_than_a_page_holds_are_a_gap(monkeypatch):
    monkeypatch.setattr(netobserv_loki, "LIMIT", 5)
    crowd = [(LABELS, NOW - SECOND, entry(1, 41000 + number)[2]) for number in range(9)]
    with running(server := LokiServer([*crowd, (LABELS, NOW - SECOND // 2, entry(0.5, 42000)[2])])):
        collected = read(source(server))
    (gap,) = (flow for flow in collected.flows if isinstance(flow, Gap))
    assert "may have more records of one moment" in gap.reason
    assert (gap.lost, gap.time) == (0, (NOW - SECOND) / SECOND)  # how many is not known, of when is
    assert 42000 in ports(collected.flows)  # what comes after is read


def test_records_that_cannot_be_read_are_counted_once(loki, quick):
    loki.entries += [(LABELS, NOW - SECOND, "{"), (LABELS, NOW - 2 * SECOND, '{"Proto": 6}')]
    with following(source(loki)) as collected:
        until(lambda: len(loki.asked) > 5)
    assert collected.status.skipped == 2
    assert sum(flow.lost for flow in collected.flows if isinstance(flow, Gap)) == 2
    assert "a record in Loki: " in collected.status.detail


def test_sampling_is_told_beside_the_flows():
    with running(server := LokiServer([entry(5, Sampling=50)])):
        status = read(source(server)).status
    assert (status.observed.sampling, status.detail) == (50, "1 flow from 1 node, 1 of 50 packets")


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (401, b"", "does not take the credentials; its gateway wants a token"),
        (403, b"", 'what is missing in a ClusterRole is apiGroups: ["loki.grafana.com"]'),
        (429, b"too many outstanding requests", "asked for too much (429): too many outstanding requests"),
        (503, b"\x1b[31mno ring", "fails with 503: "),
        (400, b"parse error", "answers 400: parse error"),
        (200, b"<html>", "but not as Loki does"),
    ],
)
def test_refusals_are_sentences(loki, code, body, words):
    loki.codes.append((code, body))
    with pytest.raises(UnreachableError) as failure:
        read(source(loki))
    assert words in str(failure.value)
    assert "\x1b" not in str(failure.value)
    assert "kubectl" not in str(failure.value)  # who gives an address may have no such pods


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [(503, b"no ring", "fails with 503: no ring"), (200, b"<html>", "answers, but not as Loki does")],
)
def test_where_its_pods_are_is_told_of_one_in_the_cluster(loki, tmp_path, code, body, words):
    loki.codes.append((code, body))
    with running(ForwardServer([LOKI])) as api:
        api.ports["loki-0", 3100] = loki.server_address
        with pytest.raises(UnreachableError) as failure:
            read(in_cluster(api, tmp_path))
    assert str(failure.value).endswith(f"{words}; look at its pods with kubectl get pods -n netobserv")


def test_a_server_that_is_not_loki_is_named(loki):
    loki.path = "/elsewhere"
    with pytest.raises(UnreachableError, match="has no query API of Loki"):
        read(source(loki))


def test_trouble_in_between_is_told_and_nothing_is_missed_or_counted_twice(loki, quick):
    with following(source(loki)) as collected:
        collected.wait_for(lambda: len(ports(collected.flows)) == 20)
        loki.codes += [(503, b"no ring")] * 3
        collected.wait_for(lambda: "no ring" in collected.status.error)
        loki.entries.append((LABELS, time.time_ns() - SECOND, entry(0, 60000)[2]))
        collected.wait_for(lambda: 60000 in ports(collected.flows) and not collected.status.error)
    assert len(ports(collected.flows)) == 21


def test_a_server_that_goes_away_and_comes_back(quick):
    server = LokiServer([entry(1)])
    address = server.server_address
    with running(server), following(source(server)) as collected:
        collected.wait_for(lambda: len(ports(collected.flows)) == 1)
        server.shutdown()
        server.server_close()
        server.over.set()
        collected.wait_for(lambda: collected.status.error)
        other = LokiServer([entry(1), (LABELS, time.time_ns() - SECOND, entry(0, 60000)[2])], at=address)
        with running(other):
            collected.wait_for(lambda: ports(collected.flows) == [40000, 60000])


def test_nobody_there_and_one_who_hangs(monkeypatch):
    silent = LokiServer([])
    monkeypatch.setattr(http_service, "FIRST_SECONDS", 0.05)
    with pytest.raises(UnreachableError, match=r"does not answer within 0\.05 s"):
        read(source(silent))  # it listens, and nobody answers
    silent.server_close()
    with pytest.raises(UnreachableError, match="cannot be reached: Connection refused"):
        read(source(silent))


def endpoint_slice(namespace, service, pod, ports):
    return obj(
        "EndpointSlice", f"{service}-x1", namespace, "discovery.k8s.io/v1",
        metadata={"labels": {"kubernetes.io/service-name": service}},
        ports=ports, endpoints=[{"targetRef": {"kind": "Pod", "name": pod}}],
    )  # fmt: skip


LOKI = endpoint_slice("netobserv", "loki", "loki-0", [{"port": 3100}])
GATEWAY = endpoint_slice(
    "netobserv-loki", "loki-gateway-http", "gw-0",
    [{"name": "metrics", "port": 8081}, {"name": "public", "port": 8080}],
)  # fmt: skip


def in_cluster(api, tmp_path, **tls):
    config = write_kubeconfig(tmp_path / "config", api.url)
    return NetObservSource(Access("prod", str(config), tls=TlsOptions(**tls)), 1)


def test_loki_is_found_in_the_cluster_and_asked_through_the_api_server(loki, tmp_path):
    with running(ForwardServer([LOKI])) as api:
        api.ports["loki-0", 3100] = loki.server_address
        assert len(ports(read(in_cluster(api, tmp_path)).flows)) == 20
    assert api.forwards == [("loki-0", 3100)]
    assert not any("Authorization" in headers for headers in loki.headers)  # it is not the cluster's


def test_a_pod_that_is_replaced_is_looked_for_again(loki, tmp_path, quick):
    with running(ForwardServer([LOKI])) as api:
        api.ports["loki-0", 3100] = loki.server_address
        with following(in_cluster(api, tmp_path)) as collected:
            collected.wait_for(lambda: len(ports(collected.flows)) == 20)
            api.objects[:] = [endpoint_slice("netobserv", "loki", "loki-1", [{"port": 3100}])]
            del api.ports["loki-0", 3100]
            api.cut_off()
            collected.wait_for(lambda: collected.status.error)
            api.ports["loki-1", 3100] = loki.server_address
            loki.entries.append((LABELS, time.time_ns() - SECOND, entry(0, 60000)[2]))
            collected.wait_for(lambda: 60000 in ports(collected.flows) and not collected.status.error)
    assert len(ports(collected.flows)) == 21


COLLECTORS = {
    "/apis/flows.netobserv.io/v1beta2/flowcollectors": ("FlowCollector", "flows.netobserv.io/v1beta2")
}


def stack(**loki):
    """Return the FlowCollector of a NetObserv with such a Loki."""
    api = "flows.netobserv.io/v1beta2"
    return obj("FlowCollector", "cluster", None, api, spec={"namespace": "netobserv", "loki": loki})


ELSEWHERE = {"namespace": "netobserv-loki"}


@pytest.mark.parametrize(
    ("collectors", "refused", "sent"),
    [
        ([stack(mode="LokiStack", lokiStack=ELSEWHERE)], 200, True),
        ([stack(mode="LokiStack", lokiStack=ELSEWHERE)], 403, False),
        ([stack(mode="LokiStack")], 200, False),  # it is in the namespace of NetObserv then
        ([stack(mode="Monolithic", lokiStack=ELSEWHERE)], 200, False),
        ([], 200, False),
    ],
)
def test_a_gateway_gets_the_kubeconfigs_token_where_the_flow_collector_names_it(
    tmp_path, collectors, refused, sent
):
    server = LokiServer([entry(1)], prefix="/api/logs/v1/network")
    # Who has the namespace has the authority in it, too.
    made = certificates(tmp_path, "loki-gateway-http.netobserv-loki.svc")
    with running(server, made.server_context()), running(ForwardServer([GATEWAY, *collectors])) as api:
        api.more, api.refuse = COLLECTORS, {"flowcollectors": [refused]}
        api.ports["gw-0", 8080] = server.server_address
        config_map = {"kind": "ConfigMap", "data": {"service-ca.crt": made.authority.read_text()}}
        api.bodies["openshift-service-ca.crt"] = json.dumps(config_map).encode()
        assert ports(read(in_cluster(api, tmp_path)).flows) == [40000]
    logins = {headers.get("Authorization") for headers in server.headers}
    assert logins == ({f"Bearer {api.token}"} if sent else {None})


def test_a_token_goes_over_tls_that_is_verified_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    made = certificates(tmp_path, "loki.example")
    ca, name = str(made.authority), "loki.example"
    for tls, sent in (({"ca_file": ca, "server_name": name}, True), ({"insecure": True}, False)):
        with running(server := LokiServer([entry(1)]), made.server_context()):
            read(source(server, **tls))
        assert ("Authorization" in server.headers[0]) is sent
    with running(server := LokiServer([entry(1)])):
        collected = read(source(server))
    assert "Authorization" not in server.headers[0]
    assert "s3cret" not in str(collected.messages)


def test_a_certificate_that_nobody_vouches_for_names_the_way_out(tmp_path):
    context = certificates(tmp_path, "loki.example").server_context()
    with (
        running(server := LokiServer([]), context),
        pytest.raises(UnreachableError, match="name its authority with --source-ca"),
    ):
        read(source(server, mode="on"))


def test_the_flow_collector_tells_the_sampling_where_records_do_not(loki, tmp_path):
    collector = obj("FlowCollector", "cluster", None, "flows.netobserv.io/v1beta2", spec={})
    with running(ForwardServer([LOKI, collector])) as api:
        api.ports["loki-0", 3100] = loki.server_address
        api.more["/apis/flows.netobserv.io/v1beta2/flowcollectors"] = (
            "FlowCollector", "flows.netobserv.io/v1beta2",
        )  # fmt: skip
        assert read(in_cluster(api, tmp_path)).status.observed.sampling == 50  # the operator's own
        collector["spec"] = {"agent": {"ebpf": {"sampling": 0}}}  # means all, as 1 does
        assert read(in_cluster(api, tmp_path)).status.observed.sampling == 1
        api.refuse["flowcollectors"] = [403]
        assert read(in_cluster(api, tmp_path)).status.observed.sampling == 0


def test_a_cluster_without_loki_and_a_role_that_is_too_small(tmp_path):
    with running(ForwardServer([])) as api:
        with pytest.raises(UnreachableError, match="has no Service netobserv/loki;"):
            read(in_cluster(api, tmp_path))
        api.objects.append(obj("Service", "loki-gateway-http", "netobserv"))
        with pytest.raises(UnreachableError, match="netobserv/loki-gateway-http has no pod that is ready"):
            read(in_cluster(api, tmp_path))
        api.objects.append(LOKI)
        api.ports["loki-0", 3100] = 403
        with pytest.raises(UnreachableError, match=r'resources: \["pods/portforward"\]'):
            read(in_cluster(api, tmp_path))
