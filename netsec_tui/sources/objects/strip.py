"""Kubernetes objects cut down to what the product needs.

No environment, annotations, commands or secrets, but for what tells ranges (ranges.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netsec_tui.kube.overriding import overriding_kind
from netsec_tui.model.inventory import ENDED_PHASES, SCHEDULED
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects.ranges import (
    WEAVE_RANGE,
    arguments_of,
    config_map_places,
    cut_config_map,
    node_arguments,
    weave_range,
)

ObjectKey = tuple[str, str, str]
"""Kind, namespace (empty for cluster-scoped objects) and name.

The kind of a policy that may overrule NetworkPolicies carries its API group, as ``kubectl`` writes it
(``NetworkPolicy.projectcalico.org``): several groups use the same names.
"""

_CLUSTER_SCOPED = frozenset(
    {"Namespace", "Node", "ServiceCIDR", "IPPool", "CiliumNode", "CiliumPodIPPool", "Network"}
)

_Prune = Callable[[Any], Any]
_DEPTH = 24
"""A NetworkPolicy is 9 levels deep; anything far deeper is no policy and would only eat the stack."""


def _scalar(value: Any) -> Any:
    """Return a JSON scalar; of a container that stands in the wrong place only its type is kept."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 64 else hex(value)[:20]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {}
    return [] if isinstance(value, list | tuple | set) else str(value)


