"""``netsec-tui doctor`` and finding a source by itself, against a server that answers as an API server."""

import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from netsec_tui.cli.flags import parse
from netsec_tui.cli.inputs import finds_source, inputs_of, reads_cluster
from netsec_tui.errors import UsageError
from netsec_tui.sources.finding.auto import AutoSource
from tests.sources.api_server import write_kubeconfig
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.exec_server import ExecServer
from tests.sources.kube_objects import deployment, obj
from tests.sources.running import running

TABLE = line("10.244.1.5:40000", "10.244.1.8:8080", "10.244.1.8:8080") + "\n"


def pod(name, owner, ip, **spec):
    made = obj("Pod", name, "shop", spec={"nodeName": "n1", "containers": [{"name": "main"}], **spec},
               status={"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]})  # fmt: skip
    owners = [{"kind": "Deployment", "name": owner, "controller": True}] if owner else []
    made["metadata"] |= {"labels": {"app": owner}, "ownerReferences": owners}
    return made


def calico():
    made = deployment("calico-node", kind="DaemonSet")
    made["metadata"]["namespace"] = "calico-system"
    return made


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    objects = [
        obj("Node", "n1", None),
        obj("Namespace", "shop", None),
        deployment("web"),
        deployment("api"),
        calico(),
        pod("web-1", "web", "10.244.1.5"),
        pod("api-1", "api", "10.244.1.8"),
        pod("kube-proxy-1", "", "192.168.0.4", hostNetwork=True),
    ]
    with running(ExecServer(objects)) as started:
        started.commands = {("kube-proxy-1", "cat"): TABLE.encode()}
        yield started


@pytest.fixture
def flags(server, tmp_path):
    return ["--kubeconfig", str(write_kubeconfig(tmp_path / "kubeconfig", server.url))]


def test_doctor_tells_plugin_sources_pick_and_command(run, flags):
    code, out, err = run("doctor", *flags, "-o", "json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["cni"] == {"name": "Calico", "seenAs": ["DaemonSet calico-system/calico-node"]}
    (picked,) = told["picked"]
    assert (picked["source"], picked["answered"]) == ("conntrack", True)
    assert "1 of 1 nodes" in picked["detail"]
    states = {source["source"]: source["state"] for source in told["sources"]}
    assert states["conntrack"] == "usable"
    assert states["hubble-exec"] == "not there"
    assert parse(shlex.split(told["command"])[1:]).sources[0].name == "conntrack"


def test_doctor_names_the_missing_right_and_says_so_by_its_exit_code(run, flags, server):
    server.denied = {("shop", "exec")}
    code, out, _ = run("doctor", *flags)
    assert code == 2
    assert 'in namespace shop a Role with apiGroups: [""], resources: ["pods/exec"]' in out
    assert "none can be used" in out
    assert server.ran == []


def test_doctor_says_when_the_picked_source_does_not_answer(run, flags, server):
    server.commands = {}
    code, out, _ = run("doctor", *flags)
    assert code == 2
    assert "conntrack answers   no: node n1" in out
    assert "taken               none, as none answers; flows from a file: netsec-tui --flows FILE" in out
    assert "--source conntrack" not in out
    told = json.loads(run("doctor", *flags, "-o", "json")[1])
    assert (told["picked"], told["command"]) == ([], None)
    assert [one["source"] for one in told["passedOver"]] == ["conntrack"]


def test_doctor_passes_over_what_does_not_answer(run, flags, server):
    server.objects.append(obj("Service", "hubble-relay", "kube-system", spec={"ports": [{"port": 80}]}))
    trust = ["--source-tls", "off"]  # which conntrack has no use for: its command is to be taken as it is
    code, out, _ = run("doctor", *flags, *trust, "-o", "json")
    told = json.loads(out)
    assert code == 0
    assert [one["source"] for one in told["picked"]] == ["conntrack"]
    ((source, answered),) = [(one["source"], one["answered"]) for one in told["passedOver"]]
    assert (source, answered) == ("hubble", False)
    assert told["command"].endswith("--source conntrack")


def test_the_document_has_the_fields_that_are_written(run, flags, server):
    server.objects.append(obj("Service", "hubble-relay", "kube-system", spec={"ports": [{"port": 80}]}))
    server.denied = {("kube-system", "portforward")}
    text = (Path(__file__).resolve().parents[2] / "docs" / "headless.md").read_text(encoding="utf-8")
    described = json.loads(re.search(r"## doctor\n.*?```json\n(.*?)```", text, re.DOTALL)[1])
    written = json.loads(run("doctor", *flags, "-o", "json")[1])
    assert list(described) == list(written)
    assert list(described["cni"]) == list(written["cni"])
    for name in ("picked", "sources"):
        assert list(described[name][0]) == list(written[name][0])
    rights = (document["sources"][0]["missingRights"][0] for document in (described, written))
    assert len({(*right,) for right in rights}) == 1


def test_doctor_only_reads(run, flags, server):
    run("doctor", *flags)
    assert {words[0] for _, _, words in server.ran} <= {"cat", "conntrack"}
    assert not any("secrets" in path for path in server.asked)


def test_doctor_needs_a_server(run, tmp_path):
    config = write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9")
    code, out, err = run("doctor", "--kubeconfig", config)
    assert (code, out) == (69, "")
    assert "cannot be reached" in err


@pytest.mark.parametrize("command", ["list", "diff"])
def test_without_a_flag_the_cluster_is_looked_at_for_a_source(run, flags, command):
    code, out, err = run(command, *flags, "-n", "shop", "deploy/web", "-o", "json")
    assert code == (1 if command == "diff" else 0), err
    told = json.loads(out)
    assert told["input"]["flows"] > 0


def test_a_cluster_without_a_source_says_what_stands_in_the_way(run, flags, server):
    server.denied = {("shop", "exec")}
    code, _, err = run("list", *flags)
    assert code == 2
    assert "no source of flows can be used (conntrack: in namespace shop a Role lacks" in err
    assert "netsec-tui doctor tells more" in err
    assert "not a single flow was read" in err


def test_source_none_reads_flows_from_nowhere(run, flags, server):
    code, _, err = run("list", *flags, "--source", "none")
    assert code == 2
    assert "not a single flow" in err
    assert server.ran == []


AUTO = {
    "list": True,
    "generate deploy/web": True,
    "diff deploy/web": True,
    "record -o x": True,
    "": True,
    "list --context prod": True,
    "applied": False,
    "check --matrix": False,
    "list --source none": False,
    "list --source conntrack": False,
    "list --flows x --context prod": False,
    "list --capture x --context prod": False,
    "list --manifests x --context prod": False,
    "list --demo": False,
    "demo": False,
}


@pytest.mark.parametrize(("line", "looks"), AUTO.items(), ids=lambda value: str(value) or "screen")
def test_a_cluster_is_looked_at_only_when_no_flag_says_where_flows_are(line, looks):
    args = parse(line.split())
    assert finds_source(args) is looks
    found = any(isinstance(source, AutoSource) for source in inputs_of(args, lambda: None).all)
    assert found is looks


def test_flags_of_sources_that_do_not_go_together():
    with pytest.raises(UsageError, match="go together"):
        inputs_of(parse(["list", "--source-cert", "x"]), lambda: None)
    with pytest.raises(UsageError, match="--source-tls off leaves the other"):
        inputs_of(parse(["list", "--source-tls", "off", "--source-ca", "x"]), lambda: None)
    with pytest.raises(UsageError, match="none means"):
        inputs_of(parse(["list", "--source", "none", "--source", "conntrack"]), lambda: None)


def test_listening_reads_the_tables_again_and_again(run, flags):
    code, out, err = run("list", *flags, "--for", "2s", "-o", "json")
    assert code == 0, err
    assert {entry["name"] for entry in json.loads(out)["workloads"]} == {"web", "api"}


def test_listening_takes_something_that_is_live(run, cluster):
    code, out, err = run("list", *cluster, "--for", "2s")
    assert (code, out) == (64, "")
    assert "--for listens to live sources" in err


@pytest.mark.parametrize("sources", [["--source", "conntrack"], []], ids=["named", "found"])
def test_a_source_that_fails_all_the_time_leaves_nothing_to_tell(run, flags, server, sources):
    server.commands = {}
    code, out, err = run("list", *flags, *sources, "--for", "1s", "-o", "json")
    assert "node n1" in err
    assert json.loads(out)["input"]["problems"]
    assert code == 69


def test_tables_without_an_entry_are_no_failure_and_nor_is_a_cluster_without_a_source(run, flags, server):
    server.commands = dict.fromkeys(server.commands, b"")
    code, _, err = run("list", *flags, "--source", "conntrack", "--for", "1s")
    assert code == 2, err
    server.denied = {("shop", "exec")}
    for listening in ([], ["--for", "1s"]):
        code, _, err = run("list", *flags, *listening)
        assert "no source of flows can be used" in err
        assert code == 2


def test_a_source_out_of_reach_is_a_failure(run, flags):
    code, _, err = run("list", *flags, "--source", "netobserv://127.0.0.1:9", "--for", "1s")
    assert code == 69
    assert "127.0.0.1:9" in err


def test_a_source_at_an_address_needs_no_cluster(run, monkeypatch, tmp_path, flags, cluster):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    code, _, err = run("list", "--source", "netobserv://127.0.0.1:9")
    assert code == 69
    assert "127.0.0.1:9" in err
    assert "kubeconfig" not in err
    addressed = ["list", "--source", "netobserv://127.0.0.1:9"]
    assert not reads_cluster(parse([*addressed, "--manifests", "cluster.yaml"]))
    monkeypatch.setenv("KUBECONFIG", flags[1])
    assert not reads_cluster(parse([*addressed, "--manifests", "cluster.yaml"]))
    assert reads_cluster(parse(addressed))
    assert reads_cluster(parse([*addressed, "--source", "conntrack", "--manifests", "cluster.yaml"]))


def test_several_sources_add_up(run, flags):
    code, out, _ = run(
        "list", *flags, "--source", "conntrack", "--source", "netobserv://127.0.0.1:9", "-o", "json"
    )
    told = json.loads(out)
    assert code == 69  # one of them gave nothing
    assert told["input"]["flows"] > 0


def test_listening_ends_when_the_stream_ends(start, cluster):
    process = start("list", "--flows", "-", "--manifests", "cluster.yaml", "--for", "1h", "-o", "json",
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    with open("flows.json", "rb") as file:
        out, _ = process.communicate(file.read(), timeout=60)
    assert process.returncode == 0
    assert json.loads(out)["input"]["flows"] > 0


LISTENING = ["--flows", "-", "--manifests", "cluster.yaml", "--for", "1h"]


def wait_until(true):
    """Wait for a condition; the deadline only ends a failing test."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ctrl_c_answers_with_what_there_is_and_the_exit_code_says_so(start, cluster):
    master, terminal = os.openpty()
    process = start("list", "-o", "json", *LISTENING,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=terminal)  # fmt: skip
    os.close(terminal)
    process.stdin.write(Path("flows.json").read_bytes())
    process.stdin.flush()
    shown = b""
    while not re.search(rb"listening: \d+ s of 3600 s, [1-9]\d* flows; Ctrl-C answers now", shown):
        shown += os.read(master, 1000)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    os.close(master)
    assert process.returncode == 130
    assert json.loads(out)["input"]["flows"] > 0


def test_ctrl_c_ends_a_recording_with_what_there_is_and_the_exit_code_says_so(start, cluster):
    process = start("record", "-o", "x.capture", *LISTENING, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(Path("flows.json").read_bytes())
    process.stdin.flush()
    path = Path("x.capture")
    wait_until(lambda: path.exists() and b"203.0.113.9" in path.read_bytes())
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"x.capture holds" in err


def test_a_recording_without_a_source_keeps_the_objects_and_says_so(run, flags, server, tmp_path):
    server.denied = {("shop", "exec")}
    path = tmp_path / "x.capture"
    code, _, err = run("record", *flags, "-o", path)
    assert code == 0
    assert "no source of flows can be used" in err
    assert f"{path} holds 0 flows" in err


def test_a_recording_ends_after_its_time(run, flags, tmp_path):
    path = tmp_path / "x.capture"
    code, _, err = run("record", *flags, "--for", "2s", "-o", path)
    assert code == 0, err
    assert b"10.244.1.8" in path.read_bytes()
