"""``netsec-tui diff``: what it prints, and the exit codes of diff(1) whatever happens."""

import json
import shutil
import subprocess

import pytest
import yaml

from tests.cli.conftest import LINES, manifest
from tests.cli.test_docs import HEADLESS, blocks, fields

WEB = ["-n", "shop", "deploy/web"]
FAR = {"ipBlock": {"cidr": "203.0.113.0/24"}}


@pytest.fixture
def applied(tmp_path, cluster, run):
    """Return a function that adds objects to the cluster's manifests, and the flags that read all."""
    (tmp_path / "applied").mkdir()
    flags = [*cluster, "--manifests", "applied"]

    def add(*objects):
        for number, one in enumerate(objects):
            (tmp_path / "applied" / f"{number}.yaml").write_text(yaml.safe_dump(one), encoding="utf-8")
        return flags

    return add


def drafted(run, cluster, *more):
    """Return the objects that generate prints for web."""
    return list(yaml.safe_load_all(run("generate", *cluster, *WEB, *more)[1]))


def returned(obj):
    """Return an object as the API server gives it back."""
    added = {"creationTimestamp": "2026-11-20T08:00:00Z", "uid": "u", "resourceVersion": "7", "generation": 1}
    managed = {"managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]}
    return {**obj, "metadata": {**obj["metadata"], **added, **managed}, "status": {}}


def defaulted(obj):
    """Return an object as a person may write it: without what the API server fills in."""
    for rules in (obj["spec"].get("ingress", []), obj["spec"].get("egress", [])):
        for port in (port for rule in rules for port in rule.get("ports", ())):
            if port["protocol"] == "TCP":
                del port["protocol"]
    return obj


@pytest.mark.parametrize("change", [lambda obj: obj, returned, defaulted], ids=["saved", "returned", "typed"])
@pytest.mark.parametrize("more", [[], ["--two-objects"]], ids=["one object", "two objects"])
def test_what_is_applied_already_gives_no_output(run, cluster, applied, change, more):
    flags = applied(*map(change, drafted(run, cluster, *more)))
    code, out, _ = run("diff", *flags, *WEB, *more)
    assert (code, out) == (0, "")
    code, out, _ = run("diff", *flags, *WEB, *more, "-o", "json")
    found = json.loads(out)
    assert (code, found["differs"]) == (0, False)
    assert [entry["lines"] for entry in found["yaml"]] == [[] for _ in found["yaml"]]


def test_saved_policies_of_every_workload_of_the_demo_differ_in_nothing(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    listed = json.loads(run("list", "--demo", "-o", "json")[1])["workloads"]
    saved = []
    for workload in listed:
        target = ["-n", workload["namespace"], f"{workload['kind']}/{workload['name']}"]
        if run("generate", "--demo", *target, "-o", "policies/")[0] == 0:
            saved.append(target)
    assert len(saved) > 5
    for target in saved:
        code, out, err = run("diff", "--demo", "--manifests", "policies", *target)
        assert (code, out) == (0, ""), err


def test_both_parts_are_printed_meaning_first(run, cluster):
    code, out, err = run("diff", *cluster, *WEB)
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "lost by 9 pairs of pod owners or addresses:"
    assert "- shop/Deployment/gateway -> shop/Deployment/web: all ports but TCP 8080" in lines
    at = lines.index("--- /dev/null")
    assert lines[at + 1] == "+++ generated shop/deployment-web"
    policy = run("generate", *cluster, *WEB)[1]
    assert [line[1:] for line in lines[at + 3 :]] == policy.splitlines()
    assert all(line.startswith("netsec-tui: ") for line in err.splitlines())


def test_one_part_alone_decides_alone(run, cluster, applied):
    (policy,) = drafted(run, cluster)
    policy["spec"]["ingress"] *= 2
    flags = applied(policy)
    assert run("diff", *flags, *WEB, "--meaning")[:2] == (0, "")
    code, out, _ = run("diff", *flags, *WEB, "--yaml")
    assert code == 1
    assert out.startswith("--- applied shop/deployment-web\n+++ generated shop/deployment-web\n@@ ")
    code, both, _ = run("diff", *flags, *WEB)
    assert (code, both) == (1, out)
    policy["spec"]["ingress"] = [{"from": [FAR], "ports": [{"port": 80}]}]
    code, out, _ = run("diff", *applied(policy), *WEB, "--meaning")
    assert code == 1
    assert out.splitlines() == [
        "lost by 1 pair of pod owners or addresses:",
        "- 203.0.113.0/24 -> shop/Deployment/web: TCP 80",
        "gained by 1 pair of pod owners or addresses:",
        "+ shop/Deployment/gateway -> shop/Deployment/web: TCP 8080",
    ]


@pytest.mark.skipif(not shutil.which("patch"), reason="patch is not installed")
def test_yaml_part_is_a_patch(run, cluster, applied, tmp_path):
    (policy,) = drafted(run, cluster)
    wanted = run("generate", *cluster, *WEB)[1]
    policy["spec"]["ingress"] = []
    (tmp_path / "now.yaml").write_text(wanted.replace(_section(wanted, "ingress"), "  ingress: []\n"))
    patch = run("diff", *applied(policy), *WEB, "--yaml")[1]
    done = subprocess.run(["patch", "now.yaml"], input=patch, text=True, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "now.yaml").read_text() == wanted


def _section(text, name):
    start = text.index(f"  {name}:\n")
    return text[start : text.index("  egress:\n")]


def test_other_policies_of_the_workload_are_named_as_staying(run, cluster, applied):
    objects = drafted(run, cluster)
    other = yaml.safe_load(yaml.safe_dump(objects[0]))
    other["metadata"]["name"] = "by-hand"
    code, out, err = run("diff", *applied(*objects, other), *WEB)
    assert (code, out) == (0, "")
    assert "netsec-tui: shop/by-hand selects the same pods and stays as it is\n" in err


def test_json_names_every_end(run, cluster):
    code, out, _ = run("diff", *cluster, *WEB, "-o", "json")
    found = json.loads(out)
    assert (code, found["differs"], found["schemaVersion"]) == (1, True, 1)
    assert found["workload"] == {"namespace": "shop", "kind": "Deployment", "name": "web"}
    lost = found["meaning"]["lost"]
    assert found["meaning"]["gained"] == {"pairs": 0, "changes": []}
    (into_web,) = [c for c in lost["changes"] if c["from"]["addresses"]]
    assert {"first": "0.0.0.0", "last": "255.255.255.255"} in into_web["from"]["addresses"]
    assert into_web["to"]["owners"] == [found["workload"]]
    assert into_web["ports"][0] == {"protocol": "TCP", "first": 1, "last": 65535}
    assert [entry["applied"] for entry in found["yaml"]] == [False]
    only = json.loads(run("diff", *cluster, *WEB, "-o", "json", "--yaml")[1])
    assert (only["meaning"], only["yaml"]) == (None, found["yaml"])
    assert json.loads(run("diff", *cluster, *WEB, "-o", "json", "--meaning")[1])["yaml"] is None


BAD = {
    "kind": "NetworkPolicy",
    "apiVersion": "networking.k8s.io/v1",
    "metadata": {"name": "deployment-web", "namespace": "shop"},
    "spec": {"podSelector": 7},
}

TROUBLE = {
    "no workload named": [],
    "not KIND/NAME": ["web"],
    "no such flag": [*WEB, "--nope"],
    "both parts alone": [*WEB, "--meaning", "--yaml"],
    "no such output": [*WEB, "-o", "csv"],
    "no such workload": ["-n", "shop", "deploy/gone"],
    "no such namespace": ["-n", "gone", "deploy/web"],
    "no such file": [*WEB, "--manifests", "gone.yaml"],
    "no such context": [*WEB, "--context", "gone", "--kubeconfig", "gone"],
    "host network": ["-n", "shop", "ds/agent"],
    "unreadable policy of its name": [*WEB, "--manifests", "bad.yaml"],
}


@pytest.mark.parametrize("case", TROUBLE)
def test_every_trouble_is_2_with_a_sentence(run, cluster, tmp_path, case):
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(BAD), encoding="utf-8")
    code, out, err = run("diff", *cluster, *TROUBLE[case])
    assert (code, out) == (2, "")
    assert err.startswith("netsec-tui: ")
    assert "Traceback" not in err


def test_without_cluster_state_or_flows_nothing_is_compared(run, cluster):
    flows, state = cluster[:2], cluster[2:]
    code, out, err = run("diff", *flows, "-n", "shop", "workload/web")
    assert (code, out) == (2, "")
    assert "not known which policies are applied" in err
    code, out, err = run("diff", *state, *WEB)
    assert (code, out) == (2, "")
    assert "nothing is compared: without flows" in err


def test_unreadable_lines_are_trouble_and_the_rest_is_compared(run, cluster, tmp_path):
    (tmp_path / "flows.json").write_text("\n".join([*LINES, "{oops"]), encoding="utf-8")
    code, out, _ = run("diff", *cluster, *WEB)
    assert code == 2
    assert "+++ generated shop/deployment-web" in out


def test_flags_may_stand_before_the_command_and_help_is_no_trouble(run, cluster):
    assert run("-n", "shop", "diff", "deploy/web", *cluster, "--yaml")[0] == 1
    assert run("-n", "shop", "diff", "deploy/gone", *cluster)[0] == 2
    code, out, _ = run("diff", "--help")
    assert code == 0
    assert "2 trouble" in out


def test_json_in_the_documents_has_the_fields_that_are_written(run, cluster, applied):
    (policy,) = drafted(run, cluster)
    policy["spec"]["ingress"].append({"from": [FAR, {"podSelector": {"matchLabels": {"app": "gateway"}}}]})
    policy["spec"]["ingress"][-1]["ports"] = [{"port": 9090}]
    written = json.loads(run("diff", *applied(policy), *WEB, "-o", "json")[1])
    (shown,) = (json.loads(block) for block in blocks(HEADLESS, "json") if '"meaning"' in block)
    assert shown["meaning"] == written["meaning"]
    assert fields(shown) == fields(written)


def test_a_reader_that_goes_away_is_as_for_other_commands(start, cluster):
    process = start("diff", *cluster, *WEB, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.close()
    assert process.wait(timeout=60) == 141


def test_names_of_the_cluster_are_written_out(run, cluster, applied, tmp_path):
    objects = manifest()
    strange = {"metadata": {"name": "x\u202ey", "namespace": "bad\x1b[31m", "labels": {"app": "odd"}}}
    spec = {"spec": {"containers": [{"name": "main"}]}, "status": {"phase": "Running", "podIP": "10.1.0.9"}}
    objects["items"].append({"kind": "Pod", "apiVersion": "v1", **strange, **spec})
    (tmp_path / "cluster.yaml").write_text(json.dumps(objects), encoding="utf-8")
    (policy,) = drafted(run, cluster)
    odd = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "odd"}}}
    policy["spec"]["ingress"].append({"from": [odd]})
    code, out, _ = run("diff", *applied(policy), *WEB, "--meaning")
    assert code == 1
    assert out.splitlines()[1] == r"- bad\x1b[31m/Pod/x\u202ey -> shop/Deployment/web: all ports"
