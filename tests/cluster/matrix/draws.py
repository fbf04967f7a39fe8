"""Parts of random policies: selectors, peers, blocks and ports, each rich in near misses."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.cluster.matrix.pods import HOST, NAMESPACES, SHIFT, Addresses, Object


class Dice:
    """Draws parts of policies for one cluster; the same seed draws the same, but for the addresses."""

    def __init__(self, seed: str, places: Addresses, family: int) -> None:
        self.random = random.Random(seed)
        self.places = places
        self.family = family

    def one(self, *options: Any) -> Any:
        """Return one of the options."""
        return self.random.choice(options)

    def some(self, make: Make, low: int, high: int) -> list[Any]:
        """Return between ``low`` and ``high`` parts of a kind."""
        return [make(self) for _ in range(self.random.randint(low, high))]


Make = Callable[[Dice], Any]
_Labels = Mapping[str, Sequence[str]]
_POD_LABELS: _Labels = {"pod": ("a", "b", "c"), "role": ("front", "back")}
_NAMESPACE_LABELS: _Labels = {"ns": ("x", "y", "z"), "team": ("red", "blue"), "stage": ("test", "live")}


def either(*makes: Make) -> Make:
    """Return what draws like one of some others."""
    return lambda dice: dice.one(*makes)(dice)


def _always(value: Any) -> Make:
    return lambda dice: value


def _label(labels: _Labels) -> Make:
    def draw(dice: Dice) -> Object:
        key = dice.one(*labels)
        return {"matchLabels": {key: dice.one(*labels[key])}}

    return draw


def _expressions(labels: _Labels) -> Make:
    def requirement(dice: Dice) -> Object:
        key, operator = dice.one(*labels), dice.one("In", "NotIn", "NotIn", "Exists", "DoesNotExist")
        if operator in ("Exists", "DoesNotExist"):
            return {"key": key, "operator": operator}
        values = dice.random.sample(labels[key], dice.random.randint(1, 2))
        return {"key": key, "operator": operator, "values": values}

    def draw(dice: Dice) -> Object:
        selector = {"matchExpressions": dice.some(requirement, 1, 2)}
        return dice.one(selector, selector, selector | _label(labels)(dice))

    return draw


everything = _always({})
plain_pods = _label(_POD_LABELS)
odd_pods = _expressions(_POD_LABELS)
_spaces, _odd_spaces = _label(_NAMESPACE_LABELS), _expressions(_NAMESPACE_LABELS)
_named_space = either(
    *(_always({"matchLabels": {"kubernetes.io/metadata.name": name}}) for name in NAMESPACES)
)


def _peer(pods: Make | None = None, spaces: Make | None = None) -> Make:
    parts = (("podSelector", pods), ("namespaceSelector", spaces))
    return lambda dice: {key: make(dice) for key, make in parts if make}


plain_peer = either(_peer(plain_pods), _peer(plain_pods, everything), _peer(plain_pods, _spaces))
odd_peer = either(_peer(odd_pods), _peer(odd_pods, everything), _peer(plain_pods, _odd_spaces))
space_peer = either(
    _peer(None, _spaces),
    _peer(None, _odd_spaces),
    _peer(plain_pods, _odd_spaces),
    _peer(everything, _named_space),
)


_PARTS = tuple((SHIFT + start, count) for start, count in ((8, 8), (12, 4), (14, 2), (16, 16), (16, 4)))
"""Where parts of a node's range begin and how many addresses they have; most hold some of the pods."""


def block(dice: Dice) -> Object:
    """Return an ipBlock that some pods' addresses are in, often with some of them excepted."""
    mine = 0 if dice.family == 4 else 1
    pods = [both for pod, both in dice.places.pods.items() if pod != HOST]
    pod = dice.one(*pods)
    if dice.random.random() < 0.1:
        return {"ipBlock": {"cidr": ("::/0", "0.0.0.0/0")[mine]}}  # the other family
    node = ipaddress.ip_network(f"{pod[mine]}/{(24, 64)[mine]}", strict=False)
    own = f"{pod[mine]}/{node.max_prefixlen}"
    inner = [_part(node, *part) for part in _PARTS] + [own]
    whole = (("0.0.0.0/0", "10.244.0.0/16"), ("::/0", "fd00:10:244::/48"))[mine]
    cidr = dice.one(*whole, str(node), *inner[:3], own)
    if cidr in inner:
        return {"ipBlock": {"cidr": cidr}}
    parts = inner + [str(node)] * (cidr != str(node))
    return {"ipBlock": {"cidr": cidr, "except": dice.random.sample(parts, dice.random.randint(1, 2))}}


def _part(network: ipaddress.IPv4Network | ipaddress.IPv6Network, start: int, count: int) -> str:
    """Return the CIDR of some addresses of a network; their number is a power of two."""
    return f"{network.network_address + start}/{network.max_prefixlen - count.bit_length() + 1}"


def host_block(dice: Dice) -> Object:
    """Return an ipBlock with a node's address in it, or with all but that."""
    address = f"{dice.places.nodes[dice.one(*dice.places.nodes)][0]}/32"
    return {"ipBlock": dice.one({"cidr": address}, {"cidr": "0.0.0.0/0", "except": [address]})}


def number(dice: Dice) -> Object:
    """Return a port by its number; a protocol left out means TCP."""
    return dice.one({}, {"protocol": "TCP"}, {"protocol": "UDP"}, {"protocol": "UDP"}) | {
        "port": dice.one(82, 83)
    }


def name(dice: Dice) -> Object:
    """Return a port by a name that means another number, another protocol or nothing at some pods."""
    return {
        "port": dice.one("web", "web", "admin", "dns", "nope"),
        "protocol": dice.one("TCP", "TCP", "UDP"),
    }


def span(dice: Dice) -> Object:
    """Return a port with an endPort."""
    first, last = dice.one((80, 82), (82, 83), (83, 83), (83, 84), (1, 82), (86, 65535), (84, 84))
    return {"port": first, "endPort": last, "protocol": dice.one("TCP", "UDP")}


def portless(dice: Dice) -> Object:
    """Return all ports of a protocol; one that is left out means TCP."""
    return dice.one({"protocol": "UDP"}, {"protocol": "UDP"}, {"protocol": "TCP"}, {"protocol": "SCTP"}, {})
