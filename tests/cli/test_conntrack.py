"""Commands that observe a cluster by its nodes' connection tracking tables."""

import json
import time
from datetime import UTC, datetime

import pytest
import yaml

from netsec_tui.cli.flags import parse
from netsec_tui.cli.inputs import inputs_of, reads_cluster
from tests.sources.api_server import write_kubeconfig
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.exec_server import ExecServer
from tests.sources.kube_objects import deployment, obj
from tests.sources.running import running

TABLE = line("10.244.1.5:40000", "10.96.0.7:80", "10.244.1.8:8080") + "\n"


def pod(name, owner, ip, **spec):
    made = obj("Pod", name, "shop", spec={"nodeName": "n1", "containers": [{"name": "main"}], **spec},
               status={"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]})  # fmt: skip
    owners = [{"kind": "Deployment", "name": owner, "controller": True}] if owner else []
    made["metadata"] |= {"labels": {"app": owner}, "ownerReferences": owners}
    return made


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    ports = [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]
    objects = [
        obj("Node", "n1", None),
        obj("Namespace", "shop", None),
        deployment("web"),
        deployment("api"),
        pod("web-1", "web", "10.244.1.5"),
        pod("api-1", "api", "10.244.1.8"),
        pod("kube-proxy-1", "", "192.168.0.4", hostNetwork=True),
        obj("Service", "api", "shop", spec={"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"],
                                            "selector": {"app": "api"}, "ports": ports}),
    ]  # fmt: skip
    with running(ExecServer(objects)) as started:
        started.commands = {("kube-proxy-1", "cat"): TABLE.encode()}
        yield started


@pytest.fixture
def flags(server, tmp_path):
    config = write_kubeconfig(tmp_path / "kubeconfig", server.url)
    return ["--source", "conntrack", "--kubeconfig", str(config)]


def test_service_row_is_the_backend_with_its_port_and_the_service_beside_it(run, flags):
    code, out, err = run("list", "-n", "shop", "deploy/web", "-o", "json", *flags)
    assert code == 0, err
    (row,) = json.loads(out)["rows"]
    assert (row["peer"]["name"], row["port"], row["counts"]["forwarded"], row["counts"]["traced"]) == (
        "api", 8080, 1, 1)  # fmt: skip
    assert [(via["name"], via["port"]) for via in row["via"]] == [("api", 80)]


def test_refusal_is_told_and_the_exit_code_says_so(run, flags, server):
    server.commands["kube-proxy-1", "cat"] = 403
    code, _, err = run("list", *flags)
    assert code == 69
    assert "node n1: commands may not be run in pods of namespace shop" in err
    assert 'resources: ["pods/exec"], verbs: ["create", "get"]' in err


@pytest.mark.parametrize("table", ["", line("192.0.2.10:40000", "192.0.2.11:6443") + "\n"])
def test_tables_that_leave_out_the_pods_are_told_in_a_single_reading(run, flags, server, table):
    for made in server.objects:
        if made["kind"] == "Pod":
            made["status"]["startTime"] = "2026-01-01T00:00:00Z"
    server.commands["kube-proxy-1", "cat"] = table.encode()
    said = (
        "node n1: no connection of the pods there in the table: they are quiet, or a network plugin on eBPF"
    )
    for command in (("list",), ("generate", "-n", "shop", "deploy/web", "--comments")):
        _, out, err = run(*command, *flags)
        assert said in err
    comments = " ".join(out.replace("# ", " ").split())
    assert (said in comments) == bool(table)  # without a single flow no policy is written
    told = json.loads(run("list", *flags, "-o", "json")[1])
    assert [gap["reason"].startswith(said) for gap in told["input"]["gaps"]] == [True]
    assert told["quality"]["nothingKnownMissing"] is False


def test_observing_contacts_a_cluster_beside_files_too(tmp_path, flags):
    args = parse(["list", "--manifests", str(tmp_path), "--source", "conntrack"])
    assert reads_cluster(args)
    names = [source.name for source in inputs_of(args, lambda: None, "prod").all]
    assert names[0] == "context prod"
    assert names[-1] == "conntrack of context prod"


@pytest.mark.parametrize("command", [["list", "--demo"], ["record", "--demo", "-o", "x.capture"]])
def test_the_demo_is_not_observed(run, flags, command):
    code, out, err = run(*command, *flags)
    assert (code, out) == (64, "")
    assert "--demo shows a recorded cluster and --source observes a real one: give one of them" in err


def test_an_unanswered_request_is_counted_neither_as_allowed_nor_as_denied(run, flags, server):
    dropped = line("10.244.1.5:40002", "10.244.1.8:8080", state="SYN_SENT", timeout=110, answered=False)
    server.commands["kube-proxy-1", "cat"] = (TABLE + dropped + "\n").encode()
    _, out, _ = run("list", "-n", "shop", "deploy/web", "-o", "json", *flags)
    (row,) = json.loads(out)["rows"]
    told = {name: row["counts"][name] for name in ("forwarded", "dropped", "unknown", "answers")}
    assert told == {"forwarded": 1, "dropped": 0, "unknown": 1, "answers": 2}


def test_without_a_kubeconfig_that_is_what_is_missing(run, monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    code, _, err = run("list", "--source", "conntrack")
    assert code == 66
    assert "none" in err


def test_what_a_source_says_of_itself_is_told_and_in_the_document(run, flags):
    code, out, err = run("list", "-n", "shop", "deploy/web", "-o", "json", *flags)
    assert code == 0, err
    (told,) = (one for one in json.loads(out)["input"]["sources"] if one["name"].startswith("conntrack"))
    assert "1 of 1 nodes" in told["detail"]
    assert f"netsec-tui: {told['name']}: {told['detail']}\n" in err


@pytest.mark.parametrize(("created", "let_in"), [(-60, True), (-10, False)])
def test_a_connection_that_began_before_its_pod_was_created_lets_no_pod_in(
    run, flags, server, created, let_in
):
    """The kernel tells when it began; who had the address then was deleted before the cluster was read."""
    ended = line("10.244.1.5:40000", "10.244.1.8:8080", state="TIME_WAIT", timeout=100, more=" delta-time=30")
    server.commands["kube-proxy-1", "cat"] = f"{ended}\n".encode()
    (young,) = (one for one in server.objects if one["metadata"]["name"] == "web-1")
    came = datetime.fromtimestamp(time.time() + created, UTC)
    young["metadata"]["creationTimestamp"] = came.isoformat()
    code, out, err = run("generate", "-n", "shop", "deploy/api", *flags)
    assert code == 0, err
    (policy,) = yaml.safe_load_all(out)
    assert bool(policy["spec"]["ingress"]) is let_in
    _, out, _ = run("list", "-n", "shop", "deploy/api", "-o", "json", *flags)
    (row,) = [row for row in json.loads(out)["rows"] if row["direction"] == "ingress"]
    since = f"the address of pod shop/web-1 since {came:%Y-%m-%d %H:%M:%S} UTC"
    assert (row["peer"]["name"] == "web", since in row["reason"]) == (let_in, not let_in)
