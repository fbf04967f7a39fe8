"""Find the namespaces for want of whose labels rows cannot be in the policy, and say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netsec_tui.core.cluster.labelling import is_used
from netsec_tui.core.cluster.selectors import NAME_LABEL
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.expression import Expression
from netsec_tui.core.words import labels_needed
from netsec_tui.model.communication import Communication
from netsec_tui.model.identity import PeerSort


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Hold the namespaces without labels that rows need, sorted.

    ``whole`` tells whether no row is left but these; a DNS row that is only offered does not count.
    """

    namespaces: tuple[str, ...] = ()
    whole: bool = True

    def with_other(self, other: Unlabelled) -> Unlabelled:
        """Return both directions as one."""
        names = {*self.namespaces, *other.namespaces}
        return Unlabelled(tuple(sorted(names)), self.whole and other.whole)


def unlabelled_among(rows: Iterable[tuple[Communication, Expression]]) -> Unlabelled:
    """Return what some rows need."""
    names, whole = set(), True
    for communication, expression in rows:
        if expression.unlabelled:
            names.add(expression.unlabelled)
        elif communication.peer.sort is not PeerSort.DNS or communication.counts.total:
            whole = False
    return Unlabelled(tuple(sorted(names)), whole)


def withheld_sentence(names: tuple[str, ...]) -> str:
    """Say why there is no policy when no row could be in it."""
    shown = "All communications are displayed as allowed"
    return f"{shown} because a policy can't be generated: {labels_needed(names)}"


def unlabelled_warning(world: World, names: tuple[str, ...]) -> str:
    """Return the sentence for the top of the view, which ends in the way out."""
    known = world.inventory.namespaces
    unread = [name for name in names if name not in known]
    if unread == list(names) and known:
        way = f"{'it is' if len(names) == 1 else 'they are'} not in the cluster state"
    else:
        first = next(name for name in names if name not in unread or not known)
        way = f"kubectl label namespace {first} {_key(world)}=VALUE"
    return f"{labels_needed(names)} (namespaces without labels); {way}"


def _key(world: World) -> str:
    """Return the key of a label that policies would select by, as far as one is asked for by name."""
    keys = world.labels.namespace
    asked = (k for k in keys.include if not set(k) & {"*", "?"} and is_used(keys, k))
    return next((key for key in asked if key != NAME_LABEL), "KEY")
