"""``netsec-tui check --matrix``: the same connectivity as table, JSON and CSV; the documented shapes."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
import yaml

HEADLESS = Path(__file__).resolve().parents[2] / "docs" / "headless.md"
POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"namespace": "data", "name": "db"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "db"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}],
                "ports": [{"port": 5432}, {"port": 9000, "endPort": 9010}],
            },
            {
                "from": [{"ipBlock": {"cidr": "10.1.0.2/32"}}, {"ipBlock": {"cidr": "203.0.113.9/32"}}],
                "ports": [{"protocol": "UDP", "port": 53}],
            },
        ],
    },
}


@pytest.fixture
def matrix(run, cluster, tmp_path):
    """Return a function that prints the matrix of the cluster and one policy: exit code, output, notes."""
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), encoding="utf-8")

    def call(*more):
        return run("check", "--manifests", "cluster.yaml", "--manifests", "policy.yaml", "--matrix", *more)

    return call


def test_csv_has_a_line_for_each_pair_that_may_talk(matrix):
    code, out, err = matrix("-o", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    into = {row["from"]: (row["ports"], row["possible_ports"]) for row in rows if row["to"].endswith("/db")}
    assert into == {
        "shop/Deployment/web": ("TCP 5432,9000-9010", "TCP 5432,9000-9010; UDP 53"),
        "203.0.113.9": ("UDP 53", "UDP 53"),  # 10.1.0.2 is a pod of web
    }
    assert not [row for row in rows if row["from"] == "data/StatefulSet/db"]
    idle = next(r for r in rows if (r["from"], r["to"]) == ("shop/Deployment/idle", "shop/Deployment/web"))
    assert idle["ports"] == "all ports"
    assert "shop/DaemonSet/agent is on the host network and left out" in err


def test_switch_takes_pods_out_of_ipblocks(matrix):
    _, out, _ = matrix("-o", "csv", "--no-ipblock-matches-pods")
    web = next(
        r for r in csv.DictReader(io.StringIO(out)) if r["from"] == "shop/Deployment/web" and "db" in r["to"]
    )
    assert web["possible_ports"] == "TCP 5432,9000-9010"


def test_table_and_json_tell_the_same(matrix):
    rows = list(csv.DictReader(io.StringIO(matrix("-o", "csv")[1])))
    code, out, _ = matrix()
    lines = out.splitlines()
    assert (code, len(lines)) == (0, len(rows) + 1)
    assert re.split(r" {3,}", lines[0]) == ["FROM", "TO", "PORTS", "PORTS OF SOME PODS ONLY"]
    document = json.loads(matrix("-o", "json")[1])
    assert (document["schemaVersion"], len(document["links"])) == (1, len(rows))
    web = next(k for k in document["links"] if k["from"].get("name") == "web" and k["to"].get("name") == "db")
    assert web["from"] == {"type": "owner", "namespace": "shop", "kind": "Deployment", "name": "web"}
    assert web["ports"] == [
        {"protocol": "TCP", "first": 5432, "last": 5432},
        {"protocol": "TCP", "first": 9000, "last": 9010},
    ]
    assert web["possiblePorts"][-1] == {"protocol": "UDP", "first": 53, "last": 53}
    address = next(
        k for k in document["links"] if k["from"]["type"] == "addresses" and k["to"].get("name") == "db"
    )
    assert address["from"]["ranges"] == [{"first": "203.0.113.9", "last": "203.0.113.9"}]


def test_policy_that_makes_no_sense_is_told(run, cluster, tmp_path):
    broken = {**POLICY, "spec": {"podSelector": {}, "policyTypes": ["Both"]}}
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(broken), encoding="utf-8")
    argv = ["check", "--manifests", "cluster.yaml", "--manifests", "policy.yaml", "--matrix"]
    code, out, err = run(*argv)
    assert code == 65
    assert out
    assert "NetworkPolicy data/db, which cannot be read, is not part of this" in err


def shape(value):
    """Return the nested field names of a document; of a list the first entry counts."""
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return {key: shape(entry) for key, entry in value.items()} if isinstance(value, dict) else None


def test_json_in_the_documents_has_the_shape_that_is_written(run, matrix):
    section = HEADLESS.read_text(encoding="utf-8").partition("\n## check\n")[2].partition("\n## config\n")[0]
    one, links = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL))
    inputs = ["--manifests", "cluster.yaml", "--manifests", "policy.yaml"]
    asked = ["--from", "shop/deploy/web", "--to", "data/db-0", "--port", "TCP/5432"]
    assert shape(one) == shape(json.loads(run("check", *inputs, *asked, "-o", "json")[1]))
    written = json.loads(matrix("-o", "json")[1])
    assert shape(links) | {"links": None} == shape(written) | {"links": None}
    assert {tuple(link) for link in links["links"]} == {tuple(written["links"][0])}
    answered = [
        json.loads(line) for line in re.search(r"```jsonl\n(.*?)```", section, re.DOTALL)[1].splitlines()
    ]
    assert [set(line) for line in answered] == [
        {"line", *one} - {"schemaVersion", "input", "pairs", "verdicts"},
        {"line", "error"},
    ]
