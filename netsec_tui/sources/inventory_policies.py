"""NetworkPolicies and label selectors of cluster objects; the parsing itself is the evaluator's."""

from __future__ import annotations

from netsec_tui.core.evaluate.parse import parse_policy, parse_selector
from netsec_tui.errors import BadInputError
from netsec_tui.model.inventory import AppliedPolicy
from netsec_tui.model.policy import LabelSelector
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects import object_title, printable
from netsec_tui.sources.objects_fields import Fields


def read_policy(obj: KubeObject, problems: list[str]) -> AppliedPolicy | None:
    """Return a NetworkPolicy after API defaulting (networkpolicy-semantics.md §1 A), None when broken.

    Half a policy would say something else than the whole, so one broken field drops all of it.
    """
    try:
        return AppliedPolicy(parse_policy(obj), obj)
    except BadInputError as error:
        reason = str(error)
    except TypeError:
        reason = f"{object_title(obj)}: a field has the wrong type"
    problems.append(printable(f"{reason}; the policy is left out", 400))
    return None


def read_selector(holder: Fields, key: str) -> LabelSelector | None:
    """Return a label selector, None when it is absent or null (not the same as empty) or broken."""
    value = holder.data.get(key)
    if value is None:
        return None
    try:
        return parse_selector(value, key)
    except BadInputError as error:
        holder.note("", f"cannot be used to select pods: {printable(str(error))}")
        return None
