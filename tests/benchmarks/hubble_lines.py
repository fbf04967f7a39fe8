"""Make up Hubble JSON lines in the shape of real ones: requests and answers between Deployments."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PORTS = (80, 443, 5432, 6379, 8080, 8443, 9090, 9092)


def lines(count: int, owners: int = 120, pods_each: int = 4, seed: int = 7) -> Iterator[str]:
    """Yield ``count`` lines, half of them answers, one in fifty to an address outside the cluster."""
    chance = random.Random(seed)
    calls = [_call(chance, owners) for _ in range(owners * 5)]
    for number in range(0, count, 2):
        client, server, port = chance.choice(calls)
        source = _pod(client, chance.randrange(pods_each))
        target = _world(server) if chance.random() < 0.02 else _pod(server, chance.randrange(pods_each))
        time = START + timedelta(seconds=number * 12 * 3600 / max(count, 1))
        ephemeral = chance.randrange(32768, 61000)
        yield _line(time, source, target, (ephemeral, port), is_reply=False)
        if number + 1 < count:
            yield _line(time, target, source, (port, ephemeral), is_reply=True)


def _call(chance: random.Random, owners: int) -> tuple[int, int, int]:
    client, server = chance.sample(range(owners), 2)
    return client, server, PORTS[server % len(PORTS)]


def _pod(owner: int, replica: int) -> dict[str, Any]:
    namespace = f"ns{owner % 10}"
    labels = [f"k8s:app=app{owner}", f"k8s:io.kubernetes.pod.namespace={namespace}", "k8s:version=v1"]
    return {
        "ip": f"10.{64 + owner // 250}.{owner % 250}.{replica + 1}",
        "end": {
            "ID": owner * 10 + replica,
            "identity": 1000 + owner,
            "namespace": namespace,
            "labels": labels,
            "pod_name": f"app{owner}-7d9f8b6c5-{replica:05d}",
            "workloads": [{"name": f"app{owner}", "kind": "Deployment"}],
        },
    }


def _world(number: int) -> dict[str, Any]:
    return {"ip": f"203.0.113.{number % 250 + 1}", "end": {"identity": 2, "labels": ["reserved:world"]}}


def _line(
    time: datetime, source: dict[str, Any], target: dict[str, Any], ports: tuple[int, int], *, is_reply: bool
) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    tcp = {"source_port": ports[0], "destination_port": ports[1], "flags": {"SYN": True, "ACK": is_reply}}
    flow = {
        "time": stamp,
        "verdict": "FORWARDED",
        "IP": {"source": source["ip"], "destination": target["ip"], "ipVersion": "IPv4"},
        "l4": {"TCP": tcp},
        "source": source["end"],
        "destination": target["end"],
        "Type": "L3_L4",
        "node_name": "node-1",
        "event_type": {"type": 4, "sub_type": 3},
        "traffic_direction": "INGRESS",
        "trace_observation_point": "TO_ENDPOINT",
        "is_reply": is_reply,
        "Summary": "TCP Flags: SYN, ACK" if is_reply else "TCP Flags: SYN",
    }
    return json.dumps({"flow": flow, "node_name": "node-1", "time": stamp}, separators=(",", ":"))
