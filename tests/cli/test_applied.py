"""``netsec-tui applied``: which policies select which workloads, and what they make of traffic."""

import json
import re
from pathlib import Path

import pytest
import yaml

HEADLESS = Path(__file__).resolve().parents[2] / "docs" / "headless.md"


def policy(namespace, name, selector, **spec):
    body = {"podSelector": selector, **spec}
    meta = {"namespace": namespace, "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": body}


OTHER_RULES = [{"from": [{"podSelector": {}}]}, {"ports": [{"port": 80}]}]
POLICIES = [
    policy("data", "db", {"matchLabels": {"app": "db"}}, ingress=OTHER_RULES),
    policy("shop", "lost", {"matchLabels": {"app": "webs"}}),
    policy("shop", "way-out", {"matchLabels": {"app": "gateway"}}, policyTypes=["Egress"], egress=[{}]),
]


@pytest.fixture
def applied(run, cluster, tmp_path):
    """Return a function that runs the command over the cluster with some policies: code, output, notes."""
    (tmp_path / "policies.yaml").write_text(yaml.safe_dump_all(POLICIES), encoding="utf-8")

    def call(*argv):
        return run("applied", *cluster, "--manifests", "policies.yaml", *argv)

    return call


def document(applied, *argv):
    code, out, _ = applied(*argv, "-o", "json")
    assert code == 0
    return json.loads(out)


def test_each_policy_is_listed_with_the_workloads_that_it_selects(applied):
    found = document(applied, "-A")
    selected = {
        p["name"]: [(w["name"], w["selects"], w["of"]) for w in p["workloads"]] for p in found["policies"]
    }
    assert selected == {"db": [("db", 1, 1)], "lost": [], "way-out": [("gateway", 1, 1)]}
    notes = {p["name"]: p["note"] for p in found["policies"]}
    assert notes == {
        "db": None,
        "lost": "no pod here has app=webs; Deployment/web has app=web",
        "way-out": None,
    }


def test_a_policy_of_the_generated_name_that_does_not_select_the_workload_is_told(run, cluster, tmp_path):
    old = [
        policy("shop", "deployment-web", {"matchLabels": {"app": "web-old"}}),
        policy("shop", "deployment-gateway", {"matchLabels": {"app": "web-old"}}),
    ]
    (tmp_path / "policies.yaml").write_text(yaml.safe_dump_all(old), encoding="utf-8")
    more = ("--manifests", "policies.yaml", "-n", "shop", "deploy/web")
    _, out, notes = run("applied", *cluster, *more)
    assert re.search(r"^deployment-web +ingress: 0 rules +nothing of it: has the name of the gen", out, re.M)
    assert "applied policy deployment-web has the name of the generated policy and does not select" in notes
    assert "labels have changed" not in out + notes
    assert "deployment-gateway" not in out + notes
    _, out, _ = run("applied", *cluster, *more, "-o", "json")
    lost = json.loads(out)["workload"]["noLongerSelectedBy"]
    told = [(one["name"], one["somePods"], one["labelsChanged"]) for one in lost]
    assert told == [("deployment-web", False, False)]


def test_each_workload_is_listed_with_its_policies_or_as_open(applied):
    workloads = {w["name"]: w for w in document(applied, "-n", "shop")["workloads"]}
    assert sorted(workloads) == ["agent", "gateway", "idle", "web"]
    assert [p["name"] for p in workloads["gateway"]["policies"]] == ["way-out"]
    assert (workloads["gateway"]["ingress"], workloads["gateway"]["egress"]) == ("open", "isolated")
    assert (workloads["web"]["policies"], workloads["web"]["ingress"]) == ([], "open")
    assert workloads["agent"]["hostNetwork"]


