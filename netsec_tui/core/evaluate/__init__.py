"""Answer what NetworkPolicies allow: parse, match, evaluate one connection, or all at once."""

from netsec_tui.core.evaluate.decide import evaluate
from netsec_tui.core.evaluate.parse import parse_policy, parse_selector
from netsec_tui.core.evaluate.state import ClusterState, Override, Policies, cluster_state, end_pods

__all__ = [
    "ClusterState",
    "Override",
    "Policies",
    "cluster_state",
    "end_pods",
    "evaluate",
    "parse_policy",
    "parse_selector",
]
