"""Say how a row starts, in or out, from what was seen alone; every answer comes with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netsec_tui.core.cluster.dns import is_local_dns
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.kept import lent_to
from netsec_tui.core.traffic.services import declares
from netsec_tui.core.words import listed
from netsec_tui.model.communication import Communication, Counts, Orientation
from netsec_tui.model.flow import Protocol, Verdict
from netsec_tui.model.identity import Direction, PeerSort, WorkloadRef
from netsec_tui.model.policy import LabelSelector
from netsec_tui.model.review import Subject

_NODE = {
    Direction.INGRESS: "nodes start out: a pod's own node gets in anyway, for probes",
    Direction.EGRESS: "nodes start out",
}
_OTHER_NODE = (
    "nodes start out: not the own node of all pods it reached, so the policy denies what was seen, "
    "of clients too that it masquerades"
)
_DELETED = "deleted since"
_NOT_SEEN = "not seen in this timespan"
_UNTOLD = "whether it was answered is not told"
_SUSPECT = "one of many high ports of this peer that no pod declares: client ports or a scan, it seems"


@dataclass(frozen=True, slots=True)
class Default:
    """Hold whether a row starts in the policy, and why not or with which caveat.

    ``plain`` marks a reason that says no more than how rows of its sort start. ``cut`` means that traffic
    was let in which the policy denies as long as the row is out.
    """

    ticked: bool
    reason: str = ""
    plain: bool = False
    cut: bool = False


def default_of(
    world: World, subject: Subject, communication: Communication, *, reports_replies: bool
) -> Default:
    """Return how a communication starts; ``reports_replies`` tells whether the source reports answers."""
    answerable = (reports_replies and communication.answerable) or communication.counts.refusals > 0
    found = _of_sort(world, communication, answerable)
    if not communication.seen and communication.peer.sort is not PeerSort.DNS:
        owner = communication.peer.sort is PeerSort.OWNER
        lost = found.reason if found and owner else lent_to(world, communication)
        return Default(bool(found and found.ticked), "; ".join(filter(None, (_NOT_SEEN, lost))))
    found = found or _of_evidence(world, subject, communication, answerable)
    if communication.peer.ref in world.inventory.gone_owner_by_ref:
        return replace(found, reason="; ".join(filter(None, (found.reason, _DELETED))))
    return found


def _of_sort(world: World, communication: Communication, reports_replies: bool) -> Default | None:
    """Return how rows of a peer's sort start, None where what was seen decides."""
    match communication.peer.sort:
        case PeerSort.DNS:
            seen = communication.counts.total
            caveat = _caveat(communication, reports_replies)
            return Default(True, caveat if seen else "not seen; every name look-up needs it")
        case PeerSort.ALIAS:
            allowed = world.aliases[communication.peer.name].allowed
            return Default(allowed, "alias is set allowed" if allowed else "unresolved IPs start out", True)
        case PeerSort.EXTERNAL:
            return Default(False, _outside(communication, reports_replies))
        case PeerSort.ADDRESS if is_local_dns(communication.key):
            return Default(True, "DNS cache on the node")
        case PeerSort.ADDRESS | PeerSort.NETWORK:
            return Default(False, "unresolved IPs start out", True)
        case PeerSort.NODE:
            reason = _node(world, communication, reports_replies)
            return Default(False, reason, True, cut=reason is _OTHER_NODE)
        case PeerSort.OWNER if label := _nobodys_label(world, communication.peer.ref):
            return Default(
                False, f"the cluster state has no pod with {label} now: a rule for it selects nothing"
            )
    return None


def _nobodys_label(world: World, ref: WorkloadRef) -> str:
    """Return the label that names an owner if no pod that a rule could select has it by now, else nothing.

    What no cluster state was read of is not held to be without.
    """
    inventory, keys = world.inventory, world.knowledge.owner_keys.get(ref, set())
    told = ref.namespace in inventory.namespaces or ref.namespace in inventory.owners_by_namespace
    if ref.kind != "Workload" or not keys or not told or not (inventory.pods or inventory.owners):
        return ""
    labels = [(key, ref.name) for key in sorted(keys)]
    if any(world.selected(ref.namespace, LabelSelector((label,))) for label in labels):
        return ""
    return "=".join(labels[0])


