"""The two ends of a Hubble flow: labels, addresses and reserved identities made into ``Endpoint``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from netsec_tui.model.flow import Endpoint, Labels, Reserved
from netsec_tui.sources.fields import canonical_ip, text

_CACHE_LIMIT = 16_384
_FIRST_POD_IDENTITY = 256
_NAMESPACE_LABEL = "io.kubernetes.pod.namespace"

# Best first: an API server on a node carries remote-node as well and must stay the API server.
_PRECEDENCE = (
    Reserved.KUBE_APISERVER,
    Reserved.HOST,
    Reserved.REMOTE_NODE,
    Reserved.HEALTH,
    Reserved.INGRESS,
    Reserved.WORLD,
)
_RESERVED_BY_LABEL = {r.value: r for r in _PRECEDENCE} | {
    "world-ipv4": Reserved.WORLD,
    "world-ipv6": Reserved.WORLD,
}
# Cilium's numeric identities, for exports whose field mask has removed the labels.
_RESERVED_BY_IDENTITY = {
    1: Reserved.HOST,
    2: Reserved.WORLD,
    3: Reserved.OTHER,
    4: Reserved.HEALTH,
    5: Reserved.OTHER,
    6: Reserved.REMOTE_NODE,
    7: Reserved.KUBE_APISERVER,
    8: Reserved.INGRESS,
    9: Reserved.WORLD,
    10: Reserved.WORLD,
}


class End(NamedTuple):
    """Hold one end of a flow with what only the direction of the flow depends on.

    ``local`` means that the reporting node runs the endpoint (only those have an ID). ``twin`` means that
    its ID equals its identity, as Retina writes it and Cilium does not. ``named`` means that there is an
    IP or a pod name at all.
    """

    endpoint: Endpoint
    local: bool
    twin: bool
    named: bool


class EndReader:
    """Turn raw endpoints into ``End``; the same raw endpoint gives the same object (a bounded cache)."""

    def __init__(self, limit: int = _CACHE_LIMIT) -> None:
        self._limit = limit
        self._ends: dict[object, tuple[Mapping[str, Any], Any, End]] = {}

    def read(self, raw: Mapping[str, Any], ip: Any, names: Any) -> End:
        """Return one end; ``raw`` is flow.source or flow.destination, the rest its IP and DNS names."""
        key = ip, raw.get("pod_name"), raw.get("identity"), raw.get("ID")
        try:
            known = self._ends.get(key)
        except TypeError:  # something unhashable where text belongs
            return _end(raw, ip, names)
        # Comparing what was read with what is read now costs less than hashing its labels.
        if known is not None and known[0] == raw and known[1] == names:
            return known[2]
        if len(self._ends) >= self._limit:
            self._ends.clear()
        end = _end(raw, ip, names)
        self._ends[key] = raw, names, end
        return end


def _end(raw: Mapping[str, Any], ip: Any, names: Any) -> End:
    identity, number = raw.get("identity"), raw.get("ID")
    labels, namespace, reserved = _labels(raw.get("labels"))
    if reserved is Reserved.NONE and type(identity) is int:
        reserved = _RESERVED_BY_IDENTITY.get(identity, Reserved.NONE)
    endpoint = Endpoint(
        ip=canonical_ip(ip),
        namespace=text(raw.get("namespace")) or namespace,
        pod=text(raw.get("pod_name")),
        labels=labels,
        workloads=tuple((kind, name) for kind, name in _pairs(raw.get("workloads")) if kind and name),
        reserved=reserved,
        names=tuple(name for name in map(text, names if type(names) is list else ()) if name),
    )
    local = type(number) is int and number != 0
    twin = type(number) is int and number == identity and number >= _FIRST_POD_IDENTITY
    return End(endpoint, local, twin, named=bool(endpoint.ip or endpoint.pod))


def _pairs(workloads: Any) -> tuple[tuple[str, str], ...]:
    if type(workloads) is not list:
        return ()
    return tuple((text(w.get("kind")), text(w.get("name"))) for w in workloads if type(w) is dict)


def _labels(raw: Any) -> tuple[Labels, str, Reserved]:
    """Return (pod labels sorted by key, namespace told by a label, best reserved label).

    A label is written ``source:key=value``, or ``source:key`` when its value is empty (cilium, pkg/labels).
    """
    pods: dict[str, str] = {}
    namespace = ""
    reserved: set[Reserved] = set()
    for label in map(text, raw if type(raw) is list else ()):
        source, _, rest = label.partition(":")
        key, _, value = rest.partition("=")
        if source == "reserved":
            reserved.add(_RESERVED_BY_LABEL.get(key, Reserved.OTHER))
        elif source == "k8s" and key == _NAMESPACE_LABEL:
            namespace = value
        elif source == "k8s" and key and not key.startswith("io.cilium."):
            pods[key] = value
    best = next((r for r in _PRECEDENCE if r in reserved), Reserved.OTHER if reserved else Reserved.NONE)
    return tuple(sorted(pods.items())), namespace, best
