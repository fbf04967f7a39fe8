"""The stand-in for Hubble does with requests what Cilium's own does; no cluster is needed for that."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.sources.grpc.channel import GrpcChannel, dial
from netsec_tui.sources.grpc.schema import COMMON, Many, messages
from netsec_tui.sources.grpc.trouble import GrpcError
from tests.cluster.harness import waiting

BEGIN = 1_700_000_000
OBSERVER = "/observer.Observer"
CAPACITY = 7
# api/v1/{observer,flow,relay} of Cilium v1.20.2, as far as it is asked for here.
MESSAGES = messages(
    "test_hubble_server",
    {
        **COMMON,
        "EventTypeFilter": {1: ("type", "int32")},
        "FlowFilter": {6: ("event_type", Many("EventTypeFilter")), 15: ("reply", Many("bool"))},
        "GetFlowsRequest": {
            1: ("number", "uint64"),
            3: ("follow", "bool"),
            5: ("blacklist", Many("FlowFilter")),
            6: ("whitelist", Many("FlowFilter")),
            7: ("since", "Timestamp"),
            8: ("until", "Timestamp"),
            9: ("first", "bool"),
        },
        "Flow": {11: ("node_name", "string"), 34: ("uuid", "string")},
        "LostEvent": {1: ("source", "int32"), 2: ("num_events_lost", "uint64")},
        "NodeStatusEvent": {
            1: ("state_change", "int32"),
            2: ("node_names", Many("string")),
            3: ("message", "string"),
        },
        "GetFlowsResponse": {
            1: ("flow", "Flow"),
            2: ("node_status", "NodeStatusEvent"),
            3: ("lost_events", "LostEvent"),
            1000: ("node_name", "string"),
        },
        "ServerStatusRequest": {},
        "ServerStatusResponse": {
            1: ("num_flows", "uint64"),
            2: ("max_flows", "uint64"),
            5: ("num_connected_nodes", "UInt32Value"),
            8: ("version", "string"),
        },
    },
)
CONNECTED, ERROR, RING = 1, 4, 3
REQUESTS = {"whitelist": [{"reply": [False]}], "blacklist": [{"event_type": [{"type": 129}]}]}


class Server:
    """An agent of one node with a small ring, and a Relay that asks it."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._feed = folder / "feed"
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        asked = folder / "asked"
        agent = [
            program,
            "agent",
            "-node=n1",
            f"-capacity={CAPACITY}",
            f"-listen={asked}",
            f"-feed={self._feed}",
        ]
        relay = [program, "relay", f"-listen=127.0.0.1:{self.port}", f"-peers=n1={asked}"]
        self.agent = subprocess.Popen(agent)
        waiting.until(asked.exists, 10, "the agent")
        self.relay = subprocess.Popen(relay)
        waiting.until(self._answers, 10, "Relay")

    def stop(self) -> None:
        for process in (self.agent, self.relay):
            process.kill()
            process.wait()

    def keep(self, *flows: dict[str, Any]) -> None:
        """Have the agent keep flows, and one more, without which the last would not be given out."""
        lines = []
        for flow in (*flows, flow_at(99, "last")):
            body = {"lost_events": flow} if "num_events_lost" in flow else {"flow": flow}
            lines.append(json.dumps({**body, "node_name": "n1", "time": moment(0)}))
        with socket.socket(socket.AF_UNIX) as feed:
            feed.connect(str(self._feed))
            feed.sendall("".join(line + "\n" for line in lines).encode())
            feed.shutdown(socket.SHUT_WR)
            assert feed.recv(1) == b""  # read to its end

    def call(self) -> GrpcChannel:
        return GrpcChannel(dial("127.0.0.1", self.port), "Relay")

    def ask(self, **request: Any) -> list[Any]:
        """Return all that is answered to a request that ends."""
        with self.call() as channel:
            replies = channel.stream(
                f"{OBSERVER}/GetFlows",
                MESSAGES["GetFlowsRequest"](**request),
                MESSAGES["GetFlowsResponse"],
                threading.Event(),
            )
            return [reply for reply in replies if reply is not None]

    def names(self, **request: Any) -> list[str]:
        """Return which flows, by their uuid, are answered to a request that ends."""
        return [reply.flow.uuid for reply in self.ask(**request) if reply.HasField("flow")]

    def _answers(self) -> bool:
        try:
            with self.call() as channel:
                told = channel.unary(
                    f"{OBSERVER}/ServerStatus",
                    MESSAGES["ServerStatusRequest"](),
                    MESSAGES["ServerStatusResponse"],
                    threading.Event(),
                )
        except GrpcError:
            return False
        return bool(told.num_connected_nodes.value == 1)


