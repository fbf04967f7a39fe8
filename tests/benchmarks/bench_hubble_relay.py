"""Flows a second from Hubble Relay, and what each costs: direct, forwarded through an API server, and bare.

    python tests/benchmarks/bench_hubble_relay.py [--flows N]

The server is a process of its own, which sends messages made before as fast as HTTP/2's windows let it; so is
the API server. Processor time is that of the reading process alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

from netsec_tui.sources.access import Access, Address  # noqa: E402
from netsec_tui.sources.contract import FlowsRead, Message  # noqa: E402
from netsec_tui.sources.grpc.channel import GrpcChannel, dial  # noqa: E402
from netsec_tui.sources.hubble.decode import HubbleDecoder  # noqa: E402
from netsec_tui.sources.hubble.messages import HubbleMessageDecoder  # noqa: E402
from netsec_tui.sources.hubble.proto import GET_FLOWS, GET_NODES, flows_request, types  # noqa: E402
from netsec_tui.sources.hubble.relay import HubbleRelaySource  # noqa: E402
from tests.benchmarks.hubble_lines import lines  # noqa: E402
from tests.sources.hubble.hubble_replies import reply_of  # noqa: E402

_FRAMES = 64
_DISTINCT = 20_000


def main() -> None:
    """Measure as many flows as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flows", type=int, default=200_000, help="default: 200000")
    measure(parser.parse_args().flows)


def measure(count: int) -> None:
    """Print a line for each way of reading so many flows."""
    texts = [*lines(min(count, _DISTINCT))]
    made = [_message(text, number) for number, text in enumerate(texts)]
    print(f"{count:,} flows, {sum(map(len, made)) / len(made):.0f} bytes each as messages")
    print("way                                        flows/s   us of processor time a flow")
    _bare("json.loads and decode", texts, _of_json())
    _bare("message, parsed only", made, types()["GetFlowsResponse"].FromString)
    _bare("message, parsed and decoded", made, _of_messages())
    context = multiprocessing.get_context("spawn")
    ports, rest = context.SimpleQueue(), context.Event()
    server = context.Process(target=_serve, args=(made, count, ports, rest), daemon=True)
    server.start()
    relay, api = ports.get(), ports.get()
    _timed("gRPC alone, messages parsed", count, lambda: _stream(relay))
    _timed("the same by grpclib", count, lambda: asyncio.run(_by_grpclib(relay)))
    _timed(
        "HubbleRelaySource, direct", count, lambda: _read(Access(address=Address("127.0.0.1", relay)), count)
    )
    with tempfile.TemporaryDirectory() as folder:
        from tests.sources.api_server import write_kubeconfig

        config = write_kubeconfig(Path(folder) / "config", f"http://127.0.0.1:{api}")
        access = Access("prod", str(config))
        _timed("HubbleRelaySource, forwarded", count, lambda: _read(access, count))
    rest.set()
    server.join(5)


def _message(text: str, number: int) -> bytes:
    reply = reply_of(json.loads(text))
    reply.flow.uuid = f"{number:036}"
    data: bytes = reply.SerializeToString()
    return data


def _of_json() -> Callable[[str], object]:
    decoder = HubbleDecoder()
    return lambda text: decoder.decode(json.loads(text))


def _of_messages() -> Callable[[bytes], object]:
    decoder, parse = HubbleMessageDecoder(), types()["GetFlowsResponse"].FromString
    return lambda data: decoder.decode(parse(data))


def _bare(name: str, records: list[Any], work: Callable[[Any], object]) -> None:
    for record in records:  # what is kept for those that repeat
        work(record)
    _timed(name, len(records), lambda: [work(record) for record in records])


def _timed(name: str, count: int, work: Callable[[], object]) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{name:38}{count / wall:12,.0f}{processor / count * 1e6:12.1f}", flush=True)


def _stream(port: int) -> None:
    import threading

    with GrpcChannel(dial("127.0.0.1", port), "the server") as channel:
        request = flows_request(filtered=False)
        for _ in channel.stream(GET_FLOWS, request, types()["GetFlowsResponse"], threading.Event()):
            pass


