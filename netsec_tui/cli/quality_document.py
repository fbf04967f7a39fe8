"""Turn the quality of an observation into the JSON shape of docs/headless.md."""

from __future__ import annotations

from typing import Any

from netsec_tui.cli import documents
from netsec_tui.model.quality import Quality, Watched


def quality_document(quality: Quality, *, rows: bool = True) -> dict[str, Any]:
    """Return everything that is known; ``rows`` is False where no workload is looked at."""
    silent = quality.silent
    return {
        "nothingKnownMissing": quality.nothing_known_missing,
        "askedSeconds": quality.asked.seconds,
        "coveredSeconds": int(quality.covered),
        "coveredByFlowsSeconds": int(quality.by_flows),
        "sources": [_source(source) for source in quality.sources],
        "nodes": {
            "reporting": None if quality.nodes is None else list(quality.nodes),
            "present": None if quality.present is None else list(quality.present),
            "notReporting": list(quality.missing),
            "covered": [{"node": node, "seconds": int(seconds)} for node, seconds in quality.by_node],
        },
        "lost": {
            "events": quality.events_lost,
            "reasons": [{"lost": one.count, "reason": one.reason} for one in quality.lost],
        },
        "sampling": quality.sampling,
        "rows": {
            "seen": quality.rows,
            "directionInferred": quality.inferred,
            "withoutAddress": quality.unaddressed,
        }
        if rows
        else None,
        "workloadsWithoutTraffic": None
        if silent is None
        else {"cluster": silent.cluster, "names": [documents.workload(ref) for ref in silent.workloads]},
        "idleConnections": quality.idle,
        "syntheticFlows": quality.synthetic,
    }


def _source(source: Watched) -> dict[str, Any]:
    return {
        "name": source.origin or None,
        "since": documents.iso(source.since),
        "until": documents.iso(source.until),
        "byFlows": not source.told,
        "nodes": None if source.nodes is None else list(source.nodes),
        "nodesByFlows": source.nodes_by_flows,
        "sampling": source.sampling,
        "idleConnections": source.idle,
        "addresses": source.addresses,
    }
