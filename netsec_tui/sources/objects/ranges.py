"""The parts of pods, nodes and ConfigMaps that tell pod and service ranges, and nothing else of them.

Arguments, annotations and configuration files may hold secrets: only flags and fields named here are
kept, and of these only what reads as CIDRs. What does not becomes ``UNREADABLE``, so that it can be named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from netsec_tui.errors import BadInputError
from netsec_tui.kube.addresses import read_network
from netsec_tui.model.config import RangeKind
from netsec_tui.sources.manifests.parse import read_documents

UNREADABLE = "unreadable"

RANGE_FLAGS: Mapping[str, RangeKind] = {
    "--cluster-cidr": RangeKind.POD,
    "--service-cluster-ip-range": RangeKind.SERVICE,
    "--service-cidr": RangeKind.SERVICE,
}
"""Flags of kube-controller-manager and kube-proxy, of kube-apiserver, and of k3s and RKE2 servers."""

NODE_ARGUMENTS = ("k3s.io/node-args", "rke2.io/node-args")
"""Annotations in which k3s and RKE2 keep the arguments of a node's server, as a JSON list."""

WEAVE_RANGE = "IPALLOC_RANGE"
"""Environment variable of Weave Net's DaemonSet."""


class Place(NamedTuple):
    """Name where in a ConfigMap a range stands: the key, and the path in the document under it.

    An empty path means the text itself. The range counts only where the field at ``switch``, if any, is true.
    """

    key: str
    path: tuple[str, ...]
    kind: RangeKind
    switch: tuple[str, ...] = ()


_POD, _SERVICE = RangeKind.POD, RangeKind.SERVICE
_KUBEADM = (
    Place("ClusterConfiguration", ("networking", "podSubnet"), _POD),
    Place("ClusterConfiguration", ("networking", "serviceSubnet"), _SERVICE),
)
_CILIUM = tuple(Place(f"cluster-pool-ipv{family}-cidr", (), _POD) for family in (4, 6))
_FLANNEL = tuple(Place("net-conf.json", (field,), _POD) for field in ("Network", "IPv6Network"))
_NODE_IPAM = ("nodeIPAM", "enableNodeIPAM")
_ANTREA = tuple(
    Place("antrea-controller.conf", ("nodeIPAM", field), kind, _NODE_IPAM)
    for field, kind in (("clusterCIDRs", _POD), ("serviceCIDR", _SERVICE), ("serviceCIDRv6", _SERVICE))
)

CONFIG_MAPS: Mapping[tuple[str, str], tuple[Place, ...]] = {
    ("kube-system", "kubeadm-config"): _KUBEADM,
    ("kube-system", "kube-proxy"): (Place("config.conf", ("clusterCIDR",), _POD),),
    ("kube-system", "kube-proxy-config"): (Place("config", ("clusterCIDR",), _POD),),
    ("kube-system", "cilium-config"): _CILIUM,
    ("cilium", "cilium-config"): _CILIUM,
    ("kube-flannel", "kube-flannel-cfg"): _FLANNEL,
    ("kube-system", "kube-flannel-cfg"): _FLANNEL,
    ("kube-system", "antrea-config"): _ANTREA,
}
"""ConfigMaps by namespace and name; of any other nothing is read and nothing kept."""


def cidr_text(value: Any) -> str:
    """Return CIDRs separated by commas, empty for none, ``UNREADABLE`` for what is no CIDRs."""
    if value is None:
        return ""
    parts = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(part, str) for part in parts):
        return UNREADABLE
    texts = [text for part in parts for text in re.split(r"[,\s]+", part) if text]
    try:
        return ",".join(str(read_network(text)) for text in texts)
    except BadInputError:
        return UNREADABLE


