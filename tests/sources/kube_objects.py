"""Small Kubernetes objects for the tests of the sources, as the API server answers them."""

from __future__ import annotations

from typing import Any


def obj(kind: str, name: str, namespace: str | None = "shop", api: str = "v1", **rest: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, **rest.pop("metadata", {})}
    if namespace is not None:
        metadata.setdefault("namespace", namespace)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def controlled_by(kind: str, name: str) -> dict[str, Any]:
    return {
        "ownerReferences": [
            {"apiVersion": "x/v1", "kind": kind, "name": name, "controller": True, "uid": "u"}
        ]
    }


def pod(
    name: str, labels: dict[str, str] | None = None, owner: tuple[str, str] | None = None, **spec: Any
) -> Any:
    ip = spec.pop("ip", None)
    metadata = {"labels": labels or {}, **(controlled_by(*owner) if owner else {})}
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]} if ip else {}
    return obj("Pod", name, metadata=metadata, spec=spec, status=status)


def template(labels: dict[str, str], port: int = 8080) -> dict[str, Any]:
    container = {"name": "c", "image": "i", "env": [{"name": "PASSWORD", "value": "hunter2"}]}
    return {
        "metadata": {"labels": labels, "annotations": {"a": "hunter2"}},
        "spec": {"containers": [{**container, "ports": [{"name": "http", "containerPort": port}]}]},
    }


def deployment(name: str, labels: dict[str, str] | None = None, kind: str = "Deployment") -> dict[str, Any]:
    labels = labels or {"app": name}
    spec = {"selector": {"matchLabels": labels}, "template": template(labels)}
    return obj(kind, name, api="apps/v1", spec=spec)


def slice_of(
    name: str,
    pods: list[str],
    ports: list[tuple[str, int]],
    service: str = "web",
    namespace: str = "shop",
    ready: bool | None = True,
) -> dict[str, Any]:
    """Return the EndpointSlice of a Service with pods behind ports, each a name and a number."""
    endpoints = [
        {"addresses": ["10.0.0.1"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod}}
        for pod in pods
    ]
    return obj(
        "EndpointSlice",
        name,
        namespace,
        metadata={"labels": {"kubernetes.io/service-name": service}},
        endpoints=endpoints,
        ports=[{"name": name, "port": port} for name, port in ports],
    )
