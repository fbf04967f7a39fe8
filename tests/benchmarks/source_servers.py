"""What ``bench_sources.py`` reads: the records of each source, and the server of the tests that has them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from netsec_tui.sources.access import Access, Address, TlsOptions
from netsec_tui.sources.contract import Source
from tests.sources.running import running

NOW = int(time.time())
_OWNERS = 200


class Served(NamedTuple):
    """Say how a source gets at its server: at an address, or with a kubeconfig for its API server."""

    port: int = 0
    kubeconfig: str = ""
    authority: str = ""
    cert: str = ""
    key: str = ""
    server_name: str = ""

    @property
    def access(self) -> Access:
        """Return it as the source takes it."""
        tls = TlsOptions(
            ca_file=self.authority, cert_file=self.cert, key_file=self.key, server_name=self.server_name
        )
        address = Address("127.0.0.1", self.port) if self.port else None
        return Access("prod", self.kubeconfig or None, address, tls)


class Case(NamedTuple):
    """Name a source, what it is made of, its records as they come in, and what decodes one of them."""

    name: str
    records: Callable[[int], Sequence[Any]]
    decode: Callable[[], Callable[[Any], object]]
    serve: Callable[[Path, int], AbstractContextManager[Served]]
    source: Callable[[Access], Source]


def calls(count: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield client, server, client port and port of calls between owners."""
    chance = random.Random(7)
    for number in range(count):
        client, server = chance.randrange(_OWNERS), chance.randrange(_OWNERS)
        yield client, server, 32768 + number % 28000, 8000 + server % 50


def agent_lines(count: int) -> list[bytes]:
    from tests.benchmarks.hubble_lines import lines

    return [text.encode() for text in lines(count)]


def agent_decode() -> Callable[[bytes], object]:
    from netsec_tui.sources.hubble.decode import HubbleDecoder

    decoder = HubbleDecoder()
    return lambda line: decoder.decode(json.loads(line))


@contextmanager
def serve_agent(folder: Path, count: int) -> Iterator[Served]:
    from tests.sources.api_server import write_kubeconfig
    from tests.sources.exec_server import ExecServer
    from tests.sources.hubble.test_hubble_exec import agent

    with running(ExecServer([agent("cilium-a", "n1")])) as server:
        server.commands = {("cilium-a", "hubble"): b"\n".join(agent_lines(count)) + b"\n"}
        yield Served(kubeconfig=str(write_kubeconfig(folder / "config", server.url)))


def table_lines(count: int) -> list[str]:
    from tests.benchmarks.bench_conntrack import made_up

    return made_up(count).splitlines()


def table_decode() -> Callable[[str], object]:
    from netsec_tui.sources.conntrack.entry import EntryDecoder

    return EntryDecoder().decode


@contextmanager
def serve_table(folder: Path, count: int) -> Iterator[Served]:
    from tests.sources.api_server import write_kubeconfig
    from tests.sources.conntrack.conntrack_server import cluster, pod
    from tests.sources.exec_server import ExecServer

    with running(ExecServer(cluster(pod("kube-proxy-a", "n1"), nodes=("n1",)))) as server:
        table = "\n".join(table_lines(count)).encode() + b"\n"
        server.commands = {("kube-proxy-a", "cat"): table}
        yield Served(kubeconfig=str(write_kubeconfig(folder / "config", server.url)))


