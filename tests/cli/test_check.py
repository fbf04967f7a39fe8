"""``netsec-tui check``: one connection, and what stands behind the answer."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.check_policies import DENY_DATA, ONLY_WEB_1, WEB_TO_DB

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("source", "destination", "port", "code", "sides"),
    [
        ("shop/web-1", "data/db-0", "TCP/5432", 0, ("allowed", "allowed")),
        ("shop/deploy/web", "data/sts/db", "tcp/5432", 0, ("allowed", "allowed")),
        ("shop/Deployment/web", "data/Pod/db-0", "TCP/5432", 0, ("allowed", "allowed")),
        ("shop/deploy/web", "data/sts/db", "TCP/5433", 1, ("allowed", "denied")),
        ("shop/deploy/idle", "data/sts/db", "TCP/5432", 1, ("allowed", "denied")),
        ("10.1.0.6", "10.1.0.4", "TCP/5432", 1, ("allowed", "denied")),
        ("198.51.100.7", "data/db-0", "UDP/53", 0, ("allowed", "allowed")),
        ("198.51.101.7", "data/db-0", "UDP/53", 1, ("allowed", "denied")),
        ("data/db-0", "shop/web-1", "TCP/8080", 0, ("allowed", "allowed")),
        ("shop/web-1", "data/db-0", "ICMP", 2, ("allowed", "undecided")),
    ],
)
def test_verdict_of_both_sides_and_exit_code(policies, ask, source, destination, port, code, sides):
    flags = policies(("data", "deny-all", DENY_DATA), ("data", "web-to-db", WEB_TO_DB))
    got, document = ask(flags, source, destination, port)
    assert got == code
    assert (document["egress"], document["ingress"]) == sides
    assert document["allowed"] is {0: True, 1: False, 2: None}[code]
    assert document["schemaVersion"] == 1


def test_rule_that_allows_is_named_and_counted_from_0(policies, ask):
    flags = policies(("data", "deny-all", DENY_DATA), ("data", "web-to-db", WEB_TO_DB))
    _, document = ask(flags, "shop/web-1", "data/db-0", "TCP/5432")
    (verdict,) = document["verdicts"]
    rule = {"namespace": "data", "policy": "web-to-db", "direction": "ingress", "rule": 1}
    assert verdict["ingress"]["allowedBy"] == [rule]
    assert {ref["policy"] for ref in verdict["ingress"]["isolatedBy"]} == {"deny-all", "web-to-db"}
    assert document["policies"] == ["data/web-to-db"]
    assert "data/web-to-db ingress[1]" in document["reason"]


def test_policies_that_isolate_are_named_when_no_rule_allows(policies, ask):
    flags = policies(("data", "deny-all", DENY_DATA), ("data", "web-to-db", WEB_TO_DB))
    _, document = ask(flags, "shop/idle-1", "data/db-0", "TCP/5432")
    assert document["policies"] == ["data/deny-all", "data/web-to-db"]
    assert "no rule allows it" in document["reason"]


def test_text_tells_headline_sides_and_rules(policies, run):
    flags = policies(("data", "web-to-db", WEB_TO_DB))
    code, out, err = run(
        "check", *flags, "--from", "shop/deploy/web", "--to", "data/db-0", "--port", "TCP/5432"
    )
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "shop/Deployment/web -> data/db-0 TCP/5432: allowed (all 2 pairs)",
        "  egress   allowed: no policy selects the pod",
        "  ingress  allowed: allowed by data/web-to-db ingress[1]",
    ]


def test_pods_that_differ_are_mixed_and_listed_with_their_verdict(policies, ask, run):
    flags = policies(("data", "only-web-1", ONLY_WEB_1))
    code, document = ask(flags, "shop/deploy/web", "data/db-0", "TCP/5432")
    assert (code, document["allowed"], document["ingress"]) == (2, None, "undecided")
    assert document["pairs"] == {"total": 2, "allowed": 1, "denied": 1, "undecided": 0}
    pairs = {v["outcome"]: [p["from"] for p in v["examples"]] for v in document["verdicts"]}
    assert pairs == {"allowed": ["shop/web-1"], "denied": ["shop/web-2"]}
    _, out, _ = run("check", *flags, "--from", "shop/deploy/web", "--to", "data/db-0", "--port", "TCP/1")
    assert "mixed (of 2 pairs 1 allowed, 1 denied)" in out
    assert "    shop/web-2 -> data/db-0" in out.splitlines()


def test_long_list_of_pairs_is_capped_and_the_rest_counted(policies, ask, run, tmp_path):
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": "shop",
                "name": f"many-{n}",
                "labels": {"app": "many"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "many", "controller": True}],
            },
            "spec": {},
            "status": {"podIP": f"10.1.1.{n}", "podIPs": [{"ip": f"10.1.1.{n}"}]},
        }
        for n in range(1, 31)
    ]
    (tmp_path / "many.yaml").write_text(yaml.safe_dump_all(pods), encoding="utf-8")
    block = {**ONLY_WEB_1, "ingress": [{"from": [{"ipBlock": {"cidr": "10.1.1.1/32"}}]}]}
    flags = [*policies(("data", "only-one", block)), "--manifests", "many.yaml"]
    code, document = ask(flags, "shop/rs/many", "data/db-0", "TCP/1")
    assert (code, document["pairs"]["denied"]) == (2, 29)
    denied = next(v for v in document["verdicts"] if v["outcome"] == "denied")
    assert (denied["pairs"], len(denied["examples"])) == (29, 10)
    out = run("check", *flags, "--from", "shop/rs/many", "--to", "data/db-0", "--port", "TCP/1")[1]
    assert "    and 19 more" in out.splitlines()


def test_ipblock_switch_decides_whether_it_matches_pods(policies, ask):
    flags = policies(("data", "only-web-1", ONLY_WEB_1))
    assert ask(flags, "shop/web-1", "data/db-0", "TCP/1")[0] == 0
    assert ask(flags, "shop/web-1", "data/db-0", "TCP/1", "--ipblock-matches-pods")[0] == 0
    assert ask(flags, "shop/web-1", "data/db-0", "TCP/1", "--no-ipblock-matches-pods")[0] == 1


def test_pod_to_itself_cannot_be_blocked_whatever_the_policies_say(policies, ask, run):
    flags = policies(("data", "deny-all", DENY_DATA))
    code, document = ask(flags, "data/db-0", "data/db-0", "TCP/5432")
    assert (code, document["allowed"]) == (0, True)
    assert (document["egress"], document["ingress"]) == ("allowed", "denied")
    assert "loopback) cannot be blocked" in document["reason"]
    assert "policies alone say denied" in document["reason"]
    out = run("check", *flags, "--from", "10.1.0.4", "--to", "data/db-0", "--port", "TCP/1")[1]
    assert "loopback) cannot be blocked" in out


def test_pairs_of_a_pod_with_itself_do_not_make_its_owner_mixed(policies, ask):
    flags = policies(("shop", "deny-all", DENY_DATA))
    code, document = ask(flags, "shop/deploy/web", "shop/deploy/web", "TCP/1")
    assert (code, document["pairs"]["total"]) == (1, 2)
    assert any("left out" in note for note in document["notes"])


def test_owner_with_one_pod_is_asked_about_its_next(policies, ask):
    code, document = ask(policies(("data", "deny-all", DENY_DATA)), "data/sts/db", "data/sts/db", "TCP/1")
    assert (code, document["verdicts"][0]["loopback"]) == (1, False)
    assert any("has one pod here" in note for note in document["notes"])


def test_workload_without_pods_is_answered_from_its_template(run, ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main"}]}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    docs = [
        {"apiVersion": "apps/v1", "kind": kind, "metadata": {"namespace": "shop", "name": name}, "spec": spec}
        for kind, name in (("Deployment", "web"), ("StatefulSet", "web"))
    ]
    policy = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": []}
    meta = {"namespace": "shop", "name": "deny-web"}
    docs.append(
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": policy}
    )
    Path("web.yaml").write_text(yaml.safe_dump_all(docs), encoding="utf-8")
    flags = ["--manifests", "web.yaml"]
    # The namesake of another kind is somebody else, not the same pod.
    code, document = ask(flags, "shop/sts/web", "shop/deploy/web", "TCP/80")
    assert (code, document["policies"]) == (1, ["shop/deny-web"])
    assert (
        "shop/Deployment/web has no pods; one as its template makes them stands for them" in document["notes"]
    )


def test_host_network_pod_is_undecided_with_the_reason(policies, ask):
    flags = policies(("shop", "deny-all", DENY_DATA))
    code, document = ask(flags, "shop/web-1", "shop/ds/agent", "TCP/80")
    assert (code, document["ingress"]) == (2, "undecided")
    assert "host network" in document["reason"]


def test_capture_and_demo_are_read_as_well(run, cluster):
    ends = ["--from", "shop/web-1", "--to", "data/db-0", "--port", "TCP/5432"]
    assert run("record", *cluster, "-o", "all.capture")[0] == 0
    assert run("check", "--capture", "all.capture", *ends)[0] == 0
    ends = ["--from", "shop/deploy/web", "--to", "shop/svc/web", "--port", "TCP/80"]
    assert run("check", "--demo", *ends)[0] == 0


def test_no_terminal_or_cluster_library_is_loaded(cluster):
    code = "import sys\nfrom netsec_tui.cli.main import main\nmain(sys.argv[1:])\n"
    code += "print(sorted({'textual', 'rich', 'kubernetes', 'networkx'} & set(sys.modules)), file=sys.stderr)"
    argv = ["check", "--manifests", "cluster.yaml", "--matrix"]
    done = subprocess.run(
        [sys.executable, "-c", code, *argv],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.stderr.splitlines()[-1] == "[]"