@pytest.fixture
def server(binaries, tmp_path) -> Iterator[Server]:
    made = Server(binaries.hubble_server, tmp_path)
    yield made
    made.stop()


def moment(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN + second))


def flow_at(second: int, name: str, **more: Any) -> dict[str, Any]:
    return {"time": moment(second), "uuid": name, "verdict": "FORWARDED", "node_name": "n1", **more}


FLOWS = [flow_at(second, name) for second, name in enumerate("abcd")]


def at(second: int) -> dict[str, int]:
    return {"seconds": BEGIN + second}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, "abcd"),
        ({"number": 2}, "cd"),
        ({"number": 2, "first": True}, "ab"),
        ({"since": at(2)}, "cd"),
        ({"since": at(1), "until": at(2)}, "bc"),
        # since wins over number for where to begin; number still ends a request that does not follow
        ({"since": at(1), "number": 1}, "b"),
        ({"since": at(1), "number": 1, "first": True}, "b"),
    ],
)
def test_what_of_the_ring_is_given_out(server, request_, expected):
    server.keep(*FLOWS)
    assert server.names(**request_) == list(expected)


def test_first_and_follow_is_an_error(server):
    # An agent says so; through Relay it is what is wrong with the node.
    (connected, refused) = following(server, 2, first=True, follow=True)
    assert connected.node_status.state_change == CONNECTED
    assert "first cannot be specified with follow" in refused.node_status.message


def following(server: Server, count: int, **request: Any) -> Sequence[Any]:
    """Return the first replies of a request that goes on."""
    found: list[Any] = []
    with followed(server, **request) as replies:
        for reply in replies:
            if reply is not None:
                found.append(reply)
            if len(found) == count:
                break
    return found


@contextmanager
def followed(server: Server, **request: Any) -> Iterator[Iterator[Any]]:
    stop = threading.Event()
    with server.call() as channel:
        yield channel.stream(
            f"{OBSERVER}/GetFlows",
            MESSAGES["GetFlowsRequest"](**request),
            MESSAGES["GetFlowsResponse"],
            stop,
        )


def test_a_drop_without_is_reply_counts_as_no_reply_and_no_other_flow_does(server):
    server.keep(
        flow_at(0, "asked", is_reply=False),
        flow_at(1, "answered", is_reply=True),
        flow_at(2, "overlay"),
        flow_at(3, "dropped", verdict="DROPPED"),
        flow_at(4, "http", is_reply=False, event_type={"type": 129}),
    )
    assert server.names(**REQUESTS) == ["asked", "dropped"]


def test_losses_are_given_out_whatever_is_asked_for(server):
    server.keep({"source": "PERF_EVENT_RING_BUFFER", "num_events_lost": "5"}, *FLOWS)
    (connected, lost) = server.ask(since=at(50), **REQUESTS)
    assert (list(connected.node_status.node_names), lost.lost_events.num_events_lost) == (["n1"], 5)


def test_the_ring_keeps_so_many_flows_and_says_what_it_overwrote_to_whom_it_follows(server):
    server.keep(*(flow_at(second, str(second)) for second in range(20)))
    assert server.names() == [str(second) for second in range(20 - CAPACITY, 20)]
    with followed(server, follow=True) as replies:
        assert next(reply for reply in replies if reply is not None).HasField("node_status")
        server.relay.send_signal(signal.SIGSTOP)
        many = [flow_at(second, "x" * 60_000) for second in range(200)]
        for start in range(0, len(many), 10):
            server.keep(*many[start : start + 10])
        server.relay.send_signal(signal.SIGCONT)
        lost = next(
            reply.lost_events for reply in replies if reply is not None and reply.HasField("lost_events")
        )
    assert (lost.source, lost.num_events_lost > 0) == (RING, True)


def test_a_node_that_comes_back_is_asked_the_same_again(server):
    server.keep(*FLOWS)
    seen: list[str] = []
    broken = False
    with followed(server, follow=True, since=at(2)) as replies:
        for reply in replies:
            if reply is not None and reply.HasField("flow") and reply.flow.uuid in "abcd":
                seen.append(reply.flow.uuid)
            if seen == ["c", "d"] and not broken:
                server.agent.send_signal(signal.SIGUSR1)
                broken = True
            if len(seen) == 4:
                break
    assert seen == ["c", "d"] * 2
