"""What became of the packets of a NetObserv record: let through, denied, dropped otherwise, or not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsec_tui.model.flow import Verdict
from netsec_tui.sources.fields import count, text

_POLICY_CAUSES = (
    "OVS_DROP_EXPLICIT",
    "OVS_DROP_LAST_ACTION",
    "SKB_DROP_REASON_NETFILTER_DROP",
    "SKB_DROP_REASON_TC_INGRESS",
    "SKB_DROP_REASON_TC_EGRESS",
    "SKB_DROP_REASON_XDP",
)
"""Why a packet is gone that a policy refused: Open vSwitch's flows, netfilter, eBPF at an interface.

Any other cause (linux, enum skb_drop_reason) is the network's or the server's, and no policy's.
"""

_ARRIVED = ("SKB_DROP_REASON_TCP_", "SKB_DROP_REASON_NO_SOCKET", "SKB_DROP_REASON_SOCKET_")
"""How causes begin with which the server's own kernel puts away what arrived: stray packets, full buffers."""

_DENYING, _ALLOWING = frozenset({"drop", "reject"}), frozenset({"allow", "allow-related"})
"""Actions of OVN-Kubernetes in NetworkEvents; others leave the decision to another rule."""

_LEAVING = "egress"
"""Direction of events at the client: who is let out is not let in by that."""


def verdict_of(fields: Mapping[str, Any], *, established: bool) -> Verdict:
    """Return what is known of a record's packets; ``established`` tells that the connection went on.

    The agent sees packets at interfaces, mostly before a policy does: a request alone proves nothing.
    Packets that are dropped later are among those that it counts.
    """
    actions = _actions(fields.get("NetworkEvents"))
    if any(action in _DENYING for action, _ in actions):
        return Verdict.DROPPED
    dropped = count(fields.get("PktDropPackets"))
    if dropped:
        cause = str(fields.get("PktDropLatestDropCause"))
        by_policy = cause in _POLICY_CAUSES
        all_of_them = dropped >= count(fields.get("Packets"))
        if by_policy and (all_of_them or not established):
            return Verdict.DROPPED
        if all_of_them and not cause.startswith(_ARRIVED):
            return Verdict.ERROR
    let_in = any(action in _ALLOWING and direction != _LEAVING for action, direction in actions)
    return Verdict.FORWARDED if established or let_in else Verdict.UNKNOWN


def _actions(events: object) -> list[tuple[str, str]]:
    """Return the actions in lower case, each with the direction of the rule."""
    if type(events) is not list:
        return []
    told = [event for event in events if type(event) is dict]
    return [(text(event.get("Action")).lower(), text(event.get("Direction")).lower()) for event in told]
