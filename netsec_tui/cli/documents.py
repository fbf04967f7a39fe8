"""Turn reviews into the JSON shapes of docs/headless.md."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from netsec_tui.cli.proof_document import cni_document, proof_document
from netsec_tui.core.cluster.known_ranges import known_ranges
from netsec_tui.core.generate.provenance import Provenance
from netsec_tui.model.communication import Communication, Counts
from netsec_tui.model.config import Config
from netsec_tui.model.flow import Verdict
from netsec_tui.model.identity import Direction, Peer, WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector, NetworkPolicy
from netsec_tui.model.review import Review, Row
from netsec_tui.model.timespan import Coverage, Timespan
from netsec_tui.session.session import WorkloadChoice

Document = dict[str, Any]


def iso(epoch: float) -> str | None:
    """Return a UTC time to the second, None for "never"."""
    if not epoch:
        return None
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def workload(ref: WorkloadRef) -> Document:
    """Return namespace, kind and name."""
    return {"namespace": ref.namespace, "kind": ref.kind, "name": ref.name}


def workload_choice(choice: WorkloadChoice) -> Document:
    """Return one workload of a listing with the number of its communications."""
    counts = {"ingress": choice.ingress, "egress": choice.egress, "hostNetwork": choice.host_network}
    return {**workload(choice.ref), **counts}


def timespan(asked: Timespan) -> Document:
    """Return what was asked; ``seconds`` is null for everything."""
    return {"label": asked.label, "seconds": asked.seconds}


def ranges(inventory: Inventory, config: Config) -> list[Document]:
    """Return the pod and service ranges known, each with where it was told and whether it counts."""
    return [
        {
            "kind": str(known.kind),
            "cidr": known.cidr,
            "origin": known.origin or None,
            "byHand": known.by_hand,
            "inForce": known.in_force,
        }
        for known in known_ranges(inventory, config)
    ]


def review(shown: Review) -> Document:
    """Return everything about one workload: its rows, coverage, warnings and policies."""
    subject, known = shown.subject, Provenance(shown)
    return {
        "workload": {
            **workload(subject.ref),
            "selector": selector(subject.selector),
            "owners": [workload(owner) for owner in subject.owners],
            "refusal": shown.refusal or None,
            "notes": list(subject.notes),
            "sharedWith": [workload(other) for other in subject.shared],
        },
        "coverage": coverage(shown.coverage),
        "warnings": list(shown.warnings),
        "directions": {str(direction): _direction(shown, direction) for direction in Direction},
        "rows": [row(entry, known) for direction in Direction for entry in shown.of(direction).rows],
        "policies": [{**_policy(policy), "rules": _rules(policy, known)} for policy in shown.policies],
        "appliedPolicies": [_policy(applied.policy) for applied in shown.applied],
        "proof": proof_document(shown.proof) if shown.policies else None,
        "cni": cni_document(shown.cni),
    }


def selector(given: LabelSelector) -> Document:
    """Return a label selector as the API writes it."""
    expressions = [
        {"key": e.key, "operator": e.operator, "values": list(e.values)} for e in given.match_expressions
    ]
    return {"matchLabels": dict(given.match_labels), "matchExpressions": expressions}


def coverage(known: Coverage) -> Document:
    """Return the window asked for beside what was seen of it."""
    return {
        "asked": timespan(known.asked),
        "seenSeconds": int(known.covered),
        "newest": iso(known.newest),
        "live": known.live,
        "short": known.short,
    }


def row(entry: Row, known: Provenance) -> Document:
    """Return one communication with its decision and the rules that let it through."""
    seen = entry.communication
    return {
        "direction": str(entry.key.direction),
        "peer": peer(entry.key.peer),
        "protocol": str(entry.key.protocol),
        "port": entry.key.port or None,
        "state": str(entry.standing),
        "ticked": entry.ticked,
        "inPolicy": entry.in_policy and not known.review.refusal,
        "reach": str(entry.reach),
        "reason": entry.reason or None,
        "since": str(entry.since) or None,
        "allowedBy": entry.allowed_by or None,
        "appliedPolicies": list(entry.applied),
        "rules": [
            {
                "policy": known.review.policies[place.policy].name,
                "direction": str(place.direction),
                "index": place.rule,
            }
            for place in known.rules_of(entry.key).rules
        ],
        "category": str(entry.category) if entry.category else None,
        "counts": counts(seen.counts),
        "orientation": seen.orientation.name.lower(),
        "firstSeen": iso(seen.first_seen),
        "lastSeen": iso(seen.last_seen),
        **_ends(seen),
    }


def peer(other: Peer) -> Document:
    """Return the other end; ``type`` tells what ``kind`` and ``name`` stand for."""
    named = {"namespace": other.namespace or None, "kind": other.kind, "name": other.name}
    return {"type": str(other.sort), **named}


def counts(seen: Counts) -> Document:
    """Return events by verdict; answers and refusals (TCP resets) have none, ``arrived`` are among them."""
    verdicts = {verdict.name.lower(): seen.verdicts[verdict] for verdict in Verdict}
    return {**verdicts, "answers": seen.answers, "refusals": seen.refusals, "arrived": seen.arrived}


def _ends(seen: Communication) -> Document:
    services = [
        {"namespace": v.namespace, "kind": "Service", "name": v.name, "port": v.port} for v in seen.via
    ]
    return {
        "via": services,
        "addresses": list(seen.addresses),
        "dnsNames": list(seen.names),
        "peerPods": list(seen.pods),
        "ownPods": list(seen.own_pods),
    }


def _direction(shown: Review, direction: Direction) -> Document:
    table = shown.of(direction)
    return {"generalRule": str(table.general), "rows": len(table.rows), "note": table.note or None}


def _rules(policy: NetworkPolicy, known: Provenance) -> list[Document]:
    """Return for each rule how many rows have brought it, with how many flows."""
    return [
        {
            "direction": str(direction),
            "index": found.place.rule,
            "rows": len(found.rows),
            "flows": found.counts.total,
        }
        for direction in policy.policy_types
        for found in known.rules(direction)
    ]


def _policy(policy: NetworkPolicy) -> Document:
    return {"namespace": policy.namespace, "kind": "NetworkPolicy", "name": policy.name}
