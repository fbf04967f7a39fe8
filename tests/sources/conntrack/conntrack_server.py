"""Nodes of an API server of the tests, their pods, and what their tables tell."""

from __future__ import annotations

from netsec_tui.model.flow import Flow
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.kube_objects import obj

TABLE = (line() + "\n").encode()

OTHER = (line("10.244.2.5:40001") + "\n").encode()

PROXY = "kube-proxy"


def pod(name, node, *containers, namespace="kube-system", host=True, phase="Running", **metadata):
    named = [{"name": container, "image": "x"} for container in containers or [name.rpartition("-")[0]]]
    spec = {"hostNetwork": host, "nodeName": node, "containers": named}
    made = obj("Pod", name, namespace, spec=spec, status={"phase": phase})
    return {**made, "metadata": {**made["metadata"], **metadata}}


def cluster(*pods, nodes=("n1", "n2")):
    return [*(obj("Node", name, None) for name in nodes), *pods]


def clients(collected):
    return {flow.source.ip for flow in collected.flows if isinstance(flow, Flow) and not flow.is_reply}


def serving(*ips, node="n1"):
    """Return a running pod with addresses."""
    started = "2026-01-01T00:00:00Z"
    status = {"phase": "Running", "podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips], "startTime": started}
    made = obj("Pod", f"web-{ips[0]}", "shop", spec={"nodeName": node, "containers": []}, status=status)
    return {**made, "metadata": {**made["metadata"], "uid": ips[0]}}