def _record(**fields: _Prune) -> _Prune:
    def prune(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return _scalar(value)
        return {name: field(value[name]) for name, field in fields.items() if name in value}

    return prune


def _each(item: _Prune) -> _Prune:
    def prune(value: Any) -> Any:
        return [item(entry) for entry in value] if isinstance(value, list | tuple) else _scalar(value)

    return prune


def _labels(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _scalar(value)
    return {str(key): _scalar(entry) for key, entry in value.items()}


def _whole(value: Any, depth: int = _DEPTH) -> Any:
    if depth and isinstance(value, Mapping):
        return {str(key): _whole(entry, depth - 1) for key, entry in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_whole(entry, depth - 1) for entry in value]
    return _scalar(value)


_CREDENTIALS = ("headers", "headerMatches")
"""Lists in a CiliumNetworkPolicy's HTTP rules: the headers that they demand or add may hold tokens."""


def _without_credentials(value: Any) -> Any:
    return _drop_credentials(_whole(value))


def _drop_credentials(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in _CREDENTIALS or not isinstance(v, list)}
        return {key: _drop_credentials(entry) for key, entry in kept.items()}
    return [_drop_credentials(entry) for entry in value] if isinstance(value, list) else value


_METADATA = _record(
    name=_scalar,
    namespace=_scalar,
    labels=_labels,
    ownerReferences=_each(_record(kind=_scalar, name=_scalar, controller=_scalar)),
    creationTimestamp=_scalar,
    deletionTimestamp=_scalar,
)
_CONTAINER_PORTS = _each(_record(name=_scalar, containerPort=_scalar, protocol=_scalar))
_CONTAINER = _record(ports=_CONTAINER_PORTS)


def _with_arguments(container: Any) -> Any:
    kept, arguments = _CONTAINER(container), arguments_of(container)
    return {**kept, "args": arguments} if arguments else kept


def _with_weave_range(container: Any) -> Any:
    kept, value = _CONTAINER(container), weave_range(container)
    return {**kept, "env": [{"name": WEAVE_RANGE, "value": value}]} if value else kept


def _pod_spec(container: _Prune) -> _Prune:
    return _record(
        hostNetwork=_scalar,
        nodeName=_scalar,
        containers=_each(container),
        initContainers=_each(_record(restartPolicy=_scalar, ports=_CONTAINER_PORTS)),
    )


def _owner(container: _Prune) -> _Prune:
    template = _record(metadata=_record(labels=_labels), spec=_pod_spec(container))
    return _record(spec=_record(selector=_whole, template=template))


_TEMPLATE = _record(metadata=_record(labels=_labels), spec=_pod_spec(_CONTAINER))
_OWNER = _owner(_CONTAINER)
_INGRESS_ADDRESSES = _record(ingress=_each(_record(ip=_scalar)))
_TARGET = _record(kind=_scalar, name=_scalar, namespace=_scalar)
_ENDPOINT_PORTS = _each(_record(name=_scalar, protocol=_scalar, port=_scalar))
_ENDPOINTS_ADDRESSES = _each(_record(ip=_scalar, targetRef=_TARGET))

_POD_STATUS = _record(
    phase=_scalar, podIP=_scalar, podIPs=_each(_record(ip=_scalar)), hostIP=_scalar, startTime=_scalar
)
_CONDITIONS = _each(_record(type=_scalar, status=_scalar, lastTransitionTime=_scalar))
_ENDS = _each(_record(state=_record(terminated=_record(finishedAt=_scalar))))
_POD_END = _record(
    containerStatuses=_ENDS,
    initContainerStatuses=_ENDS,
    ephemeralContainerStatuses=_ENDS,
    conditions=_CONDITIONS,
)


def _pod_status(status: Any) -> Any:
    """Keep what tells when a pod ended of those alone that have: of others it changes all the time."""
    kept = _POD_STATUS(status)
    if isinstance(status, Mapping) and status.get("phase") in ENDED_PHASES:
        return {**kept, **_POD_END(status)}
    conditions = status.get("conditions") if isinstance(status, Mapping) else None
    told = conditions if isinstance(conditions, list) else ()
    scheduled = [one for one in told if isinstance(one, Mapping) and one.get("type") == SCHEDULED]
    return {**kept, "conditions": _CONDITIONS(scheduled)} if scheduled else kept


_POD = _record(spec=_pod_spec(_with_arguments), status=_pod_status)
_CRON_JOB = _record(spec=_record(jobTemplate=_record(spec=_record(template=_TEMPLATE))))
_SERVICE = _record(
    spec=_record(
        type=_scalar,
        selector=_labels,
        clusterIP=_scalar,
        clusterIPs=_each(_scalar),
        externalIPs=_each(_scalar),
        externalName=_scalar,
        ports=_each(
            _record(name=_scalar, protocol=_scalar, port=_scalar, targetPort=_scalar, nodePort=_scalar)
        ),
    ),
    status=_record(loadBalancer=_INGRESS_ADDRESSES),
)
_ENDPOINT_SLICE = _record(
    addressType=_scalar,
    endpoints=_each(_record(addresses=_each(_scalar), targetRef=_TARGET)),
    ports=_ENDPOINT_PORTS,
)
_ENDPOINTS = _record(
    subsets=_each(
        _record(addresses=_ENDPOINTS_ADDRESSES, notReadyAddresses=_ENDPOINTS_ADDRESSES, ports=_ENDPOINT_PORTS)
    )
)
_NODE = _record(
    spec=_record(podCIDR=_scalar, podCIDRs=_each(_scalar)),
    status=_record(addresses=_each(_record(type=_scalar, address=_scalar))),
)

_SERVICE_CIDR = _record(spec=_record(cidrs=_each(_scalar)))
_IP_POOL = _record(spec=_record(cidr=_scalar, disabled=_scalar, allowedUses=_each(_scalar)))
_CILIUM_NODE = _record(
    spec=_record(
        ipam=_record(podCIDRs=_each(_scalar), pools=_record(allocated=_each(_record(cidrs=_each(_scalar)))))
    )
)
_CILIUM_POOL = _record(spec=_record(ipv4=_record(cidrs=_each(_scalar)), ipv6=_record(cidrs=_each(_scalar))))
_NETWORKS = _record(clusterNetwork=_each(_record(cidr=_scalar)), serviceNetwork=_each(_scalar))
_NETWORK = _record(spec=_NETWORKS, status=_NETWORKS)

_APPS = ("apps", "extensions")
_KINDS: Mapping[str, tuple[tuple[str, ...], _Prune]] = {
    "Namespace": (("",), _record()),
    "Pod": (("",), _POD),
    "ReplicationController": (("",), _OWNER),
    "ReplicaSet": (_APPS, _OWNER),
    "Deployment": (_APPS, _OWNER),
    "StatefulSet": (_APPS, _OWNER),
    "DaemonSet": (_APPS, _owner(_with_weave_range)),
    "Job": (("batch",), _record(spec=_record(template=_TEMPLATE))),
    "CronJob": (("batch",), _CRON_JOB),
    "Service": (("",), _SERVICE),
    "Endpoints": (("",), _ENDPOINTS),
    "EndpointSlice": (("discovery.k8s.io",), _ENDPOINT_SLICE),
    "Node": (("",), _NODE),
    "NetworkPolicy": (("networking.k8s.io", "extensions"), _record(spec=_whole)),
    "ConfigMap": (("",), cut_config_map),
    "ServiceCIDR": (("networking.k8s.io",), _SERVICE_CIDR),
    "IPPool": (("projectcalico.org", "crd.projectcalico.org"), _IP_POOL),
    "CiliumNode": (("cilium.io",), _CILIUM_NODE),
    "CiliumPodIPPool": (("cilium.io",), _CILIUM_POOL),
    "Network": (("config.openshift.io",), _NETWORK),
}
_OTHER_POLICY = _record(spec=_without_credentials, specs=_without_credentials)


def strip(obj: KubeObject) -> KubeObject | None:
    """Return an object with only the fields that the product needs, None for an object it has no use for.

    A kind counts only in its own API group: a Knative Service is no Service. Policies of other kinds that
    may overrule NetworkPolicies are kept (``kube/overriding.py`` lists them). An object of any other kind is
    kept as a pod owner when it has a selector and a pod template (an Argo Rollout, an OpenKruise CloneSet).
    Values of the wrong type stay scalars or become an empty container, so that reading can name them;
    stripping twice changes nothing. Of ConfigMaps those are kept that may tell ranges, with nothing else.
    ``deleted``, the time at which an object was deleted, is kept (epoch seconds; a source adds it).
    """
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str):
        return None
    other_policy = overriding_kind(obj) is not None
    prune = _OTHER_POLICY if other_policy else _shape_of(kind, version.rpartition("/")[0], obj.get("spec"))
    if prune is None or (kind == "ConfigMap" and not config_map_places(obj)):
        return None
    metadata = _METADATA(obj.get("metadata"))
    if kind == "Node" and (arguments := node_arguments(obj)):
        metadata["annotations"] = arguments
    gone = {"deleted": obj["deleted"]} if is_gone(obj) else {}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **prune(obj), **gone}


