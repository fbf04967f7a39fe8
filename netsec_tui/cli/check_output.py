"""Turn answers into text for people and into the JSON shapes of docs/headless.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netsec_tui.cli.check_answer import Answer, Case, Pairs, shares, side_reason, why
from netsec_tui.model.connection import Outcome, RuleRef, SideVerdict
from netsec_tui.model.identity import Direction
from netsec_tui.render.literal import literal

Document = dict[str, Any]


def text(found: Answer) -> str:
    """Return an answer as lines: the headline, the verdicts with the pairs that have them, the notes."""
    port = f"{found.protocol}/{found.port}" if found.port else str(found.protocol)
    lines = [f"{found.source} -> {found.destination} {port}: {_headline(found)}"]
    several = len(found.cases) > 1
    for case, pairs in found.cases.items():
        if several:
            lines.append(f"{pairs.count} pair{'s' * (pairs.count > 1)} {case.outcome}")
        lines += [f"  {_side_line(d, case.verdict.side(d))}" for d in reversed(Direction)]
        if case.loopback:
            lines.append(f"  {why(case)}")
        if several:
            lines += [f"    {source} -> {destination}" for source, destination in pairs.examples]
            lines += [f"    and {_left(pairs)} more"] if _left(pairs) else []
    lines += [f"  {found.unknown}"] if found.unknown else []
    lines += [f"note: {sentence}" for sentence in found.notes]
    return "".join(f"{literal(line)}\n" for line in lines)


def _headline(found: Answer) -> str:
    if not found.cases:
        return "cannot tell"
    if len(found.outcomes) > 1:
        return f"mixed ({shares(found)})"
    outcome = "cannot tell" if found.outcomes == {Outcome.UNDECIDED} else str(*found.outcomes)
    total = found.counts.total()
    return f"{outcome} (all {total} pairs)" if total > 1 else outcome


def _side_line(direction: Direction, side: SideVerdict) -> str:
    return f"{direction:<7}  {side.outcome}: {side_reason(side)}"


def _left(pairs: Pairs) -> int:
    return pairs.count - len(pairs.examples)


def line(found: Answer) -> Document:
    """Return an answer in short, as a line of a batch has it."""
    return {
        "from": found.source,
        "to": found.destination,
        "protocol": str(found.protocol),
        "port": found.port or None,
        "egress": str(found.side(Direction.EGRESS)),
        "ingress": str(found.side(Direction.INGRESS)),
        "allowed": found.allowed,
        "policies": list(dict.fromkeys(f"{ref.namespace}/{ref.policy}" for ref in found.rules)),
        "reason": found.reason,
        "notes": list(found.notes),
    }


def document(found: Answer) -> Document:
    """Return an answer with every verdict that some pair has."""
    counts = found.counts
    return {
        **line(found),
        "pairs": {"total": counts.total()} | {str(outcome): counts[outcome] for outcome in Outcome},
        "verdicts": [_verdict(case, pairs) for case, pairs in found.cases.items()],
    }


def _verdict(case: Case, pairs: Pairs) -> Document:
    return {
        "outcome": str(case.outcome),
        "port": case.port or None,
        "loopback": case.loopback,
        "egress": _side(case.verdict.egress),
        "ingress": _side(case.verdict.ingress),
        "reason": why(case),
        "pairs": pairs.count,
        "examples": [{"from": source, "to": destination} for source, destination in pairs.examples],
    }


def _side(side: SideVerdict) -> Document:
    return {
        "outcome": str(side.outcome),
        "isolatedBy": _refs(side.isolated_by),
        "allowedBy": _refs(side.allowed_by),
        "doubt": str(side.doubt) if side.doubt else None,
        "notes": list(side.notes),
    }


def _refs(refs: Iterable[RuleRef]) -> list[Document]:
    return [
        {"namespace": r.namespace, "policy": r.policy, "direction": str(r.direction), "rule": r.index}
        for r in refs
    ]
