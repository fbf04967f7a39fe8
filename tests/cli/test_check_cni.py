"""``netsec-tui check`` asks the network plugin that runs in the cluster what an ipBlock matches."""

import json
from pathlib import Path

import pytest
import yaml

BY_ADDRESS = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "policyTypes": ["Ingress"],
    "ingress": [{"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}],
}


def daemon_set(namespace, name):
    labels = {"k8s-app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"hostNetwork": True, "containers": [{"name": "main"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


@pytest.fixture
def ask(run, cluster):
    """Return a function that asks whether web reaches db by its address: exit code, JSON, notes."""

    def call(*more, daemons=()):
        policy = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"namespace": "data", "name": "by-address"},
            "spec": BY_ADDRESS,
        }
        docs = [policy, *(daemon_set(*daemon) for daemon in daemons)]
        Path("more.yaml").write_text(yaml.safe_dump_all(docs), encoding="utf-8")
        ends = ["--from", "shop/web-1", "--to", "data/db-0", "--port", "TCP/5432"]
        files = ["--manifests", "cluster.yaml", "--manifests", "more.yaml"]
        code, out, notes = run("check", *files, *ends, *more, "-o", "json")
        return code, json.loads(out)["ingress"], notes

    return call


@pytest.mark.parametrize(
    ("daemons", "flags", "code", "told"),
    [
        ((), (), 0, ""),
        ((("kube-system", "cilium"),), (), 1, "Cilium runs here (DaemonSet kube-system/cilium)"),
        ((("shop", "cilium"),), (), 0, ""),
        ((("kube-system", "calico-node"),), (), 0, "Calico runs here"),
        ((("kube-system", "cilium"),), ("--ipblock-matches-pods",), 0, ""),
        ((("kube-system", "calico-node"),), ("--no-ipblock-matches-pods",), 1, ""),
        ((("kube-flannel", "kube-flannel-ds"),), (), 0, "Flannel enforces no NetworkPolicy"),
    ],
)
def test_the_plugin_decides_unless_a_flag_does(ask, daemons, flags, code, told):
    got, ingress, notes = ask(*flags, daemons=daemons)
    assert (got, ingress) == (code, "allowed" if code == 0 else "denied")
    if told:
        assert told in notes
    else:
        assert notes == ""
