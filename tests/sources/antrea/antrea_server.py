"""A Flow Aggregator of the tests: FlowStreamService as Antrea publishes it, with a ring of records.

The messages are from antrea, pkg/apis/flow/v1alpha1/{flow,service}.proto, with fields that are not read.
"""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from typing import Any

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from netsec_tui.sources.grpc.schema import Many, messages
from tests.sources.grpc.grpc_peer import Offered

PACKAGE = "antrea_io.antrea.pkg.apis.flow.v1alpha1"
_TIME = {1: ("seconds", "int64"), 2: ("nanos", "int32")}
_STATS = {number: (name, "uint64") for number, name in enumerate(
    ("packet_total_count", "packet_delta_count", "octet_total_count", "octet_delta_count"), 1
)}  # fmt: skip
_POLICY = ("type", "namespace", "name", "uid", "rule_name", "rule_action")
_KUBERNETES = {
    1: ("flow_type", "int32"),
    2: ("source_pod_namespace", "string"), 3: ("source_pod_name", "string"), 4: ("source_pod_uid", "string"),
    5: ("source_pod_labels", "Labels"), 6: ("source_node_name", "string"), 7: ("source_node_uid", "string"),
    8: ("destination_pod_namespace", "string"), 9: ("destination_pod_name", "string"),
    10: ("destination_pod_uid", "string"), 11: ("destination_pod_labels", "Labels"),
    12: ("destination_node_name", "string"), 13: ("destination_node_uid", "string"),
    14: ("destination_cluster_ip", "bytes"), 15: ("destination_service_port", "uint32"),
    16: ("destination_service_port_name", "string"), 17: ("destination_service_uid", "string"),
    30: ("egress_name", "string"), 31: ("egress_ip", "bytes"), 35: ("destination_service_ip", "bytes"),
    **{first + at: (f"{side}_network_policy_{name}", "int32" if name in ("type", "rule_action") else "string")
       for first, side in ((18, "ingress"), (24, "egress")) for at, name in enumerate(_POLICY)},
}  # fmt: skip
CLASSES = messages("published", {
    "Timestamp": _TIME,
    "IP": {1: ("version", "int32"), 2: ("source", "bytes"), 3: ("destination", "bytes")},
    "TCP": {1: ("state_name", "string")},
    "Transport": {1: ("protocol_number", "uint32"), 2: ("source_port", "uint32"),
                  3: ("destination_port", "uint32"), 4: ("TCP", "TCP")},
    "Stats": _STATS,
    "Entry": {1: ("key", "string"), 2: ("value", "string")},
    "Labels": {1: ("labels", Many("Entry"))},
    "Kubernetes": _KUBERNETES,
    "Flow": {1: ("id", "string"), 3: ("start_ts", "Timestamp"), 4: ("end_ts", "Timestamp"),
             5: ("end_reason", "int32"), 6: ("ip", "IP"), 7: ("transport", "Transport"),
             8: ("k8s", "Kubernetes"), 9: ("stats", "Stats"), 10: ("reverse_stats", "Stats"),
             12: ("flow_direction", "int32"), 14: ("proxy_snat_ip", "bytes"),
             15: ("proxy_snat_port", "uint32")},
    "ResumeToken": {1: ("stream_epoch", "string"), 2: ("sequence_number", "int64")},
    "GetFlowsRequest": {1: ("filters", Many("bytes")), 2: ("since", "Timestamp"), 3: ("max_count", "uint32"),
                        4: ("follow", "bool"), 5: ("cluster_wide", "bool"), 6: ("namespaces", Many("string")),
                        7: ("resume", "ResumeToken")},
    "GetFlowsResponse": {1: ("flows", Many("Flow")), 2: ("dropped_count", "uint64"),
                         3: ("resume_token", "ResumeToken"), 4: ("resume_reset", "bool")},
})  # fmt: skip


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def flow(at: float, port: int = 44752, **k8s: Any) -> Any:
    """Return a record of a pod that called another through a Service; further fields are the pods'."""
    made = CLASSES["Flow"](id=f"{port}-{at}")
    made.end_ts.seconds, made.end_ts.nanos = int(at), int(at % 1 * 1e9)
    made.ip.version, made.ip.source, made.ip.destination = 4, packed("10.10.0.79"), packed("10.10.1.80")
    made.transport.protocol_number, made.transport.source_port = 6, port
    made.transport.destination_port, made.transport.TCP.state_name = 8080, "ESTABLISHED"
    told = {
        "source_pod_namespace": "shop", "source_pod_name": "web-6b5-x1", "source_node_name": "node-a",
        "destination_pod_namespace": "shop", "destination_pod_name": "api-0",
        "destination_service_ip": packed("10.96.0.20"), "destination_service_port": 80,
        "destination_service_port_name": "shop/api:http",
    }  # fmt: skip
    for name, value in (told | k8s).items():
        setattr(made.k8s, name, value)
    return made


class FlowAggregator:
    """Hold the ring; ``epoch`` changes when it is restarted, an older one without it cannot resume.

    ``token`` is what clients must log in with, empty for an older one. ``refuse`` is a status to answer with.
    ``requests`` holds what was asked. An answer about what is held ends once ``more`` is set.
    """

    def __init__(self, epoch: str = "one", token: str = "") -> None:
        self.epoch, self.token = epoch, token
        self.ring: list[Any] = []
        self.first = 0
        self.refuse: Status | None = None
        self.requests: list[Any] = []
        self.more = threading.Event()
        self.more.set()

    @property
    def methods(self) -> dict[str, Offered]:
        path = f"/{PACKAGE}.FlowStreamService/GetFlows"
        return {path: Offered(CLASSES["GetFlowsRequest"], CLASSES["GetFlowsResponse"], self.get_flows)}

    def overwrite(self, records: int) -> None:
        """Forget the oldest, as a ring does that is written faster than it is read."""
        self.first += records
        self.ring = self.ring[records:]

    async def get_flows(self, stream: Any) -> None:
        request = await stream.recv_message()
        self.requests.append(request)
        if self.refuse is not None:
            raise GRPCError(self.refuse, "as the test wants it")
        if self.token and stream.metadata.get("authorization") != f"Bearer {self.token}":
            raise GRPCError(Status.UNAUTHENTICATED, "no token")
        if self.token and not request.cluster_wide:
            raise GRPCError(Status.INVALID_ARGUMENT, "exactly one of namespaces and cluster_wide must be set")
        known = bool(self.epoch) and request.resume.stream_epoch == self.epoch
        reset = bool(self.epoch and request.resume.stream_epoch) and not known
        at, dropped = (request.resume.sequence_number + 1 if known else self.first), 0
        reply = self._reply(at, 0)
        reply.resume_reset = reset
        await stream.send_message(reply)
        while True:
            dropped += max(self.first - at, 0)
            at = max(at, self.first)
            new = self.ring[at - self.first :]
            if new:
                at += len(new)
                reply = self._reply(at, dropped)
                reply.flows.extend(f for f in new if f.end_ts.seconds >= request.since.seconds)
                await stream.send_message(reply)
            elif not request.follow and self.more.is_set():
                return
            await asyncio.sleep(0.005)

    def _reply(self, at: int, dropped: int) -> Any:
        reply = CLASSES["GetFlowsResponse"](dropped_count=dropped)
        if self.epoch:
            reply.resume_token.stream_epoch, reply.resume_token.sequence_number = self.epoch, at - 1
        return reply
