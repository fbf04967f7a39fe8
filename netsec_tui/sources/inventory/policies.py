"""Policies of the cluster: NetworkPolicies, and those of other kinds that may overrule them."""

from __future__ import annotations

from netsec_tui.errors import BadInputError
from netsec_tui.kube.overriding import overriding_kind, read_overriding
from netsec_tui.kube.policies import parse_policy, selected_by
from netsec_tui.model.inventory import AppliedPolicy, OverridingPolicy, UnreadPolicy
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.strip import object_key, printable

_LONGEST = 400


def read_policy(obj: KubeObject, problems: list[str]) -> AppliedPolicy | None:
    """Return a NetworkPolicy after API defaulting (networkpolicy-semantics.md §1 A), None when broken.

    Half a policy would say something else than the whole, so one field that the API server would refuse
    drops all of it, with a sentence in ``problems``.
    """
    try:
        return AppliedPolicy(parse_policy(obj), obj)
    except BadInputError as error:
        problems.append(printable(f"{error}; the policy is left out", _LONGEST))
        return None


def read_whom(obj: KubeObject) -> UnreadPolicy:
    """Return a broken NetworkPolicy with what can still be read of it: whom it may select."""
    _, namespace, name = object_key(obj)
    return UnreadPolicy(namespace, name, *selected_by(obj))


def read_other_policy(obj: KubeObject) -> OverridingPolicy | None:
    """Return a policy of another kind, None when it has no say over pods."""
    kind = overriding_kind(obj)
    _, namespace, name = object_key(obj)
    return read_overriding(kind, namespace, name, obj) if kind else None
