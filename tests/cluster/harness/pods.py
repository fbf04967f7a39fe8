"""The wiring of a pod: a network namespace and a link to its node, routed, without a bridge.

Every neighbour is written down on both sides, so that no packet ever waits for ARP or neighbour discovery.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.cluster.harness import netns, remains
from tests.cluster.harness.network import NodeNetwork

_GATEWAYS = ("169.254.1.1", "fe80::1")
_NODE_MAC = "ee:ee:ee:ee:ee:ee"
_FIRST = 10


def wire(node: NodeNetwork, name: str, addresses: Sequence[str]) -> Path:
    """Make the network namespace of a pod and connect it to its node.

    Args:
        node: Where the pod is.
        name: Eight characters of its own; its namespace and its link at the node are named after them.
        addresses: Its IPv4 address and, where it has one, its IPv6 address.

    Raises:
        RuntimeError: the kernel refuses; nothing is left of it.
    """
    namespace = node.instance.name(f"p-{name}")
    link, mac = f"p{name}", _mac(addresses[0])
    outer = [
        f"link add {link} address {_NODE_MAC} type veth peer name eth0 address {mac} netns {namespace}",
        f"link set {link} up",
        f"address add fe80::1/64 dev {link} nodad",
    ]
    inner = ["link set eth0 up"]
    for address in addresses:
        six = ":" in address
        gateway, own = _GATEWAYS[six], node.addresses[six]
        outer += [
            f"route add {address} dev {link} src {own}",
            f"neighbour add {address} lladdr {mac} dev {link} nud permanent",
        ]
        inner += [
            f"address add {address}/{128 if six else 32} dev eth0" + (" nodad" if six else ""),
            f"neighbour add {gateway} lladdr {_NODE_MAC} dev eth0 nud permanent",
            f"route add {gateway} dev eth0",
            f"route add default via {gateway} dev eth0",
        ]
    path = netns.create(namespace)
    try:
        netns.batch(node.namespace, outer)
        netns.batch(namespace, inner)
    except RuntimeError:
        netns.delete(namespace)
        raise
    return path


def unwire(node: NodeNetwork, name: str) -> None:
    """Remove what ``wire`` made, and whoever lives there; the link and its routes go with the namespace."""
    # The link first: the namespace itself may live on for a moment, and its address is given to others.
    with suppress(RuntimeError):
        netns.batch(node.namespace, [f"link delete p{name}"])
    namespace = node.instance.name(f"p-{name}")
    # While it has a name: nobody could be found in it afterwards.
    remains.end([netns.FOLDER / namespace])
    netns.delete(namespace)


def _mac(address: str) -> str:
    return "0a:58:" + ":".join(f"{byte:02x}" for byte in ipaddress.IPv4Address(address).packed)


class Addresses:
    """The addresses of one node's range, each for one pod at a time, by turns: none comes back soon."""

    def __init__(self, ranges: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(text) for text in ranges]
        self._taken: set[int] = set()
        self._next = _FIRST
        self._lock = threading.Lock()

    def take(self, wanted: str = "") -> tuple[str, ...]:
        """Return the addresses of a new pod: of each range the one with the same place in it.

        Raises:
            ValueError: the wanted IPv4 address is not of the range or is taken, or no address is left.
        """
        with self._lock:
            offset = self._offset(wanted) if wanted else self._free()
            self._taken.add(offset)
        return tuple(str(network[offset]) for network in self._networks)

    def give_back(self, addresses: Sequence[str]) -> None:
        """Let others have the addresses of a pod that is gone."""
        with self._lock:
            self._taken.discard(self._offset_of(addresses[0]))

    def holds(self, address: str) -> bool:
        """Tell whether a text is an IPv4 address of this node."""
        try:
            return ipaddress.ip_address(address) in self._networks[0]
        except ValueError:
            return False

    def _offset(self, wanted: str) -> int:
        if not self.holds(wanted):
            raise ValueError(f"address {wanted} is not of the node's range {self._networks[0]}")
        offset = self._offset_of(wanted)
        if offset in self._taken:
            raise ValueError(f"address {wanted} is taken by another pod")
        return offset

    def _offset_of(self, address: str) -> int:
        return int(ipaddress.ip_address(address)) - int(self._networks[0].network_address)

    def _free(self) -> int:
        last = self._networks[0].num_addresses - 2
        for offset in (*range(self._next, last + 1), *range(_FIRST, self._next)):
            if offset not in self._taken:
                self._next = offset + 1
                return offset
        raise ValueError(f"no address is left in {self._networks[0]}")
