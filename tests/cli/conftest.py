"""A small cluster in files: gateway calls web, web calls db and an outside address, agent is on the host."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from netsec_tui.configuration.paths import config_path

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
runpy.run_module("netsec_tui", run_name="__main__", alter_sys=True)
"""
NODE_IP = "192.168.0.4"
PODS = {
    "gateway-1": ("shop", "10.1.0.1", {"app": "gateway"}, ("Deployment", "gateway")),
    "web-1": ("shop", "10.1.0.2", {"app": "web"}, ("Deployment", "web")),
    "web-2": ("shop", "10.1.0.3", {"app": "web"}, ("Deployment", "web")),
    "db-0": ("data", "10.1.0.4", {"app": "db"}, ("StatefulSet", "db")),
    "agent-1": ("shop", NODE_IP, {"app": "agent"}, ("DaemonSet", "agent")),
    "idle-1": ("shop", "10.1.0.6", {"app": "idle"}, ("Deployment", "idle")),
}


def manifest():
    """Return the objects of the cluster, as ``kubectl get -o yaml`` lists them."""
    items = [{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": n}} for n in ("data", "shop")]
    node = {"metadata": {"name": "node-1"}, "spec": {"podCIDRs": ["10.1.0.0/24"]}}
    node["status"] = {"addresses": [{"type": "InternalIP", "address": NODE_IP}]}
    items.append({"kind": "Node", "apiVersion": "v1", **node})
    owners = {(kind, namespace, name): labels for namespace, _, labels, (kind, name) in PODS.values()}
    for (kind, namespace, name), labels in owners.items():
        spec = {"hostNetwork": name == "agent", "containers": [{"name": "main"}]}
        template = {"metadata": {"labels": labels}, "spec": spec}
        body = {"selector": {"matchLabels": labels}, "template": template}
        meta = {"namespace": namespace, "name": name}
        items.append({"kind": kind, "apiVersion": "apps/v1", "metadata": meta, "spec": body})
    for name, (namespace, ip, labels, (kind, owner)) in PODS.items():
        by = [{"apiVersion": "apps/v1", "kind": kind, "name": owner, "controller": True, "uid": "u"}]
        meta = {"namespace": namespace, "name": name, "labels": labels, "ownerReferences": by}
        spec = {"hostNetwork": owner == "agent", "containers": [{"name": "main"}], "nodeName": "node-1"}
        status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}
        items.append({"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": status})
    return {"kind": "List", "apiVersion": "v1", "items": items}


def flow(source, target, port, minute=0, verdict="FORWARDED", reply=False):
    """Return one Hubble record; ends are pod names of the cluster or addresses."""
    ports = {"source_port": port, "destination_port": 40000} if reply else {}
    ports = ports or {"source_port": 40000, "destination_port": port}
    flags = {"SYN": True, "ACK": True} if reply else {"SYN": True}
    both = (target, source) if reply else (source, target)
    record = {
        "time": f"2026-01-05T{8 + minute // 60:02}:{minute % 60:02}:00Z",
        "verdict": verdict,
        "IP": {"source": _ip(both[0]), "destination": _ip(both[1]), "ipVersion": "IPv4"},
        "l4": {"TCP": {**ports, "flags": flags}},
        "source": _end(both[0]),
        "destination": _end(both[1]),
        "Type": "L3_L4",
        "traffic_direction": "INGRESS",
        "is_reply": reply,
        "node_name": "node-1",
    }
    return json.dumps({"flow": record, "node_name": "node-1", "time": record["time"]})


def _ip(end):
    return PODS[end][1] if end in PODS else end


def _end(end):
    if end not in PODS:
        return {"identity": 2, "labels": ["reserved:world"]}
    namespace, _, labels, _ = PODS[end]
    told = [f"k8s:{key}={value}" for key, value in labels.items()]
    return {
        "namespace": namespace,
        "pod_name": end,
        "labels": [*told, f"k8s:io.kubernetes.pod.namespace={namespace}"],
    }


def both_ways(source, target, port, minute=0):
    return [flow(source, target, port, minute), flow(source, target, port, minute, reply=True)]


LINES = [
    *both_ways("gateway-1", "web-1", 8080, 0),
    *both_ways("gateway-1", "web-2", 8080, 30),
    *both_ways("web-1", "db-0", 5432, 60),
    *both_ways("web-2", "203.0.113.9", 443, 120),
    flow("idle-1", "db-0", 5432, 150, verdict="DROPPED"),
    *both_ways("agent-1", "db-0", 5432, 180),
]


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Write the cluster to files and return the flags that read them; the folder becomes the working one."""
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(manifest()), encoding="utf-8")
    (tmp_path / "flows.json").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return ["--flows", "flows.json", "--manifests", "cluster.yaml"]


@pytest.fixture
def run(capfd):
    """Return a function that runs the command line in this process: exit code, output, notes."""
    from netsec_tui.cli.main import main

    def call(*argv):
        capfd.readouterr()
        try:
            code = main([str(part) for part in argv])
        except SystemExit as ended:
            code = ended.code
        return code, *capfd.readouterr()

    return call


@pytest.fixture
def start():
    """Return a function that starts the command line in a process of its own."""

    def call(*argv, **more):
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", LAUNCHER, *map(str, argv)]
        return subprocess.Popen(command, env=env, **more)

    return call


KUBECONFIG = """\
current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: u}}
- {name: test, context: {cluster: c, user: u}}
"""
TEXT = """\
# agreed with the network team
schema: 1
labels:
  workloads: {exclude: ["helm.sh/*"]}
aliases:
  proxies: {entries: [203.0.113.7, 198.51.100.0/24], allowed: true}
cidrs:
  pods: [10.244.0.0/16]  # of the installer
"""


@pytest.fixture
def prod(tmp_path, monkeypatch):
    """Make prod the current context, and return where its configuration is."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    path = config_path("prod")
    path.parent.mkdir(parents=True)
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def policies(cluster):
    """Return a function that writes NetworkPolicies (namespace, name, spec): the flags that read all."""

    def write(*specs):
        docs = [
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"namespace": namespace, "name": name},
                "spec": spec,
            }
            for namespace, name, spec in specs
        ]
        Path("policies.yaml").write_text(yaml.safe_dump_all(docs), encoding="utf-8")
        return ["--manifests", "cluster.yaml", *(["--manifests", "policies.yaml"] if docs else [])]

    return write


@pytest.fixture
def ask(run):
    """Return a function that asks about one connection in JSON: exit code and document."""

    def call(flags, source, destination, port, *more):
        ends = ["--from", source, "--to", destination, "--port", port]
        code, out, err = run("check", *flags, *ends, *more, "-o", "json")
        assert out, err
        return code, json.loads(out)

    return call
