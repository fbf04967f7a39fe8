"""Turn the proof of a generated policy into the JSON shape of docs/headless.md."""

from __future__ import annotations

from typing import Any

from netsec_tui.model.cni import Cni
from netsec_tui.model.proof import Breach, Finding, Proof

_KINDS = {
    Breach.NOT_ALLOWED: "notAllowed",
    Breach.NOT_TOLD: "notTold",
    Breach.NOT_DENIED: "notDenied",
    Breach.CUT: "cut",
    Breach.POD_OPENED: "podOpened",
    Breach.ADDRESSES_OPENED: "addressesOpened",
    Breach.ISOLATED: "isolated",
    Breach.NOT_SELECTED: "notSelected",
}


def proof_document(proof: Proof) -> dict[str, Any]:
    """Return the counts of a proof and everything that it found."""
    return {
        "clean": proof.clean,
        "included": {"rows": proof.included, "allowed": proof.allowed},
        "excluded": {
            "rows": proof.excluded,
            "denied": proof.denied,
            "allowedByWiderRules": proof.named,
            "cannotTell": proof.undecided,
        },
        "notExpressible": proof.beyond,
        "opened": {
            "pods": proof.count(Breach.POD_OPENED),
            "addresses": proof.count(Breach.ADDRESSES_OPENED),
        },
        "isolated": proof.count(Breach.ISOLATED),
        "findings": [_finding(finding) for finding in proof.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": _KINDS[finding.breach],
        "direction": str(finding.direction) if finding.direction else None,
        "who": finding.who,
        "ports": finding.ports or None,
        "sentence": finding.sentence,
    }


def cni_document(cni: Cni | None) -> dict[str, Any] | None:
    """Return the CNI that was seen, None when nothing was."""
    if cni is None:
        return None
    return {
        "name": cni.name,
        "enforces": cni.enforces,
        "ipBlockMatchesPods": cni.ipblock_matches_pods,
        "differences": list(cni.differences),
        "seenAs": list(cni.seen_as),
    }
