"""Answer what NetworkPolicies allow: parse, match, evaluate one connection, or all at once."""

from netsec_tui.core.evaluate.connection import evaluate
from netsec_tui.core.evaluate.matrix import Connectivity, connectivity
from netsec_tui.core.evaluate.overrides import overrides_of
from netsec_tui.core.evaluate.owners import AddressRange, OwnerLink, owner_links
from netsec_tui.core.evaluate.ports import PortSet
from netsec_tui.core.evaluate.state import ClusterState, Override, Policies, cluster_state, end_pods
from netsec_tui.kube.policies import parse_policy
from netsec_tui.kube.selectors import parse_selector

__all__ = [
    "AddressRange",
    "ClusterState",
    "Connectivity",
    "Override",
    "OwnerLink",
    "Policies",
    "PortSet",
    "cluster_state",
    "connectivity",
    "end_pods",
    "evaluate",
    "overrides_of",
    "owner_links",
    "parse_policy",
    "parse_selector",
]
