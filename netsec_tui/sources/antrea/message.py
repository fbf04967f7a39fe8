"""What Antrea's flow records tell, as decoded protobuf messages (proto.py)."""

from __future__ import annotations

from typing import Any

from netsec_tui.model.flow import Flow
from netsec_tui.sources.antrea.decode import UnusableError, address_of, port_of, require
from netsec_tui.sources.antrea.flows import Connections, End, Seen, is_answered, is_refused, service_of
from netsec_tui.sources.problem import Problem


class AntreaMessageDecoder:
    """Decode messages one by one, sharing the endpoints that repeat."""

    def __init__(self) -> None:
        self._connections = Connections()

    def decode(self, message: Any) -> list[Flow | Problem]:
        """Return the flows in a message, nothing for what repeats within the minute. Never raises."""
        try:
            return [*self._connections.flows(_seen(message))]
        except UnusableError as error:
            return [Problem(str(error))]


def ended_at(message: Any) -> float:
    """Return when the last packet of a record was seen, in epoch seconds; 0.0 when it does not tell."""
    stamp = message.end_ts if message.end_ts.seconds > 0 else message.start_ts
    return float(max(stamp.seconds + stamp.nanos / 1e9, 0.0))


def _seen(message: Any) -> Seen:
    ip, transport, k8s, back = message.ip, message.transport, message.k8s, message.reverse_stats
    source, destination, at = address_of(ip.source), address_of(ip.destination), ended_at(message)
    state, packets = transport.TCP.state_name, max(back.packet_total_count, back.packet_delta_count)
    require(source, destination, transport.protocol_number, at)
    return Seen(
        at,
        transport.protocol_number,
        End(source, k8s.source_pod_namespace, k8s.source_pod_name, _labels(k8s.source_pod_labels),
            k8s.source_node_name),
        port_of(transport.source_port),
        End(destination, k8s.destination_pod_namespace, k8s.destination_pod_name,
            _labels(k8s.destination_pod_labels), k8s.destination_node_name),
        port_of(transport.destination_port),
        k8s.ingress_network_policy_rule_action,
        k8s.egress_network_policy_rule_action,
        is_answered(state, packets),
        service_of(k8s.destination_service_port_name),
        address_of(k8s.destination_service_ip or k8s.destination_cluster_ip),
        port_of(k8s.destination_service_port),
        (address_of(message.proxy_snat_ip), port_of(message.proxy_snat_port)),
        is_refused(state, packets),
    )  # fmt: skip


def _labels(labels: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((label.key, label.value) for label in labels.labels)) if labels.labels else ()
