"""Decide where a row stands by its own tick, and what the decisions of a direction include."""

from __future__ import annotations

from dataclasses import dataclass

from netsec_tui.core.cluster.dns import is_local_dns
from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.cover import Asked, Cover
from netsec_tui.core.decide.defaults import Default, default_of
from netsec_tui.core.decide.express import Expression, express
from netsec_tui.core.decide.fold import members_of
from netsec_tui.core.decide.kept import gone
from netsec_tui.core.decide.nearness import Place, end_places
from netsec_tui.core.decide.stood import altered, stands_for
from netsec_tui.core.prove.judge import Judgement
from netsec_tui.model.communication import AddressCategory, Communication
from netsec_tui.model.decision import NOTHING, DirectionDecisions, GeneralRule, StoodFor
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort
from netsec_tui.model.proof import Opener, Reach
from netsec_tui.model.review import PeerFacts, Row, Since, Standing, Subject

_HELD = "its namespace had no labels until now: tick it to include it"
_NEW = "new since the decisions were saved"

_LOST = {
    True: "not all of its addresses were ticked",
    False: "wider than the addresses that were ticked",
}
"""Why ticks of addresses do not carry over to their alias, by whether it stands for single addresses."""


@dataclass(frozen=True, slots=True)
class Case:
    """Hold what is settled about a row before anybody ticks: it changes with traffic, not with decisions.

    ``words`` is what a search looks through, besides the reason; ``places`` is where rules that might
    cover the row are to be found. The peer of a row that is ``gone`` is known no more. ``members`` are the
    rows that an alias stands for; none when it is wider than single addresses. ``now`` is what it opens.
    """

    communication: Communication
    default: Default
    expression: Expression
    category: AddressCategory | None
    words: str
    asked: Asked
    places: frozenset[Place]
    gone: bool = False
    members: tuple[CommunicationKey, ...] = ()
    now: StoodFor = NOTHING


@dataclass(frozen=True, slots=True)
class Stand:
    """Hold where a row stands by its own tick; ``suspended`` when the general rule overrides that.

    ``cut`` means that it is out of itself, by nobody's decision, though traffic of it was let in.
    """

    standing: Standing
    reason: str
    suspended: bool = False
    since: Since = Since.KNOWN
    cut: bool = False

    @property
    def included(self) -> bool:
        """Tell whether the row brings a rule of its own into the policy."""
        return self.standing is Standing.IN and not self.suspended


def case_of(
    world: World,
    subject: Subject,
    communication: Communication,
    facts: PeerFacts,
    ends: Ends,
    *,
    reports_replies: bool,
) -> Case:
    """Settle how a row starts, what it would write and, for an unresolved IP, its category."""
    category = _category(world, communication)
    missing = gone(world, communication)
    default = Default(False)
    if missing:
        expression = Expression(obstacle=missing)
    else:
        default = default_of(world, subject, communication, reports_replies=reports_replies)
        expression = express(world, subject.ref.namespace, communication)
    if subject.refusal:
        expression = _refused(subject, expression)
    asked = _asked(communication, expression, ends)
    return Case(
        communication,
        default,
        expression,
        category,
        _words(communication, facts, category),
        asked,
        end_places(asked.ends),
        bool(missing),
        members_of(world, communication.key),
        stands_for(world, communication),
    )


def _refused(subject: Subject, expression: Expression) -> Expression:
    """Return that no policy is made; a label that is wanted all the same is not forgotten."""
    lacking = expression.obstacle if expression.unlabelled else ""
    obstacle = "; ".join(filter(None, (f"no policy can be made for {subject.ref}", lacking)))
    return Expression(obstacle=obstacle, unlabelled=expression.unlabelled)


def _asked(communication: Communication, expression: Expression, ends: Ends) -> Asked:
    key = communication.key
    ports = tuple((p.protocol, p.port) for p in expression.ports if isinstance(p.port, int))
    return Asked(key.direction, ends.of(communication), ports or ((str(key.protocol), key.port),))


def _category(world: World, communication: Communication) -> AddressCategory | None:
    peer = communication.peer
    if peer.sort is PeerSort.ALIAS:
        return AddressCategory.ALIASED
    if peer.sort is PeerSort.ADDRESS and peer.name:
        return world.ranges.category(peer.name)
    if peer.sort is PeerSort.EXTERNAL:
        return AddressCategory.EXTERNAL
    return AddressCategory.UNKNOWN if peer.unresolved else None


def _words(communication: Communication, facts: PeerFacts, category: AddressCategory | None) -> str:
    key = communication.key
    parts = (
        key.peer.name,
        key.peer.namespace,
        key.peer.kind,
        str(key.protocol),
        f"{key.port}/{key.protocol}",
        *map(str, communication.via),
        *communication.addresses,
        *communication.names,
        *facts.services,
        *(f"{label}={value}" for label, value in facts.labels),
        str(category or ""),
    )
    return " ".join(parts).casefold()


def is_ticked(decisions: DirectionDecisions, case: Case) -> bool:
    """Tell whether a row's box is ticked: by hand, else as it starts under the general rule.

    Without an explicit tick or "allowed", the row of an alias is in only when all that it stands for was.
    """
    key = case.communication.key
    if is_held(decisions, key):
        return False
    if key.peer.sort is PeerSort.DNS and decisions.dns is not None:
        return decisions.dns
    ticks = decisions.ticks.get(decisions.general, {})
    if key in ticks:
        return ticks[key] and not altered(decisions, case.communication, case.now)
    if is_new(decisions, key):
        return False
    if key.peer.sort is PeerSort.DNS:
        return case.default.ticked
    if case.default.ticked and (decisions.general is not GeneralRule.INSIDE_NAMESPACE or is_local_dns(key)):
        return True
    return bool(case.members) and all(ticks.get(member, False) for member in case.members)


