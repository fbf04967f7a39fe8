"""Turn what applied policies do into the JSON shapes of docs/headless.md."""

from __future__ import annotations

from netsec_tui.cli.documents import Document, peer, workload
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.compare.applied_verdict import Verdicts
from netsec_tui.model.applied import AppliedSide, AppliedVerdict, Held, Hold, NamespaceMap, PolicyUse
from netsec_tui.model.connection import RuleRef
from netsec_tui.model.identity import Direction
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.review import Review, Row
from netsec_tui.render.applied import isolation


def with_applied(document: Document, review: Review, ground: Ground) -> Document:
    """Return the document of a review with what the applied policies make of each of its rows."""
    verdicts = Verdicts(Applied(ground), review.subject)
    shown = [row for direction in Direction for row in review.of(direction).rows]
    rows = [
        {**written, "applied": _in_short(verdicts.of(row.communication))}
        for written, row in zip(document["rows"], shown, strict=True)
    ]
    return {**document, "rows": rows}


def _in_short(verdict: AppliedVerdict) -> Document:
    return {"verdict": str(verdict.outcome), "why": verdict.why}


def communication(row: Row, verdict: AppliedVerdict) -> Document:
    """Return a communication with its verdict and both sides of it."""
    return {
        "direction": str(row.key.direction),
        "peer": peer(row.key.peer),
        "protocol": str(row.key.protocol),
        "port": row.key.port or None,
        **_in_short(verdict),
        "pairs": {"total": verdict.pairs, "allowed": verdict.allowed},
        "egress": _side(verdict.egress),
        "ingress": _side(verdict.ingress),
    }


def policy(use: PolicyUse) -> Document:
    """Return an applied policy with the workloads that it selects."""
    return {
        **_policy(use.policy.policy),
        "workloads": [{**workload(peer.ref), **_share(hold)} for peer, hold in use.selects],
        "note": use.note or None,
    }


def held(found: Held) -> Document:
    """Return a workload with the policies that select it."""
    return {
        **workload(found.peer.ref),
        "pods": found.pods,
        "hostNetwork": found.host_network,
        "policies": [{**_policy(hold.policy.policy), **_share(hold)} for hold in found.holds],
        "mayOverride": list(found.overriding),
        "ingress": str(found.isolation(Direction.INGRESS)),
        "egress": str(found.isolation(Direction.EGRESS)),
        "note": "; ".join(isolation(found)),
    }


def strayed(found: Held) -> list[Document]:
    """Return the policies that should select a workload and do not, or not all of it."""
    return [
        {**_policy(one.policy.policy), "somePods": one.some, "labelsChanged": one.relabelled}
        for one in found.strayed
    ]


def namespaces(maps: list[NamespaceMap]) -> Document:
    """Return the maps of some namespaces as one."""
    return {
        "policies": [policy(use) for found in maps for use in found.policies],
        "workloads": [held(one) for found in maps for one in found.workloads],
    }


def _policy(found: NetworkPolicy) -> Document:
    rules = {str(d): len(found.rules(d)) if d in found.policy_types else None for d in Direction}
    return {"namespace": found.namespace, "kind": "NetworkPolicy", "name": found.name, "rules": rules}


def _share(hold: Hold) -> Document:
    return {"selects": hold.pods, "of": hold.of}


def _side(side: AppliedSide) -> Document:
    return {
        "outcome": str(side.outcome),
        "isolatedBy": [_ref(ref) for ref in side.isolated_by],
        "allowedBy": [_ref(ref) for ref in side.allowed_by],
        "why": side.sentence or None,
    }


def _ref(ref: RuleRef) -> Document:
    return {"namespace": ref.namespace, "policy": ref.policy, "rule": ref.index}
