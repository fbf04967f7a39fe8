"""Goldmane read and followed over mutual TLS, from a gRPC server written from its published protocol."""

import asyncio
import threading
import time

import pytest

from netsec_tui.errors import UnreachableError, UsageError
from netsec_tui.model.flow import Flow, Gap, Verdict
from netsec_tui.sources import retry
from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.calico import goldmane
from netsec_tui.sources.calico.goldmane import SERVER_NAME, goldmane_source
from netsec_tui.sources.calico.goldmane_proto import DEST_NAME, LIST, STREAM
from netsec_tui.sources.calico.goldmane_proto import goldmane as classes_of
from netsec_tui.sources.feeds.listen import listen
from tests.sources.api_server import write_kubeconfig
from tests.sources.calico.calico_flows import API, PUBLIC, START, goldmane_message, told
from tests.sources.collected import following, gaps, read
from tests.sources.grpc.grpc_peer import GrpcPeer, Offered, certificates
from tests.sources.kube_objects import slice_of
from tests.sources.reach.forward_server import ForwardServer
from tests.sources.running import running

POD = "goldmane-7c5d8b9f4-q2w8r"
SERVER_SIDE, DENY = 2, 2


@pytest.fixture(autouse=True)
def quick(no_proxy_and_no_waiting, monkeypatch):
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("certificates"), SERVER_NAME)


class Goldmane(GrpcPeer):
    """Hold ``flows`` as ``told`` returns them, and give them as ``Flows`` does (goldmane/proto/api.proto)."""

    def __init__(self, tls):
        self.flows, self.asked = [], []
        c = self.classes = classes_of()
        self.streams = 0
        self.ended = False
        methods = {
            LIST: Offered(c["FlowListRequest"], c["FlowListResult"], self.list),
            STREAM: Offered(c["FlowStreamRequest"], c["FlowResult"], self.stream),
        }
        super().__init__(methods, tls)

    async def list(self, stream):
        request = await stream.recv_message()
        self.asked.append(request)
        size, page = request.page_size, request.page
        assert [option.sort_by for option in request.sort_by] == [DEST_NAME]
        ordered = sorted(self.flows, key=lambda flow: flow["dest"][0])
        answer = self.classes["FlowListResult"]()
        answer.meta.totalPages = -(-len(ordered) // size)
        answer.meta.totalResults = len(ordered)
        for flow in ordered[page * size : (page + 1) * size]:
            answer.flows.append(goldmane_message(self.classes, flow))
        await stream.send_message(answer)

    async def stream(self, stream):
        request = await stream.recv_message()
        self.asked.append(request)
        assert request.aggregation_interval == 15
        self.streams += 1
        given, since = 0, request.start_time_gte
        while not self.ended:
            for flow in self.flows[given:]:
                if since < 0 or flow["start"] >= since:
                    await stream.send_message(goldmane_message(self.classes, flow))
            given = len(self.flows)
            await asyncio.sleep(0.01)


@pytest.fixture
def server(pems):
    made = Goldmane(pems.server_context(mutual=True))
    made.start()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def api(server):
    slice_ = slice_of("goldmane-abc", [POD], [("", 443)], "goldmane", "calico-system")
    with running(ForwardServer([slice_])) as served:
        served.ports[POD, 443] = server.address
        yield served


def tls_of(pems, **more):
    files = {"ca_file": pems.authority, "cert_file": pems.client, "key_file": pems.client_key}
    return TlsOptions(**({name: str(file) for name, file in files.items()} | more))


@pytest.fixture
def source(api, pems, tmp_path):
    return goldmane_source(
        Access("prod", str(write_kubeconfig(tmp_path / "config", api.url)), tls=tls_of(pems))
    )


def flow(n=0, dest=PUBLIC, **more):
    """Return a flow to outside, of which no other node tells."""
    return told(start=START + 15 * n, dest=dest, **more)


def times(collected):
    return [f.time for f in collected.flows if isinstance(f, Flow)]


def test_read_goes_through_all_pages_and_counts_each_connection_once(source, server, api, monkeypatch):
    monkeypatch.setattr(goldmane, "_PAGE_SIZE", 4)
    server.flows = [
        flow(0, API, port=port, reporter=reporter, seconds=900 * reporter)
        for port in range(8001, 8006)
        for reporter in (1, SERVER_SIDE)
    ]
    server.flows.append(flow(0, API, port=8001, reporter=SERVER_SIDE, action=DENY, started=1))
    collected = read(source)
    assert sorted((f.destination_port, f.verdict, f.count) for f in collected.flows) == [
        (8001, Verdict.FORWARDED, 3),
        (8001, Verdict.DROPPED, 1),
        *((port, Verdict.FORWARDED, 3) for port in range(8002, 8006)),
    ]
    assert [(r.start_time_gte, r.page, r.page_size) for r in server.asked] == [
        (-3600, n, 4) for n in range(3)
    ]
    assert api.forwards == [(POD, 443)]
    status = collected.status
    assert (status.detail, status.ended) == ("16 connections", True)
    assert (status.observed.origin, status.observed.addresses) == ("goldmane", False)


def test_follow_tells_what_was_and_what_comes(source, server):
    server.flows = [flow(0, API), flow(0, API, reporter=SERVER_SIDE)]
    with following(source) as collected:
        collected.wait_for(lambda: times(collected) == [START + 15])
        server.flows += [flow(1, API, reporter=SERVER_SIDE, action=DENY), flow(1, API)]
        collected.wait_for(lambda: len(times(collected)) == 2)
        collected.wait_for(lambda: collected.status.detail == "6 connections")
    assert [f.verdict for f in collected.flows] == [Verdict.FORWARDED, Verdict.DROPPED]
    assert server.asked[0].start_time_gte == -3600


def test_server_killed_and_restarted_with_its_history_counts_nothing_twice(source, server):
    server.flows = [flow(n) for n in range(8)]
    with following(source) as collected:
        collected.wait_for(lambda: len(times(collected)) == 8)
        server.kill()
        collected.wait_for(lambda: collected.status.error != "")
        server.flows.append(flow(8))
        server.start()
        collected.wait_for(lambda: len(times(collected)) == 9)
        collected.wait_for(lambda: collected.status.error == "")
    assert server.asked[-1].start_time_gte == START + 8 * 15 - 60
    assert gaps(collected) == []


def test_a_break_that_lasts_to_the_end_is_a_gap(source, server):
    server.flows = [flow(0)]
    with following(source) as collected:
        collected.wait_for(lambda: len(times(collected)) == 1)
        server.kill()
        collected.wait_for(lambda: collected.status.error != "")
    (gap,) = gaps(collected)
    assert gap.reason.endswith("nothing had come of Goldmane since it broke off")


def test_restart_loses_the_history_which_is_a_gap(source, server):
    server.flows = [flow(0)]
    with following(source) as collected:
        collected.wait_for(lambda: len(times(collected)) == 1)
        server.kill()
        server.flows = [flow(40)]
        server.start()
        collected.wait_for(lambda: len(times(collected)) == 2)
    (gap,) = gaps(collected)
    assert "Goldmane has lost its history, as when it restarts: flows are missing from" in gap.reason


def test_stream_that_the_server_ends_is_taken_up_again(source, server):
    server.flows = [flow(0)]
    with following(source) as collected:
        collected.wait_for(lambda: len(times(collected)) == 1)
        server.ended = True
        collected.wait_for(lambda: "Goldmane has ended its stream of flows" in collected.status.error)
        server.ended = False
        server.flows.append(flow(1))
        collected.wait_for(lambda: len(times(collected)) == 2)


def test_without_a_certificate_it_says_where_one_is(api, tmp_path):
    source = goldmane_source(Access("prod", str(write_kubeconfig(tmp_path / "config", api.url))))
    with pytest.raises(UsageError, match=r"Secret calico-system/node-certs.*--source whisker needs none"):
        read(source)
    assert api.forwards == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ca_file": ""}, "is not accepted: .*--source-ca"),
        ({"server_name": "other"}, "is not accepted: .*--source-server-name"),
    ],
)
def test_certificate_that_does_not_fit(server, pems, options, said):
    access = Access(address=Address(*server.address), tls=tls_of(pems, **options))
    with pytest.raises(UnreachableError, match=said):
        goldmane_source(access).follow(lambda message: None, threading.Event())


