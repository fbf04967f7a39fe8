"""Prove a generated policy: compare all that it does to pods and addresses with what was decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netsec_tui.core.cluster.dns import over_both
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.selectors import has_labels
from netsec_tui.core.decide.table import Decided
from netsec_tui.core.prove.judge import OwnPods
from netsec_tui.core.prove.opened import Opened, Shown
from netsec_tui.model.connection import EndPod
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import CommunicationKey, Direction, Peer, PeerSort
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.proof import Breach, Finding, Opener, Proof, Reach
from netsec_tui.model.review import Row, Standing, Subject

_NODES = (PeerSort.NODE, PeerSort.EXTERNAL)
"""Peers of which a part, the pod's own node, always gets in."""


class Prover:
    """Prove the policies of one workload; what no decision changes is worked out once."""

    def __init__(self, subject: Subject, own: OwnPods, ground: Ground) -> None:
        self._subject, self._own, self._ground = subject, own, ground
        self._selected: tuple[Finding, ...] | None = None
        self._shown: dict[Direction, Shown] = {}

    def prove(
        self,
        policies: tuple[NetworkPolicy, ...],
        decided: Mapping[Direction, Decided],
        general: Mapping[Direction, GeneralRule],
    ) -> Proof:
        """Return what evaluating the policies shows; nothing when there is no policy to prove."""
        if not policies:
            return Proof()
        tally = _Tally()
        for direction in Direction:
            for row in decided[direction].rows:
                tally.add(row, general[direction])
        opened = [
            finding
            for policy in policies
            for direction in policy.policy_types
            for finding in self._opened(policy, direction, decided[direction])
        ]
        if self._selected is None:
            self._selected = tuple(self._selection(policies[0]))
        return tally.proof((*tally.findings, *opened, *self._selected))

    def _opened(self, policy: NetworkPolicy, direction: Direction, decided: Decided) -> Iterator[Finding]:
        shown = self._shown.get(direction)
        if shown is None or shown.cases is not decided.cases:
            shown = self._shown[direction] = Shown(decided.cases, self._ground.index)
        opened = Opened(policy.namespace, policy.rules(direction), self._ground.index)
        held = self._own.families if self._ground.state.ipblock_matches_pods else ()
        rest = opened.beyond(shown, decided.inclusions, held=held)
        for pod, ports in _pods_named(rest.pods):
            yield _pod_opened(direction, pod, ports)
        for text, count, ports in rest.addresses:
            yield _addresses_opened(direction, text, count, ports)

    def _selection(self, policy: NetworkPolicy) -> Iterator[Finding]:
        """Find pods that the policy selects though they are another's, and own pods that it does not."""
        index = self._ground.index
        chosen = index.members(index.selected(policy.namespace, policy.pod_selector))
        others = {pod: "" for pod in chosen if not self._covers(pod)}
        for pod, _ in _pods_named(others):
            sentence = f"{_title(pod)} is isolated by it: its labels match the policy's podSelector"
            yield Finding(Breach.ISOLATED, _short(pod), sentence)
        for pod in self._own.unselected:
            sentence = f"{_title(pod)} is not selected by it: the podSelector does not match its labels"
            yield Finding(Breach.NOT_SELECTED, _short(pod), sentence)

    def _covers(self, pod: EndPod) -> bool:
        """Tell whether a pod is the workload's; behind a Service not all pods of an owner need be."""
        subject = self._subject
        return pod.ref in subject.owners and (not subject.behind or has_labels(subject.behind, pod.labels))


class _Tally:
    """Count rows by what they are to be and what evaluating the policy says of them."""

    def __init__(self) -> None:
        self.included = self.allowed = 0
        self.excluded = self.denied = self.named = self.undecided = 0
        self.beyond = 0
        self.findings: list[Finding] = []

    def add(self, row: Row, general: GeneralRule) -> None:
        """Count one row; what the general rule lets through is included by that."""
        if row.standing is Standing.NOT_EXPRESSIBLE:
            self.beyond += 1
        elif row.opener is Opener.GENERAL and row.reach is Reach.ALLOWED:
            self.included += 1
            self.allowed += 1
        elif row.ticked and not (row.suspended and general is GeneralRule.BLOCK_ALL):
            self.included += 1
            self._included(row)
        else:
            self.excluded += 1
            self._excluded(row)

    def _included(self, row: Row) -> None:
        if row.reach is Reach.ALLOWED:
            self.allowed += 1
        elif row.reach is Reach.UNKNOWN:
            self._find(Breach.NOT_TOLD, row, f"is included, but it cannot be told: {row.reason}")
        else:
            self._find(Breach.NOT_ALLOWED, row, f"is included, but {row.reach}: {row.reason}")

    def _excluded(self, row: Row) -> None:
        own_node = row.opener is Opener.NOTHING and row.key.peer.sort in _NODES
        if row.reach is Reach.DENIED:
            self.denied += 1
        elif row.reach is Reach.UNKNOWN or own_node:
            self.undecided += 1
        elif row.opener in (Opener.GENERAL, Opener.RANGE):
            self.named += 1
        else:
            why = f"allowed by {row.allowed_by}" if row.allowed_by else row.reason
            self._find(Breach.NOT_DENIED, row, f"is excluded, but {why}")

    def _find(self, breach: Breach, row: Row, what: str) -> None:
        self.findings.append(_of_row(breach, row, f"{row_title(row)} {what}"))

    def proof(self, findings: tuple[Finding, ...]) -> Proof:
        """Return the counts as a proof."""
        return Proof(
            included=self.included,
            allowed=self.allowed,
            excluded=self.excluded,
            denied=self.denied,
            named=self.named,
            undecided=self.undecided,
            beyond=self.beyond,
            findings=findings,
        )


def _of_row(breach: Breach, row: Row, sentence: str) -> Finding:
    key = row.key
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


def _pods_named(pods: Mapping[EndPod, str]) -> list[tuple[EndPod, str]]:
    """Return pods by name; the one that an owner would make next only where it has no live one."""
    live = {pod.ref for pod in pods if not pod.synthetic}
    named = [(pod, ports) for pod, ports in pods.items() if not pod.synthetic or pod.ref not in live]
    return sorted(named, key=lambda entry: (entry[0].namespace, entry[0].name))


def _short(pod: EndPod) -> str:
    return f"the next pod of {pod.ref} in {pod.namespace}" if pod.synthetic else str(pod)


def _title(pod: EndPod) -> str:
    return _short(pod) if pod.synthetic else f"{pod} of {pod.ref}"


def _pod_opened(direction: Direction, pod: EndPod, ports: str) -> Finding:
    word = "from" if direction is Direction.INGRESS else "to"
    sentence = f"{direction} {word} {_title(pod)} on {ports} is allowed, though no row shows it"
    return Finding(Breach.POD_OPENED, _short(pod), sentence, direction, ports)


def _addresses_opened(direction: Direction, text: str, count: int, ports: str) -> Finding:
    word = "from" if direction is Direction.INGRESS else "to"
    how_many = "1 address" if count == 1 else f"{count:,} addresses"
    sentence = f"{direction} {word} {text} ({how_many}) on {ports} is allowed, though no row shows it"
    return Finding(Breach.ADDRESSES_OPENED, text, sentence, direction, ports, count)