def is_gone(obj: KubeObject) -> bool:
    """Tell whether an object is known to be deleted."""
    when = obj.get("deleted")
    return isinstance(when, int | float) and not isinstance(when, bool) and 0 < when < math.inf


def _shape_of(kind: str, group: str, spec: Any) -> _Prune | None:
    if kind in _KINDS:
        groups, prune = _KINDS[kind]
        return prune if group in groups else None
    custom_owner = isinstance(spec, Mapping) and all(
        isinstance(spec.get(part), Mapping) for part in ("selector", "template")
    )
    return _OWNER if custom_owner else None


def unpack(document: Any) -> Iterator[Any]:
    """Yield the objects of a document: itself, or the items of a ``List``, ``PodList`` and the like.

    Items of a typed list carry neither kind nor apiVersion in API answers and get them from the list.
    """
    pending = [document]
    while pending:
        entry = pending.pop()
        kind = entry.get("kind") if isinstance(entry, Mapping) else None
        items = entry.get("items") if isinstance(kind, str) and kind.endswith("List") else None
        if not isinstance(kind, str) or not isinstance(items, list):
            yield entry
            continue
        told = {"apiVersion": entry.get("apiVersion"), "kind": kind.removesuffix("List")}
        typed = bool(told["kind"])
        pending += [
            {**told, **item} if typed and isinstance(item, Mapping) else item for item in reversed(items)
        ]


def object_key(obj: KubeObject) -> ObjectKey:
    """Return what tells an object from others; a missing namespace is ``default`` (the API server's rule)."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, Mapping):
        metadata = {}
    other_policy = overriding_kind(obj)
    kind = other_policy.qualified if other_policy else str(obj.get("kind"))
    cluster_wide = not other_policy.namespaced if other_policy else kind in _CLUSTER_SCOPED
    namespace = "" if cluster_wide else str(metadata.get("namespace") or "default")
    return kind, namespace, str(metadata.get("name") or "")


def object_title(obj: KubeObject) -> str:
    """Return an object's kind, namespace and name for a sentence, for instance ``Pod shop/web-1``."""
    kind, namespace, name = object_key(obj)
    return printable(f"{kind} {namespace}/{name or '?'}" if namespace else f"{kind} {name or '?'}")


def printable(text: str, longest: int = 200) -> str:
    """Return foreign text fit for a sentence on a terminal: escapes shown literally, and not endless."""
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)
