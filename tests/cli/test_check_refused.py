"""``netsec-tui check`` of what cannot be read or asked: what is left open, and what is said."""

import json
from pathlib import Path

import pytest

from netsec_tui.cli.check_answer import answer
from netsec_tui.cli.check_state import cluster_of
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.inventory import Inventory, Pod
from netsec_tui.sources.cluster.resources import RESOURCES
from netsec_tui.sources.feeds.feed import Reading
from tests.cli.check_policies import DENY_DATA, WEB_TO_DB


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
