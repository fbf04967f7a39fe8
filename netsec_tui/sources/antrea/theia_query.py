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

_BEFORE = 120
"""Seconds in which all records of a connection of one minute are inserted, and some to spare."""

_LAST, _ENDED, _MINUTE, _ANSWERED, _REFUSED = "lastSeen", "ended", "minute", "answered", "refused"
"""Names of their own: ClickHouse would take the name of a column for what it stands for here."""


def missing(columns: Collection[str]) -> str:
    """Return a sentence when the table is not there, or is not Theia's; empty when it is."""
    if not columns:
        return f"ClickHouse has no table {TABLE} that may be read; is Theia installed there?"
    lacking = [name for name in _NEEDED if name not in columns]
    return f"ClickHouse's table {TABLE} has no column {lacking[0]}; is it Theia's?" if lacking else ""


def edges(columns: Collection[str], after: int, until: int, since: int) -> str:
    """Return the query for what was inserted after one time and until another, in epoch seconds.

    A connection has many records, of which several parts that are asked for may have one. It counts in the
    part with the first of the minute; what was inserted until ``since`` is of no part.
    """
    grouped = ", ".join(name for name in _GROUPED if name in columns)
    refused = "tcpState = 'CLOSE' AND reversePacketTotalCount <= 1" if "tcpState" in columns else "0"
    told_apart = f"{grouped}, {_ANSWERED}, {_REFUSED}, {_MINUTE}"
    connections = (
        f"SELECT {grouped}, reversePacketTotalCount > 0 AS {_ANSWERED}, {refused} AS {_REFUSED}, "
        f"toStartOfMinute(flowEndSeconds) AS {_MINUTE}, toUnixTimestamp(max(flowEndSeconds)) AS {_ENDED} "
        f"FROM {TABLE} WHERE timeInserted > toDateTime({max(after - _BEFORE, since)}) "
        f"AND timeInserted <= toDateTime({until}) "
        f"GROUP BY {told_apart}, sourceTransportPort, flowStartSeconds "
        f"HAVING min(timeInserted) > toDateTime({after})"
    )
    return (
        f"SELECT {grouped}, {_ANSWERED}, {_REFUSED}, max({_ENDED}) AS {_LAST}, count() AS {CONNECTIONS} "
        f"FROM ({connections}) GROUP BY {told_apart} ORDER BY {_LAST}"
    )


def row_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of that query under the names that the table has."""
    row = dict(summary)
    row["flowEndSeconds"] = row.pop(_LAST, None)
    row["reversePacketTotalCount"] = row.pop(_ANSWERED, 0)
    row["tcpState"] = "CLOSE" if row.pop(_REFUSED, 0) else ""
    return row
