"""Choose the labels that a policy selects by: stable ones, never a hash of one rollout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from netsec_tui.kube.labels import outlives_upgrades
from netsec_tui.model.flow import Labels
from netsec_tui.model.policy import LabelSelector

OWNER_LABEL_KEYS = ("app.kubernetes.io/name", "app", "k8s-app")
"""The labels that name an owner when nothing better is known, the best first."""

NAME_LABEL = "kubernetes.io/metadata.name"
"""The label that every namespace carries since Kubernetes 1.21 (well-known labels)."""


def selector_from_labels(labels: Labels) -> LabelSelector | None:
    """Return a selector of the labels that outlive an upgrade, None when there are none."""
    kept = tuple((k, v) for k, v in labels if outlives_upgrades(k))
    return LabelSelector(kept) if kept else None


_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = re.compile(rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_NAME}")
_LABEL_VALUE = re.compile(rf"({_NAME})?")


def acceptable(selector: LabelSelector) -> bool:
    """Tell whether the API server would take the selector's labels (syntax of labels, apimachinery)."""
    return all(_LABEL_KEY.fullmatch(k) and _LABEL_VALUE.fullmatch(v) for k, v in selector.match_labels)


def common_labels(all_labels: Iterable[Labels]) -> Labels:
    """Return the pairs that every one of the label sets has; an empty set of sets has none."""
    common: set[tuple[str, str]] | None = None
    for labels in all_labels:
        common = set(labels) if common is None else common & set(labels)
    return tuple(sorted(common or ()))


def owner_label(labels: Labels) -> tuple[str, str] | None:
    """Return the (key, value) that names an owner, None when no label does."""
    present: Mapping[str, str] = dict(labels)
    for key in OWNER_LABEL_KEYS:
        if present.get(key):
            return key, present[key]
    return None


def has_labels(selector: Labels, labels: Labels) -> bool:
    """Tell whether a Service's selector selects these labels; an empty one selects nothing."""
    return bool(selector) and set(selector) <= set(labels)
