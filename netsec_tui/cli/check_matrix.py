"""Print the whole connectivity, by pod owners."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from netsec_tui.cli.check_state import Cluster
from netsec_tui.cli.exits import CANNOT_TELL, DONE
from netsec_tui.cli.output import note, put, put_json, put_table
from netsec_tui.core.evaluate import AddressRange, OwnerLink, PortSet, connectivity, owner_links
from netsec_tui.core.evaluate.addresses import address_text
from netsec_tui.core.evaluate.owners import OwnerEnd
from netsec_tui.core.evaluate.ports import PROTOCOLS
from netsec_tui.render.literal import literal

_HEADINGS = ("from", "to", "ports", "possible_ports")


def run(cluster: Cluster, form: str) -> int:
    """Print every pair of owners, or of an owner and addresses, that may talk; return the exit code."""
    matrix = connectivity(
        cluster.policies.all,
        cluster.state.pods,
        ipblock_matches_pods=cluster.state.ipblock_matches_pods,
    )
    links = list(owner_links(matrix))
    notes = _notes(cluster, sorted({_end_text(pod.ref) for pod in matrix.left_out}))
    if form == "json":
        put_json({"input": cluster.document(), "notes": notes, "links": [_document(link) for link in links]})
        return _exit_code(cluster)
    for sentence in notes:
        note(sentence)
    if form == "csv":
        put(_csv(links))
    else:
        put_table(("FROM", "TO", "PORTS", "PORTS OF SOME PODS ONLY"), [_cells(link) for link in links])
    return _exit_code(cluster)


def _exit_code(cluster: Cluster) -> int:
    """Return what the input says, else 2 when policies exist that are not known."""
    return cluster.exit_code or (CANNOT_TELL if cluster.state.overrides else DONE)


def _notes(cluster: Cluster, left_out: Iterable[str]) -> list[str]:
    notes = [
        f"{end} is on the host network and left out: policies see its node's address, if anything"
        for end in left_out
    ]
    unborn = [pod for pod in cluster.state.pods if pod.synthetic and not pod.host_network]
    notes += [f"{pod} has no pods; one as its template makes them stands for them" for pod in unborn]
    return notes + [f"{o.kind} {o.name} is not part of this" for o in cluster.state.overrides]


def _cells(link: OwnerLink) -> tuple[str, ...]:
    some = "" if link.possible == link.certain else str(link.possible)
    return _end_text(link.source), _end_text(link.destination), str(link.certain), some


def _csv(links: Iterable[OwnerLink]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(_HEADINGS)
    for link in links:
        cells = (_end_text(link.source), _end_text(link.destination), link.certain, link.possible)
        writer.writerow(literal(str(cell)) for cell in cells)
    return written.getvalue()


def _end_text(end: OwnerEnd) -> str:
    return str(end) if isinstance(end, AddressRange) else f"{end.namespace}/{end}"


def _document(link: OwnerLink) -> dict[str, Any]:
    return {
        "from": _end_document(link.source),
        "to": _end_document(link.destination),
        "ports": _ports_document(link.certain),
        "possiblePorts": _ports_document(link.possible),
    }


def _end_document(end: OwnerEnd) -> dict[str, Any]:
    if not isinstance(end, AddressRange):
        return {"type": "owner", "namespace": end.namespace, "kind": end.kind, "name": end.name}
    spans = [
        {"first": address_text(s.family, s.first), "last": address_text(s.family, s.last)} for s in end.spans
    ]
    return {"type": "addresses", "ranges": spans}


def _ports_document(ports: PortSet) -> list[dict[str, Any]]:
    return [
        {"protocol": protocol, "first": entry.first, "last": entry.last}
        for protocol, ranges in zip(PROTOCOLS, ports, strict=True)
        for entry in ranges
    ]
