"""Name every policy that may overrule what the NetworkPolicies say, from what is known of the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from netsec_tui.core.evaluate.state import Override
from netsec_tui.kube.overriding import OVERRIDING_KINDS
from netsec_tui.model.connection import Doubt
from netsec_tui.model.inventory import Inventory

_LISTED = {
    "networkpolicies": "NetworkPolicy",
    "apigroups": "policy of another kind",
    **{kind.resource: kind.title for kind in OVERRIDING_KINDS},
}


def overrides_of(inventory: Inventory) -> tuple[Override, ...]:
    """Return the policies of other kinds, and the NetworkPolicies of which it is not known what they say.

    A kind that may not be listed counts as one policy that selects every pod.
    """
    return (*_other_kinds(inventory), *_unread(inventory), *_unlisted(inventory))


def _other_kinds(inventory: Inventory) -> Iterator[Override]:
    for policy in inventory.overriding:
        name = f"{policy.namespace}/{policy.name}" if policy.namespace else policy.name
        yield Override(
            policy.kind,
            policy.namespace,
            name,
            policy.selector,
            policy.baseline,
            policy.namespace_selector,
            policy.directions,
        )


def _unread(inventory: Inventory) -> Iterator[Override]:
    for policy in inventory.unread_policies:
        yield Override(
            "NetworkPolicy",
            policy.namespace,
            f"{policy.namespace}/{policy.name}, which cannot be read,",
            policy.selector,
            directions=policy.directions,
            doubt=Doubt.UNREAD,
        )


def _unlisted(inventory: Inventory) -> Iterator[Override]:
    # Sources begin the sentence about a resource that they could not list with its name as RBAC spells it.
    begun = {sentence.partition(" ")[0] for sentence in inventory.missing}
    for resource, title in _LISTED.items():
        if resource in begun:
            doubt = Doubt.UNREAD if resource == "networkpolicies" else Doubt.OVERRIDDEN
            yield Override(title, "", "that could not be listed", doubt=doubt)
