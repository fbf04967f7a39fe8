"""Agree with an independent engine, network-config-analyzer, on random clusters and policies.

It needs an environment of its own (it pins old releases): make one, ``pip install network-config-analyzer``
there, and set NETSEC_NCA_PYTHON to its python. What is known to differ and left out: its ipBlocks never
match pods, so ours do not either; it leaves out connections of a pod to itself; it takes host network and
finished pods for ordinary ones, so there are none.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from netsec_tui.core.evaluate import Connectivity, PortSet, connectivity, parse_policy
from netsec_tui.core.evaluate.addresses import address_number, address_text, cidr_span
from netsec_tui.core.evaluate.ports import LAST_PORT, PROTOCOLS
from netsec_tui.core.evaluate.ranges import blocks_used
from netsec_tui.model.connection import End, EndPod
from netsec_tui.model.decision import PortRange
from tests.core.evaluate import strategies

PYTHON = os.environ.get("NETSEC_NCA_PYTHON", "")
DRIVER = Path(__file__).with_name("nca_driver.py")
LINE = re.compile(r"(\S+) => (\S+) : (.+)")
PART = re.compile(r"\{protocols:(?P<protocols>[A-Z, ]+?)(?:,dst_ports:(?P<ports>[\d,-]+))?\}")

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="NETSEC_NCA_PYTHON does not name a python that has network-config-analyzer"
)

Open = dict[str, list[tuple[int, int]]]
"""The ranges of ports open of each protocol, as read: they may touch and overlap."""


class Analyser:
    """Talk to one process of the other engine."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([PYTHON, str(DRIVER)], stdin=pipe, stdout=pipe, text=True)

    def ask(self, objects: list[dict[str, Any]]) -> str:
        """Return the connectivity of a cluster as text."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(objects) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert isinstance(answer, str), answer
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@pytest.fixture(scope="module")
def analyser() -> Iterator[Analyser]:
    made = Analyser()
    yield made
    made.close()


def cluster_objects(pods: list[EndPod]) -> list[dict[str, Any]]:
    """Write pods and their namespaces as Kubernetes objects."""
    namespaces = {p.namespace: dict(p.namespace_labels or ()) for p in pods}
    made: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in namespaces.items()
    ]
    for p in pods:
        ports = [{"name": c.name, "containerPort": c.port, "protocol": str(c.protocol)} for c in p.ports]
        container = {"name": "main", "image": "none", "ports": ports}
        made.append(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": p.name, "namespace": p.namespace, "labels": dict(p.labels)},
                "spec": {"containers": [container]},
                "status": {"podIP": p.ips[0], "podIPs": [{"ip": ip} for ip in p.ips]},
            }
        )
    return made


def masked(obj: dict[str, Any]) -> dict[str, Any]:
    """Say in other words what the other engine is known to read otherwise than the API server."""
    spec = dict(obj["spec"])
    types = spec.get("policyTypes")
    if not types and spec.get("egress") == []:
        del spec["egress"]  # to it the bare key isolates; the API server stores policyTypes [Ingress] (A1)
    if types:
        spec["policyTypes"] = sorted(types, reverse=True)  # it refuses Egress before Ingress
        for unnamed in {"Ingress", "Egress"} - set(types):
            spec.pop(unnamed.lower(), None)  # it refuses such rules; the API server ignores them (A2)
    for direction, key in (("ingress", "from"), ("egress", "to")):
        if direction in spec:
            spec[direction] = [
                rule | {key: [_masked_peer(peer) for peer in rule[key]]} if key in rule else rule
                for rule in spec[direction]
            ]
    return obj | {"spec": spec}


def _masked_peer(peer: dict[str, Any]) -> dict[str, Any]:
    # Beside a namespaceSelector, its Exists and DoesNotExist only find pods of the policy's own namespace
    # (PeerContainer.get_peers_with_key); In and NotIn with all values that there are mean the same (C2, C6).
    if "namespaceSelector" not in peer or "podSelector" not in peer:
        return peer
    selector = dict(peer["podSelector"])
    spelt = {"Exists": "In", "DoesNotExist": "NotIn"}
    selector["matchExpressions"] = [
        entry | {"operator": spelt[entry["operator"]], "values": [*strategies.VALUES]}
        if entry["operator"] in spelt
        else entry
        for entry in selector.get("matchExpressions", [])
    ]
    return peer | {"podSelector": selector}


def read_answer(text: str) -> dict[tuple[str, str], Open]:
    """Return the open ports of each pair of ends as the other engine spells them."""
    found: dict[tuple[str, str], Open] = defaultdict(lambda: defaultdict(list))
    for line in filter(None, map(str.strip, text.splitlines())):
        match = LINE.fullmatch(line)
        assert match, line
        source, destination, what = match.groups()
        for protocol, ranges in _read_ports(what):
            found[source, destination][protocol] += ranges
    return found


def _read_ports(text: str) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    if text == "All connections":
        yield from ((protocol, [(1, LAST_PORT)]) for protocol in PROTOCOLS)
        return
    match = PART.fullmatch(text)
    assert match, text
    spans = [span.partition("-") for span in (match["ports"] or f"1-{LAST_PORT}").split(",")]
    ranges = [(int(first), int(last or first)) for first, _, last in spans]
    yield from ((protocol, ranges) for protocol in match["protocols"].split(", "))


def _merged(ranges: list[tuple[int, int]]) -> tuple[PortRange, ...]:
    merged: list[PortRange] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1].last + 1:
            before = merged.pop()
            first, last = before.first, max(before.last, last)
        merged.append(PortRange(first, last))
    return tuple(merged)


def _names(answer: dict[tuple[str, str], Open], end: End) -> set[str]:
    """Return the names under which the other engine lists an end: a pod, or ranges with the address."""
    if not isinstance(end, str):
        return {str(end)}
    family, number = address_number(end)
    names = {name for pair in answer for name in pair if "/" not in name}
    return {name for name in names if _holds(name, family, number)}


def _holds(name: str, family: int, number: int) -> bool:
    first, _, last = name.partition("-")
    low, high = address_number(first), address_number(last or first)
    return low[0] == family and low[1] <= number <= high[1]


def _edges(matrix: Connectivity, families: set[int]) -> list[str]:
    spans = (span for spans in matrix.ranges.spans for span in spans if span.family in families)
    return sorted({address_text(s.family, n) for s in spans for n in (s.first, s.last)})


def compare(analyser: Analyser, objects: list[dict[str, Any]], pods: list[EndPod]) -> None:
    """Assert that both engines give the same ports between all pods, and between pods and addresses."""
    theirs = [masked(obj) for obj in objects]
    answer = read_answer(analyser.ask(cluster_objects(pods) + theirs))
    matrix = connectivity(map(parse_policy, objects), pods, ipblock_matches_pods=False)
    # The other engine only speaks of IPv6 when a policy does.
    told = {cidr_span(block.cidr).family for block in blocks_used(map(parse_policy, theirs))}
    edges = _edges(matrix, {4} | told)
    pairs: list[tuple[End, End]] = [(a, b) for a, b in product(pods, pods) if a is not b]
    pairs += [*product(pods, edges), *product(edges, pods)]
    for source, destination in pairs:
        found: Open = defaultdict(list)
        for pair in product(_names(answer, source), _names(answer, destination)):
            for protocol, ranges in answer.get(pair, {}).items():
                found[protocol] += ranges
        here = matrix.ports(source, destination)
        there = PortSet(*(_merged(found[protocol]) for protocol in PROTOCOLS))
        assert here == there, f"{source} -> {destination}: here {here}, there {there}"


@settings(
    max_examples=int(os.environ.get("NETSEC_NCA_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(pods=strategies.clusters(families=(4,)), objects=strategies.policy_objects())
def test_random_clusters_agree(analyser: Analyser, pods: list[EndPod], objects: list[dict[str, Any]]) -> None:
    compare(analyser, objects, pods)
