"""The sentence that says why the applied policies let a communication pass or not; names are as read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from netsec_tui.core.cluster.dns import over_both
from netsec_tui.core.words import listed
from netsec_tui.model.applied import AppliedSide, AppliedVerdict
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import Doubt, Outcome, RuleRef, SideVerdict
from netsec_tui.model.flow import Protocol, Verdict
from netsec_tui.model.identity import (
    CommunicationKey,
    Direction,
    Peer,
    PeerSort,
    WorkloadRef,
    owner_peer,
)
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.proof import Reach


class Words:
    """Word what was found out about one communication of a workload."""

    def __init__(
        self, ref: WorkloadRef, communication: Communication, policies: Iterable[NetworkPolicy]
    ) -> None:
        key = communication.key
        self._communication = communication
        self._home = ref.namespace
        self._policies = policies
        own, other = _end_name(owner_peer(ref), self._home), _end_name(key.peer, self._home)
        incoming = key.direction is Direction.INGRESS
        self._names = {
            Direction.EGRESS: other if incoming else own,
            Direction.INGRESS: own if incoming else other,
        }
        self._ends = f"{self._names[Direction.EGRESS]} {{}} {self._names[Direction.INGRESS]} {_port(key)}"

    def unknown(self, reason: str) -> AppliedVerdict:
        """Return the verdict that nothing can be told."""
        sides = (AppliedSide(direction, Reach.UNKNOWN, sentence=reason) for direction in Direction)
        ingress, egress = sides
        return self._of(Reach.UNKNOWN, reason, egress, ingress)

    def verdict(
        self, outcome: Reach, egress: AppliedSide, ingress: AppliedSide, counts: Counter[Outcome]
    ) -> AppliedVerdict:
        """Return the verdict with its sentence."""
        reason = self._reason(outcome, (egress, ingress))
        allowed, open_ones, pairs = counts[Outcome.ALLOWED], counts[Outcome.UNDECIDED], counts.total()
        if outcome is Reach.PARTLY:
            of_others = f", of {open_ones} it cannot be told" if open_ones else ""
            reason = f"{allowed} of {pairs} pairs of pods may{of_others}; {reason}"
        return self._of(outcome, reason + self._surprise(outcome), egress, ingress, allowed, pairs)

    def _of(
        self,
        outcome: Reach,
        reason: str,
        egress: AppliedSide,
        ingress: AppliedSide,
        allowed: int = 0,
        pairs: int = 0,
    ) -> AppliedVerdict:
        told = {
            Reach.ALLOWED: self._ends.format("may reach"),
            Reach.DENIED: self._ends.format("may not reach"),
            Reach.PARTLY: self._ends.format("may reach only in part"),
            Reach.UNKNOWN: f"it cannot be told whether {self._ends.format('may reach')}",
        }[outcome]
        return AppliedVerdict(outcome, f"{told}: {reason}", reason, egress, ingress, pairs, allowed)

    def _reason(self, outcome: Reach, sides: tuple[AppliedSide, AppliedSide]) -> str:
        if (
            outcome is Reach.ALLOWED
            and all(side.sentence for side in sides)
            and not any(side.isolated_by for side in sides)
        ):
            return "no policy isolates either end"
        telling = [side for side in sides if side.outcome is outcome] or list(sides)
        if outcome is Reach.ALLOWED:
            telling.sort(key=lambda side: not side.allowed_by)
        if outcome is Reach.PARTLY:
            telling = [side for side in sides if side.outcome is not Reach.ALLOWED]
        clauses = list(dict.fromkeys(side.sentence for side in telling if side.sentence))
        return ", and ".join(clauses) or "neither end is a pod that a NetworkPolicy selects"

    def _surprise(self, outcome: Reach) -> str:
        """Return what was seen against the verdict."""
        counts = self._communication.counts
        if outcome is Reach.ALLOWED and counts.denied:
            return (
                f"; yet it was seen denied {_times(counts.denied)}: by another kind of policy, "
                "or the policies have changed since"
            )
        if outcome is Reach.DENIED and counts.verdicts[Verdict.AUDIT]:
            return "; yet it passes: policies are only audited, not enforced"
        passed = counts.answers or counts.arrived or (counts.allowed and not counts.denied)
        if outcome is Reach.DENIED and passed:
            return "; yet it was seen to pass: the policies are not enforced, or have changed since"
        return ""

    # One side

    def clause(
        self, direction: Direction, outcome: Reach, found: Sequence[SideVerdict], *, is_pod: bool
    ) -> str:
        """Return why one side says what it says; empty for an end that is no pod and has nothing to say."""
        name = self._names[direction]
        doubtful = [side for side in found if side.outcome is Outcome.UNDECIDED]
        if doubtful and outcome is Reach.UNKNOWN:
            return self._doubt(doubtful)
        if outcome is not Reach.ALLOWED:
            some = "some pods of " if outcome is Reach.PARTLY else ""
            denied = [side for side in found if side.outcome is Outcome.DENIED]
            return self._refusal(direction, f"{some}{name}", denied)
        rules = _refs(side.allowed_by for side in found)
        if rules:
            return self._grant(direction, rules)
        if not is_pod:
            return ""
        if all(side.notes for side in found):
            return "; ".join(dict.fromkeys(note for side in found for note in side.notes))
        return f"no policy isolates {name} for {direction}"

    def _doubt(self, found: Sequence[SideVerdict]) -> str:
        reasons: dict[str, None] = {}
        for side in found:
            if side.doubt is not Doubt.OVERRIDDEN:
                reasons[str(side.doubt)] = None
            else:
                reasons |= dict.fromkeys(note for note in side.notes if note.endswith("may override"))
        return "; ".join(reasons)

    def _refusal(self, direction: Direction, name: str, denied: Sequence[SideVerdict]) -> str:
        by = _refs(side.isolated_by for side in denied)
        rules = self.rules(by, direction)
        verb = "isolates" if len(by) == 1 else "isolate"
        what = {0: "allows nothing", 1: "its only rule does not allow it"}.get(
            rules, f"none of its {rules} rules allows it"
        )
        if len(by) > 1:
            what = {0: "allow nothing", 1: "their only rule does not allow it"}.get(
                rules, f"none of their {rules} rules allows it"
            )
        return f"{self._policies_text(by)} {verb} {name} for {direction} and {what}"

    def _grant(self, direction: Direction, rules: Sequence[RuleRef]) -> str:
        way = "in" if direction is Direction.INGRESS else "out"
        first = rules[0]
        more = f" and {_times(len(rules) - 1, 'more rule')}" if len(rules) > 1 else ""
        number = (first.index or 0) + 1
        return f"policy {self._policy(first)} lets it {way} by {direction} rule {number}{more}"

    def rules(self, refs: Iterable[RuleRef], direction: Direction) -> int:
        """Return how many rules some policies have in a direction."""
        wanted = {(ref.namespace, ref.policy) for ref in refs}
        return sum(len(p.rules(direction)) for p in self._policies if (p.namespace, p.name) in wanted)

    def _policies_text(self, refs: Sequence[RuleRef]) -> str:
        names = [self._policy(ref) for ref in refs]
        if len(names) == 1:
            return f"policy {names[0]}"
        return f"policies {listed(names)}"

    def _policy(self, ref: RuleRef) -> str:
        return ref.policy if ref.namespace == self._home else f"{ref.namespace}/{ref.policy}"


def _refs(lists: Iterable[tuple[RuleRef, ...]]) -> tuple[RuleRef, ...]:
    return tuple(dict.fromkeys(ref for refs in lists for ref in refs))


def _times(count: int, word: str = "time") -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _end_name(peer: Peer, home: str) -> str:
    if peer.sort in (PeerSort.OWNER, PeerSort.SERVICE):
        where = f" in {peer.namespace}" if peer.namespace != home else ""
        return f"{peer.kind}/{peer.name}{where}"
    if peer.sort is PeerSort.API_SERVER:
        return "the API server"
    if peer.sort is PeerSort.DNS:
        return "the cluster DNS"
    return f"{peer.kind.lower()} {peer.name}" if peer.sort in (PeerSort.NODE, PeerSort.ALIAS) else peer.name


def _port(key: CommunicationKey) -> str:
    if key.protocol in (Protocol.ICMP, Protocol.OTHER):
        return f"over {key.protocol}"
    protocol = "UDP+TCP" if over_both(key) else key.protocol
    return f"on {key.port or '?'}/{protocol}"
