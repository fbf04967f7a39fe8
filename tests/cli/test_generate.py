"""``netsec-tui generate``: the bytes on standard output, in files and folders, and when there are none."""

import json
import os
import stat

import pytest
import yaml

WEB = ["-n", "shop", "deploy/web"]


def test_policy_goes_to_stdout_and_notes_to_stderr(run, cluster):
    code, out, err = run("generate", *cluster, *WEB)
    policy = yaml.safe_load(out)
    assert code == 0
    assert (policy["kind"], policy["metadata"]) == (
        "NetworkPolicy",
        {"name": "deployment-web", "namespace": "shop"},
    )
    assert policy["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 8080}]
    assert "203.0.113.9" not in out
    assert all(line.startswith("netsec-tui: ") for line in err.splitlines())


def test_same_input_same_bytes_everywhere(run, cluster, tmp_path):
    _, out, _ = run("generate", *cluster, *WEB)
    (tmp_path / "policies").mkdir()
    for output, written in (("web.yaml", "web.yaml"), ("policies", "policies/shop.deployment-web.yaml")):
        code, printed, _ = run("generate", *cluster, *WEB, "-o", output)
        assert (code, printed) == (0, "")
        assert (tmp_path / written).read_bytes() == out.encode()


def test_file_is_replaced_whole_and_keeps_its_mode(run, cluster, tmp_path):
    target = tmp_path / "web.yaml"
    target.write_text("old\n" * 1000, encoding="utf-8")
    target.chmod(0o640)
    run("generate", *cluster, *WEB, "-o", "web.yaml")
    assert "old" not in target.read_text(encoding="utf-8")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["cluster.yaml", "flows.json", "web.yaml"]


@pytest.mark.parametrize("output", ["gone/web.yaml", "flows.json/web.yaml", ""])
def test_unwritable_output_is_one_sentence(run, cluster, output):
    code, out, err = run("generate", *cluster, *WEB, "-o", output)
    assert (code, out) == (73, "")
    assert "Traceback" not in err


def test_two_objects(run, cluster):
    _, out, _ = run("generate", *cluster, *WEB, "--two-objects")
    policies = list(yaml.safe_load_all(out))
    assert [policy["spec"]["policyTypes"] for policy in policies] == [["Ingress"], ["Egress"]]
    assert len({policy["metadata"]["name"] for policy in policies}) == 2


def test_host_network_is_refused_with_the_reason(run, cluster, tmp_path):
    code, out, err = run("generate", *cluster, "-n", "shop", "ds/agent", "-o", "agent.yaml")
    assert (code, out) == (1, "")
    assert "host network" in err.casefold()
    assert not (tmp_path / "agent.yaml").exists()


def test_without_flows_no_policy_is_written(run, cluster, tmp_path):
    code, out, err = run("generate", "--manifests", "cluster.yaml", *WEB, "-o", "web.yaml")
    assert (code, out) == (2, "")
    assert "without flows" in err
    assert not (tmp_path / "web.yaml").exists()


def test_workload_that_does_not_communicate_is_isolated(run, cluster):
    code, out, _ = run("generate", *cluster, "-n", "shop", "deploy/idle", "--since", "5m")
    policy = yaml.safe_load(out)
    assert code == 0
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not policy["spec"].get("ingress")


def test_broken_line_leaves_the_policy_but_not_the_exit_code(run, cluster, tmp_path):
    with (tmp_path / "flows.json").open("a", encoding="utf-8") as file:
        file.write("garbage\n")
    code, out, err = run("generate", *cluster, *WEB)
    assert code == 65
    assert yaml.safe_load(out)["kind"] == "NetworkPolicy"
    assert "flows.json" in err


def test_flows_from_standard_input_give_the_same(run, start, cluster, tmp_path):
    _, out, _ = run("generate", *cluster, *WEB)
    argv = ["generate", "--flows", "-", "--manifests", "cluster.yaml", *WEB]
    with (
        (tmp_path / "flows.json").open("rb") as flows,
        start(*argv, stdin=flows, stdout=-1, stderr=-1) as process,
    ):
        printed, _ = process.communicate(timeout=60)
    assert (process.returncode, printed.decode()) == (0, out)


@pytest.fixture
def twin(cluster, tmp_path):
    """Add a bare pod with the labels of web to the cluster."""
    with (tmp_path / "cluster.yaml").open("a", encoding="utf-8") as file:
        file.write("---\napiVersion: v1\nkind: Pod\n")
        file.write("metadata: {name: twin, namespace: shop, labels: {app: web}}\n")
        file.write("spec: {containers: [{name: main}]}\nstatus: {phase: Running, podIP: 10.1.0.9}\n")
    return cluster


def test_a_selector_of_others_too_is_refused_unless_allowed(run, twin, tmp_path):
    code, out, err = run("generate", *twin, *WEB, "-o", "web.yaml")
    assert (code, out) == (1, "")
    assert not (tmp_path / "web.yaml").exists()
    assert "also selects Pod/twin: its pods will be isolated too; --allow-shared-selector" in err
    code, out, err = run("generate", *twin, *WEB, "--allow-shared-selector")
    assert (code, yaml.safe_load(out)["kind"]) == (0, "NetworkPolicy")
    assert "also selects Pod/twin" in err


def test_whom_a_selector_selects_besides_is_in_the_json(run, twin):
    _, out, _ = run("list", *twin, *WEB, "-o", "json")
    assert json.loads(out)["workload"]["sharedWith"] == [{"namespace": "shop", "kind": "Pod", "name": "twin"}]


@pytest.fixture
def look_alike(cluster, tmp_path):
    """Add a bare pod to the cluster that has the labels of a pod that web talks with."""
    with (tmp_path / "cluster.yaml").open("a", encoding="utf-8") as file:
        file.write("---\napiVersion: v1\nkind: Pod\n")
        file.write("metadata: {name: shadow, namespace: shop, labels: {app: gateway}}\n")
        file.write("spec: {containers: [{name: main}]}\nstatus: {phase: Running, podIP: 10.1.0.9}\n")
    return cluster


SHADOW = "ingress from shop/shadow of Pod/shadow on 8080/TCP is allowed, though no row shows it"


def test_what_the_policy_does_besides_is_told_and_strict_writes_nothing(run, look_alike, tmp_path):
    code, out, err = run("generate", *look_alike, *WEB)
    assert (code, yaml.safe_load(out)["kind"]) == (0, "NetworkPolicy")
    assert SHADOW in err
    code, out, err = run("generate", *look_alike, *WEB, "--strict", "-o", "web.yaml")
    assert (code, out) == (1, "")
    assert SHADOW in err
    assert "no policy is written" in err
    assert not (tmp_path / "web.yaml").exists()


def test_strict_writes_a_policy_that_is_proven(run, cluster):
    code, out, _ = run("generate", *cluster, *WEB, "--strict")
    assert (code, out) == (0, run("generate", *cluster, *WEB)[1])


def test_the_proof_is_in_the_json(run, look_alike):
    _, out, _ = run("list", *look_alike, *WEB, "-o", "json")
    proof = json.loads(out)["proof"]
    assert (proof["clean"], proof["opened"], proof["isolated"]) == (False, {"pods": 1, "addresses": 0}, 0)
    assert proof["included"]["rows"] == proof["included"]["allowed"] > 0
    assert proof["findings"] == [
        {
            "kind": "podOpened",
            "direction": "ingress",
            "who": "shop/shadow",
            "ports": "8080/TCP",
            "sentence": SHADOW,
        }
    ]


def test_where_every_row_needs_a_namespace_label_nothing_is_written_and_the_namespaces_are_named(
    run, cluster, tmp_path
):
    """It calls the database in another namespace only, and the labels of names are not to be used."""
    code, out, err = run(
        "generate",
        *cluster,
        *("--set", "labels.namespaces.exclude=kubernetes.io/metadata.name"),
        *("-n", "shop", "deploy/idle", "-o", "idle.yaml"),
    )
    assert (code, out) == (1, "")
    why = "All communications are displayed as allowed because a policy can't be generated"
    assert err.count(f"{why}: you need to assign labels to this namespace: data") == 1
    assert err.count("you need to assign labels") == 1
    assert err.splitlines()[-1] == "netsec-tui: no policy for Deployment/idle in shop"
    assert not (tmp_path / "idle.yaml").exists()