async def _by_grpclib(port: int) -> None:
    from grpclib.client import Channel, UnaryStreamMethod

    known = types()
    channel = Channel("127.0.0.1", port)
    method = UnaryStreamMethod(channel, GET_FLOWS, known["GetFlowsRequest"], known["GetFlowsResponse"])
    async with method.open() as stream:
        await stream.send_message(flows_request(filtered=False), end=True)
        async for _ in stream:
            pass
    channel.close()


def _read(access: Access, count: int) -> None:
    got = 0

    def emit(message: Message) -> None:
        nonlocal got
        got += len(message.flows) if isinstance(message, FlowsRead) else 0

    HubbleRelaySource(access).read(emit)
    assert got == count, got


def _serve(made: list[bytes], count: int, ports: Any, rest: Any) -> None:
    """Serve as Relay and as the API server before it, in a process of their own."""
    import threading

    from tests.sources.hubble.hubble_access import relay_slice, service
    from tests.sources.reach.forward_server import ForwardServer
    from tests.sources.running import running

    listener = socket.create_server(("127.0.0.1", 0))
    ports.put(listener.getsockname()[1])

    def accept() -> None:
        while True:
            connection = listener.accept()[0]
            threading.Thread(target=_Answering(connection).run, args=(made, count), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with running(ForwardServer([service(), relay_slice()])) as api:
        api.ports["hubble-relay-1", 4245] = listener.getsockname()
        ports.put(api.server_port)
        rest.wait()


class _Answering:
    """One connection of the server, which counts by hand what may still be sent."""

    def __init__(self, connection: socket.socket) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._connection = connection
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._http.initiate_connection()
        self._windows = {0: 65_535, 1: 65_535}
        self._calls: list[tuple[int, str]] = []

    def run(self, made: list[bytes], count: int) -> None:
        while self._receive():
            for number, path in self._calls:
                self._http.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
                if path == GET_FLOWS:
                    self._pour(number, made, count)
                elif path != GET_NODES:
                    self._http.send_data(number, bytes(5))
                status = "12" if path == GET_NODES else "0"
                self._http.send_headers(number, [("grpc-status", status)], end_stream=True)
            self._calls.clear()
            self._connection.sendall(self._http.data_to_send())

    def _receive(self) -> bool:
        from h2.events import RemoteSettingsChanged, RequestReceived, WindowUpdated
        from h2.settings import SettingCodes

        data = self._connection.recv(1 << 16)
        for event in self._http.receive_data(data):
            if isinstance(event, RequestReceived):
                self._calls.append((event.stream_id, dict(event.headers)[":path"]))
            elif isinstance(event, WindowUpdated):
                at = min(event.stream_id, 1)
                self._windows[at] += event.delta
            elif isinstance(event, RemoteSettingsChanged):
                changed = event.changed_settings.get(SettingCodes.INITIAL_WINDOW_SIZE)
                self._windows[1] = changed.new_value if changed else self._windows[1]
        return bool(data)

    def _pour(self, number: int, made: list[bytes], count: int) -> None:
        """Send the flows in frames made by hand, no more than the windows take, each with its own uuid."""
        self._connection.sendall(self._http.data_to_send())
        for start in range(0, count, _FRAMES):
            frames, used = bytearray(), 0
            for index in range(start, min(start + _FRAMES, count)):
                kind = index % len(made)
                body = made[kind].replace(b"%036d" % kind, b"%036d" % index)
                used += len(body) + 5
                frames += (len(body) + 5).to_bytes(3, "big") + b"\0\0" + number.to_bytes(4, "big")
                frames += b"\0" + len(body).to_bytes(4, "big") + body
            while min(self._windows.values()) < used:
                self._receive()
            self._windows = {at: size - used for at, size in self._windows.items()}
            self._connection.sendall(frames)


if __name__ == "__main__":
    main()
