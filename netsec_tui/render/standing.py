"""Whether a row is in the policy, in the words that begin a sentence about it."""

from __future__ import annotations

from netsec_tui.model.proof import Reach
from netsec_tui.model.review import Row

_WITHOUT_FULL_EFFECT = {
    Reach.UNKNOWN: "in the policy, but it cannot be told whether it works",
    Reach.PARTLY: "in the policy, but only a part of it is allowed",
    Reach.DENIED: "in the policy, but without effect",
}


def standing_text(row: Row) -> str:
    """Say whether the policy has a row; one that is ticked without being allowed for sure says that."""
    if row.in_policy:
        return "in the policy"
    if not row.ticked or row.suspended:
        return "not in the policy"
    return _WITHOUT_FULL_EFFECT[row.reach]