def is_held(decisions: DirectionDecisions, key: CommunicationKey) -> bool:
    """Tell whether a row lacked a namespace label, and was not ticked since it has one."""
    return bool(decisions.held) and key.lasting in decisions.held


def is_new(decisions: DirectionDecisions, key: CommunicationKey) -> bool:
    """Tell whether a decisions file was loaded that does not know a row; name look-ups are always known."""
    if decisions.reviewed is None or key.peer.sort is PeerSort.DNS:
        return False
    return key not in decisions.reviewed


def _since(decisions: DirectionDecisions, case: Case) -> Since:
    seen = case.communication
    if case.gone:
        return Since.GONE
    if not seen.seen and seen.peer.sort is not PeerSort.DNS:
        return Since.NOT_SEEN
    return Since.NEW if is_new(decisions, seen.key) else Since.KNOWN


def stand_of(decisions: DirectionDecisions, case: Case) -> Stand:
    """Return where a row stands by its own tick, and what the general rule makes of that."""
    general, since = decisions.general, _since(decisions, case)
    if case.expression.obstacle:
        reason = case.expression.obstacle
        if general is GeneralRule.ALLOW_ALL and not case.communication.key.protocol.expressible:
            reason += "; what Allow All means for it is up to the CNI"
        return Stand(Standing.NOT_EXPRESSIBLE, reason, since=since)
    ticked = is_ticked(decisions, case)
    standing = Standing.IN if ticked else Standing.OUT
    reason = _reason(decisions, case, ticked, since)
    if general is GeneralRule.BLOCK_ALL:
        return Stand(standing, "suspended by Block All" if ticked else reason, ticked, since)
    unasked = case.communication.key not in decisions.ticks.get(general, {})
    cut = case.default.cut and unasked and not ticked
    return Stand(standing, reason, ticked and _superfluous(general, case), since, cut)


def _reason(decisions: DirectionDecisions, case: Case, ticked: bool, since: Since) -> str:
    """Return why a row stands as it does, first that a decisions file does not know it."""
    why = _own_reason(decisions, case, ticked)
    return _both(_NEW, why) if since is Since.NEW else why


def _both(first: str, second: str) -> str:
    return f"{first}; {second}" if first and second else first or second


def _own_reason(decisions: DirectionDecisions, case: Case, ticked: bool) -> str:
    key = case.communication.key
    reason = _both(case.default.reason, case.expression.caveat if ticked else "")
    ticks = decisions.ticks.get(decisions.general, {})
    if is_held(decisions, key):
        return _both(_HELD, reason)
    if ticks.get(key) and not ticked:
        return "; ".join(filter(None, (altered(decisions, case.communication, case.now), reason)))
    if not ticked and key not in ticks and is_new(decisions, key):
        return reason
    if ticked == case.default.ticked or (ticked and not case.communication.seen):
        lost = not ticked and key not in ticks and any(ticks.get(k) for k in case.communication.folded)
        return _LOST[bool(case.members)] if lost else reason
    if ticked:
        # That it would start out is told by the tick itself.
        caveat = case.expression.caveat if case.default.plain else reason
        return f"ticked by hand; {caveat}" if caveat else "ticked by hand"
    explicit = key in ticks or key.peer.sort is PeerSort.DNS
    if decisions.general is GeneralRule.INSIDE_NAMESPACE and not explicit:
        return f"starts out under {GeneralRule.INSIDE_NAMESPACE}"
    return "unticked by hand"


def _superfluous(general: GeneralRule, case: Case) -> bool:
    """Tell whether the general rule allows all that the row would; DNS keeps a rule of its own."""
    if general is not GeneralRule.INSIDE_NAMESPACE or case.communication.peer.sort is PeerSort.DNS:
        return general is GeneralRule.ALLOW_ALL
    return all(p.pod_selector is not None and p.namespace_selector is None for p in case.expression.peers)


def row_of(case: Case, stand: Stand, cover: Cover, judgement: Judgement, applied: tuple[str, ...]) -> Row:
    """Return the row of the table; ``cover`` is what lets a row through that brings no rule of its own."""
    whole = judgement.reach is Reach.ALLOWED
    by = cover.by if whole else ""
    told = bool(case.expression.obstacle) and not cover.by
    left = "" if whole or told else _left_open(case, stand, cover, judgement)
    reason = _both(stand.reason, left)
    text = f"{case.words} {reason.casefold()} {by.casefold()} {stand.since}".rstrip()
    return Row(
        case.communication,
        stand.standing,
        reason,
        by,
        stand.suspended,
        case.category,
        applied,
        text,
        judgement.reach,
        cover.opener,
        case.expression.unlabelled,
        stand.since,
        case.now,
        stand.cut and cover.opener is Opener.NOTHING and not whole,
    )


def _left_open(case: Case, stand: Stand, cover: Cover, judgement: Judgement) -> str:
    """Return what of a row is let through though it is out, or is not though it is in."""
    if cover.by:
        return f"in part allowed by {cover.by}"
    if judgement.reach is Reach.DENIED:
        return "ticked, but no pod of it matches the rule" if stand.included else ""
    key = case.communication.key
    from_node = key.peer.sort is PeerSort.EXTERNAL or (
        key.peer.sort is PeerSort.NODE and key.direction is Direction.INGRESS
    )
    if from_node and not stand.included and not stand.suspended:
        return ""  # how these start tells that a pod's own node always gets in
    return judgement.why
