"""Which labels last: those that controllers add for one revision, run, replica or place do not."""

from __future__ import annotations

from netsec_tui.model.flow import Labels
from netsec_tui.model.policy import LabelSelector

_UNSTABLE_KEYS = frozenset(
    {
        "pod-template-hash",
        "rollouts-pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "controller-uid",
        "job-name",
    }
)
_UNSTABLE_PREFIXES = (
    "batch.kubernetes.io/",
    "topology.kubernetes.io/",
    "failure-domain.beta.kubernetes.io/",
)
_CHANGES_ON_UPGRADE = frozenset({"app.kubernetes.io/version", "helm.sh/chart", "chart"})


def is_stable(key: str) -> bool:
    """Tell whether a label key outlives a rollout, a rescheduling and the run of a Job."""
    return key not in _UNSTABLE_KEYS and not key.startswith(_UNSTABLE_PREFIXES)


def outlives_upgrades(key: str) -> bool:
    """Tell whether a label key also outlives an upgrade of the software; a spec.selector may lack that."""
    return is_stable(key) and key not in _CHANGES_ON_UPGRADE


def stable_labels(labels: Labels) -> Labels:
    """Return the pairs whose key outlives a rollout."""
    return tuple(pair for pair in labels if is_stable(pair[0]))


def stable_selector(selector: LabelSelector) -> LabelSelector | None:
    """Return an owner's spec.selector without unstable keys, None when nothing is left."""
    expressions = tuple(r for r in selector.match_expressions if is_stable(r.key))
    kept = LabelSelector(stable_labels(selector.match_labels), expressions)
    return None if kept.everything else kept
