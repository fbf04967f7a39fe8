"""What may stand in an ipBlock, and how much it covers."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.core.cluster.addresses import Ranges, block_text, network, width, width_text
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import IPBlock, PolicyPeer
from netsec_tui.model.timespan import moment


def no_block(inventory: Inventory, ranges: Ranges, cidrs: Iterable[str]) -> str:
    """Say which of some addresses or ranges stands for pods or Services, empty when none does.

    An ipBlock must not: some CNIs never match pods by it, and the address is another pod's tomorrow. A pod
    that has the address is named with the time from which it can have had it: what is older was another's.
    """
    for cidr in cidrs:
        block = network(cidr)
        alone = block.num_addresses == 1
        pods = inventory.live_pods_at(str(block.network_address)) if alone else ()
        inside = ranges.inside(cidr)
        parts = [f"inside the {inside}"] if inside else []
        if pods:
            when = f"since {moment(pods[0].created)} UTC" if pods[0].created else "now"
            parts.append(f"the address of pod {pods[0].namespace}/{pods[0].name} {when}")
        if parts:
            return f"{cidr} is {' and '.join(parts)}: an ipBlock must not stand for pods"
    return ""


def ip_peers(addresses: Iterable[str]) -> tuple[PolicyPeer, ...]:
    """Return an ipBlock for each address."""
    return tuple(PolicyPeer(ip_block=IPBlock(block_text(ip))) for ip in addresses)


def range_peers(ranges: Ranges, cidrs: Iterable[str]) -> tuple[PolicyPeer, ...]:
    """Return an ipBlock for each range, without the pod and service ranges that it contains."""
    return tuple(PolicyPeer(ip_block=IPBlock(cidr, ranges.excepts(cidr))) for cidr in cidrs)


def covered(peers: Iterable[PolicyPeer]) -> str:
    """Say how many addresses ipBlocks cover, empty where it is one."""
    blocks = [peer.ip_block for peer in peers if peer.ip_block]
    count = sum(width(b.cidr) - sum(width(cut) for cut in b.excepts) for b in blocks)
    return f"covers {width_text(count)}" if count > 1 else ""
