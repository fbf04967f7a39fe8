"""Agree with all verdicts that Cyclonus computed, on both sides (origin: tests/data/README.md)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from netsec_tui.core.evaluate import ClusterState, Policies, evaluate, parse_policy
from netsec_tui.model.connection import Connection, EndPod, Outcome
from netsec_tui.model.flow import Protocol
from netsec_tui.model.inventory import ContainerPort

VECTORS = Path(__file__).parents[2] / "data" / "netpol-vectors.jsonl.gz"


def _read() -> tuple[list[EndPod], list[dict[str, Any]]]:
    with gzip.open(VECTORS, "rt", encoding="utf-8") as file:
        cluster, *states = map(json.loads, file)
    pods = [
        EndPod(
            namespace=p["namespace"],
            name=p["name"],
            labels=tuple(sorted(p["labels"].items())),
            namespace_labels=tuple(sorted(cluster["namespaces"][p["namespace"]].items())),
            ips=(p["ip"],),
            ports=tuple(
                ContainerPort(c["name"], Protocol(c["protocol"]), c["containerPort"]) for c in p["ports"]
            ),
        )
        for p in cluster["pods"]
    ]
    return pods, states


def test_all_vectors() -> None:
    pods, states = _read()
    state = ClusterState(pods=tuple(pods))
    wrong: list[str] = []
    verdicts = 0
    for case in states:
        policies = Policies(parse_policy(obj) for obj in case["policies"])
        for key, denied in case["denied"].items():
            protocol, _, port = key.partition("/")
            refused = {side: {tuple(pair) for pair in denied[side]} for side in ("egress", "ingress")}
            for a in pods:
                for b in pods:
                    verdict = evaluate(policies, state, Connection(a, b, Protocol(protocol), int(port)))
                    verdicts += 1
                    for side, answer in (("egress", verdict.egress), ("ingress", verdict.ingress)):
                        expected = (str(a), str(b)) in refused[side]
                        if answer.outcome is not (Outcome.DENIED if expected else Outcome.ALLOWED):
                            wrong.append(f"{case['case']}.{case['step']} {a} -> {b} {key} {side}: {answer}")
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[:5]}"
    assert verdicts == 59_292
