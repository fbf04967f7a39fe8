"""What is behind a rule of the generated policy, and which rules a row is in, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netsec_tui.core.generate.provenance import Provenance
from netsec_tui.core.words import rule_port_text
from netsec_tui.model.communication import Counts
from netsec_tui.model.connection import NAMESPACE_NAME_LABEL
from netsec_tui.model.flow import Labels
from netsec_tui.model.policy import PolicyPeer
from netsec_tui.model.provenance import Origins, RowRules, RulePlace
from netsec_tui.model.review import Review, Row
from netsec_tui.render.cells import wrap
from netsec_tui.render.facts import fact, heading, joined, listed
from netsec_tui.render.literal import literal
from netsec_tui.render.names import full_name, labels_text, line_name, plural, port_text
from netsec_tui.render.spans import Line, Role, Span

MOST_ROWS = 200
"""Rows that a detail lists; the rest is counted."""
_FEW_ROWS = 3
"""Rows that a sentence names."""
_INDENT = 2


def rules_text(review: Review, found: RowRules) -> str:
    """Return for instance ``egress rule 2 of deployment-web``, rules counted from 1; empty for none."""
    if not found.rules:
        return ""
    first = found.rules[0]
    numbers = [str(place.rule + 1) for place in found.rules if place.rule is not None]
    rules = f"rule {numbers[0]}" if len(numbers) == 1 else f"rules {', '.join(numbers)}"
    return f"{first.direction} {rules} of {literal(review.policies[first.policy].name)}"


def place_name(review: Review, place: RulePlace) -> str:
    """Return for instance ``egress rule 2 of deployment-web, 203.0.113.7/32``."""
    policy = review.policies[place.policy]
    if place.rule is None:
        return f"{place.direction} of {literal(policy.name)}"
    whole = rules_text(review, RowRules((place,)))
    rule = policy.rules(place.direction)[place.rule]
    if place.peer is not None:
        return f"{whole}, {_peer_text(rule.peers[place.peer])}"
    return f"{whole}, {literal(rule_port_text(rule.ports[place.port]))}" if place.port is not None else whole


def origins_sentence(review: Review, found: Origins) -> str:
    """Say in one line what is behind a place of the policy."""
    home = review.subject.ref.namespace
    rows = sorted(found.rows, key=_most_flows)
    behind = ""
    if rows:
        named = listed((f"{line_name(row.key.peer, home)} {port_text(row.key)}" for row in rows), _FEW_ROWS)
        counted = [plural(len(rows), "row"), *_requests(found.counts)]
        behind = f"{', '.join(counted)}: {named}"
    covers = _covers(len(found.covered)) if found.covered else ""
    told = joined((behind, listed(found.decisions), covers)) or _nothing(found.place)
    return f"{place_name(review, found.place)}: {told}"


def _covers(count: int) -> str:
    return f"lets {plural(count, 'row')} through that {'brings' if count == 1 else 'bring'} no rule"


def _nothing(place: RulePlace) -> str:
    return f"no row is included: all {place.direction} is refused"


def origins_detail(
    known: Provenance, place: RulePlace, width: int, when: Callable[[float], str]
) -> list[Line]:
    """Return each row behind a place of the policy with its flows and times; nothing when it is gone."""
    found = known.origins(place)
    if found is None:
        return []
    counts, name = found.counts, place_name(known.review, place)
    told = (
        f"{counts.total:,}: {counts.allowed:,} allowed, {counts.denied:,} denied, {counts.answers:,} answers"
    )
    empty = [] if found.inclusions else [Line((Span(part),)) for part in wrap(_nothing(place), width)]
    return [
        *heading(name[:1].upper() + name[1:], width),
        *empty,
        *fact("Decided", listed(found.decisions), width),
        *fact("Flows", told if found.rows else "", width),
        *_row_lines("Rows behind it", found.rows, width, when),
        *_row_lines("Rows let through that bring no rule", found.covered, width, when),
    ]


def _row_lines(title: str, rows: Sequence[Row], width: int, when: Callable[[float], str]) -> list[Line]:
    if not rows:
        return []
    lines = [Line(), *heading(f"{title}: {len(rows):,}", width)]
    for row in sorted(rows, key=_most_flows)[:MOST_ROWS]:
        seen = row.communication
        times = (
            f"first {when(seen.first_seen)}, last {when(seen.last_seen)}"
            if seen.last_seen
            else "not seen yet"
        )
        counts = seen.counts
        told = f"{_split(counts)}; {times}"
        who = f"{full_name(row.key.peer)} {port_text(row.key)}"
        lines += [Line((Span(part, Role.ENTITY),)) for part in wrap(who, width)]
        lines += [Line((Span(" " * _INDENT), Span(part, Role.DIM))) for part in wrap(told, width - _INDENT)]
    if len(rows) > MOST_ROWS:
        lines.append(Line((Span(f"and {len(rows) - MOST_ROWS:,} more with fewer flows", Role.DIM),)))
    return lines


def _most_flows(row: Row) -> int:
    return -row.communication.counts.total


def _split(counts: Counts) -> str:
    answers = "1 answer" if counts.answers == 1 else f"{counts.answers:,} answers"
    return f"{counts.allowed:,} allowed, {counts.denied:,} denied, {answers}"


def _requests(counts: Counts) -> list[str]:
    """Count what the table's columns Allow and Deny count; answers are in neither."""
    told = ((counts.allowed, "allowed"), (counts.denied, "denied"))
    return [f"{count:,} flow{'' if count == 1 else 's'} {what}" for count, what in told if count]


def _peer_text(peer: PolicyPeer) -> str:
    if peer.ip_block:
        return literal(peer.ip_block.cidr)
    pods = labels_text(peer.pod_selector.match_labels) if peer.pod_selector else ""
    spaces = peer.namespace_selector
    where = f" in {_spaces_text(spaces.match_labels)}" if spaces else ""
    return f"pods {pods or 'of any labels'}{where}"


def _spaces_text(labels: Labels) -> str:
    """Return the namespace that is selected by its name, else the labels that namespaces must have."""
    named = dict(labels).get(NAMESPACE_NAME_LABEL)
    return literal(named) if named else f"namespaces with {labels_text(labels)}"
