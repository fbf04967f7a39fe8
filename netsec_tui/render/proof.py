"""The proof of a generated policy as text: a line or two under the policy, and the whole list."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netsec_tui.core.prove.tally import row_title
from netsec_tui.model.cni import Cni
from netsec_tui.model.identity import Direction
from netsec_tui.model.proof import Breach, Opener, Proof, Reach
from netsec_tui.model.review import Review, Row, Standing
from netsec_tui.render.cells import cell_width, wrap
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, Span

_NAMES = 2
"""How many pods the line under the policy names before it counts."""


def proof_parts(proof: Proof) -> list[tuple[str, Role]]:
    """Return what the line under the policy says, in parts that may stand on lines of their own."""
    not_allowed = proof.count(Breach.NOT_ALLOWED, Breach.NOT_TOLD)
    not_denied = proof.count(Breach.NOT_DENIED, Breach.CUT)
    included = [f"{proof.allowed} of {proof.included} included allowed", *_besides_allowed(proof)]
    excluded = [f"{proof.denied} of {proof.excluded} excluded denied", *_besides_denied(proof)]
    return [
        (", ".join(included), Role.REFUSED if not_allowed else Role.PLAIN),
        (", ".join(excluded), Role.REFUSED if not_denied else Role.PLAIN),
        _opened(proof),
        _isolated(proof),
    ]


def _besides_allowed(proof: Proof) -> list[str]:
    wrong, untold = proof.count(Breach.NOT_ALLOWED), proof.count(Breach.NOT_TOLD)
    return [f"{wrong} not"] * bool(wrong) + [f"{untold} cannot tell"] * bool(untold)


def _besides_denied(proof: Proof) -> list[str]:
    wrong, cut = proof.count(Breach.NOT_DENIED), proof.count(Breach.CUT)
    parts = [f"{wrong} not"] * bool(wrong) + [f"{cut} cut that was seen to get in"] * bool(cut)
    parts += [f"{proof.named} allowed by wider rules"] * bool(proof.named)
    return parts + [f"{proof.undecided} cannot tell"] * bool(proof.undecided)


def _opened(proof: Proof) -> tuple[str, Role]:
    pods = [finding for finding in proof.findings if finding.breach is Breach.POD_OPENED]
    addresses = proof.count(Breach.ADDRESSES_OPENED)
    if not pods and not addresses:
        return "0 opened unseen", Role.PLAIN
    named = [f"{finding.who} on {finding.ports}" for finding in pods[:_NAMES]]
    if len(pods) > _NAMES:
        named.append(f"{_count(len(pods) - _NAMES, 'more pod')}")
    if addresses:
        named.append(_count(addresses, "address", "addresses"))
    return literal(f"opened unseen: {', '.join(named)}"), Role.REFUSED


def _isolated(proof: Proof) -> tuple[str, Role]:
    count = proof.count(Breach.ISOLATED)
    missed = proof.count(Breach.NOT_SELECTED)
    text = f"{count} isolated by accident"
    text += f", {missed} of its own not selected" if missed else ""
    return text, Role.REFUSED if count or missed else Role.PLAIN


def proof_lines(proof: Proof, width: int, joint: str) -> list[Line]:
    """Return the parts of the proof in as few lines of at most ``width`` cells as they take."""
    lines: list[list[Span]] = []
    used = width + 1
    for text, role in proof_parts(proof):
        for part in wrap(text, max(width, 20)):
            needed = cell_width(joint) + cell_width(part)
            if used + needed > width:
                lines.append([Span(part, role)])
                used = cell_width(part)
            else:
                lines[-1] += [Span(joint, Role.DIM), Span(part, role)]
                used += needed
    return [Line(tuple(spans)) for spans in lines]


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def proof_page(review: Review, width: int) -> list[Line]:
    """Return the whole proof as lines: counts, findings, what cannot be told, what the CNI does."""
    proof = review.proof
    lines = [Line((Span(text, role),)) for text, role in proof_parts(proof)]
    for breach in Breach:
        found = [finding.sentence for finding in proof.findings if finding.breach is breach]
        lines += _section(breach.value, found, width, Role.REFUSED)
    if proof.clean:
        nothing = "Nothing is known to be let through, held back or isolated that was not decided so."
        lines += [Line(), *(Line((Span(part, Role.ALLOWED),)) for part in wrap(nothing, max(width, 20)))]
    rows = [row for direction in Direction for row in review.of(direction).rows]
    for heading, wanted in _OPEN:
        lines += _section(heading, [_told(row) for row in rows if wanted(row)], width, Role.PLAIN)
    return [*lines, *_cni(review.cni, width)]


def _section(heading: str, sentences: list[str], width: int, role: Role) -> list[Line]:
    if not sentences:
        return []
    lines = [Line(), Line((Span(f"{heading} ({len(sentences)})", Role.HEADING),))]
    return lines + [line for sentence in sentences for line in _wrapped(sentence, width, role)]


def _told(row: Row) -> str:
    why = f"allowed by {row.allowed_by}" if row.allowed_by else row.reason
    return f"{row_title(row)}: {why}" if why else row_title(row)


_OPEN: tuple[tuple[str, Callable[[Row], bool]], ...] = (
    (
        "excluded, but allowed by wider rules",
        lambda row: not row.ticked and row.in_policy and row.opener is Opener.RANGE,
    ),
    (
        "excluded, cannot tell",
        lambda row: (
            row.standing is Standing.OUT and row.reach not in (Reach.DENIED, Reach.ALLOWED) and not row.cut
        ),
    ),
    ("no NetworkPolicy can express it", lambda row: row.standing is Standing.NOT_EXPRESSIBLE),
)


def _cni(cni: Cni | None, width: int) -> Iterator[Line]:
    yield Line()
    if cni is None:
        yield from _wrapped(
            "Which CNI the cluster runs is not seen; the proof is of what the NetworkPolicy API says.",
            width,
            Role.DIM,
        )
        return
    yield Line((Span(literal(f"{cni.name} runs here; what it does differently"), Role.HEADING),))
    for sentence in cni.differences:
        yield from _wrapped(sentence, width, Role.PLAIN)


def _wrapped(sentence: str, width: int, role: Role) -> Iterator[Line]:
    first, *rest = wrap(literal(sentence), max(width - 2, 20))
    yield Line((Span("- ", Role.DIM), Span(first, role)))
    for part in rest:
        yield Line((Span("  "), Span(part, role)))