def test_client_that_the_server_does_not_know(server, pems, tmp_path):
    strange = certificates(tmp_path, "stranger")
    tls = tls_of(pems, cert_file=str(strange.client), key_file=str(strange.client_key))
    with pytest.raises(UnreachableError, match=r"client certificate.*--source-cert and --source-key"):
        read(goldmane_source(Access(address=Address(*server.address), tls=tls)))


def test_address_of_its_own(server, pems):
    server.flows = [flow(0)]
    collected = read(goldmane_source(Access(address=Address(*server.address), tls=tls_of(pems))))
    assert times(collected) == [START + 15]


def test_tls_that_is_switched_off(pems):
    plain = Goldmane(None)
    plain.start()
    try:
        plain.flows = [flow(0)]
        access = Access(address=Address(*plain.address), tls=TlsOptions(mode="off"))
        assert times(read(goldmane_source(access))) == [START + 15]
    finally:
        plain.end()


def test_history_that_is_not_told_to_its_end_was_watched_as_far_as_it_was(source, server):
    over, read = threading.Event(), []

    def tell_slowly():
        while not over.wait(0.05):
            server.flows.append(flow(len(server.flows) - 200))

    threading.Thread(target=tell_slowly, daemon=True).start()
    reading = listen([], [source], 2, read.append, over)
    over.set()
    (status,), (failure,) = reading.statuses, reading.failures
    items = [item for message in read for item in message.flows]
    newest = max(item.time for item in items if isinstance(item, Flow))
    assert status.observed.until == status.read_to == newest - 15  # windows are dated by their end
    assert [gap.time for gap in items if isinstance(gap, Gap)] == [status.read_to]
    assert "had been read only up to" in str(failure)


def test_history_that_is_told_was_watched_until_the_end(source, server):
    server.flows, begun = [flow(-20), flow(-10)], time.time()
    reading = listen([], [source], 2, lambda read: None, threading.Event())
    assert reading.failures == ()
    assert reading.statuses[0].observed.until >= begun + 1.5
