"""What is particular about the flows of each source: one table, which the core looks into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Say what the flows of one ``Flow.origin`` tell, and how.

    ``told_by_both_nodes``: the client's node and the server's each tell what they see of one connection,
    which counts once then. It is false where a source puts that together itself: there a node is only who
    told of it first.

    ``answers``: "each" tells of every connection whether it was answered; "seen" tells answers that it
    sees, so that one is missing only where any are told; "never" tells none. ``arrival_told``: of whatever
    was let in at its end it is told that it was (``Flow.arrived``).

    ``addresses`` is false where no address outside the cluster is told; conntrack is read beside such a
    source. ``may_sample``: its flows do not tell how many packets were looked at. ``dates_back``:
    connections are dated by their last packet, however long ago, which is no time that was watched.

    ``kept_by_nodes``: each node keeps its last flows, whatever the others do, and tells them again.
    ``nodes_by_flows``: which nodes there are is known by what they tell alone, though it be the last word
    of each.

    ``source`` is false of what only flows carry: ``--source`` does not take it. ``told_as`` is what its flows
    carry, empty where that is its own name.
    """

    told_by_both_nodes: bool
    answers: Literal["each", "seen", "never"]
    arrival_told: bool = False
    addresses: bool = True
    may_sample: bool = False
    dates_back: bool = False
    kept_by_nodes: bool = False
    nodes_by_flows: bool = False
    source: bool = True
    told_as: str = ""


_HUBBLE = Origin(told_by_both_nodes=True, answers="seen", kept_by_nodes=True)
_CALICO = Origin(told_by_both_nodes=False, answers="never", arrival_told=True, addresses=False)
_ANTREA = Origin(told_by_both_nodes=True, answers="seen")

ORIGINS: Mapping[str, Origin] = MappingProxyType(
    {
        "hubble": _HUBBLE,
        "hubble-exec": _HUBBLE,
        "whisker": _CALICO,
        "goldmane": _CALICO,
        "antrea": _ANTREA,
        "netobserv": Origin(told_by_both_nodes=True, answers="seen", may_sample=True, nodes_by_flows=True),
        "theia": replace(_ANTREA, told_as="antrea"),
        "conntrack": Origin(told_by_both_nodes=False, answers="each", dates_back=True),
        "antrea-log": Origin(told_by_both_nodes=True, answers="never", source=False),
        "conntrack-brief": Origin(told_by_both_nodes=False, answers="never", source=False),
    }
)
"""In the order in which sources are taken: first those that also tell what was denied.

Flows of any other origin, or of none, are taken for nothing of this: all that is told of them counts.
"""

SOURCES_IN_ORDER = tuple(name for name, origin in ORIGINS.items() if origin.source)
"""Which source comes before which."""


def told_as(name: str) -> str:
    """Return the ``Flow.origin`` of what a source tells."""
    return ORIGINS[name].told_as or name


def origins_where(holds: Callable[[Origin], bool]) -> frozenset[str]:
    """Return the names of the origins of which something holds."""
    return frozenset(name for name, origin in ORIGINS.items() if holds(origin))


WITHOUT_ADDRESSES = origins_where(lambda origin: not origin.addresses)
