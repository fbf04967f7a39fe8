"""Decide one direction: each row's standing under ticks, general rule, manual rules and aliases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netsec_tui.core.cover import Ends, Inclusion, applied_that_allow, covering
from netsec_tui.core.defaults import Default, default_of
from netsec_tui.core.express import Expression, World, express, express_manual
from netsec_tui.model.communication import AddressCategory, Communication
from netsec_tui.model.decision import DirectionDecisions, GeneralRule
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import LabelSelector, PolicyPeer, PolicyRule
from netsec_tui.model.review import Row, Standing, Subject


@dataclass(frozen=True, slots=True)
class Case:
    """Hold what is settled about a row before anybody ticks: it changes with traffic, not with decisions."""

    communication: Communication
    default: Default
    expression: Expression
    category: AddressCategory | None


def case_of(world: World, subject: Subject, communication: Communication, *, reports_replies: bool) -> Case:
    """Settle how a row starts, what it would write and, for an unresolved IP, its category."""
    return Case(
        communication,
        default_of(world, subject, communication, reports_replies=reports_replies),
        express(world, subject.ref.namespace, communication),
        _category(world, communication),
    )


def _category(world: World, communication: Communication) -> AddressCategory | None:
    peer = communication.peer
    if peer.sort is PeerSort.ALIAS:
        return AddressCategory.ALIASED
    if peer.sort is PeerSort.ADDRESS and peer.name:
        return world.ranges.category(peer.name)
    return AddressCategory.UNKNOWN if peer.unresolved else None


@dataclass(frozen=True)
class Decided:
    """Hold the rows of a direction and everything that goes into its part of the policy."""

    rows: tuple[Row, ...]
    inclusions: tuple[Inclusion, ...]


def is_ticked(decisions: DirectionDecisions, case: Case) -> bool:
    """Tell whether a row's box is ticked: by hand, else as it starts under the general rule.

    Without an explicit tick or "allowed", the row of an alias is in only when all folded rows were.
    """
    key = case.communication.key
    if key.peer.sort is PeerSort.DNS:
        return case.default.ticked if decisions.dns is None else decisions.dns
    ticks = decisions.ticks.get(decisions.general, {})
    if key in ticks:
        return ticks[key]
    if decisions.general is GeneralRule.INSIDE_NAMESPACE:
        return False
    folded = key.peer.sort is PeerSort.ALIAS and bool(case.communication.folded)
    if folded and not case.default.ticked:
        return all(ticks.get(member, False) for member in case.communication.folded)
    return case.default.ticked


def decide(
    world: World,
    subject: Subject,
    direction: Direction,
    cases: Iterable[Case],
    decisions: DirectionDecisions,
    applied: tuple[AppliedPolicy, ...],
    ends: Ends,
) -> Decided:
    """Decide all rows of one direction; what one inclusion covers of another row is named there."""
    rows = [_row(subject, decisions, case) for case in cases]
    expressions = {case.communication.key: case.expression for case in cases}
    inclusions = _inclusions(world, subject, decisions, rows, expressions)
    ports = {
        k: v for owner in subject.owners for pod in ends.owner(owner) for k, v in pod.named_ports.items()
    }
    done = []
    for row in rows:
        if row.in_policy and not row.suspended:
            done.append(row)
            continue
        peers = ends.of(row.communication)
        by = (
            ""
            if not row.communication.key.protocol.expressible
            else (covering(subject.ref.namespace, row.communication, peers, inclusions))
        )
        lets = () if by else applied_that_allow(applied, row.communication, peers, ports)
        done.append(replace(row, allowed_by=by, applied=lets) if by or lets else row)
    return Decided(tuple(done), inclusions)


def _row(subject: Subject, decisions: DirectionDecisions, case: Case) -> Row:
    communication, general = case.communication, decisions.general
    reason = case.default.reason
    if case.expression.obstacle:
        standing, reason = Standing.NOT_EXPRESSIBLE, case.expression.obstacle
        ticked = False
    else:
        ticked = is_ticked(decisions, case)
        standing = Standing.IN if ticked else Standing.OUT
        reason = _reason(decisions, case, ticked)
    suspended = ticked and general in (GeneralRule.BLOCK_ALL, GeneralRule.ALLOW_ALL)
    if general is GeneralRule.BLOCK_ALL and standing is not Standing.NOT_EXPRESSIBLE:
        reason = "suspended by Block All" if ticked else reason or "unticked"
    if _inside(subject, communication, general):
        suspended = ticked
    text = _text(communication, reason, case.category)
    return Row(communication, standing, reason, "", suspended, case.category, (), text)


def _reason(decisions: DirectionDecisions, case: Case, ticked: bool) -> str:
    if ticked == case.default.ticked:
        return case.default.reason
    explicit = case.communication.key in decisions.ticks.get(decisions.general, {})
    if ticked:
        caveat = case.default.reason
        return f"ticked by hand; {caveat}" if caveat else "ticked by hand"
    if decisions.general is GeneralRule.INSIDE_NAMESPACE and not explicit:
        return f"starts out under {GeneralRule.INSIDE_NAMESPACE}"
    return "unticked by hand"


def _inside(subject: Subject, communication: Communication, general: GeneralRule) -> bool:
    return general is GeneralRule.INSIDE_NAMESPACE and (
        communication.peer.sort in (PeerSort.OWNER, PeerSort.SERVICE)
        and communication.peer.namespace == subject.ref.namespace
    )


def _inclusions(
    world: World,
    subject: Subject,
    decisions: DirectionDecisions,
    rows: list[Row],
    expressions: dict[CommunicationKey, Expression],
) -> tuple[Inclusion, ...]:
    general = decisions.general
    if general is GeneralRule.BLOCK_ALL:
        return ()
    if general is GeneralRule.ALLOW_ALL:
        return (Inclusion(f"general rule {general}", PolicyRule()),)
    found = []
    if general is GeneralRule.INSIDE_NAMESPACE:
        everyone = PolicyRule((PolicyPeer(pod_selector=LabelSelector()),))
        found.append(Inclusion(f"general rule {general}", everyone))
    found += [
        Inclusion(f"manual rule {rule}", express_manual(world, rule).rule)
        for rule in decisions.manual
        if not express_manual(world, rule).obstacle
    ]
    found += [
        Inclusion(_origin(row.communication), expressions[row.key].rule, row.key)
        for row in rows
        if row.ticked and not row.suspended
    ]
    return tuple(found)


def _origin(communication: Communication) -> str:
    key = communication.key
    if key.peer.sort is PeerSort.ALIAS:
        return f"alias {key.peer.name}"
    if key.peer.sort is PeerSort.DNS:
        return "cluster DNS"
    name = key.peer.name if key.peer.unresolved else f"{key.peer.kind}/{key.peer.name}"
    return f"row {name} {key.port}/{key.protocol}"


def _text(communication: Communication, reason: str, category: AddressCategory | None) -> str:
    key = communication.key
    parts = (
        key.peer.name,
        key.peer.namespace,
        key.peer.kind,
        str(key.protocol),
        str(key.port),
        f"{key.port}/{key.protocol}",
        *map(str, communication.via),
        *communication.addresses,
        *communication.names,
        str(category or ""),
        reason,
    )
    return " ".join(parts).casefold()