def _of_evidence(
    world: World, subject: Subject, communication: Communication, reports_replies: bool
) -> Default:
    counts = communication.counts
    udp = communication.key.protocol is Protocol.UDP
    one_way = udp and not communication.arrival_told and _unknown(counts, reports_replies)
    if communication.rivals:
        return Default(
            False,
            "an address changed hands in the minute in which it was seen: "
            f"it may have been {listed(communication.rivals)}, and all of that minute is counted here",
        )
    if refused := _refused(communication, reports_replies):
        return Default(False, refused)
    if not counts.allowed and not (counts.answers or one_way):
        return Default(False, _never(communication))
    if communication.disputed:
        holders = listed(communication.disputed)
        return Default(False, f"labels and address are of different pods: the address is that of {holders}")
    if communication.orientation is Orientation.UNKNOWN:
        return Default(False, "who opened the connection is not known")
    must_answer = counts.refusals or communication.peer.sort is not PeerSort.API_SERVER
    if (reports_replies or one_way) and not counts.answers and must_answer:
        if not udp or (_by_proxy(counts) and not counts.arrived):
            return Default(False, _never(communication))
        if not _declared(world, subject, communication):
            without = _UNTOLD if communication.answers_untold else "UDP without an answer"
            return Default(False, f"{without}, and no pod declares the port")
    if communication.suspect:
        return Default(False, _SUSPECT)
    return Default(True, _caveat(communication, reports_replies))


def _node(world: World, communication: Communication, reports_replies: bool) -> str:
    """Say why a node starts out; only a pod's own gets in anyway, others may stand for clients."""
    how = _NODE[communication.key.direction]
    if communication.key.direction is Direction.EGRESS:
        return how
    if not any(_ran_elsewhere(world, communication, name) for name in communication.own_pods):
        return how
    if all(node.name != communication.peer.name for node in world.inventory.nodes):
        return how
    counts = communication.counts
    passed = counts.answers or counts.arrived or (counts.allowed and not reports_replies)
    if passed and not _refused(communication, reports_replies):
        return _OTHER_NODE
    return _NODE[Direction.EGRESS]


def _ran_elsewhere(world: World, communication: Communication, own_pod: str) -> bool:
    """Tell whether a pod that a node reached was on another node then; two may have had its name."""
    namespace, _, name = own_pod.partition("/")
    inventory = world.inventory
    both = (inventory.pod_by_name.get((namespace, name)), inventory.gone_pod_by_name.get((namespace, name)))
    known = [pod for pod in both if pod]
    first, last = communication.first_seen, communication.last_seen
    then = [pod for pod in known if pod.created <= last and (not pod.deleted or pod.deleted >= first)]
    nodes = {pod.node for pod in then or known}  # the time of none fits where a clock is behind
    return bool(nodes) and nodes.isdisjoint({"", communication.peer.name})


def _outside(communication: Communication, reports_replies: bool) -> str:
    """Say why everybody outside shares a row: whom a policy sees is left open by Kubernetes."""
    through = f"any external address, through Service {', '.join(communication.exposed)}"
    sentence = f"{through}: a policy may see the client's address or a node's"
    return "; ".join(filter(None, (sentence, _caveat(communication, reports_replies))))


def _refused(communication: Communication, reports_replies: bool) -> str:
    """Say why what was refused starts out, nothing where what was seen does not come to that.

    What left its client's node was forwarded there, whatever becomes of it at the server's: that both let it
    through is shown by an answer, or by the server's side saying so. The latter is not enough where answers
    are told and one must come. Of UDP an answer shows by itself that an attempt was let in: who rejects it
    sends none. Audited packets are forwarded and answered, several for each verdict, so no number of them
    shows that they would pass once the policy is enforced.
    """
    counts = communication.counts
    if counts.audited:
        return f"{_denials(counts)}: a policy that is only audited would deny it"
    udp = communication.key.protocol is Protocol.UDP
    answered = counts.answers and (counts.allowed or (udp and counts.verdicts[Verdict.UNKNOWN]))
    let_in = counts.allowed and counts.arrived and (udp or not reports_replies)
    if not counts.denied or answered or let_in:
        return ""
    if counts.answers:
        return f"denied only ({_times(counts.denied)}), though something answered"
    if not counts.allowed:
        return f"denied only ({_times(counts.denied)})"
    if not reports_replies:
        return f"{_denials(counts)}, and whether anything answered is not told"
    return f"{_denials(counts)}, {_never(communication)}"


