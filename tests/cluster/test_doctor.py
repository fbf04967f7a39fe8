"""What ``doctor`` says of a real cluster with real rights, and what commands without a flag do with it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.harness.calls import Call
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.hubble import Hubble
from tests.cluster.product.running import EXEC, PORT_FORWARD, account, cluster_flags, documented_rights, run
from tests.cluster.product.tracked import tracked_cluster
from tests.ui.demo_host import app_of
from tests.ui.driving import WIDE, Operator

CALLS = (Call("tracked/deploy/client", "tracked/svc/api:80", times=2),)


@pytest.fixture(scope="module")
def own_cluster(binaries) -> Iterator[Cluster]:
    """Return a cluster with traffic, where nothing but the kernel tells of it at first."""
    with tracked_cluster() as started:
        started.drive(CALLS)
        yield started


@pytest.fixture(scope="module")
def accounts(own_cluster, tmp_path_factory) -> dict[str, Path]:
    """Return kubeconfigs: of one with the README's ClusterRole alone, and of those with more."""
    folder, role = tmp_path_factory.mktemp("accounts"), documented_rights()
    rights = {
        "minimal": role,
        "exec": [*EXEC, *role],
        "forward": [*PORT_FORWARD, *EXEC, *role],
        "no-nodes": [*EXEC, *(right for right in role if right.resource != "nodes")],
    }
    return {name: account(own_cluster, folder, name, given) for name, given in rights.items()}


def doctor(kubeconfig: Path) -> tuple[int, dict[str, Any]]:
    """Return exit code and document; the sources by their names."""
    done = run(kubeconfig, "doctor", "-o", "json")
    assert done.said == []
    told = json.loads(done.out)
    return done.code, {**told, "sources": {source["source"]: source for source in told["sources"]}}


def missing(source: dict[str, Any]) -> set[tuple[str, str]]:
    return {(right["namespace"], right["rule"]) for right in source["missingRights"]}


def peers(kubeconfig: Path, *flags: str) -> set[str]:
    """Return the peers of the client that the calls came from, as a command without a source tells them."""
    done = run(kubeconfig, "list", "-n", "tracked", "deploy/client", "-o", "json", *flags)
    assert done.code == 0, done.said
    return {row["peer"].get("name", row["peer"]["type"]) for row in json.loads(done.out)["rows"]}


def test_the_kernels_tables_are_taken_where_there_is_nothing_else(accounts):
    code, told = doctor(accounts["exec"])
    assert code == 0
    (picked,) = told["picked"]
    assert (picked["source"], picked["answered"]) == ("conntrack", True)
    assert re.search(r"from [12] of 2 nodes", picked["detail"])
    assert shlex.split(told["command"])[-2:] == ["--source", "conntrack"]
    assert told["problems"] == []


def test_the_right_that_is_missing_is_named_where_it_is(accounts):
    code, told = doctor(accounts["minimal"])
    assert (code, told["picked"], told["command"]) == (2, [], None)
    rule = 'apiGroups: [""], resources: ["pods/exec"], verbs: ["create", "get"]'
    lacking = missing(told["sources"]["conntrack"])
    assert ("kube-system", rule) in lacking
    assert {named for _, named in lacking} == {rule}


def test_without_the_right_to_list_nodes_those_that_pods_run_on_are_read(accounts):
    code, told = doctor(accounts["no-nodes"])
    assert (code, told["sources"]["conntrack"]["where"]) == (0, "2 of an unknown number of nodes")
    (picked,) = told["picked"]
    assert (picked["source"], picked["answered"]) == ("conntrack", True)
    assert "whether there are others is not known: nodes cannot be listed" in picked["detail"]
    (problem,) = told["problems"]
    assert problem.startswith("nodes may not be listed; what is missing in a ClusterRole is ")
    done = run(accounts["no-nodes"], "list", "-n", "tracked", "deploy/client", "-o", "json")
    assert done.code == 0
    assert "api" in {row["peer"].get("name") for row in json.loads(done.out)["rows"]}
    assert sum("nodes may not be listed" in line for line in done.said) == 1, done.said


def test_a_command_without_a_flag_finds_it(accounts):
    assert "api" in peers(accounts["exec"])
    assert "api" in peers(accounts["exec"], "--for", "6s")


async def test_the_screen_without_a_flag_finds_it(accounts):
    app = app_of(*cluster_flags(accounts["exec"]), "-n", "tracked", "deploy/client", "--since", "all")
    async with app.run_test(size=WIDE) as pilot:
        operator = Operator(app, pilot)
        await operator.until(lambda: "api" in {row.name for row in operator.rows("egress")}, "the row", 60)


async def test_the_screen_without_a_source_points_to_the_doctor(accounts):
    app = app_of(*cluster_flags(accounts["minimal"]))
    async with app.run_test(size=WIDE) as pilot:
        operator = Operator(app, pilot)
        advice = ("no source of flows can be used", f"netsec-tui doctor --context {Cluster.context}")
        await operator.until(lambda: all(words in operator.screen() for words in advice), "advice", 60)


def test_a_command_without_a_flag_says_what_is_missing(accounts):
    done = run(accounts["minimal"], "list", "-A")
    assert done.code == 2
    assert any("no source of flows can be used (conntrack: in namespace" in line for line in done.said)


def test_hubble_is_taken_before_the_kernels_tables(own_cluster, accounts):
    with Hubble.up(own_cluster):
        own_cluster.drive(CALLS)
        code, told = doctor(accounts["forward"])
        assert (code, [one["source"] for one in told["picked"]]) == (0, ["hubble"])
        assert told["picked"][0]["answered"], told
        assert "api" in peers(accounts["forward"])

        code, told = doctor(accounts["exec"])
        assert (code, [one["source"] for one in told["picked"]]) == (0, ["conntrack"])
        ((namespace, rule),) = missing(told["sources"]["hubble"])
        assert (namespace, "pods/portforward" in rule) == ("kube-system", True)
