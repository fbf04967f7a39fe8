"""The detail of what is focused or hovered: a communication, an entity, a manual rule or a fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network

from netsec_tui.core.cluster.addresses import width as addresses_in
from netsec_tui.core.cluster.addresses import width_text
from netsec_tui.core.generate.provenance import Provenance
from netsec_tui.core.topology import cidr_peer, subject_peer
from netsec_tui.model.communication import Counts, Orientation, Via
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Verdict
from netsec_tui.model.identity import CommunicationKey, Direction, Peer, PeerSort, owner_peer
from netsec_tui.model.provenance import RulePlace
from netsec_tui.model.review import PeerFacts, Review, Row, Standing
from netsec_tui.render.facts import fact, heading, joined, listed
from netsec_tui.render.folds import fold_group, group_name
from netsec_tui.render.literal import literal
from netsec_tui.render.moments import utc
from netsec_tui.render.names import bare_name, full_name, line_name, plural, port_text
from netsec_tui.render.provenance import origins_detail, rules_text
from netsec_tui.render.spans import (
    FoldTarget,
    Line,
    ManualTarget,
    PolicyTarget,
    Role,
    SettingTarget,
    Target,
)
from netsec_tui.render.standing import standing_text

When = Callable[[float], str]
"""Turns epoch seconds into text."""

_ORIENTATIONS = {
    Orientation.PROVEN: "direction proven by connection tracking or a TCP handshake",
    Orientation.INFERRED: "direction inferred, not proven",
    Orientation.UNKNOWN: "direction unknown",
}


def detail_lines(
    review: Review, target: Target, width: int = 80, when: When = utc, known: Provenance | None = None
) -> list[Line]:
    """Return the detail of any target, at most ``width`` cells wide; nothing when it is no longer there.

    ``known`` saves building the look-ups of rules and rows anew.
    """
    known = known or Provenance(review)
    if isinstance(target, CommunicationKey):
        return communication_detail(review, target, width, when, known)
    if isinstance(target, RulePlace):
        return origins_detail(known, target, width, when)
    if isinstance(target, ManualTarget):
        return manual_detail(review, target, width)
    if isinstance(target, FoldTarget):
        return fold_detail(review, target, width)
    if isinstance(target, PolicyTarget | SettingTarget):
        return []  # the detail of a policy is its YAML; a review holds neither that nor a configuration
    return peer_detail(review, target, width)


def communication_detail(
    review: Review,
    key: CommunicationKey,
    width: int = 80,
    when: When = utc,
    known: Provenance | None = None,
) -> list[Line]:
    """Return both ends, ports, times, counts and the decision of a communication."""
    row = next((row for row in review.of(key.direction).rows if row.key == key), None)
    if row is None:
        return []
    seen = row.communication
    workload, peer = full_name(subject_peer(review.subject.ref)), full_name(key.peer)
    ends = (peer, workload) if key.direction is Direction.INGRESS else (workload, peer)
    own, other = listed(seen.own_pods), listed(seen.pods)
    times = f"first {when(seen.first_seen)}, last {when(seen.last_seen)}" if seen.last_seen else "not yet"
    allowed = _in_policy(review, row)
    return [
        *heading(f"{key.direction.capitalize()} from {ends[0]} to {ends[1]}", width),
        *fact("Decision", _decision(review, row), width, Role.ALLOWED if allowed else Role.REFUSED),
        *fact("Rule", rules_text(review, (known or Provenance(review)).rules_of(key)), width),
        *fact("Port", joined((f"{port_text(key)} on the pod", _dialled(seen.via)), ", "), width),
        *fact("Seen", times, width),
        *fact("Counts", _counts(seen.counts), width),
        *fact("Applied", _applied(row), width, Role.PLAIN if allowed else Role.WARNING),
        *fact("Category", str(row.category or ""), width),
        *fact("Known how", _ORIENTATIONS[seen.orientation], width),
        *fact("DNS names", listed(seen.names), width),
        *fact("Addresses", listed(seen.addresses), width),
        *fact("Peer pods", other, width),
        *fact("Own pods", own, width),
        *fact("Folded in", listed(_folded(seen.folded)), width),
    ]


def peer_detail(review: Review, peer: Peer, width: int = 80) -> list[Line]:
    """Return what is known of an entity and how it communicates with the workload."""
    facts = review.facts.get(peer, PeerFacts(peer))
    selected = peer == subject_peer(review.subject.ref)
    labels = facts.labels or (review.subject.labels if selected else ())
    owned = peer.sort in (PeerSort.OWNER, PeerSort.SERVICE)
    unknown = "none known" if owned else ""
    name = full_name(peer)
    return [
        *heading(f"{name}, the selected workload" if selected else name, width),
        *fact("Labels", listed(f"{key}={value}" for key, value in labels) or unknown, width),
        *fact("Services", listed(facts.services) or unknown, width),
        *fact("Ports", listed(facts.ports) or unknown, width),
        *fact("Policies", listed(facts.policies) or ("none applied is known" if owned else ""), width),
        *fact("Pods", listed(facts.pods) or unknown, width),
        *fact("Addresses", listed(facts.addresses), width),
        *(_subject(review, width) if selected else _talk(review, peer, width)),
    ]


def manual_detail(review: Review, target: ManualTarget, width: int = 80) -> list[Line]:
    """Return what a manual CIDR rule allows and which rows it meets."""
    side = review.of(target.direction)
    if not 0 <= target.index < len(side.manual):
        return []
    rule = side.manual[target.index]
    way = "to" if target.direction is Direction.EGRESS else "from"
    suspended = side.general is GeneralRule.BLOCK_ALL
    state = f"not in the policy: suspended by {side.general.value}" if suspended else "in the policy"
    if review.subject.refusal:
        state = f"no policy can be made: {literal(review.subject.refusal)}"
    out = suspended or bool(review.subject.refusal)
    ports = f"{rule.port_text}, whatever the protocol" if rule.protocol is None else rule.port_text
    met = [row.key.peer.name for row in side.rows if _inside(row.key.peer, rule.cidr)]
    return [
        *heading(f"Manual rule: allow {target.direction} {way} {literal(rule.cidr)}", width),
        *fact("Decision", state, width, Role.REFUSED if out else Role.ALLOWED),
        *fact("Ports", literal(ports), width),
        *fact("Covers", _covered(review, target.direction, rule.cidr), width),
        *fact("Seen", listed(dict.fromkeys(met)) or "no address in this block", width),
    ]


def fold_detail(review: Review, target: FoldTarget, width: int = 80) -> list[Line]:
    """Return whom a folded line stands for, those that are not allowed first."""
    rows = [row for row in review.of(target.direction).rows if fold_group(row.key.peer) == target.group]
    refused = [row for row in rows if not _in_policy(review, row)]
    home = review.subject.ref.namespace

    def names(chosen: Sequence[Row]) -> str:
        return listed(f"{line_name(row.key.peer, home)} {port_text(row.key)}" for row in chosen)

    allowed = [row for row in rows if _in_policy(review, row)]
    peers = plural(len({row.key.peer for row in rows}), "peer")
    counts = f"{peers}, {plural(len(rows), 'communication')}"
    title = f"{target.direction.capitalize()}, {group_name(target.group)}: {counts}"
    return [
        *heading(title, width),
        *fact("Not allowed", joined((str(len(refused)), names(refused)), ": "), width, Role.REFUSED),
        *fact("Allowed", joined((str(len(allowed)), names(allowed)), ": "), width, Role.ALLOWED),
    ]


def _in_policy(review: Review, row: Row) -> bool:
    return row.in_policy and not review.subject.refusal


def _decision(review: Review, row: Row) -> str:
    state = "not in the policy" if review.subject.refusal else standing_text(row)
    state = "allowed, as there is no policy" if review.withheld else state
    if row.standing is Standing.NOT_EXPRESSIBLE:
        state += ", not expressible"
    general = review.of(row.key.direction).general
    ticked = "ticked" if row.ticked else "not ticked"
    return joined(
        (
            state,
            f"{ticked}, suspended by {general.value}" if row.suspended else "",
            f"allowed by {literal(row.allowed_by)}" if row.allowed_by else "",
            literal(row.reason),
            f"no policy can be made: {literal(review.refusal)}" if review.refusal else "",
        )
    )


def _dialled(via: Sequence[Via]) -> str:
    services = listed(f"{service} in {service.namespace}" for service in via)
    return f"dialled as Service {services}" if via else ""


def _counts(counts: Counts) -> str:
    seen = [f"{verdict.name} {counts.verdicts[verdict]}" for verdict in Verdict if counts.verdicts[verdict]]
    return joined(
        (
            f"{counts.allowed} allowed, {counts.denied} denied" + (f" ({', '.join(seen)})" if seen else ""),
            f"{counts.arrived} known to be let in" if counts.arrived else "",
            plural(counts.answers, "answer"),
            f"{plural(counts.refusals, 'refusal')} (RST)" if counts.refusals else "",
        )
    )


def _applied(row: Row) -> str:
    if not row.applied:
        return ""
    if row.in_policy:
        return f"also allowed by {listed(row.applied)}"
    return f"{listed(row.applied)} lets it through, though the generated policy does not"


def _folded(keys: Sequence[CommunicationKey]) -> list[str]:
    return [f"{bare_name(key.peer)} {port_text(key)}" for key in keys]


def _subject(review: Review, width: int) -> list[Line]:
    subject = review.subject
    owners = [owner for owner in subject.owners if owner != subject.ref]
    return [
        *fact("Selects", listed(map(str, owners)), width),
        *fact("No policy", literal(review.refusal), width, Role.WARNING),
        *(line for note in subject.notes for line in fact("Note", literal(note), width)),
    ]


def _talk(review: Review, peer: Peer, width: int) -> list[Line]:
    """Return the entity's communications with the workload, and whether the workload's Service covers it."""
    covered = peer in map(owner_peer, review.subject.owners)
    lines = (
        fact("Selected", f"covered by {literal(str(review.subject.ref))}", width, Role.SELECTED)
        if covered
        else []
    )
    for direction in Direction:
        side = review.of(direction)
        rows = [row for row in side.rows if row.key.peer == peer]
        ports = [f"{port_text(row.key)}{'' if _in_policy(review, row) else ' (not allowed)'}" for row in rows]
        ports += [f"{rule.port_text} (manual rule)" for rule in side.manual if cidr_peer(rule.cidr) == peer]
        lines += fact("Calls it on" if direction is Direction.INGRESS else "Called on", listed(ports), width)
    return lines


def _covered(review: Review, direction: Direction, cidr: str) -> str:
    """Return how many addresses a manual rule opens; pod and service ranges in it are cut out."""
    peers = (p for policy in review.policies for rule in policy.rules(direction) for p in rule.peers)
    blocks = [p.ip_block for p in peers if p.ip_block and p.ip_block.cidr == cidr]
    cut = max((sum(map(addresses_in, block.excepts)) for block in blocks), default=0)
    return width_text(addresses_in(cidr) - cut)


def _inside(peer: Peer, cidr: str) -> bool:
    if peer.sort is not PeerSort.ADDRESS:
        return False
    try:
        return ip_address(peer.name) in ip_network(cidr)
    except ValueError:
        return False
