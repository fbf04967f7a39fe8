"""The states of policies that the kernel is asked about: those of the vectors, and our own."""

from __future__ import annotations

import gzip
import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.matrix.pods import HOST, SHIFT, Addresses, Object

VECTORS = Path(__file__).parents[2] / "data" / "netpol-vectors.jsonl.gz"
_TYPE = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
"""Some of the vectors' policies leave out what they are."""

UNNAMED = 85
"""The port that no policy names, neither by itself nor in a range."""

_VECTOR_PORTS = tuple(f"{protocol}/{number}" for protocol in ("TCP", "UDP") for number in (80, 81, UNNAMED))


@dataclass(frozen=True)
class State:
    """Policies that are applied together, and the questions put to the kernel then.

    ``ports`` are ``PROTOCOL/number``, ``family`` is 4 or 6, ``hosts`` tells whether the pod on the host
    network is an end too.
    """

    name: str
    policies: tuple[Object, ...]
    ports: tuple[str, ...]
    family: int = 4
    hosts: bool = False


def vector_states(places: Addresses) -> Iterator[State]:
    """Return the states of the vectors, their addresses put in place of those that the pods have here."""
    with gzip.open(VECTORS, "rt", encoding="utf-8") as file:
        next(file)
        for line in file:
            case = json.loads(line)
            policies = tuple({**_TYPE, **_moved(policy, places)} for policy in case["policies"])
            yield State(f"vector {case['case']}.{case['step']} {case['desc']}", policies, _VECTOR_PORTS)


_WHOLE = ipaddress.ip_network("192.168.1.0/24")
"""The range of the pods in the vectors; here each node has one."""


def _moved(value: Any, places: Addresses) -> Any:
    """Return a policy, or a part of one, with each ipBlock split into one for every node."""
    if isinstance(value, list):
        return [part for item in value for part in _moved_item(item, places)]
    if isinstance(value, dict):
        return {key: _moved(part, places) for key, part in value.items()}
    return value


def _moved_item(item: Any, places: Addresses) -> Iterator[Any]:
    block = item.get("ipBlock") if isinstance(item, dict) else None
    if block is None or not ipaddress.ip_network(block["cidr"]).subnet_of(_WHOLE):
        yield _moved(item, places)
        return
    for base in _bases(places):
        moved = {"cidr": _in_range(block["cidr"], base)}
        if block.get("except"):
            moved["except"] = [_in_range(cidr, base) for cidr in block["except"]]
        yield {"ipBlock": moved}


def _bases(places: Addresses) -> list[str]:
    """Return the /24 of each node's pods."""
    pods = [four for pod, (four, _) in places.pods.items() if pod != HOST]
    return sorted({str(ipaddress.ip_network(f"{four}/24", strict=False)) for four in pods})


def _in_range(cidr: str, base: str) -> str:
    network = ipaddress.ip_network(cidr)
    if network == _WHOLE:
        return base
    offset = int(network.network_address) - int(_WHOLE.network_address) + SHIFT
    return f"{ipaddress.ip_network(base).network_address + offset}/{network.prefixlen}"
