"""What a kubelet says of a pod: its ports, and its status in the API server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.rest import MERGE, Object, Rest


class Port(NamedTuple):
    """A port that a container declares."""

    protocol: str
    number: int
    name: str


def ports_of(pod: Object) -> list[Port]:
    """Return the ports that a pod's containers, its sidecars too, declare, each once."""
    spec = pod["spec"]
    sidecars = [item for item in spec.get("initContainers") or [] if item.get("restartPolicy") == "Always"]
    found = {}
    for container in [*spec["containers"], *sidecars]:
        for port in container.get("ports") or []:
            one = Port(port.get("protocol", "TCP"), port["containerPort"], port.get("name", ""))
            found.setdefault((one.protocol, one.number), one)
    return list(found.values())


def path_of(pod: Object) -> str:
    """Return the path of a pod in the API."""
    meta = pod["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"


def say_running(rest: Rest, pod: Object, node: NodeNetwork, addresses: Sequence[str]) -> None:
    """Tell the API server that a pod runs and is ready; raises as ``Rest.send`` does."""
    now = _now()
    spec = pod["spec"]
    status = {
        "phase": "Running",
        "hostIP": node.addresses[0],
        "hostIPs": [{"ip": address} for address in node.addresses],
        "podIP": addresses[0],
        "podIPs": [{"ip": address} for address in addresses],
        "startTime": now,
        "conditions": _conditions("True", now),
        "containerStatuses": [_running(item, now) for item in spec["containers"]],
        "initContainerStatuses": [_initial(item, now) for item in spec.get("initContainers") or []],
    }
    _patch(rest, path_of(pod), status)


def say_finished(rest: Rest, pod: Object, succeeded: bool = True) -> None:
    """Tell the API server that all containers of a pod have ended; raises as ``Rest.send`` does."""
    now = _now()
    ended = {
        "exitCode": int(not succeeded),
        "reason": "Completed" if succeeded else "Error",
        "finishedAt": now,
    }
    containers = [
        {**_running(item, now), "ready": False, "started": False, "state": {"terminated": ended}}
        for item in pod["spec"]["containers"]
    ]
    phase = "Succeeded" if succeeded else "Failed"
    status = {"phase": phase, "conditions": _conditions("False", now), "containerStatuses": containers}
    _patch(rest, path_of(pod), status)


def say_waiting(rest: Rest, pod: Object, reason: str) -> None:
    """Tell the API server why a pod does not run yet, once; raises as ``Rest.send`` does."""
    conditions = pod.get("status", {}).get("conditions") or []
    if not any(item.get("message") == reason for item in conditions):
        bound = bool(pod["spec"].get("nodeName"))
        kind, why = ("Ready", "NotStarted") if bound else ("PodScheduled", "Unschedulable")
        condition = {"type": kind, "status": "False", "reason": why, "message": reason}
        _patch(rest, path_of(pod), {"conditions": [condition]})


def _patch(rest: Rest, path: str, status: Object) -> None:
    rest.send("PATCH", f"{path}/status", {"status": status}, MERGE)


def _conditions(ready: str, now: str) -> list[Object]:
    kinds = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": ready, "Ready": ready}
    return [{"type": kind, "status": value, "lastTransitionTime": now} for kind, value in kinds.items()]


def _running(container: Object, now: str) -> Object:
    image = container["image"]
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"harness/{image}",
        "containerID": f"harness://{container['name']}",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": now}},
    }


def _initial(container: Object, now: str) -> Object:
    """Return the status of an init container: a sidecar goes on running, any other has done its work."""
    status = _running(container, now)
    if container.get("restartPolicy") != "Always":
        status["started"] = False
        status["state"] = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now}}
    return status


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
