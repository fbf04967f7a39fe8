"""Where Antrea's agents send their flows, as their configuration in kube-system says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.manifests.parse import read_documents

_NAMESPACE, _CONFIG_MAP, _KEY = "kube-system", "antrea-config", "antrea-agent.conf"
_AGGREGATOR = "flow-aggregator"


def exports_to(api: ClusterApi, namespace: str) -> bool:
    """Tell whether the agents send their flows to the Flow Aggregator in a namespace.

    False where that cannot be read. Their collector is written ``namespace/service``, perhaps with a port and
    a protocol after it (antrea, build/charts/antrea/conf/antrea-agent.conf, flowExporter).
    """
    settings = next(read_documents(api.config_data(_NAMESPACE, _CONFIG_MAP).get(_KEY, "")), None)
    exporter = _child(settings.value if settings and not settings.error else None, "flowExporter")
    collector = str(exporter.get("flowCollectorAddr")).partition(":")[0]
    return exporter.get("enable") is True and collector == f"{namespace}/{_AGGREGATOR}"


def _child(value: Any, key: str) -> Mapping[str, Any]:
    child = value.get(key) if isinstance(value, Mapping) else None
    return child if isinstance(child, Mapping) else {}