def _never(communication: Communication) -> str:
    counts = communication.counts
    if by_proxy := _by_proxy(counts):
        return by_proxy
    if counts.refusals:
        return f"never answered (refused {_times(counts.refusals)})"
    if failed := _failures(counts):
        return f"never answered ({failed})"
    if not counts.allowed and communication.answers_untold:
        return f"{_UNTOLD}, nor that it was let in"
    if not counts.allowed:
        return "never answered: no verdict on it was seen"
    return f"never answered, though let in {_times(counts.arrived)}" if counts.arrived else "never answered"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _denials(counts: Counts) -> str:
    """Return how often something was denied or audited, nothing when it never was."""
    dropped = counts.denied - counts.audited
    said = (("denied", dropped), ("audited", counts.audited))
    return ", ".join(f"{what} {_times(count)}" for what, count in said if count)


def _failures(counts: Counts) -> str:
    """Return how often something was dropped without a refusal, nothing when it never was."""
    failed = counts.verdicts[Verdict.ERROR]
    return f"dropped {_times(failed)}, not by a policy" if failed else ""


def _caveat(communication: Communication, reports_replies: bool) -> str:
    counts = communication.counts
    parts: list[str] = []
    awaited = reports_replies and communication.key.protocol is not Protocol.UDP
    in_vain = not counts.answers and (counts.refusals or (awaited and counts.arrived))
    if counts.denied:
        # The policies may have changed in between: the one who decides sees that both happened.
        passed = f"answered {_times(counts.answers)}" if counts.answers else ""
        passed = passed or (f"let in {_times(counts.arrived)}" if counts.arrived and not in_vain else "")
        parts += filter(None, (_denials(counts), passed))
    if not (counts.answers or counts.arrived) and (failed := _failures(counts)):
        parts.append(failed)
    if by_proxy := _by_proxy(counts):
        parts.append(by_proxy)
    elif in_vain:
        parts.append(_never(communication))
    elif _unknown(counts, reports_replies):
        arrived = "whether it arrived is not known"
        parts.append(_UNTOLD if communication.answers_untold else f"never answered: {arrived}")
    if communication.orientation is Orientation.INFERRED:
        parts.append("direction inferred")
    return ", ".join(parts)


def _by_proxy(counts: Counts) -> str:
    """Say that nothing but a proxy at the client is known to have answered, nothing where that is not so."""
    if counts.answers or not (counts.proxied and counts.relayed):
        return ""
    known = ": whether the server lets it in is not known"
    if counts.refusals:
        known = f" (refused {_times(counts.refusals)})"
    elif counts.arrived:
        known = f", though let in {_times(counts.arrived)}"
    return f"only a proxy at the client is known to have answered{known}"


def _unknown(counts: Counts, reports_replies: bool) -> bool:
    """Tell whether nobody knows what became of any request; one that went on may only have left its client.

    Where no answers are told that it went on counts.
    """
    tried = counts.verdicts[Verdict.UNKNOWN] + counts.allowed
    known = counts.denied or counts.answers or counts.refusals or counts.arrived
    return bool(tried and not known and (reports_replies or not counts.allowed))


def _declared(world: World, subject: Subject, communication: Communication) -> bool:
    """Tell whether the listening side declares the port, in a container or behind a Service."""
    key = communication.key
    if communication.via:
        return True
    refs = (communication.peer.ref,) if key.direction is Direction.EGRESS else subject.owners
    return any(declares(world.inventory, ref, key.protocol, key.port) for ref in refs)
