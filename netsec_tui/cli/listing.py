"""``netsec-tui list``: the workloads with communications, or the communications of one workload."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from netsec_tui.cli import documents
from netsec_tui.cli.applied_documents import with_applied
from netsec_tui.cli.decisions import changes_document
from netsec_tui.cli.loading import Loaded, choose, load
from netsec_tui.cli.output import note, put, put_json, put_table
from netsec_tui.cli.quality_document import quality_document
from netsec_tui.cli.what_if import HEADINGS, cells, with_what_if
from netsec_tui.cli.workloads import check_namespace
from netsec_tui.core.cluster.dns import over_both
from netsec_tui.core.compare.whatif import what_if
from netsec_tui.model.communication import Communication
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, Peer, PeerSort
from netsec_tui.model.review import Review, Row
from netsec_tui.session.session import WorkloadChoice

WITHHELD = "allowed, no policy"
"""The state of every row where no policy is made, as none of them could be in it."""


def run(args: Namespace) -> int:
    """Print the listing and return the exit code."""
    loaded = load(args)
    as_json = args.output == "json"
    if args.target is None:
        _list_workloads(loaded, as_json)
    else:
        review = choose(loaded, args.target)
        if review.subject.refusal:
            note(f"no policy is possible: {review.subject.refusal}")
        _list_rows(loaded, review, as_json)
    return loaded.exit_code


def _list_workloads(loaded: Loaded, as_json: bool) -> None:
    check_namespace(loaded.session, loaded.namespace)
    choices = [c for c in loaded.session.workloads() if loaded.namespace in ("", c.ref.namespace)]
    if as_json:
        workloads = [documents.workload_choice(choice) for choice in choices]
        asked = documents.timespan(loaded.session.timespan)
        ranges = documents.ranges(loaded.session.inventory, loaded.session.config)
        quality = quality_document(loaded.session.quality(loaded.namespace), rows=False)
        known = {"timespan": asked, "input": loaded.document(), "quality": quality, "ranges": ranges}
        put_json({**known, "workloads": workloads})
        return
    if not choices:
        if loaded.flows:  # else it was said that there is no flow at all
            note("no workload has recorded communications in this scope and timespan")
        return
    put_table(
        ("NAMESPACE", "KIND", "NAME", "INGRESS", "EGRESS", "NOTE"), [_workload_cells(c) for c in choices]
    )


def _workload_cells(choice: WorkloadChoice) -> Sequence[str]:
    remark = "host network: no policy possible" if choice.host_network else ""
    ref = choice.ref
    return (ref.namespace, ref.kind, ref.name, str(choice.ingress), str(choice.egress), remark)


def _list_rows(loaded: Loaded, review: Review, as_json: bool) -> None:
    ground = loaded.session.ground()
    assert ground is not None  # a workload is chosen
    answers = what_if(review, ground)
    if as_json:
        ranges = documents.ranges(loaded.session.inventory, loaded.session.config)
        document = {"input": loaded.document(), "ranges": ranges, **documents.review(review)}
        document["quality"] = quality_document(review.quality)
        document["decisions"] = changes_document(review) if loaded.decisions else None
        put_json(with_applied(with_what_if(document, review, answers), review, ground))
        return
    rows = [row for direction in Direction for row in review.of(direction).rows]
    headings = ("DIRECTION", "STATE", "PEER", "PORT", "ALLOWED", "DENIED", "LAST SEEN", "VIA", "REASON")
    put_table(headings, [_row_cells(row, review.withheld) for row in rows])
    put("\n")
    put_table(HEADINGS, cells(answers))


def _row_cells(row: Row, withheld: str) -> Sequence[str]:
    seen = row.communication
    state = WITHHELD if withheld else str(row.standing)
    state = f"{state} ({row.since})" if row.since else state
    why = "; ".join(filter(None, (row.reason, row.allowed_by and f"allowed by {row.allowed_by}")))
    return (
        str(row.key.direction),
        state,
        _peer_text(row.key.peer),
        _port_text(seen),
        str(seen.counts.allowed),
        str(seen.counts.denied),
        documents.iso(seen.last_seen) or "never",
        ",".join(map(str, seen.via)),
        why,
    )


def _peer_text(peer: Peer) -> str:
    if peer.sort in (PeerSort.OWNER, PeerSort.SERVICE):
        return f"{peer.namespace}/{peer.ref}"
    if peer.sort is PeerSort.API_SERVER:
        return "API server"
    return f"{peer.kind}/{peer.name}" if peer.sort in (PeerSort.NODE, PeerSort.ALIAS) else peer.name


def _port_text(seen: Communication) -> str:
    protocol = "UDP,TCP" if over_both(seen.key) else str(seen.key.protocol)
    known = seen.key.port or seen.key.protocol not in (Protocol.ICMP, Protocol.OTHER)
    return f"{seen.key.port or '?'}/{protocol}" if known else protocol