def flag_values(arguments: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield each range flag of a command line with its CIDRs, written ``--flag=value`` or ``--flag value``.

    A line for a shell counts as the words in it.
    """
    texts = [text for text in arguments if isinstance(text, str)]
    if not any(flag in text for text in texts for flag in RANGE_FLAGS):
        return
    words = [word for text in texts for word in text.split()]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        flag, equals, value = word.partition("=")
        if flag in RANGE_FLAGS:
            found = cidr_text((value if equals else following).strip("'\""))
            if found:
                yield flag, found


def arguments_of(container: Any) -> list[str]:
    """Return the range flags in the command and arguments of a container, each as ``--flag=value``."""
    if not isinstance(container, Mapping):
        return []
    lists = (container.get(part) for part in ("command", "args"))
    words = (word for part in lists if isinstance(part, list | tuple) for word in part)
    return [f"{flag}={value}" for flag, value in flag_values(words)]


def pod_arguments(obj: Mapping[str, Any]) -> list[str]:
    """Return the range flags of all containers of a pod, each as ``--flag=value``."""
    spec = obj.get("spec")
    containers = spec.get("containers") if isinstance(spec, Mapping) else None
    if not isinstance(containers, list | tuple):
        return []
    return [argument for container in containers for argument in arguments_of(container)]


def weave_range(container: Any) -> str:
    """Return the CIDRs that a container's environment gives Weave Net, empty when it does not."""
    env = container.get("env") if isinstance(container, Mapping) else None
    for entry in env if isinstance(env, list | tuple) else ():
        if isinstance(entry, Mapping) and entry.get("name") == WEAVE_RANGE:
            return cidr_text(entry.get("value"))
    return ""


def node_arguments(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the annotations of a node that hold range flags, cut down to these; or ``UNREADABLE``."""
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if not isinstance(annotations, Mapping):
        return {}
    kept = {}
    for name in NODE_ARGUMENTS:
        if name in annotations and (text := _cut_arguments(annotations[name])):
            kept[name] = text
    return kept


def _cut_arguments(text: Any) -> str:
    try:
        arguments = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(arguments, list):
        return UNREADABLE
    found = [f"{flag}={value}" for flag, value in flag_values(arguments)]
    return json.dumps(found) if found else ""


def config_map_places(obj: Mapping[str, Any]) -> tuple[Place, ...]:
    """Return where ranges stand in a ConfigMap, nowhere for one that is not named here."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, Mapping):
        return ()
    name = (str(metadata.get("namespace") or "default"), str(metadata.get("name")))
    return CONFIG_MAPS.get(name, ())


def config_map_ranges(obj: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the CIDRs at each place of a ConfigMap that tells any, or ``UNREADABLE``.

    Of a document that cannot be read at all its key is yielded once, as a place without path.
    """
    data = obj.get("data")
    if not isinstance(data, Mapping):
        return
    documents: dict[str, Any] = {}
    for place in config_map_places(obj):
        key, text = place.key, data.get(place.key)
        if text is None:
            continue
        if place.path and key not in documents:
            documents[key] = _document(text)
            if documents[key] is None:
                yield place._replace(path=()), UNREADABLE
        if found := _at(documents[key], place) if place.path else cidr_text(text):
            yield place, found


def _at(document: Mapping[str, Any] | None, place: Place) -> str:
    if document is None or (place.switch and _dig(document, place.switch) is not True):
        return ""
    return cidr_text(_dig(document, place.path))


def _dig(document: Any, path: Iterable[str]) -> Any:
    for field in path:
        if not isinstance(document, Mapping):
            return None
        document = document.get(field)
    return document


def _document(text: Any) -> Mapping[str, Any] | None:
    """Return the mapping that a YAML or JSON text begins with, None when any of it cannot be read."""
    if not isinstance(text, str):
        return None
    documents = list(read_documents(text))
    if not documents or any(document.error for document in documents):
        return None
    return documents[0].value if isinstance(documents[0].value, Mapping) else None


def cut_config_map(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``data`` of a ConfigMap with nothing in it but ranges, in documents of the same shape."""
    if not isinstance(obj.get("data"), Mapping):
        return {} if obj.get("data") is None else {"data": []}
    data: dict[str, Any] = {}
    documents: dict[str, dict[str, Any]] = {}
    for place, text in config_map_ranges(obj):
        if not place.path:
            data[place.key] = text
        else:
            document = documents.setdefault(place.key, {})
            _put(document, place.path, text)
            if place.switch:
                _put(document, place.switch, True)
    texts = {key: json.dumps(document, sort_keys=True) for key, document in documents.items()}
    return {"data": {**data, **texts}}


def _put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for field in path[:-1]:
        document = document.setdefault(field, {})
    document[path[-1]] = value
