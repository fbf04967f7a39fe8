"""Count rows by what they are to be and what evaluating the policy says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from operator import is_not

from netsec_tui.core.cluster.dns import over_both
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import CommunicationKey, Direction, Peer, PeerSort
from netsec_tui.model.proof import Breach, Finding, Opener, Proof, Reach
from netsec_tui.model.review import Row, Standing

_NODES = (PeerSort.NODE, PeerSort.EXTERNAL)
"""Peers of which a part, the pod's own node, always gets in."""

_Fields = tuple[str, ...]
"""The counts of a proof that a row adds to."""


class Tally:
    """Count the rows of one direction; those that are the same objects as before are not looked at again."""

    def __init__(self) -> None:
        self._general: GeneralRule | None = None
        self._rows: tuple[Row, ...] = ()
        self._fields: list[_Fields] = []
        self._findings: dict[int, Finding] = {}
        self._counts: Counter[_Fields] = Counter()

    def follow(self, rows: tuple[Row, ...], general: GeneralRule) -> None:
        """Count these rows; what the general rule lets through is included by that."""
        same = general is self._general and len(rows) == len(self._rows)
        changed = [n for n, other in enumerate(map(is_not, rows, self._rows)) if other] if same else []
        if not same or 2 * len(changed) > len(rows):
            self._start(rows, general)
        else:
            for number in changed:
                self._count(number, *_counted(rows[number], general))
        self._general, self._rows = general, rows

    def _start(self, rows: tuple[Row, ...], general: GeneralRule) -> None:
        counted = [_counted(row, general) for row in rows]
        self._fields = [fields for fields, _ in counted]
        self._counts = Counter(self._fields)
        self._findings = {number: finding for number, (_, finding) in enumerate(counted) if finding}

    def _count(self, number: int, fields: _Fields, finding: Finding | None) -> None:
        self._counts[self._fields[number]] -= 1
        self._counts[fields] += 1
        self._fields[number] = fields
        self._findings.pop(number, None)
        if finding:
            self._findings[number] = finding

    @property
    def counts(self) -> Counter[str]:
        """Return the counts of a proof by field."""
        found: Counter[str] = Counter()
        for fields, count in self._counts.items():
            found.update(dict.fromkeys(fields, count))
        return found

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong with rows, in their order."""
        return tuple(finding for _, finding in sorted(self._findings.items()))


def proof_of(tallies: Iterable[Tally], more: Iterable[Finding]) -> Proof:
    """Return the counts and findings of rows as a proof, with further findings after them."""
    counts: Counter[str] = Counter()
    findings: list[Finding] = []
    for tally in tallies:
        counts.update(tally.counts)
        findings += tally.findings
    return Proof(
        included=counts["included"],
        allowed=counts["allowed"],
        excluded=counts["excluded"],
        denied=counts["denied"],
        named=counts["named"],
        undecided=counts["undecided"],
        beyond=counts["beyond"],
        findings=(*findings, *more),
    )


def _counted(row: Row, general: GeneralRule) -> tuple[_Fields, Finding | None]:
    if row.standing is Standing.NOT_EXPRESSIBLE:
        return ("beyond",), None
    if row.opener is Opener.GENERAL and row.reach is Reach.ALLOWED:
        return ("included", "allowed"), None
    if row.ticked and not (row.suspended and general is GeneralRule.BLOCK_ALL):
        return _included(row)
    return _excluded(row)


def _included(row: Row) -> tuple[_Fields, Finding | None]:
    if row.reach is Reach.ALLOWED:
        return ("included", "allowed"), None
    if row.reach is Reach.UNKNOWN:
        what = f"is included, but it cannot be told: {row.reason}"
        return ("included",), _of_row(Breach.NOT_TOLD, row, what)
    return ("included",), _of_row(Breach.NOT_ALLOWED, row, f"is included, but {row.reach}: {row.reason}")


def _excluded(row: Row) -> tuple[_Fields, Finding | None]:
    own_node = row.opener is Opener.NOTHING and row.key.peer.sort in _NODES
    if row.cut:
        what = f"was let in, but {row.reason}; tick or untick it"
        return ("excluded",), _of_row(Breach.CUT, row, what)
    if row.reach is Reach.DENIED:
        return ("excluded", "denied"), None
    if row.reach is Reach.UNKNOWN or own_node:
        return ("excluded", "undecided"), None
    if row.opener in (Opener.GENERAL, Opener.RANGE):
        return ("excluded", "named"), None
    why = f"allowed by {row.allowed_by}" if row.allowed_by else row.reason
    return ("excluded",), _of_row(Breach.NOT_DENIED, row, f"is excluded, but {why}")


def _of_row(breach: Breach, row: Row, what: str) -> Finding:
    key, sentence = row.key, f"{row_title(row)} {what}"
    return Finding(breach, peer_title(key.peer), sentence, key.direction, _ports(key), key=key)


def _ports(key: CommunicationKey) -> str:
    protocol = "UDP+TCP" if over_both(key) else str(key.protocol)
    return f"{key.port}/{protocol}" if key.port else protocol


def row_title(row: Row) -> str:
    """Return a row for a sentence, for instance ``egress to Deployment/db in data on 5432/TCP``."""
    key = row.key
    word = "from" if key.direction is Direction.INGRESS else "to"
    return f"{key.direction} {word} {peer_title(key.peer)} on {_ports(key)}"


def peer_title(peer: Peer) -> str:
    """Return a peer for a sentence."""
    if peer.unresolved or peer.sort in (PeerSort.DNS, PeerSort.EXTERNAL):
        return peer.name
    return f"{peer.kind}/{peer.name}" + (f" in {peer.namespace}" if peer.namespace else "")
