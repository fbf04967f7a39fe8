"""The four views of the applied policies as lines: a workload, a peer, the communications, the namespace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netsec_tui.core.words import listed
from netsec_tui.model.applied import AppliedVerdict, Held, Hold, Isolation, NamespaceMap, PolicyUse, Strayed
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Row
from netsec_tui.render.cells import cell_width, crop_spans, pad, wrap
from netsec_tui.render.facts import fact, heading
from netsec_tui.render.literal import literal
from netsec_tui.render.names import full_name, line_name, plural, port_text
from netsec_tui.render.spans import Line, PolicyTarget, Role, Span, Target

OUTCOMES = {
    Reach.ALLOWED: ("allowed", Role.ALLOWED),
    Reach.DENIED: ("denied", Role.REFUSED),
    Reach.PARTLY: ("in part", Role.WARNING),
    Reach.UNKNOWN: ("cannot tell", Role.WARNING),
}
"""What stands before a communication, with its role."""

FREE = "no policy: everything gets in and out"
_NO_LONGER = "no longer: its labels have changed"
_NAMESAKE = "nothing of it: has the name of the generated policy"
_NAMED = 3
_LAST = 16
"""Cells that the last column gets at least before the others are cut."""


Cells = tuple[Span, ...]


def policy_title(applied: AppliedPolicy) -> str:
    """Return kind and name of an applied policy, as targets have it."""
    return f"NetworkPolicy {applied.policy.namespace}/{applied.policy.name}"


def held_lines(held: Held, width: int) -> list[Line]:
    """Return the policies on a workload or peer: what they isolate, how many rules, which of its pods."""
    rows: list[tuple[Target, Cells]] = [
        (
            PolicyTarget(policy_title(hold.policy)),
            (
                Span(literal(hold.policy.policy.name)),
                Span(sides_text(hold.policy.policy), Role.DIM),
                Span(pods_text(hold), Role.PLAIN if hold.whole else Role.WARNING),
            ),
        )
        for hold in held.holds
    ]
    rows += [
        (
            PolicyTarget(policy_title(one.policy)),
            (
                Span(literal(one.policy.policy.name)),
                Span(sides_text(one.policy.policy), Role.DIM),
                Span(stray_text(one), Role.WARNING),
            ),
        )
        for one in held.lost
    ]
    rows += [
        (PolicyTarget(title), (Span(literal(title)), Span("may override", Role.WARNING)))
        for title in held.overriding
    ]
    said = [line for sentence in isolation(held) for line in _wrapped(sentence, width)]
    return [*heading(full_name(held.peer), width), *said, Line(), *_columns(rows, width)]


def stray_text(one: Strayed) -> str:
    """Return what a policy that does not select the workload selects of it, and why."""
    return _NO_LONGER if one.relabelled else _NAMESAKE


def isolation(held: Held) -> list[str]:
    """Return a sentence for each direction: isolated by how many policies, open, or not known."""
    if held.host_network:
        return ["on the host network: no NetworkPolicy selects its pods"]
    if not held.selectable:
        return ["not a pod: no NetworkPolicy selects it"]
    return [_isolation(held, direction) for direction in Direction]


def _isolation(held: Held, direction: Direction) -> str:
    state, holds = held.isolation(direction), held.isolating(direction)
    if state is Isolation.OPEN:
        way = "in" if direction is Direction.INGRESS else "out"
        return f"{direction}: not isolated, everything gets {way}"
    if state is Isolation.UNKNOWN:
        return f"{direction}: not known, no policy that was read isolates it, but another one may"
    some = "" if state is Isolation.ISOLATED else ", not all of its pods"
    verb = "isolates" if len(holds) == 1 else "isolate"
    return f"{direction}: {len(holds)} {'policy' if len(holds) == 1 else 'policies'} {verb} it{some}"


def sides_text(policy: NetworkPolicy) -> str:
    """Return the directions that a policy isolates, with the number of rules that allow something."""
    return ", ".join(
        f"{direction}: {plural(len(policy.rules(direction)), 'rule')}"
        for direction in Direction
        if direction in policy.policy_types
    )


def pods_text(hold: Hold) -> str:
    """Return which pods of a workload a policy selects, for instance ``2 of 3 pods``."""
    if not hold.of:
        return "no pod yet"
    if hold.whole:
        return "its pod" if hold.of == 1 else f"all {hold.of} pods"
    some = f"{hold.pods} of {plural(hold.of, 'pod')}"
    return some if hold.coming or hold.pods < hold.of else f"{some}, not those to come"


def communication_lines(rows: Iterable[tuple[Row, AppliedVerdict]], home: str, width: int) -> list[Line]:
    """Return one line for each communication: what the applied policies make of it, and why."""
    lines: list[Line] = []
    told = list(rows)
    for direction in Direction:
        found = [(row, verdict) for row, verdict in told if row.key.direction is direction]
        lines += [Line()] if lines else []
        lines += heading(f"{direction.capitalize()} ({len(found)})", width)
        lines += _rows_lines(found, home, width)
    return lines


def _rows_lines(found: Sequence[tuple[Row, AppliedVerdict]], home: str, width: int) -> list[Line]:
    cells: list[tuple[Target, Cells]] = []
    for row, verdict in found:
        outcome, role = OUTCOMES[verdict.outcome]
        name, port = Span(line_name(row.key.peer, home)), Span(port_text(row.key))
        cells.append((row.key, (Span(outcome, role), name, port, Span(literal(verdict.short), Role.DIM))))
    return _columns(cells, width)


def verdict_lines(verdict: AppliedVerdict, width: int) -> list[Line]:
    """Return the sentence about a communication, then what either side says."""
    return [
        *fact("In force", literal(verdict.why), width, OUTCOMES[verdict.outcome][1]),
        *fact("Egress", _side_text(verdict, Direction.EGRESS), width),
        *fact("Ingress", _side_text(verdict, Direction.INGRESS), width),
    ]


def _side_text(verdict: AppliedVerdict, direction: Direction) -> str:
    side = verdict.side(direction)
    if not side.sentence:
        return "not a pod: no NetworkPolicy has a say"
    return literal(f"{side.outcome}: {side.sentence}")


def namespace_lines(found: NamespaceMap, home: str, width: int) -> list[Line]:
    """Return every policy with the workloads that it selects, then every workload with its policies."""
    everyone = sum(held.selectable for held in found.workloads)
    policies = [
        (PolicyTarget(policy_title(use.policy)), _use_cells(use, home, everyone)) for use in found.policies
    ]
    workloads = [(held.peer, _held_cells(held, home)) for held in found.workloads]
    return [
        *heading(f"Policies in {literal(found.namespace)} ({len(policies)})", width),
        *_columns(policies, width),
        Line(),
        *heading(f"Workloads in {literal(found.namespace)} ({len(workloads)})", width),
        *_columns(workloads, width),
    ]


def _use_cells(use: PolicyUse, home: str, everyone: int) -> Cells:
    policy = use.policy.policy
    sides = ", ".join(direction for direction in Direction if direction in policy.policy_types)
    names = [line_name(peer, home) + _share(hold) for peer, hold in use.selects]
    text = listed(names, _NAMED)
    if use.note:
        text = f"selects nothing: {literal(use.note)}"
    elif len(names) == everyone and everyone > 1 and all(hold.whole for _, hold in use.selects):
        text = f"all {everyone} workloads"
    return (
        Span(literal(policy.name)),
        Span(sides, Role.DIM),
        Span(text, Role.WARNING if use.note else Role.PLAIN),
    )


def _share(hold: Hold) -> str:
    return "" if hold.whole or not hold.of else f" ({pods_text(hold)})"


def _held_cells(held: Held, home: str) -> Cells:
    names = [literal(hold.policy.policy.name) for hold in held.holds]
    names += [f"{literal(title)} may override" for title in held.overriding]
    if held.host_network or not held.selectable:
        said = Span(isolation(held)[0], Role.DIM)
    else:
        said = Span(listed(names, _NAMED), Role.PLAIN) if names else Span(FREE, Role.WARNING)
    return (Span(line_name(held.peer, home)), said)


def _columns(rows: Sequence[tuple[Target, Cells]], width: int) -> list[Line]:
    """Return aligned lines; the last cell of a line takes the room that is left."""
    padded: list[int] = []
    for place in range(max((len(cells) for _, cells in rows), default=0) - 1):
        texts = [cells[place].text for _, cells in rows if place < len(cells) - 1]
        padded.append(max(map(cell_width, texts), default=0))
    if sum(padded) + _LAST > width:
        padded = [min(needed, max(width * 2 // 5, 16)) for needed in padded]
    lines = []
    for target, cells in rows:
        spans: list[Span] = []
        for place, cell in enumerate(cells[:-1]):
            spans += crop_spans((Span(pad(cell.text, padded[place]), cell.role),), padded[place])
            spans.append(Span("  "))
        lines.append(Line(crop_spans((*spans, cells[-1]), width), target))
    return lines


def _wrapped(text: str, width: int) -> list[Line]:
    return [Line((Span(part, Role.DIM),)) for part in wrap(text, width)]
