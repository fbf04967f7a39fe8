"""``netsec-tui check`` is undecided where a policy of another kind may speak, and names it."""

import json
from pathlib import Path

import pytest
import yaml

WEB_TO_DB = ["--from", "shop/web-1", "--to", "data/db-0", "--port", "TCP/5432"]


def policy(api, kind, name, namespace, **spec):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def selecting(app):
    return {"endpointSelector": {"matchLabels": {"app": app}}, "ingress": [{}]}


@pytest.fixture
def check(run, cluster):
    """Return a function that asks for JSON with a policy beside the cluster's objects."""

    def call(obj, *more):
        Path("other.yaml").write_text(yaml.safe_dump(obj), encoding="utf-8")
        files = ["--manifests", "cluster.yaml", "--manifests", "other.yaml"]
        code, out, err = run("check", *files, *more, "-o", "json")
        assert out, err
        return code, json.loads(out)

    return call


CNP = "cilium.io/v2"
ANP = "policy.networking.k8s.io/v1alpha1"
CALICO = "projectcalico.org/v3"
ANTREA = "crd.antrea.io/v1beta1"


@pytest.mark.parametrize(
    ("obj", "named"),
    [
        (policy(CNP, "CiliumNetworkPolicy", "x", "data", **selecting("db")), "CiliumNetworkPolicy data/x"),
        (
            policy(CNP, "CiliumClusterwideNetworkPolicy", "x", None, **selecting("k8s:app")),
            None,
        ),
        (policy(CNP, "CiliumNetworkPolicy", "x", "data", **selecting("web")), None),
        (policy(CNP, "CiliumNetworkPolicy", "x", "shop", **selecting("web")), None),
        (
            policy(ANP, "AdminNetworkPolicy", "x", None, subject={"namespaces": {}}, ingress=[{}]),
            "AdminNetworkPolicy x",
        ),
        (
            policy(CALICO, "NetworkPolicy", "x", "data", selector="app in {'db'}", types=["Ingress"]),
            "Calico NetworkPolicy data/x",
        ),
        (
            policy(ANTREA, "ClusterNetworkPolicy", "x", None, appliedTo=[{"podSelector": {}}], ingress=[{}]),
            "Antrea ClusterNetworkPolicy x",
        ),
    ],
)
def test_ingress_is_undecided_when_one_may_select_the_destination(check, obj, named):
    code, document = check(obj, *WEB_TO_DB)
    assert document["egress"] == "allowed"
    if named:
        assert (code, document["ingress"]) == (2, "undecided")
        assert f"{named} may override" in document["reason"]
    else:
        assert (code, document["ingress"]) == (0, "allowed")


def test_a_policy_of_another_kind_does_not_take_the_place_of_a_network_policy(run, cluster):
    deny = policy("networking.k8s.io/v1", "NetworkPolicy", "x", "data", podSelector={})
    other = policy(CALICO, "NetworkPolicy", "x", "data", selector="app == 'nobody'")
    Path("both.yaml").write_text(yaml.safe_dump_all([deny, other]), encoding="utf-8")
    files = ["--manifests", "cluster.yaml", "--manifests", "both.yaml"]
    code, out, _ = run("check", *files, *WEB_TO_DB, "-o", "json")
    assert (code, json.loads(out)["policies"]) == (1, ["data/x"])


def test_a_baseline_policy_speaks_only_where_nothing_isolates(check):
    baseline = policy(
        ANP, "BaselineAdminNetworkPolicy", "default", None, subject={"namespaces": {}}, ingress=[{}]
    )
    deny = policy("networking.k8s.io/v1", "NetworkPolicy", "deny", "data", podSelector={})
    assert check(baseline, *WEB_TO_DB)[0] == 2
    assert check({"kind": "List", "apiVersion": "v1", "items": [baseline, deny]}, *WEB_TO_DB)[0] == 1


def test_the_matrix_says_what_is_not_part_of_it(check):
    obj = policy(CNP, "CiliumNetworkPolicy", "x", "data", **selecting("db"))
    code, document = check(obj, "--matrix")
    assert code == 2
    assert "CiliumNetworkPolicy data/x is not part of this" in document["notes"]


def test_a_capture_holds_them_too(run, check, cluster):
    obj = policy(CNP, "CiliumNetworkPolicy", "x", "data", **selecting("db"))
    Path("other.yaml").write_text(yaml.safe_dump(obj), encoding="utf-8")
    assert run("record", *cluster, "--manifests", "other.yaml", "-o", "all.capture")[0] == 0
    code, out, _ = run("check", "--capture", "all.capture", *WEB_TO_DB, "-o", "json")
    assert code == 2
    assert "CiliumNetworkPolicy data/x may override" in json.loads(out)["reason"]
