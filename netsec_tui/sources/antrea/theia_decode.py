"""Decode rows of Theia's table ``flows`` in ClickHouse (antrea-io/theia, create_table.sh).

Newer versions have more columns; those that are not there say nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from netsec_tui.model.flow import Flow, Labels
from netsec_tui.sources.antrea.decode import UnusableError, labels_of, port_of, require
from netsec_tui.sources.antrea.flows import Connections, End, Seen, is_answered, is_refused, service_of
from netsec_tui.sources.fields import canonical_ip, count, text, whole
from netsec_tui.sources.problem import Problem

CONNECTIONS = "connections"
"""The column of a summary that tells how many connections a row stands for."""


def looks(head: bytes) -> bool:
    """Tell whether the first bytes of an input are rows of the table in JSON (format JSONEachRow)."""
    return b'"destinationTransportPort"' in head and b'"sourceIP"' in head


class TheiaDecoder:
    """Decode rows one by one, sharing the endpoints that repeat."""

    def __init__(self) -> None:
        self._connections = Connections()

    def decode(self, value: object) -> list[Flow | Problem]:
        """Return the flows in a row, nothing for what repeats within the minute. Never raises."""
        if type(value) is not dict:
            return [Problem("not a row of Theia's flows: a JSON object is expected")]
        try:
            return [*self._connections.flows(_seen(value))]
        except UnusableError as error:
            return [Problem(str(error))]


def _seen(row: Mapping[str, Any]) -> Seen:
    get = row.get
    source, destination = canonical_ip(get("sourceIP")), canonical_ip(get("destinationIP"))
    protocol = count(get("protocolIdentifier"))
    at = _seconds(get("flowEndSeconds"))
    require(source, destination, protocol, at)
    back = _back(row)
    service_ip = canonical_ip(get("destinationServiceIP")) or canonical_ip(get("destinationClusterIP"))
    return Seen(
        at,
        protocol,
        _end(row, source, "source"),
        port_of(count(get("sourceTransportPort"))),
        _end(row, destination, "destination"),
        port_of(count(get("destinationTransportPort"))),
        count(get("ingressNetworkPolicyRuleAction")),
        count(get("egressNetworkPolicyRuleAction")),
        is_answered(*back) if back else None,
        service_of(text(get("destinationServicePortName"))),
        service_ip,
        port_of(count(get("destinationServicePort"))),
        refused=bool(back and is_refused(*back)),
        connections=count(get(CONNECTIONS)),
    )


def _back(row: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the TCP state and the packets that came back, None where neither is told."""
    if "reversePacketTotalCount" not in row and "tcpState" not in row:
        return None
    back = (count(row.get(f"reversePacket{kind}Count")) for kind in ("Total", "Delta"))
    return text(row.get("tcpState")), max(back)


def _end(row: Mapping[str, Any], ip: str, side: str) -> End:
    namespace, pod = text(row.get(f"{side}PodNamespace")), text(row.get(f"{side}PodName"))
    return End(ip, namespace, pod, _labels(row.get(f"{side}PodLabels")), text(row.get(f"{side}NodeName")))


def _labels(raw: object) -> Labels:
    """Return labels from their JSON text, which is empty where the exporter does not tell them."""
    try:
        return labels_of(json.loads(raw)) if type(raw) is str and raw else ()
    except (ValueError, RecursionError):
        return ()


def _seconds(value: object) -> float:
    """Return epoch seconds; a time without a zone is taken for UTC.

    ClickHouse writes a DateTime in the server's zone and does not say which that is, except with
    ``date_time_output_format='iso'``.
    """
    number = whole(value)
    if number:
        return float(number)
    if type(value) is not str:
        return 0.0
    try:
        moment = datetime.fromisoformat(value)
        return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), 0.0)
    except (ValueError, OverflowError):
        return 0.0
