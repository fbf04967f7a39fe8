"""Find the rows behind a rule of the generated policy, and the rules that a row is in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from netsec_tui.model.identity import CommunicationKey, Direction
from netsec_tui.model.policy import PolicyPeer, PolicyPort, PolicyRule
from netsec_tui.model.provenance import Origins, RowRules, RulePlace
from netsec_tui.model.review import Inclusion, Review, Row

EVERYTHING = PolicyRule()
"""Allows all, so that it stands for everything that was included beside it."""


class Provenance:
    """Answer questions about one review; each look-up is built when it is first needed.

    Merging puts every peer into exactly one rule (``merge_rules``), so that the peers of what was included
    lead to its rules.
    """

    def __init__(self, review: Review) -> None:
        self.review = review
        self._sides: dict[Direction, _Side] = {}

    def origins(self, place: RulePlace) -> Origins | None:
        """Return what stands behind a direction, rule, peer or port; None when there is no such place."""
        side = self._side(place.direction)
        return side.origins(place) if side else None

    def of_rule(self, direction: Direction, index: int) -> Origins | None:
        """Return what stands behind the n-th rule of a direction, counted from 0."""
        side = self._side(direction)
        return side.origins(RulePlace(side.policy, direction, index)) if side else None

    def rules(self, direction: Direction) -> tuple[Origins, ...]:
        """Return what stands behind each rule of a direction, in the order of the policy."""
        side = self._side(direction)
        return side.all() if side else ()

    def rules_of(self, key: CommunicationKey) -> RowRules:
        """Return the rules that let a row through, else why there are none."""
        side = self._side(key.direction)
        if side is None:
            return RowRules(reason=self.review.refusal or "there is no policy")
        return side.rules_of(key)

    def _side(self, direction: Direction) -> _Side | None:
        if direction not in self._sides:
            for number, policy in enumerate(self.review.policies):
                if direction in policy.policy_types:
                    self._sides[direction] = _Side(self.review, direction, number)
        return self._sides.get(direction)


class _Side:
    """Look things up in one direction."""

    def __init__(self, review: Review, direction: Direction, policy: int) -> None:
        self.policy = policy
        self._direction = direction
        self._table = review.of(direction)
        self._name = review.policies[policy].name
        self._rules = review.policies[policy].rules(direction)

    # Look-ups

    @cached_property
    def _rows(self) -> dict[CommunicationKey, Row]:
        return {row.key: row for row in self._table.rows}

    @cached_property
    def _place_of(self) -> dict[PolicyPeer | None, tuple[int, int | None]]:
        """Map each peer to its rule and its place there; None stands for any peer."""
        found: dict[PolicyPeer | None, tuple[int, int | None]] = {}
        for number, rule in enumerate(self._rules):
            if not rule.peers:
                found[None] = (number, None)
            found.update({peer: (number, place) for place, peer in enumerate(rule.peers)})
        return found

    @cached_property
    def _bringing(self) -> dict[tuple[int, int | None], list[Inclusion]]:
        """Map each peer, by rule and place, to what brought it."""
        found: dict[tuple[int, int | None], list[Inclusion]] = {}
        for inclusion in self._table.inclusions:
            for place in self._places(inclusion):
                found.setdefault(place, []).append(inclusion)
        return found

    @cached_property
    def _by_key(self) -> dict[CommunicationKey, Inclusion]:
        return {one.key: one for one in self._table.inclusions if one.key is not None}

    @cached_property
    def _by_origin(self) -> dict[str, list[Inclusion]]:
        found: dict[str, list[Inclusion]] = {}
        for inclusion in self._table.inclusions:
            found.setdefault(inclusion.origin, []).append(inclusion)
        return found

    @cached_property
    def _covered_by(self) -> dict[str, list[Row]]:
        """Map the origin of an inclusion to the rows that name it as what allows them."""
        found: dict[str, list[Row]] = {}
        for row in self._table.rows:
            for origin in self._named(row):
                found.setdefault(origin, []).append(row)
        return found

    def _named(self, row: Row) -> Iterator[str]:
        """Return the origins in ``allowed_by``; they are joined by commas and may have some themselves."""
        parts = row.allowed_by.split(", ") if row.allowed_by else []
        at = 0
        while at < len(parts):
            ends = range(len(parts), at, -1)
            end = next((e for e in ends if ", ".join(parts[at:e]) in self._by_origin), None)
            if end is not None:
                yield ", ".join(parts[at:end])
            at = end or at + 1

    def _places(self, inclusion: Inclusion) -> list[tuple[int, int | None]]:
        if self._rules == (EVERYTHING,):
            return [(0, None)]
        wanted: Iterable[PolicyPeer | None] = inclusion.rule.peers or (None,)
        return [place for peer in wanted if (place := self._place_of.get(peer)) is not None]

    # Answers

    def all(self) -> tuple[Origins, ...]:
        places = (RulePlace(self.policy, self._direction, number) for number in range(len(self._rules)))
        return tuple(found for place in places if (found := self.origins(place)))

    def origins(self, place: RulePlace) -> Origins | None:
        if place.rule is None:
            return self._told(place, self._table.inclusions)
        rule = self._rules[place.rule] if 0 <= place.rule < len(self._rules) else None
        if rule is None:
            return None
        if place.peer is not None:
            return self._told(place, self._bringing.get((place.rule, place.peer), ()))
        peers: Iterable[int | None] = range(len(rule.peers)) if rule.peers else (None,)
        found = [one for peer in peers for one in self._bringing.get((place.rule, peer), ())]
        if place.port is not None:
            if not 0 <= place.port < len(rule.ports):
                return None
            found = [one for one in found if brings(one.rule, rule.ports[place.port])]
        return self._told(place, found)

    def _told(self, place: RulePlace, found: Iterable[Inclusion]) -> Origins:
        # One inclusion can bring several peers; an inclusion's own key, or its name, tells it from others.
        inclusions = tuple({(one.key or one.origin): one for one in found}.values())
        rows = tuple(self._rows[one.key] for one in inclusions if one.key in self._rows)
        covered = {row.key: row for one in inclusions for row in self._covered_by.get(one.origin, ())}
        return Origins(place, self._name, inclusions, rows, tuple(covered.values()))

    def rules_of(self, key: CommunicationKey) -> RowRules:
        row = self._rows.get(key)
        if row is None:
            return RowRules(reason="the row is no longer there")
        own = self._by_key.get(key)
        bringing = [own] if own else [one for name in self._named(row) for one in self._by_origin[name]]
        lines = {line for one in bringing for line in self._lines(one)}
        rules = {line._replace(peer=None, port=None) for line in lines}
        if not rules:
            return RowRules(reason=row.reason or "not included")
        return RowRules(
            tuple(sorted(rules, key=_order)), tuple(sorted(lines, key=_order)), own=own is not None
        )

    def _lines(self, inclusion: Inclusion) -> Iterator[RulePlace]:
        """Return the peers and ports of rules that an inclusion has brought; a rule without any as itself."""
        for number, peer in self._places(inclusion):
            yield RulePlace(self.policy, self._direction, number, peer)
            for port, written in enumerate(self._rules[number].ports):
                if brings(inclusion.rule, written):
                    yield RulePlace(self.policy, self._direction, number, port=port)


def brings(rule: PolicyRule, port: PolicyPort) -> bool:
    """Tell whether a port entry of a merged rule stands for what an inclusion's own rule allows."""
    return any(p == port or (port.port is None and p.protocol == port.protocol) for p in rule.ports)


def _order(place: RulePlace) -> tuple[int, ...]:
    return tuple(-1 if part is None else part for part in (place.rule, place.peer, place.port))
