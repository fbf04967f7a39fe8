"""The pods that ``netsec-tui reader`` prints: accepted, enough for --source conntrack, and nothing more."""

import json
import subprocess
import sys

import pytest
import yaml

from tests.cluster.harness import waiting
from tests.cluster.harness.calls import Call
from tests.cluster.objects import deployment
from tests.cluster.product.running import ACCOUNTS, ROOT, account, binding, documented_rights, run

NAMESPACE = "readers"
SOURCE = ("--source", "conntrack")


@pytest.fixture
def readers(dns_cluster):
    """Return the cluster with the printed pods running, which are gone afterwards."""
    printed = subprocess.run(
        [sys.executable, "-m", "netsec_tui", "reader", "--namespace", NAMESPACE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    try:
        dns_cluster.load(*yaml.safe_load_all(printed))
        yield dns_cluster
    finally:
        dns_cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=true", "--ignore-not-found")


def test_commands_in_the_printed_pods_are_all_it_takes(readers, space, tmp_path):
    rights = [right for right in documented_rights() if right.resource != "pods/exec"]
    reads = account(readers, tmp_path, "reads-in-readers", rights)
    subject = {"kind": "ServiceAccount", "namespace": ACCOUNTS, "name": "reads-in-readers"}
    bound = binding("reads-in-readers", "netsec-tui-reader", subject)
    bound["roleRef"]["kind"] = "Role"
    readers.load(deployment("web", [8080]), deployment("caller"), namespace=space)
    readers.load(
        {
            **bound,
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "reads-in-readers", "namespace": NAMESPACE},
        }
    )
    readers.drive([Call(f"{space}/deploy/caller", f"{space}/deploy/web:8080", times=2)])
    waiting.until(lambda: run(reads, "list", "-A", *SOURCE).code == 0, 30, "the Role to be in force")
    done = run(reads, "list", "-n", space, "deploy/web", "-o", "json", *SOURCE)
    assert done.code == 0, done.said
    rows = json.loads(done.out)["rows"]
    came = {(row["peer"].get("name"), row["port"]) for row in rows if row["direction"] == "ingress"}
    assert came == {("caller", 8080)}
