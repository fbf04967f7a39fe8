"""The wires between the parts of a cluster, and the addresses on them.

A bridge in a namespace of its own joins the control plane, the nodes and the outside world. The machine has
one link, to the control plane alone, where nothing is forwarded: nothing leads to the machine's own network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness import netns
from tests.cluster.harness.instance import Instance

POD_RANGES = ("10.244.0.0/16", "fd00:10:244::/48")
SERVICE_RANGES = ("10.96.0.0/16", "fd00:10:96::/112")
API_SERVICES = ("10.96.0.1", "fd00:10:96::1")
API_PORT = 6443

OUTSIDE = (
    "203.0.113.10",
    "203.0.113.14",
    "198.51.100.7",
    "192.0.2.20",
    "192.0.2.21",
    "192.0.2.22",
    "2001:db8:50::7",
)
"""Addresses of the outside world at the start, all of ranges that documentation is written with."""

OUTSIDE_PORT = 7
"""Where one listener answers for every port of every address of the outside world."""

_OUTSIDE_HOST = 250


@dataclass(frozen=True)
class NodeNetwork:
    """One node: where it is, and which addresses its pods get."""

    instance: Instance
    number: int
    """Counted from 1."""

    @property
    def name(self) -> str:
        """The node's name in the cluster."""
        return f"node{self.number}"

    @property
    def namespace(self) -> str:
        """The name of its network namespace."""
        return self.instance.name(self.name)

    @property
    def path(self) -> Path:
        """The file of its network namespace."""
        return self.instance.path(self.name)

    @property
    def addresses(self) -> tuple[str, str]:
        """Its IPv4 and its IPv6 address."""
        return _addresses(self.instance, 10 + self.number)

    @property
    def pod_ranges(self) -> tuple[str, str]:
        """The IPv4 and the IPv6 range of its pods."""
        return f"10.244.{self.number}.0/24", f"fd00:10:244:{self.number:x}::/64"


def control_address(instance: Instance) -> str:
    """Return the address at which the API server answers, to the machine and to the nodes."""
    return _addresses(instance, 2)[0]


def connect_control(instance: Instance) -> None:
    """Make the bridge, the control plane's namespace, and the machine's link to that namespace."""
    fabric, control = instance.name("fabric"), instance.name("control")
    _forward(netns.create(fabric), False)
    netns.batch(fabric, ["link add br0 type bridge", "link set br0 up"])
    _connect(instance, "control", 2)
    root = f"198.18.{instance.number}.1"
    netns.run("ip", "link", "add", instance.link, "type", "veth", "peer", "name", "root", "netns", control)
    address = control_address(instance)
    netns.run("ip", "address", "add", root, "peer", address, "dev", instance.link)
    netns.run("ip", "link", "set", instance.link, "up")
    netns.batch(control, ["link set root up", f"route add {root}/32 dev root src {address}"])


def connect_outside(instance: Instance) -> None:
    """Make the outside world: a namespace with addresses that no part of the cluster has."""
    _connect(instance, "outside", _OUTSIDE_HOST)
    for address in OUTSIDE:
        add_outside(instance, address)
    answered = f"meta l4proto {{ tcp, udp }} dnat to :{OUTSIDE_PORT}"
    rules = "".join(
        f"""table {family} netsec_harness {{
            chain asked {{
                type nat hook prerouting priority dstnat;
                {family} daddr != {own} {answered}
            }}
        }}
        """
        for family, own in (("ip", "198.18.0.0/16"), ("ip6", "fd00:198:18::/48"))
    )
    with netns.inside(instance.path("outside")):
        netns.run("nft", "-f", "-", stdin=rules)


def add_outside(instance: Instance, address: str) -> None:
    """Give the outside world another address; one that it has already is fine.

    Raises:
        RuntimeError: it is no address.
    """
    length = 128 if ":" in address else 32
    flags = "nodad" if length == 128 else ""
    netns.batch(instance.name("outside"), [f"address replace {address}/{length} dev lo {flags}".strip()])


def plan_nodes(instance: Instance, count: int) -> list[NodeNetwork]:
    """Return the names and addresses of so many nodes."""
    return [NodeNetwork(instance, number) for number in range(1, count + 1)]


def connect_nodes(instance: Instance, nodes: Sequence[NodeNetwork]) -> None:
    """Make the nodes' namespaces, with routes to each other's pods and to the outside world."""
    outside = _addresses(instance, _OUTSIDE_HOST)
    for node in nodes:
        _connect(instance, node.name, 10 + node.number)
        routes = [f"route add default via {via}" for via in outside]
        for other in nodes:
            if other != node:
                ways = zip(other.pod_ranges, other.addresses, strict=True)
                routes += [f"route add {pods} via {address}" for pods, address in ways]
        netns.batch(node.namespace, routes)
        _serve_pods(node)


def _addresses(instance: Instance, host: int) -> tuple[str, str]:
    return f"198.18.{instance.number}.{host}", f"fd00:198:18:{instance.number:x}::{host}"


def _connect(instance: Instance, part: str, host: int) -> None:
    """Make a namespace with a link ``eth0`` to the bridge."""
    name = instance.name(part)
    path = netns.create(name)
    four, six = _addresses(instance, host)
    netns.batch(
        instance.name("fabric"),
        [
            f"link add {part} type veth peer name eth0 netns {name}",
            f"link set {part} master br0",
            f"link set {part} up",
        ],
    )
    # No duplicate address detection: an address that is being tested for a second cannot be listened on.
    netns.batch(
        name, ["link set eth0 up", f"address add {four}/24 dev eth0", f"address add {six}/64 dev eth0 nodad"]
    )
    netns.set_sysctls(path, {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.eth0.rp_filter": 0})
    _forward(path, False)


def _forward(path: Path, allowed: bool) -> None:
    """Say whether a namespace passes packets on; a new one does as the machine does."""
    netns.set_sysctls(
        path, {"net.ipv4.ip_forward": int(allowed), "net.ipv6.conf.all.forwarding": int(allowed)}
    )


def _serve_pods(node: NodeNetwork) -> None:
    """Let a node pass on packets of its pods, with its own address where they leave the cluster."""
    _forward(node.path, True)
    accounted = ("net.netfilter.nf_conntrack_acct", "net.netfilter.nf_conntrack_timestamp")
    netns.set_sysctls(node.path, dict.fromkeys(accounted, 1))
    four, six = POD_RANGES
    rules = f"""table inet netsec_harness {{
        chain leaving {{
            type nat hook postrouting priority srcnat;
            oifname "eth0" ip saddr {four} ip daddr != {four} masquerade
            oifname "eth0" ip6 saddr {six} ip6 daddr != {six} masquerade
        }}
    }}"""
    with netns.inside(node.path):
        netns.run("nft", "-f", "-", stdin=rules)