def test_a_workload_that_an_unreadable_policy_may_isolate_is_not_called_open(run, cluster, tmp_path):
    bad = policy("shop", "odd", 7, egress=[{}])
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump_all([*POLICIES, bad]), encoding="utf-8")
    flags = [*cluster, "--manifests", "bad.yaml"]
    code, out, _ = run("applied", *flags, "-A", "-o", "json")
    states = {w["name"]: (w["ingress"], w["egress"]) for w in json.loads(out)["workloads"]}
    assert code == 65
    assert states["web"] == ("not known", "not known")
    assert states["gateway"] == ("not known", "isolated")
    assert states["db"] == ("isolated", "open")
    _, table, _ = run("applied", *flags, "-n", "shop")
    (web,) = [line for line in table.splitlines() if re.search(r"Deployment +web ", line)]
    assert "ingress: not known, no policy that was read isolates it, but another one may" in web
    assert "everything gets" not in web


def test_table_tells_the_same(applied):
    code, out, err = applied("-n", "shop")
    policies, workloads = (
        [re.split(r" {3,}", line) for line in part.splitlines()] for part in out.split("\n\n")
    )
    assert (code, err) == (0, "")
    assert policies[1:] == [
        ["shop", "lost", "ingress: 0 rules", "nothing: no pod here has app=webs; Deployment/web has app=web"],
        ["shop", "way-out", "egress: 1 rule", "Deployment/gateway (its pod)"],
    ]
    assert {line[2]: line[3] for line in workloads[1:]} == {
        "agent": "none",
        "gateway": "way-out",
        "idle": "none",
        "web": "none",
    }


def test_one_workload_is_told_with_the_verdicts_of_its_communications(applied):
    found = document(applied, "-n", "data", "sts/db")
    rows = {row["peer"]["name"]: row for row in found["communications"]}
    assert rows["web"]["verdict"] == "denied"
    assert rows["web"]["why"].startswith(
        "Deployment/web in shop may not reach StatefulSet/db on 5432/TCP: "
        "policy db isolates StatefulSet/db for ingress and none of its 2 rules allows it"
    )
    assert "yet it was seen to pass" in rows["web"]["why"]
    assert "yet" not in rows["idle"]["why"]
    assert (rows["web"]["egress"]["outcome"], rows["web"]["ingress"]["outcome"]) == ("allowed", "denied")
    assert rows["web"]["pairs"] == {"total": 6, "allowed": 0}
    code, out, _ = applied("-n", "data", "sts/db")
    assert code == 0
    assert re.search(
        r"^ingress +Deployment/web in shop +5432/TCP +denied +policy db isolates", out, re.MULTILINE
    )


def test_rows_of_list_tell_what_the_applied_policies_make_of_them(run, cluster, applied):
    flags = [*cluster, "--manifests", "policies.yaml", "-n", "shop", "deploy/web", "-o", "json"]
    rows = {row["peer"]["name"]: row for row in json.loads(run("list", *flags)[1])["rows"]}
    assert rows["db"]["applied"]["verdict"] == "denied"
    assert rows["gateway"]["applied"] == {
        "verdict": "allowed",
        "why": "Deployment/gateway may reach Deployment/web on 8080/TCP: policy way-out lets it out by "
        "egress rule 1, and no policy isolates Deployment/web for ingress",
    }


def test_the_map_needs_no_flows_and_the_verdicts_need_cluster_state(run, cluster, applied):
    code, out, err = run("applied", "--manifests", "cluster.yaml", "--manifests", "policies.yaml")
    assert (code, err) == (0, "")
    assert "way-out" in out
    code, _, err = run("applied", "--flows", "flows.json")
    assert code == 2
    assert "no cluster state" in err


def test_an_unknown_namespace_is_refused(applied):
    code, out, err = applied("-n", "nowhere")
    assert (code, out) == (66, "")
    assert "namespace nowhere is not known" in err


def shape(value):
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return {key: shape(entry) for key, entry in value.items()} if isinstance(value, dict) else None


def test_json_in_the_documents_has_the_shape_that_is_written(applied):
    text = HEADLESS.read_text(encoding="utf-8")
    section = text.partition("\n## applied\n")[2].partition("\n## ")[0]
    whole, one = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL))
    assert shape(whole) == shape(document(applied, "-n", "data"))
    written = document(applied, "-n", "data", "sts/db")
    web = [row for row in written["communications"] if row["peer"]["name"] == "web"]
    assert shape(one) == shape({**written, "communications": web})
