"""Flows of Calico as Goldmane and Whisker tell them, written from their published protocol."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

START = 1_760_000_010
"""A multiple of 15 s, as Goldmane's windows begin."""

TYPES = {1: "WorkloadEndpoint", 2: "HostEndpoint", 3: "NetworkSet", 4: "Network"}
ACTIONS = {1: "Allow", 2: "Deny", 3: "Pass"}

WEB = ("web-6b687c8dcb-*", "shop", 1, ("app=web", "projectcalico.org/orchestrator=k8s"))
API = ("api-78cb8f69c8-*", "shop", 1, ("app=api", "pod-template-hash=78cb8f69c8"))
PUBLIC, PRIVATE = ("pub", "-", 4, ()), ("pvt", "-", 4, ())


def told(source: Any = WEB, dest: Any = API, **more: Any) -> dict[str, Any]:
    """Return what a flow tells, in no form yet: a connection that is allowed, told by its client's node."""
    return {
        "source": source,
        "dest": dest,
        "port": 8080,
        "service": ("-", "-", 0),
        "proto": "tcp",
        "reporter": 1,
        "action": 1,
        "start": START,
        "seconds": 15,
        "started": 3,
        "policy": "kns.shop",
    } | more


def goldmane_json(flow: dict[str, Any], *, names: bool = True) -> dict[str, Any]:
    """Return a FlowResult as protojson writes it: ``names`` keeps those of the proto file, else camelCase."""
    key: dict[str, Any] = {}
    for side in ("source", "dest"):
        name, namespace, kind, _ = flow[side]
        key |= {f"{side}_name": name, f"{side}_namespace": namespace, f"{side}_type": TYPES.get(kind)}
    namespace, name, port = flow["service"]
    key |= {
        "dest_port": str(flow["port"]),
        "dest_service_name": name,
        "dest_service_namespace": namespace,
        "dest_service_port": str(port),
        "proto": flow["proto"],
        "reporter": "Src" if flow["reporter"] == 1 else "Dst",
        "action": ACTIONS.get(flow["action"]),
        "policies": {"enforced_policies": [{"kind": "Profile", "name": flow["policy"], "action": "Allow"}]},
    }
    body = {
        "start_time": str(flow["start"]),
        "end_time": str(flow["start"] + flow["seconds"]),
        "source_labels": list(flow["source"][3]),
        "dest_labels": list(flow["dest"][3]),
        "num_connections_started": str(flow["started"]),
    }
    if not names:
        key, body = ({_camel(name): value for name, value in part.items()} for part in (key, body))
    return {"id": "7", "flow": {"Key": key, **body}}


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(map(str.capitalize, more))


def goldmane_message(classes: Any, flow: dict[str, Any]) -> Any:
    """Return a message ``FlowResult``."""
    result = classes["FlowResult"](id=7)
    key, body = result.flow.Key, result.flow
    key.source_name, key.source_namespace, key.source_type, labels = flow["source"]
    body.source_labels.extend(labels)
    key.dest_name, key.dest_namespace, key.dest_type, labels = flow["dest"]
    body.dest_labels.extend(labels)
    key.dest_service_namespace, key.dest_service_name, key.dest_service_port = flow["service"]
    key.dest_port, key.proto = flow["port"], flow["proto"]
    key.reporter, key.action = flow["reporter"], flow["action"]
    key.policies = b"\n\x02\x1a" + flow["policy"].encode()
    body.start_time, body.end_time = flow["start"], flow["start"] + flow["seconds"]
    body.num_connections_started = flow["started"]
    return result


def whisker_json(flow: dict[str, Any], *, newer: bool = False) -> dict[str, Any]:
    """Return a flow as Whisker's backend writes it; a ``newer`` one tells types and Services too."""
    value: dict[str, Any] = {
        "start_time": _time(flow["start"]),
        "end_time": _time(flow["start"] + flow["seconds"]),
        "action": ACTIONS.get(flow["action"], "ActionUnspecified"),
        "protocol": flow["proto"],
        "dest_port": flow["port"],
        "reporter": "Src" if flow["reporter"] == 1 else "Dst",
        "policies": {"enforced": [{"kind": "Profile", "name": flow["policy"]}], "pending": None},
        "packets_in": 1,
        "packets_out": 2,
        "bytes_in": 3,
        "bytes_out": 4,
    }
    for side in ("source", "dest"):
        name, namespace, kind, labels = flow[side]
        value[f"{side}_name"] = {"pub": "PUBLIC NETWORK", "pvt": "PRIVATE NETWORK"}.get(name, name)
        value[f"{side}_namespace"] = namespace
        value[f"{side}_labels"] = " | ".join(labels)
        if newer:
            value[f"{side}_type"] = TYPES.get(kind, "")
    namespace, name, port = flow["service"]
    if newer and name != "-":
        value["service"] = {"name": name, "namespace": namespace, "port": port}
    return value


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
