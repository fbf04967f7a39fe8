"""``netsec-tui check``: one connection, what stands behind the answer, and what cannot be asked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from netsec_tui.cli.check_answer import answer
from netsec_tui.cli.check_state import cluster_of
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.inventory import Inventory, Pod
from netsec_tui.sources.cluster.resources import RESOURCES
from netsec_tui.sources.feeds.feed import Reading

ROOT = Path(__file__).resolve().parents[2]

DENY_DATA = {"podSelector": {}, "policyTypes": ["Ingress"]}
WEB_TO_DB = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "policyTypes": ["Ingress"],
    "ingress": [
        {"from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]},
        {
            "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}],
            "ports": [{"protocol": "TCP", "port": 5432}],
        },
    ],
}
ONLY_WEB_1 = {
    "podSelector": {"matchLabels": {"app": "db"}},
    "policyTypes": ["Ingress"],
    "ingress": [{"from": [{"ipBlock": {"cidr": "10.1.0.2/32"}}]}],
}


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


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"namespace": "data", "name": "db"},
    "spec": {
        "selector": {"app": "db"},
        "clusterIP": "10.96.0.9",
        "ports": [{"port": 80, "targetPort": 5432}],
    },
}


@pytest.mark.parametrize("destination", ["data/svc/db", "data/Service/db", "10.96.0.9"])
def test_service_leads_to_its_pods_and_their_port(policies, ask, tmp_path, destination):
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(SERVICE), encoding="utf-8")
    flags = [*policies(("data", "web-to-db", WEB_TO_DB)), "--manifests", "service.yaml"]
    code, document = ask(flags, "shop/deploy/web", destination, "TCP/80")
    assert (code, document["verdicts"][0]["port"]) == (0, 5432)
    assert any("leads port TCP/80 to port 5432" in note for note in document["notes"])
    assert ask(flags, "shop/idle-1", destination, "TCP/80")[0] == 1


def test_pod_reaching_itself_through_a_service_cannot_be_told(policies, ask, tmp_path):
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(SERVICE), encoding="utf-8")
    flags = [*policies(("data", "deny-all", DENY_DATA)), "--manifests", "service.yaml"]
    code, document = ask(flags, "data/db-0", "data/svc/db", "TCP/80")
    assert (code, document["ingress"], document["verdicts"][0]["loopback"]) == (2, "undecided", False)


def test_service_with_nobody_behind_it_cannot_be_told(policies, ask, tmp_path):
    empty = {**SERVICE, "spec": {**SERVICE["spec"], "selector": {"app": "nobody"}}}
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(empty), encoding="utf-8")
    code, document = ask([*policies(), "--manifests", "service.yaml"], "shop/web-1", "data/svc/db", "TCP/80")
    assert (code, document["allowed"], document["pairs"]["total"]) == (2, None, 0)
    assert document["reason"] == "nothing is known to be behind Service data/db"


def test_address_in_the_service_range_that_no_service_has_cannot_be_told(policies, ask):
    flags = [*policies(), "--service-cidr", "10.96.0.0/16"]
    code, document = ask(flags, "shop/web-1", "10.96.3.3", "TCP/80")
    assert code == 2
    assert "10.96.3.3 is in the Services' range" in document["reason"]


@pytest.fixture
def dual_stack(policies):
    """Add a pod of both families to web's namespace, and Services that lead to it."""
    metadata = {"namespace": "shop", "labels": {"app": "both"}}
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**metadata, "name": name},
            "status": {"podIPs": [{"ip": f"10.1.9.{number}"}, {"ip": f"fd00::{number}"}]},
        }
        for number, name in enumerate(("one", "two"), start=1)
    ]
    spec = {"selector": {"app": "both"}, "ports": [{"port": 80, "targetPort": 8080}]}
    services = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {**metadata, "name": name}, "spec": spec | more}
        for name, more in {
            "inside": {"clusterIP": "10.96.9.1"},
            "node-port": {"type": "NodePort"},
            "balanced": {"type": "LoadBalancer", "clusterIP": "10.96.9.2"},
            "external": {"externalIPs": ["198.51.100.80"]},
        }.items()
    ]
    Path("both.yaml").write_text(yaml.safe_dump_all([*pods, *services]), encoding="utf-8")

    def write(cidr):
        allow = {"from": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": 8080}]}
        selected = {"podSelector": {"matchLabels": {"app": "both"}}, "ingress": [allow]}
        return [*policies(("shop", "both", selected)), "--manifests", "both.yaml"]

    return write


@pytest.mark.parametrize(
    ("source", "destination", "code"),
    [
        ("fd00::2", "fd00::1", 1),
        ("10.1.9.2", "10.1.9.1", 0),
        ("fd00::2", "shop/one", 1),
        ("shop/two", "10.1.9.1", 0),
        ("shop/two", "shop/one", 2),
    ],
)
def test_an_address_that_is_typed_tells_the_family(dual_stack, ask, source, destination, code):
    got, document = ask(dual_stack("10.0.0.0/8"), source, destination, "TCP/8080")
    assert got == code
    assert ("differs between IPv4 and IPv6" in document["reason"]) is (code == 2)


@pytest.mark.parametrize(
    ("destination", "port", "cidr", "code"),
    [
        ("shop/svc/inside", "TCP/80", "203.0.113.0/24", 0),
        ("shop/svc/inside", "TCP/80", "10.0.0.0/8", 1),
        ("shop/svc/node-port", "TCP/80", "203.0.113.0/24", 2),
        ("shop/svc/balanced", "TCP/80", "203.0.113.0/24", 2),
        ("shop/svc/external", "TCP/80", "10.0.0.0/8", 2),
        ("198.51.100.80", "TCP/80", "203.0.113.0/24", 2),
        ("shop/one", "TCP/8080", "203.0.113.0/24", 0),
    ],
)
def test_source_of_outside_may_be_replaced_on_the_way_to_an_open_service(
    dual_stack, ask, destination, port, cidr, code
):
    got, document = ask(dual_stack(cidr), "203.0.113.9", destination, port)
    assert got == code
    assert ("may have replaced the source address" in document["reason"]) is (code == 2)
    if "/svc/" in destination:
        assert ask(dual_stack("10.0.0.0/8"), "shop/web-1", destination, port)[0] == 0


def test_open_service_is_decided_where_any_source_gets_the_same_answer(policies, ask, dual_stack):
    dual_stack("10.0.0.0/8")
    flags = [*policies(), "--manifests", "both.yaml"]
    assert ask(flags, "203.0.113.9", "shop/svc/balanced", "TCP/80")[0] == 0


def test_host_network_pod_is_undecided_with_the_reason(policies, ask):
    flags = policies(("shop", "deny-all", DENY_DATA))
    code, document = ask(flags, "shop/web-1", "shop/ds/agent", "TCP/80")
    assert (code, document["ingress"]) == (2, "undecided")
    assert "host network" in document["reason"]


def test_policy_that_makes_no_sense_leaves_its_namespace_undecided(policies, ask):
    broken = {**DENY_DATA, "ingress": [{"from": [{"ipBlock": {"cidr": "nonsense"}}]}]}
    flags = policies(("data", "broken", broken))
    code, document = ask(flags, "shop/web-1", "data/db-0", "TCP/5432")
    assert (code, document["egress"], document["ingress"]) == (65, "allowed", "undecided")
    assert document["input"]["skipped"] == 1
    assert "data/broken, which cannot be read, may say otherwise" in document["reason"]
    assert len(document["input"]["problems"]) == 1
    assert ask(flags, "data/db-0", "shop/web-1", "TCP/80")[1]["ingress"] == "allowed"


NONSENSE = {"ingress": [{"from": [{"ipBlock": {"cidr": "nonsense"}}]}]}
SELECTS_DB, SELECTS_OTHERS = ({"podSelector": {"matchLabels": {"app": name}}} for name in ("db", "others"))


@pytest.mark.parametrize(
    ("spec", "source", "destination", "sides"),
    [
        (SELECTS_DB, "shop/web-1", "data/db-0", ("allowed", "undecided")),
        (SELECTS_OTHERS, "shop/web-1", "data/db-0", ("allowed", "allowed")),
        (SELECTS_DB, "data/db-0", "shop/web-1", ("allowed", "allowed")),
        (SELECTS_DB | {"egress": [{}]}, "data/db-0", "shop/web-1", ("undecided", "allowed")),
        (SELECTS_DB | {"policyTypes": ["Egress"]}, "shop/web-1", "data/db-0", ("allowed", "allowed")),
        (SELECTS_DB | {"policyTypes": ["Egress"]}, "data/db-0", "shop/web-1", ("undecided", "allowed")),
        (SELECTS_OTHERS | {"policyTypes": ["Both"]}, "data/db-0", "shop/web-1", ("allowed", "allowed")),
        (SELECTS_DB | {"policyTypes": ["Both"]}, "data/db-0", "shop/web-1", ("undecided", "allowed")),
        ({"podSelector": {"matchLabels": 7}}, "shop/web-1", "data/db-0", ("allowed", "undecided")),
        ({"podSelector": {"matchLabels": 7}}, "shop/web-1", "shop/idle-1", ("allowed", "allowed")),
    ],
)
def test_policy_that_makes_no_sense_leaves_open_only_what_it_may_select(
    policies, ask, spec, source, destination, sides
):
    _, document = ask(policies(("data", "broken", NONSENSE | spec)), source, destination, "TCP/5432")
    assert (document["egress"], document["ingress"]) == sides
    assert len(document["input"]["problems"]) == 1


def test_policy_that_makes_no_sense_is_no_other_kind_and_takes_nothing_away(policies, ask):
    broken = ("data", "broken", NONSENSE | {"podSelector": {}})
    _, document = ask(
        policies(("data", "deny-all", DENY_DATA), broken), "shop/idle-1", "data/db-0", "TCP/5432"
    )
    (verdict,) = document["verdicts"]
    assert verdict["ingress"]["doubt"] == "what a NetworkPolicy says is not known"
    assert verdict["ingress"]["notes"] == [
        "NetworkPolicy data/broken, which cannot be read, may say otherwise"
    ]
    assert "another kind" not in document["reason"]
    _, document = ask(policies(("data", "open", WEB_TO_DB), broken), "shop/web-1", "data/db-0", "TCP/5432")
    assert (document["ingress"], document["policies"]) == ("allowed", ["data/open"])


def test_manifest_that_cannot_be_read_is_told_by_the_exit_code(policies, ask, tmp_path):
    (tmp_path / "torn.yaml").write_text("kind: [\n", encoding="utf-8")
    code, document = ask([*policies(), "--manifests", "torn.yaml"], "shop/web-1", "data/db-0", "TCP/1")
    assert (code, document["allowed"], document["input"]["skipped"]) == (65, True, 1)


@pytest.mark.parametrize(
    ("source", "destination", "port", "code", "sentence"),
    [
        ("shop/web-9", "data/db-0", "TCP/1", 66, "there is no shop/Pod/web-9; there is shop/"),
        ("shop/web", "data/db-0", "TCP/1", 66, "there is no shop/Pod/web; there is shop/Deployment/web"),
        ("shop/sts/web", "data/db-0", "TCP/1", 66, "there is shop/Deployment/web"),
        ("nowhere/web-1", "data/db-0", "TCP/1", 66, "namespace nowhere is not known; there is data, shop"),
        ("shop/web-1", "data/svc/db", "TCP/1", 66, "there is no data/Service/db"),
        ("shop/svc/web", "data/db-0", "TCP/1", 64, "opens no connections"),
        ("web", "data/db-0", "TCP/1", 64, "'web' is no end; give NS/POD, NS/KIND/NAME or an IP address"),
        ("a/b/c/d", "data/db-0", "TCP/1", 64, "is no end"),
        ("shop//web", "data/db-0", "TCP/1", 64, "is no end"),
        ("10.1.0.300", "data/db-0", "TCP/1", 64, "'10.1.0.300' is no end"),
        ("10.0.0.0/8", "data/db-0", "TCP/1", 64, "10.0.0.0/8 is a range"),
        ("fe80::1%eth0", "data/db-0", "TCP/1", 64, "is no end"),
        ("shop/web-1", "data/db-0", "TCP/0", 64, "port 0 is not a number from 1 to 65535"),
        ("shop/web-1", "data/db-0", "TCP/65536", 64, "port 65536 is not a number from 1 to 65535"),
        ("shop/web-1", "data/db-0", "TCP/http", 64, "port 'http' is not a number"),
        ("shop/web-1", "data/db-0", "TCP/" + "9" * 5000, 64, "is not a number"),
        ("shop/web-1", "data/db-0", "8080", 64, "'8080' is not PROTOCOL/PORT, for instance TCP/8080"),
        ("shop/web-1", "data/db-0", "HTTP/80", 64, "protocol 'HTTP' is not known"),
        ("shop/web-1", "data/db-0", "ICMP/8", 64, "ICMP has no ports"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(policies, run, source, destination, port, code, sentence):
    argv = ["--from", source, "--to", destination, "--port", port]
    got, out, err = run("check", *policies(), *argv)
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert sentence in err
    assert len(err) < 500


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "nothing is asked"),
        (["--from", "shop/web-1"], "--to and --port must be given too"),
        (["--matrix", "--batch", "-"], "choose one"),
        (["--matrix", "--port", "TCP/1"], "choose one"),
        (["--batch", "-", "-o", "csv"], "-o csv goes with --matrix only"),
        (["--batch", ""], "--batch needs a file"),
        (["--flows", "x", "--matrix"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_exits_with_64(run, argv, sentence):
    code, out, err = run("check", *argv)
    assert (code, out) == (64, "")
    assert sentence in err


def test_capture_and_demo_are_read_as_well(run, cluster):
    ends = ["--from", "shop/web-1", "--to", "data/db-0", "--port", "TCP/5432"]
    assert run("record", *cluster, "-o", "all.capture")[0] == 0
    assert run("check", "--capture", "all.capture", *ends)[0] == 0
    ends = ["--from", "shop/deploy/web", "--to", "shop/svc/web", "--port", "TCP/80"]
    assert run("check", "--demo", *ends)[0] == 0


def test_input_without_cluster_state_is_refused(run, cluster):
    assert run("record", "--flows", "flows.json", "-o", "flows.capture")[0] == 0
    code, out, err = run("check", "--capture", "flows.capture", "--matrix")
    assert (code, out) == (65, "")
    assert "no cluster state" in err


def test_missing_manifests_are_one_sentence(run):
    code, out, err = run("check", "--manifests", "gone.yaml", "--matrix")
    assert (code, out, err.count("\n")) == (66, "", 1)


def test_hostile_names_stay_data(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    meta = {"namespace": "a\x1b[31m", "name": "[red]\x1b]0;x\x07"}
    Path("pod.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}}), encoding="utf-8"
    )
    for form in ("table", "json", "csv"):
        _, out, err = run("check", "--manifests", "pod.json", "--matrix", "-o", form)
        assert "\x1b" not in out + err
    _, out, err = run(
        "check", "--manifests", "pod.json", "--from", "a\x1b[31m/x", "--to", "1.1.1.1", "--port", "TCP/1"
    )
    assert "\x1b" not in out + err


def test_flags_may_stand_before_the_command(run, cluster):
    ends = ["--from", "shop/web-1", "--to", "list", "--port", "TCP/1"]
    code, _, err = run(*ends, "check", "--manifests", "cluster.yaml")
    assert (code, "'list' is no end" in err) == (64, True)


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


def test_policies_that_may_not_be_listed_leave_everything_undecided():
    # The sentence is the one of the cluster source, begun with the resource's name as RBAC spells it.
    (resource,) = (r.name for r in RESOURCES if r.name == "networkpolicies")
    web = Pod("shop", "web-1", (), WorkloadRef("Deployment", "shop", "web"))
    told = Inventory(known=True, pods=(web,), missing=(f"{resource} may not be listed; ...",))
    cluster = cluster_of(Reading(told, (), ()), ipblock_matches_pods=True)
    end = cluster.ends.source("shop/web-1")
    found = answer(cluster, cluster.ends.source("1.1.1.1"), end, Protocol.TCP, 80)
    assert (found.allowed, found.exit_code, found.side(Direction.INGRESS)) == (None, 2, "undecided")
    assert "NetworkPolicy that could not be listed may say otherwise" in found.reason
