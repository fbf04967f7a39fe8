"""Pods by the thousand that nothing runs: written through the API, status and owners included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.cluster.harness.rest import Object, Rest

NAMESPACE = "many"
REPLICAS = 10
_THREADS = 8


def write(rest: Rest, pods: int) -> None:
    """Write so many running pods of Deployments with ten replicas each; the controllers must stand still.

    They would take the Deployments for theirs and make other pods.
    """
    rest.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    count = range(pods // REPLICAS)
    with ThreadPoolExecutor(_THREADS) as threads:

        def post(path: str, objects: Iterable[Object]) -> list[Object]:
            return list(threads.map(lambda item: rest.send("POST", path, item), objects))

        apps = f"/apis/apps/v1/namespaces/{NAMESPACE}"
        deployments = post(f"{apps}/deployments", map(_deployment, count))
        sets = post(f"{apps}/replicasets", (_replica_set(owner) for owner in deployments))
        tasks: Iterator[Callable[[], Any]] = (
            (lambda n=n: _write_pod(rest, sets[n // REPLICAS], n)) for n in range(pods)
        )
        list(threads.map(lambda task: task(), tasks))


def name(number: int) -> str:
    """Return the name of a pod."""
    return f"{_app(number // REPLICAS)}-1a2b3c-{number:05}"


def address(number: int) -> str:
    """Return the address of a pod."""
    return f"10.244.{number // 250}.{number % 250 + 1}"


def _app(number: int) -> str:
    return f"app-{number:04}"


def _write_pod(rest: Rest, owner: Object, number: int) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    template = owner["spec"]["template"]
    metadata = {"name": name(number), "labels": template["metadata"]["labels"]}
    metadata["ownerReferences"] = [_controller(owner, "ReplicaSet")]
    spec = {**template["spec"], "nodeName": "node1"}
    pod = rest.send("POST", path, {"metadata": metadata, "spec": spec})
    ip, host = address(number), "198.18.0.11"
    pod["status"] = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "hostIP": host,
        "hostIPs": [{"ip": host}],
    }
    rest.send("PUT", f"{path}/{name(number)}/status", pod)


def _deployment(number: int) -> Object:
    labels = {"app": _app(number)}
    container = {"name": "main", "image": "none", "ports": [{"name": "http", "containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": _app(number)}, "spec": spec}


def _replica_set(owner: Object) -> Object:
    labels = owner["spec"]["template"]["metadata"]["labels"] | {"pod-template-hash": "1a2b3c"}
    template = {"metadata": {"labels": labels}, "spec": owner["spec"]["template"]["spec"]}
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
    metadata = {
        "name": f"{owner['metadata']['name']}-1a2b3c",
        "labels": labels,
        "ownerReferences": [_controller(owner, "Deployment")],
    }
    return {"metadata": metadata, "spec": spec}


def _controller(owner: Object, kind: str) -> Object:
    metadata = owner["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
