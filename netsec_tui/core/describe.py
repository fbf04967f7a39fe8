"""Describe a review in words: facts of every peer, the state of a direction, warnings for the top."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.labelling import used_labels
from netsec_tui.core.cluster.subject import labels_of
from netsec_tui.core.cluster.world import World
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.core.prove.judge import OwnPods
from netsec_tui.core.traffic.services import services_of
from netsec_tui.core.words import listed
from netsec_tui.model.cni import Cni
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import Doubt, EndPod
from netsec_tui.model.decision import DirectionDecisions, GeneralRule
from netsec_tui.model.identity import (
    EXTERNAL,
    Direction,
    Peer,
    PeerSort,
    WorkloadRef,
    owner_peer,
    service_peer,
)
from netsec_tui.model.quality import Quality
from netsec_tui.model.review import PeerFacts, Row, Subject
from netsec_tui.model.timespan import ADVISED_HOURS, Coverage, slack

if TYPE_CHECKING:
    from netsec_tui.core.review import Evidence


def facts_of(
    world: World, subject: Subject, communications: Iterable[Communication], ends: Ends
) -> dict[Peer, PeerFacts]:
    """Return the details of every peer, of the workload and of the owners it covers."""
    pods: dict[Peer, set[str]] = {}
    addresses: dict[Peer, set[str]] = {}
    for row in communications:
        pods.setdefault(row.peer, set()).update(row.pods)
        addresses.setdefault(row.peer, set()).update(row.addresses)
        if row.exposed:
            addresses.setdefault(EXTERNAL, set()).update(row.addresses)
            pods.setdefault(EXTERNAL, set())
    for owner in subject.owners:
        pods.setdefault(owner_peer(owner), set())
    if subject.ref.kind == "Service":
        pods.setdefault(service_peer(subject.ref.namespace, subject.ref.name), set())
    for alias in world.aliases.values():
        peer = Peer(PeerSort.ALIAS, "Alias", "", alias.name)
        pods.setdefault(peer, set())
        addresses.setdefault(peer, set()).update(alias.entries)
    if world.dns:
        pods.setdefault(Peer(PeerSort.DNS, "DNS", "", "cluster DNS"), set())
    return {
        peer: _facts(world, peer, names, addresses.get(peer, set()), ends) for peer, names in pods.items()
    }


def _facts(world: World, peer: Peer, pods: set[str], addresses: set[str], ends: Ends) -> PeerFacts:
    if peer.sort is PeerSort.OWNER:
        return _owner_facts(world, peer, pods, addresses, ends)
    if peer.sort is PeerSort.SERVICE:
        service = world.inventory.service_by_name.get((peer.namespace, peer.name))
        if service:
            ports = tuple(f"{p.port}→{p.target_port}/{p.protocol}" for p in service.ports)
            labels = used_labels(world.labels.workload, service.labels)
            return PeerFacts(peer, labels, (), ports, _sorted(pods), (), _sorted(addresses))
    if peer.sort is PeerSort.DNS and world.dns:
        dns = world.dns
        ports = tuple(f"{number}/{protocol}" for protocol, number in dns.ports)
        live = {
            f"{p.namespace}/{p.name}"
            for p in ends.selected(dns.namespace, dns.selector)
            if isinstance(p, EndPod) and not p.synthetic
        }
        labels = used_labels(world.labels.workload, dns.selector)
        return PeerFacts(peer, labels, (f"{dns.namespace}/{dns.name}",), ports, _sorted(pods | live))
    return PeerFacts(peer, pods=_sorted(pods), addresses=_sorted(addresses))


def _owner_facts(world: World, peer: Peer, pods: set[str], addresses: set[str], ends: Ends) -> PeerFacts:
    ref = WorkloadRef(peer.kind, peer.namespace, peer.name)
    inventory = world.inventory
    own = inventory.pods_by_owner.get(ref, ())
    owner = inventory.owner_by_ref.get(ref)
    ports = {p for pod in own for p in pod.ports} | set(owner.ports if owner else ())
    return PeerFacts(
        peer,
        used_labels(world.labels.workload, labels_of(inventory, world.knowledge, ref)),
        tuple(service.name for service in services_of(inventory, ref)),
        tuple(f"{p.port}/{p.protocol}" for p in sorted(ports, key=lambda p: (p.port, p.protocol))),
        _sorted(pods | {f"{p.namespace}/{p.name}" for p in own}),
        _policies_of(world, ends.pods_of(ref)),
        _sorted(addresses | {ip for p in own for ip in p.ips}),
    )


def _policies_of(world: World, pods: tuple[EndPod, ...]) -> tuple[str, ...]:
    return tuple(
        applied.policy.name
        for applied in world.inventory.policies
        if any(
            applied.policy.namespace == pod.namespace
            and selector_matches(applied.policy.pod_selector, pod.label_map)
            for pod in pods
        )
    )


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(values))


def duration(seconds: float) -> str:
    """Return a span of time for a person: "3 h 10 min", "2 d 4 h", "40 s"."""
    if seconds < 60:
        return f"{int(seconds)} s"
    minutes = int(seconds // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min"


def direction_note(
    subject: Subject,
    direction: Direction,
    decisions: DirectionDecisions,
    rows: tuple[Row, ...],
    coverage: Coverage,
) -> str:
    """Return what a direction as a whole does, empty when the rows say it all."""
    general = decisions.general
    if subject.refusal:
        return no_policy_note(direction)
    if general is GeneralRule.BLOCK_ALL:
        what = ", ".join(_suspended(direction, decisions))
        return f"Block All: all {direction} is refused; {what} are suspended"
    if general is GeneralRule.ALLOW_ALL:
        return f"Allow All: all {direction} is allowed, from and to anywhere"
    if general is GeneralRule.INSIDE_NAMESPACE:
        return "Allow All Inside Namespace: every pod of the namespace, all ports; tick rows to add to it"
    if any(row.communication.counts.total for row in rows):
        return ""
    seen = f"nothing seen in {duration(coverage.covered)}"
    kept = [str(rule) for rule in decisions.manual]
    let_in = [row.key.peer.sort for row in rows if row.in_policy]
    kept += ["what was ticked before"] if set(let_in) - {PeerSort.DNS} else []
    kept += ["the cluster DNS"] if PeerSort.DNS in let_in else []
    return f"{seen}: all {direction} will be refused" + (f" but {', '.join(kept)}" if kept else "")


def no_policy_note(direction: Direction) -> str:
    """Return what a direction does without a policy."""
    return f"no policy is made: {direction} stays as it is"


def _suspended(direction: Direction, decisions: DirectionDecisions) -> list[str]:
    parts = ["rows", "manual rules", "allowed aliases"]
    return [*parts, "DNS"] if direction is Direction.EGRESS else parts


def warnings_of(
    evidence: Evidence,
    ground: Ground,
    own: OwnPods,
    incomplete: Iterable[str],
    *,
    restricted: bool,
    blocks: bool,
) -> tuple[str, ...]:
    """Return the sentences for the top of the view: what enforces policies, what is missing, what that costs.

    ``incomplete`` says which ranges of the cluster are missing. ``restricted`` tells whether egress is,
    without being blocked altogether; ``blocks`` whether a rule of the generated policy names addresses.
    """
    world = evidence.world
    found = [
        *_enforcement(ground, own, blocks=blocks),
        *_missing(world),
        *evidence.subject.notes,
        *incomplete,
    ]
    found += _watched(evidence.coverage, evidence.quality)
    if restricted and world.dns is None:
        found.append("the cluster's DNS is not known: no DNS rule is made; name look-ups may be refused")
    if evidence.coverage.newest and not evidence.reports_replies:
        found.append("no answer was told of so far: rows start by verdict alone")
    return tuple(found)


def _watched(coverage: Coverage, quality: Quality) -> Iterator[str]:
    """Say what the observation lacks, so that a policy made of it may refuse what is needed."""
    if coverage.short:
        yield (
            f"only {duration(coverage.covered)} seen; observe at least {ADVISED_HOURS} h, "
            "or what happens rarely will be refused"
        )
    elif not quality.covers and (alone := by_flows_alone(quality)):
        yield alone
    if quality.sampling > 1:
        yield (
            f"only one in {quality.sampling} packets was looked at: what happens rarely may be missing, "
            "however long this goes on"
        )
    elif not quality.sampling:
        yield "it is not told how many packets were looked at: what happens rarely may be missing"
    if quality.missing and any(source.told and source.nodes is not None for source in quality.sources):
        named = f"{listed(quality.missing)}, {len(quality.missing)} of {len(quality.present or ())} nodes"
        if quality.nodes_by_flows:
            yield f"no flow tells of {named}: if they are not quiet, what only happens there is missing"
        else:
            yield f"nothing is observed on {named}: what only happens there is missing"
    if quality.events_lost:
        yield f"{quality.events_lost} events or lines were lost: rare communications may be missing"


def by_flows_alone(quality: Quality) -> str:
    """Say of how much time only flows tell that anybody watched, empty where it is none to speak of."""
    if quality.by_flows <= slack(quality.covered):
        return ""
    told = f"{duration(quality.by_flows)} between the first and the last flow"
    return f"{told}: only flows tell of that time, whether anybody watched all of it is not known"


def _enforcement(ground: Ground, own: OwnPods, *, blocks: bool) -> Iterator[str]:
    """Say what may keep a policy from doing in this cluster what the API says, the gravest first."""
    cni = ground.ends.cni
    if cni and cni.enforces is False:
        yield from cni.differences
    over = [o for o in ground.state.overrides if any(map(o.may_select, own.all))]
    overriding = dict.fromkeys(f"{o.kind} {o.name}" for o in over if o.doubt is Doubt.OVERRIDDEN)
    if overriding:
        yield f"{listed(overriding)} may override what NetworkPolicies say here"
    unread = dict.fromkeys(o.sentence for o in over if o.doubt is not Doubt.OVERRIDDEN)
    if unread:
        yield listed(unread)
    if cni and cni.enforces is not False and cni.differences:
        yield f"{cni.name} runs here{_foremost(cni, blocks=blocks)}; {_all_told(len(cni.differences))}"


def _foremost(cni: Cni, *, blocks: bool) -> str:
    """Return the one difference that matters most to this policy, empty when none stands out."""
    if cni.enforces is None:
        return ": whether it enforces NetworkPolicies is not seen"
    if blocks and not cni.ipblock_matches_pods:
        return ": ipBlocks, which this policy has, match no pods"
    return ": policies of both directions in one object go wrong, so there are two" if cni.two_objects else ""


def _all_told(count: int) -> str:
    what = "the one difference" if count == 1 else f"all {count} differences"
    return f'{what}: in the proof, or as "cni" in list -o json'


def _missing(world: World) -> list[str]:
    if world.inventory.known:
        return list(world.inventory.missing)
    return [
        "no cluster state: owners come from labels, Services, DNS and applied policies are not known; "
        "add --manifests or --context"
    ]
