"""Enter by hand the range that an address is in, keep what the cluster tells, and say what changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from netsec_tui.core.cluster.addresses import network, ranges_of, within
from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.core.configure import keys
from netsec_tui.core.words import listed
from netsec_tui.model.communication import AddressCategory
from netsec_tui.model.config import Config, RangeKind
from netsec_tui.model.configuring import Edited
from netsec_tui.model.inventory import Inventory

_KEYS = {RangeKind.POD: "cidrs.pods", RangeKind.SERVICE: "cidrs.services"}


def claimed(inventory: Inventory, config: Config, kind: RangeKind, cidrs: Sequence[str]) -> Edited:
    """Add ranges by hand; where they are the first of their IP family, those in force are taken over too.

    Ranges by hand stand in place of all that is discovered of their family: what is in force would fall out.

    Raises:
        BadInputError: a CIDR cannot be used.
    """
    key = _KEYS[kind]
    added = keys.add(config, key, cidrs)
    by_hand = {network(cidr).version for cidr in keys.get(config, key)}
    blocks = [network(cidr) for cidr in keys.get(added.config, key)]
    first = {block.version for block in blocks} - by_hand
    now = settled(inventory, config)
    told = now.pod_cidrs if kind is RangeKind.POD else now.service_cidrs
    falling = [
        cidr
        for cidr in told
        if network(cidr).version in first and not any(within(network(cidr), block) for block in blocks)
    ]
    if not falling:
        return added
    note = f"{listed(falling)}, which the cluster tells, is entered by hand with it, or it would not count"
    return Edited(keys.add(added.config, key, falling).config, (*added.notes, note))


def moved_sentence(inventory: Inventory, before: Config, after: Config, addresses: Iterable[str]) -> str:
    """Say how many of some unresolved addresses would be Internal, External or Unknown that are not now."""
    now, then = (ranges_of(settled(inventory, config)) for config in (before, after))
    examined = sorted(set(addresses))
    moved: Counter[AddressCategory] = Counter()
    for ip in examined:
        category = then.category(ip)
        if category is not now.category(ip):
            moved[category] += 1
    which = "the unresolved address" if len(examined) == 1 else f"{len(examined)} unresolved addresses"
    if not moved:
        return f"{which} stays in its category" if len(examined) == 1 else f"none of {which} changes category"
    parts = [f"{moved[category]} {category.value}" for category in AddressCategory if moved[category]]
    if len(examined) == 1:
        return f"{which} becomes {next(iter(moved)).value}"
    return f"of {which} become: {', '.join(parts)}"
