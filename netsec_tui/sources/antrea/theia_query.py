"""What ClickHouse is asked: the connections of Theia's table, added up by who talked to whom and minute."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from netsec_tui.sources.antrea.theia_decode import CONNECTIONS

TABLE = "flows"
COLUMNS = f"SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{TABLE}'"
NOW = "SELECT toUnixTimestamp(now()) AS now"

_NEEDED = (
    "timeInserted", "flowStartSeconds", "flowEndSeconds", "sourceIP", "sourceTransportPort", "destinationIP",
    "destinationTransportPort", "protocolIdentifier", "reversePacketTotalCount",
)  # fmt: skip
_GROUPED = (
    "sourceIP", "sourcePodNamespace", "sourcePodName", "sourcePodLabels", "sourceNodeName",
    "destinationIP", "destinationPodNamespace", "destinationPodName", "destinationPodLabels",
    "destinationNodeName", "destinationTransportPort", "protocolIdentifier", "destinationClusterIP",
    "destinationServiceIP", "destinationServicePort", "destinationServicePortName",
    "ingressNetworkPolicyRuleAction", "egressNetworkPolicyRuleAction",
)  # fmt: skip
"""What tells two ends and a policy's decision apart; versions lack some of it."""

_ENDED, _ANSWERED, _REFUSED = "lastSeen", "answered", "refused"
"""Names of their own: ClickHouse would take the name of a column for what it stands for here."""


def missing(columns: Collection[str]) -> str:
    """Return a sentence when the table is not there, or is not Theia's; empty when it is."""
    if not columns:
        return f"ClickHouse has no table {TABLE} that may be read; is Theia installed there?"
    lacking = [name for name in _NEEDED if name not in columns]
    return f"ClickHouse's table {TABLE} has no column {lacking[0]}; is it Theia's?" if lacking else ""


def edges(columns: Collection[str], after: int, until: int) -> str:
    """Return the query for what was inserted after one time and until another, in epoch seconds."""
    grouped = ", ".join(name for name in _GROUPED if name in columns)
    refused = "tcpState = 'CLOSE' AND reversePacketTotalCount <= 1" if "tcpState" in columns else "0"
    return (
        f"SELECT {grouped}, reversePacketTotalCount > 0 AS {_ANSWERED}, {refused} AS {_REFUSED}, "
        f"toUnixTimestamp(max(flowEndSeconds)) AS {_ENDED}, "
        f"uniqExact(sourceTransportPort, flowStartSeconds) AS {CONNECTIONS} "
        f"FROM {TABLE} WHERE timeInserted > toDateTime({after}) AND timeInserted <= toDateTime({until}) "
        f"GROUP BY {grouped}, {_ANSWERED}, {_REFUSED}, toStartOfMinute(flowEndSeconds) ORDER BY {_ENDED}"
    )


def row_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of that query under the names that the table has."""
    row = dict(summary)
    row["flowEndSeconds"] = row.pop(_ENDED, None)
    row["reversePacketTotalCount"] = row.pop(_ANSWERED, 0)
    row["tcpState"] = "CLOSE" if row.pop(_REFUSED, 0) else ""
    return row
