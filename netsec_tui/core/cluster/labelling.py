"""Choose labels as the configuration says: which keys of workloads and namespaces a policy selects by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from netsec_tui.core.cluster.selectors import NAME_LABEL
from netsec_tui.core.words import listed
from netsec_tui.kube.labels import is_stable
from netsec_tui.model.config import LabelFilter
from netsec_tui.model.flow import Labels
from netsec_tui.model.policy import LabelSelector


def matches_any(patterns: Iterable[str], key: str) -> bool:
    """Tell whether a label key matches one of some patterns; case counts, as in label keys."""
    return any(_compiled(pattern).fullmatch(key) for pattern in patterns)


def is_used(keys: LabelFilter, key: str) -> bool:
    """Tell whether policies may select by a label key."""
    included = not keys.include or matches_any(keys.include, key)
    return included and not matches_any(keys.exclude, key)


def used_labels(keys: LabelFilter, labels: Labels) -> Labels:
    """Return the pairs that policies may select by."""
    return tuple(pair for pair in labels if is_used(keys, pair[0]))


def used_selector(keys: LabelFilter, selector: LabelSelector) -> LabelSelector | None:
    """Return a selector without the keys that are not used; None when that would select everything."""
    expressions = tuple(r for r in selector.match_expressions if is_used(keys, r.key))
    kept = LabelSelector(used_labels(keys, selector.match_labels), expressions)
    return None if kept.everything else kept


def unused(named: object, selector: LabelSelector) -> str:
    """Say that nothing of a selector is used, and which labels would do."""
    keys = {key for key, _ in selector.match_labels} | {r.key for r in selector.match_expressions}
    return f"{named} has no label that the label configuration uses; let it use {listed(sorted(keys))}"


def namespace_selector(keys: LabelFilter, name: str, labels: Labels) -> LabelSelector | None:
    """Return what selects a namespace, None when none of its labels is usable.

    Labels that are asked for by ``include`` come first. Else the label of its name stands alone, as no
    other namespace can have it, unless it is excluded: then all that is left is used.
    """
    own = LabelSelector(((NAME_LABEL, name),))
    named = not matches_any(keys.exclude, NAME_LABEL)
    if named and not keys.include:
        return own
    kept = tuple((k, v) for k, v in used_labels(keys, labels) if is_stable(k) and k != NAME_LABEL)
    if kept and named and matches_any(keys.include, NAME_LABEL):
        # By key, as every selector that is read from the cluster: order means nothing and must not differ.
        return LabelSelector(tuple(sorted((*own.match_labels, *kept))))
    if kept:
        return LabelSelector(kept)
    return own if named else None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(c) or re.escape(c) for c in pattern), re.DOTALL)