def calico_flows(count: int) -> list[dict[str, Any]]:
    from tests.sources.calico.calico_flows import told

    start = NOW // 15 * 15 - 3000
    return [
        told(
            source=(f"owner{client}-6b687c8dcb-*", "shop", 1, (f"app=owner{client}",)),
            dest=(f"owner{server}-78cb8f69c8-*", "shop", 1, (f"app=owner{server}",)),
            port=port,
            start=start + 15 * (number * 150 // count),
        )
        for number, (client, server, _, port) in enumerate(calls(count))
    ]


def goldmane_messages(count: int) -> list[bytes]:
    from netsec_tui.sources.calico.goldmane_proto import goldmane
    from tests.sources.calico.calico_flows import goldmane_message

    return [goldmane_message(goldmane(), flow).SerializeToString() for flow in calico_flows(count)]


def goldmane_decode() -> Callable[[bytes], object]:
    from netsec_tui.sources.calico.goldmane_decode import record_of_message
    from netsec_tui.sources.calico.goldmane_proto import goldmane
    from netsec_tui.sources.calico.record import RecordReader

    reader, parse = RecordReader(), goldmane()["FlowResult"].FromString
    return lambda data: record_of_message(reader, parse(data).flow)


@contextmanager
def serve_goldmane(folder: Path, count: int) -> Iterator[Served]:
    from netsec_tui.sources.calico.goldmane import SERVER_NAME
    from tests.sources.calico.test_goldmane import Goldmane
    from tests.sources.grpc.grpc_peer import certificates

    pems = certificates(folder, SERVER_NAME)
    server = Goldmane(pems.server_context(mutual=True))
    server.flows = calico_flows(count)
    server.start()
    try:
        files = map(str, (pems.authority, pems.client, pems.client_key))
        yield Served(server.address[1], "", *files, SERVER_NAME)
    finally:
        server.end()


def whisker_lines(count: int) -> list[bytes]:
    from tests.sources.calico.calico_flows import whisker_json

    return [json.dumps(whisker_json(flow)).encode() for flow in calico_flows(count)]


def whisker_decode() -> Callable[[bytes], object]:
    from netsec_tui.sources.calico.record import RecordReader
    from netsec_tui.sources.calico.whisker_decode import record_of

    reader = RecordReader()
    return lambda data: record_of(reader, json.loads(data))


@contextmanager
def serve_whisker(folder: Path, count: int) -> Iterator[Served]:
    from tests.sources.calico.calico_flows import whisker_json
    from tests.sources.calico.whisker_server import WhiskerServer

    with running(WhiskerServer()) as server:
        server.flows = [whisker_json(flow) for flow in calico_flows(count)]
        yield Served(server.address[1])


def loki_entries(count: int) -> list[tuple[dict[str, str], int, str]]:
    from tests.sources.netobserv.test_netobserv_decode import record

    entries = []
    for number, (client, server, sport, port) in enumerate(calls(count)):
        at = NOW * 1000 - 1_800_000 + number * 1_700_000 // count
        made = record(
            Flags=0x212,
            TimeFlowEndMs=at,
            SrcPort=sport,
            DstPort=port,
            SrcAddr=f"10.128.{client}.5",
            DstAddr=f"10.129.{server}.6",
        )
        entries.append(({"app": "netobserv-flowcollector"}, at * 1_000_000 + number, json.dumps(made)))
    return entries


def loki_records(count: int) -> list[str]:
    return [line for _, _, line in loki_entries(count)]


def loki_decode() -> Callable[[str], object]:
    from netsec_tui.sources.netobserv.decode import NetObservDecoder

    decoder = NetObservDecoder()
    return lambda line: decoder.decode(json.loads(line))


@contextmanager
def serve_loki(folder: Path, count: int) -> Iterator[Served]:
    from tests.sources.netobserv.loki_server import LokiServer

    server = LokiServer(loki_entries(count))
    with running(server):
        yield Served(server.server_port)


def antrea_messages(count: int) -> list[bytes]:
    return [made.SerializeToString() for made in _antrea_flows(count)]


def _antrea_flows(count: int) -> list[Any]:
    from tests.sources.antrea.antrea_server import flow, packed

    made = []
    for number, (client, server, sport, _) in enumerate(calls(count)):
        one = flow(NOW - 1800 + number * 1700 / count, sport, source_pod_name=f"owner{client}-6b5-x1")
        one.id, one.ip.source = f"{number}", packed(f"10.10.{client}.9")
        one.ip.destination, one.k8s.destination_pod_name = packed(f"10.11.{server}.9"), f"owner{server}-0"
        made.append(one)
    return made


def antrea_decode() -> Callable[[bytes], object]:
    from netsec_tui.sources.antrea.message import AntreaMessageDecoder
    from netsec_tui.sources.antrea.proto import classes

    decoder, parse = AntreaMessageDecoder(), classes()["Flow"].FromString
    return lambda data: decoder.decode(parse(data))


@contextmanager
def serve_antrea(folder: Path, count: int) -> Iterator[Served]:
    from tests.sources.antrea.antrea_server import FlowAggregator
    from tests.sources.grpc.grpc_peer import certificates, serving_grpc

    name = "flow-aggregator.flow-aggregator.svc"
    aggregator, pems = FlowAggregator(), certificates(folder, name)
    aggregator.ring = _antrea_flows(count)
    with serving_grpc(aggregator.methods, pems.server_context()) as peer:
        yield Served(peer.address[1], authority=str(pems.authority), server_name=name)


def theia_rows(count: int) -> list[str]:
    return [json.dumps(row) for _, row in _edges(count)]


def _edges(count: int) -> list[tuple[int, dict[str, Any]]]:
    from tests.sources.antrea.test_theia import edge

    return [
        (
            NOW - 3000 + number * 2900 // count,
            edge(
                NOW - 3030 + number * 2900 // count,
                3,
                sourcePodName=f"owner{client}-6b5-x1",
                destinationPodName=f"owner{server}-0",
                destinationTransportPort=port,
            ),
        )
        for number, (client, server, _, port) in enumerate(calls(count))
    ]


def theia_decode() -> Callable[[str], object]:
    from netsec_tui.sources.antrea.theia_decode import TheiaDecoder

    decoder = TheiaDecoder()
    return lambda line: decoder.decode(json.loads(line))


@contextmanager
def serve_theia(folder: Path, count: int) -> Iterator[Served]:
    from tests.sources.antrea.clickhouse_server import ClickHouseServer

    server = ClickHouseServer(_edges(count), NOW)
    with running(server):
        yield Served(server.server_port)
