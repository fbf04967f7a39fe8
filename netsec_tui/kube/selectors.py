"""Label selectors (LabelSelector, meta/v1)."""

from __future__ import annotations

from typing import Any

from netsec_tui.errors import BadInputError
from netsec_tui.kube.values import each, mapping, optional, shown, text
from netsec_tui.model.policy import LabelSelector, Requirement

_VALUED = {"In": True, "NotIn": True, "Exists": False, "DoesNotExist": False}


def parse_selector(value: Any, at: str = "selector") -> LabelSelector:
    """Return a LabelSelector from its decoded object; ``at`` names the field in errors.

    Raises:
        BadInputError: an operator or its values are not as the API demands (C6).
    """
    selector = mapping(value, at)
    at_labels = f"{at}.matchLabels"
    labels = optional(selector.get("matchLabels"), at_labels)
    pairs = ((text(k, at_labels), text(v, f"{at_labels}.{k}", empty=True)) for k, v in labels.items())
    expressions = each(selector.get("matchExpressions"), f"{at}.matchExpressions", _requirement)
    return LabelSelector(tuple(sorted(pairs)), expressions)


def _requirement(value: Any, at: str) -> Requirement:
    entry = mapping(value, at)
    key = text(entry.get("key"), f"{at}.key")
    operator = entry.get("operator")
    values = each(entry.get("values"), f"{at}.values", lambda v, where: text(v, where, empty=True))
    if not isinstance(operator, str) or operator not in _VALUED:
        raise BadInputError(f"{at}.operator is {shown(operator)}; it must be one of {', '.join(_VALUED)}")
    if _VALUED[operator] != bool(values):
        need = "needs" if _VALUED[operator] else "must have no"
        raise BadInputError(f"{at}.values: {operator} {need} values")
    return Requirement(key, operator, values)
