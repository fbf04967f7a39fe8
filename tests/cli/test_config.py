"""``netsec-tui config``: read, edit, suggest and exchange the configuration of a cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from netsec_tui.cli.flags import parse
from netsec_tui.configuration.paths import config_path
from netsec_tui.configuration.reading import read_config
from tests.cli.conftest import TEXT, manifest

# Whose file


@pytest.mark.parametrize(
    ("flags", "cluster"),
    [
        ([], "prod"),
        (["--context", "test"], "test"),
        (["--context", "not/in a kubeconfig"], "not/in a kubeconfig"),
        (["--demo"], "demo"),
        (["--context", "test", "--demo"], "test"),
    ],
)
def test_path_is_that_of_the_context(run, prod, flags, cluster):
    assert run("config", "path", *flags) == (0, f"{config_path(cluster)}\n", "")


def test_path_is_the_file_that_is_named(run):
    assert run("config", "path", "--config", "team.yaml") == (0, "team.yaml\n", "")


def test_flags_may_stand_before_the_action(run, prod):
    expected = run("config", "path", "--context", "test")
    assert run("config", "--context", "test", "path") == expected
    assert run("--context", "test", "config", "path") == expected


@pytest.mark.parametrize("action", ["get", "path", "check", "export"])
def test_without_a_context_it_says_what_to_give(run, action):
    code, out, err = run("config", action)
    assert (code, out, err.count("\n")) == (64, "", 1)
    assert "--context" in err
    assert "--config" in err


def test_kubeconfig_that_is_named_and_missing_is_no_usage_error(run):
    assert run("config", "path", "--kubeconfig", "gone")[0] == 66


@pytest.mark.parametrize("action", ["get", "check", "export"])
def test_file_that_is_only_read_must_be_there(run, action):
    code, out, err = run("config", action, "--config", "gone.yaml")
    assert (code, out) == (66, "")
    assert "gone.yaml" in err


def test_file_that_is_named_is_made_by_an_edit(run, tmp_path):
    path = tmp_path / "new" / "team.yaml"
    assert run("config", "set", "cidrs.pods", "10.0.0.0/8", "--config", path)[0] == 0
    assert run("config", "get", "cidrs.pods", "--config", path)[1] == "10.0.0.0/8\n"


# Get


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("labels.workloads.exclude", ["helm.sh/*"]),
        ("labels.namespaces.include", []),
        ("aliases.proxies.entries", ["198.51.100.0/24", "203.0.113.7/32"]),
        ("aliases.proxies.allowed", ["true"]),
        ("cidrs.pods", ["10.244.0.0/16"]),
        ("discovery.controlPlanePods", ["kube-apiserver", "kube-controller-manager"]),
    ],
)
def test_value_is_printed_one_a_line(run, prod, key, values):
    assert run("config", "get", key) == (0, "".join(f"{value}\n" for value in values), "")
    told = json.loads(run("config", "get", key, "-o", "json")[1])
    assert told == {"schemaVersion": 1, "file": str(prod), "key": key, "values": values}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("cidrs", "pods:\n  - 10.244.0.0/16\nservices: []\n"),
        ("labels.workloads", 'include: []\nexclude:\n  - "helm.sh/*"\n'),
        ("aliases.proxies", "entries:\n  - 198.51.100.0/24\n  - 203.0.113.7/32\nallowed: true\n"),
        ("discovery", "controlPlanePods:\n  - kube-apiserver\n  - kube-controller-manager\n"),
    ],
)
def test_key_with_others_below_is_printed_as_yaml(run, prod, key, text):
    assert run("config", "get", key) == (0, text, "")
    told = json.loads(run("config", "get", key, "-o", "json")[1])
    assert told == {"schemaVersion": 1, "file": str(prod), "key": key, "config": yaml.safe_load(text)}


@pytest.mark.parametrize("key", ["labels", "aliases"])
def test_key_with_much_below_is_that_part_of_the_whole(run, prod, key):
    whole = yaml.safe_load(run("config", "get")[1])
    assert yaml.safe_load(run("config", "get", key)[1]) == whole[key]


def test_whole_is_a_configuration_with_its_defaults(run, prod):
    code, out, err = run("config", "get")
    assert (code, err) == (0, "")
    assert read_config("x", out) == read_config("x", TEXT)
    assert "controlPlanePods" in out
    told = json.loads(run("config", "get", "-o", "json")[1])
    assert told["config"] == yaml.safe_load(out)


def test_there_need_be_no_file(run, prod):
    assert run("config", "get", "cidrs.pods", "--context", "test") == (0, "", "")


# Set, add, remove, unset


@pytest.mark.parametrize(
    ("argv", "key", "values"),
    [
        (["set", "cidrs.pods", "10.9.0.0/16"], "cidrs.pods", "10.9.0.0/16\n"),
        (["set", "cidrs.pods", "10.9.0.0/16,fd00::/48"], "cidrs.pods", "10.9.0.0/16\nfd00::/48\n"),
        (["set", "cidrs.pods", "10.9.0.0/16", "fd00::/48"], "cidrs.pods", "10.9.0.0/16\nfd00::/48\n"),
        (["add", "cidrs.pods", "fd00::/48"], "cidrs.pods", "10.244.0.0/16\nfd00::/48\n"),
        (["remove", "cidrs.pods", "10.244.0.0/16"], "cidrs.pods", ""),
        (["unset", "cidrs.pods"], "cidrs.pods", ""),
        (["unset", "cidrs"], "cidrs.pods", ""),
        (["unset", "labels"], "labels.workloads.exclude", ""),
        (["set", "aliases.proxies.allowed", "false"], "aliases.proxies.allowed", "false\n"),
        (["add", "aliases.bank.entries", "192.0.2.4"], "aliases.bank.entries", "192.0.2.4/32\n"),
        (
            ["set", "discovery.controlPlanePods", "ha/apiserver"],
            "discovery.controlPlanePods",
            "ha/apiserver\n",
        ),
    ],
)
def test_edit_is_written_and_comments_stay(run, prod, argv, key, values):
    code, out, err = run("config", *argv)
    assert (code, out) == (0, "")
    assert f"wrote {prod}" in err
    assert run("config", "get", key)[1] == values
    assert prod.read_text(encoding="utf-8").startswith("# agreed with the network team\nschema: 1\n")


@pytest.mark.parametrize("key", ["aliases", "aliases.proxies", "aliases.proxies.entries"])
def test_alias_is_forgotten(run, prod, key):
    assert run("config", "unset", key)[0] == 0
    text = prod.read_text(encoding="utf-8")
    assert read_config("x", text).aliases == ()
    assert "aliases" not in text


def test_edit_that_changes_nothing_writes_nothing(run, prod):
    before = prod.stat()
    code, _, err = run("config", "set", "cidrs.pods", "10.244.0.0/16")
    assert (code, err) == (0, f"netsec-tui: nothing changes in {prod}\n")
    assert prod.stat() == before


def test_host_bits_are_cleared_and_said(run, prod):
    code, _, err = run("config", "set", "cidrs.services", "10.96.0.1/12")
    assert code == 0
    assert "10.96.0.1/12 has host bits: 10.96.0.0/12 is used" in err
    assert run("config", "get", "cidrs.services")[1] == "10.96.0.0/12\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["set", "cidrs.pod", "10.0.0.0/8"], ["cidrs.pods"]),
        (["set", "labels.workload.include", "app"], ["labels.workloads.include"]),
        (["get", "labels.workloads.exlude"], ["labels.workloads.exclude"]),
        (["set", "aliases.proxys.allowed", "true"], ["proxies"]),
        (["unset", "aliases.bank"], ["there is no alias 'bank'"]),
        (["get", "aliases.proxis"], ["there is no alias 'proxis'", "'proxies'"]),
        (["unset", "aliases.proxies.entris"], ["aliases.proxies.entries"]),
        (["set", "aliases.proxies.allowed", "perhaps"], ["perhaps", "true"]),
        (["set", "cidrs.pods", "nonsense"], ["nonsense"]),
        (["set", "cidrs.pods", "0.0.0.0/0"], ["every address"]),
        (["set", "labels.workloads.include", "a b"], ["a b"]),
        (["remove", "cidrs.pods", "10.9.0.0/16"], ["10.9.0.0/16", "10.244.0.0/16"]),
        (["add", "aliases.bank.entries", "203.0.113.7"], ["proxies"]),
        (["set", "cidrs.pods"], ["VALUE"]),
        (["gte"], ["get"]),
        ([], ["get, set, add, remove, unset, check, path, suggest, import, export"]),
    ],
)
def test_wrong_usage_is_one_sentence_and_nothing_is_written(run, prod, argv, words):
    code, out, err = run("config", *argv)
    assert (code, out, err.count("\n")) == (64, "", 1)
    for word in words:
        assert word in err
    assert prod.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    "argv", [["get"], ["set", "cidrs.pods", "10.0.0.0/8"], ["check"], ["export"], ["suggest", "--demo"]]
)
def test_broken_file_is_refused_with_all_that_is_wrong(run, prod, argv):
    broken = "schema: 1\nlables: {}\ncidrs: {pods: [nonsense]}\n"
    prod.write_text(broken, encoding="utf-8")
    code, out, err = run("config", *argv, "--context", "prod")
    assert (code, out) == (65, "")
    assert [line.split(" ")[1] for line in err.splitlines()] == [f"{prod}:2:", f"{prod}:3:"]
    assert prod.read_text(encoding="utf-8") == broken


def test_file_of_a_newer_version_is_not_rewritten(run, prod):
    prod.write_text("schema: 2\nnew: thing\n", encoding="utf-8")
    code, _, err = run("config", "set", "cidrs.pods", "10.0.0.0/8")
    assert code == 65
    assert "newer" in err
    assert prod.read_text(encoding="utf-8") == "schema: 2\nnew: thing\n"


EDITS = [
    ["set", "cidrs.pods", "10.0.0.0/8"],
    ["add", "cidrs.pods", "10.0.0.0/8"],
    ["remove", "cidrs.pods", "10.244.0.0/16"],
    ["unset", "cidrs"],
    ["import", "more.csv"],
    ["suggest", "--apply", "--demo", "--context", "prod"],
]


@pytest.mark.parametrize("argv", EDITS, ids=lambda argv: argv[0])
@pytest.mark.parametrize("lock", ["flag", "environment", "file"])
def test_locked_configuration_refuses_every_edit(run, prod, monkeypatch, argv, lock):
    if lock == "environment":
        monkeypatch.setenv("NETSEC_TUI_LOCK_CONFIG", "1")
    if lock == "file":
        prod.chmod(0o444)
    reason = {"flag": "--lock-config", "environment": "NETSEC_TUI_LOCK_CONFIG", "file": str(prod)}[lock]
    code, out, err = run("config", *argv, *(["--lock-config"] if lock == "flag" else []))
    assert (code, out, err.count("\n")) == (77, "", 1)
    assert reason in err
    assert prod.read_text(encoding="utf-8") == TEXT


def test_locked_configuration_is_read_all_the_same(run, prod):
    prod.chmod(0o444)
    assert run("config", "get", "cidrs.pods", "--lock-config")[0] == 0


def test_two_processes_that_add_at_once_lose_nothing(prod):
    additions = [[f"192.0.2.{2 * n + side}" for n in range(8)] for side in (0, 1)]
    script = "import sys; from netsec_tui.cli.main import main\n"
    script += "sys.exit(max(main(['config', 'add', 'aliases.both.entries', ip]) for ip in sys.argv[1:]))"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", script]
    running = [subprocess.Popen([*command, *ips], env=env, stderr=subprocess.PIPE) for ips in additions]
    for process in running:
        assert process.communicate(timeout=120)[1].count(b"wrote") == 8
        assert process.returncode == 0
    config = read_config("x", prod.read_text(encoding="utf-8"))
    expected = {f"{ip}/32" for ips in additions for ip in ips}
    assert set(config.alias_by_name["both"].entries) == expected


# The effect of label filters


def helm_cluster(tmp_path):
    """Write the cluster with a Helm chart's labels in each workload's selector, and return its flags."""
    objects = manifest()
    for item in objects["items"]:
        if item["kind"] in ("Deployment", "StatefulSet", "DaemonSet"):
            labels = {**item["spec"]["template"]["metadata"]["labels"], "helm.sh/chart": "shop-1.2.3"}
            item["spec"]["template"]["metadata"]["labels"] = labels
            item["spec"]["selector"]["matchLabels"] = labels
        if item["kind"] == "Pod":
            item["metadata"]["labels"] = {**item["metadata"]["labels"], "helm.sh/chart": "shop-1.2.3"}
    path = tmp_path / "helm.yaml"
    path.write_text(yaml.safe_dump(objects), encoding="utf-8")
    return ["--manifests", str(path)]


EXCLUDE = ["set", "labels.workloads.exclude"]


def test_effect_is_told_before_it_is_written(run, prod, tmp_path):
    code, _, err = run("config", "add", "labels.workloads.exclude", "helm.sh/chart", *helm_cluster(tmp_path))
    assert code == 0
    assert f"wrote {prod}" in err
    assert "none of" in err  # helm.sh/* is excluded already
    code, _, err = run("config", "unset", "labels", *helm_cluster(tmp_path))
    assert code == 0
    assert "shop/Deployment/web: now app=web; then app=web, helm.sh/chart=shop-1.2.3" in err


def test_harmful_effect_has_to_be_confirmed(run, prod, tmp_path):
    inputs = helm_cluster(tmp_path)
    code, out, err = run("config", *EXCLUDE, "app", *inputs)
    assert (code, out) == (1, "")
    assert "shop/Deployment/web" in err
    assert "it also selects shop/Deployment/gateway" in err
    assert "--yes" in err.splitlines()[-1]
    assert prod.read_text(encoding="utf-8") == TEXT
    code, _, err = run("config", *EXCLUDE, "app", *inputs, "--yes")
    assert code == 0
    assert f"wrote {prod}" in err
    assert run("config", "get", "labels.workloads.exclude")[1] == "app\n"


def test_selector_of_which_nothing_is_left_has_to_be_confirmed(run, prod, cluster):
    code, _, err = run("config", *EXCLUDE, "*", *cluster)
    assert code == 1
    assert "nothing can be selected" in err
    assert prod.read_text(encoding="utf-8") == TEXT


def test_effect_on_half_of_the_input_is_no_reason_to_write(run, prod, cluster):
    argv = ["config", *EXCLUDE, "chart", *cluster, "--capture", "gone.capture"]
    code, _, err = run(*argv)
    assert code == 66
    assert "nothing is written" in err
    assert prod.read_text(encoding="utf-8") == TEXT
    assert run(*argv, "--yes")[0] == 0


def test_without_inputs_it_says_that_the_effect_is_not_known(run, prod):
    code, _, err = run("config", *EXCLUDE, "app")
    assert code == 0
    assert "effect on selectors was not looked at" in err


def test_context_contacts_nothing(run, prod):
    # The server of prod does not exist: only --live asks it.
    assert run("config", "check", "--context", "prod")[0] == 0
    assert run("config", "check", "--context", "prod", "--live")[0] not in (0, 1)


# Suggest


def test_suggestion_gives_reasons_and_commands_that_accept_it(run, tmp_path):
    inputs = ["--context", "new", *helm_cluster(tmp_path)]
    code, out, err = run("config", "suggest", *inputs)
    assert (code, err) == (0, "")
    *reasons, command = out.splitlines()
    assert any(line.startswith("# leave out helm.sh/") for line in reasons)
    assert command.startswith("netsec-tui config add --context new labels.workloads.exclude ")
    assert not config_path("new").exists()
    assert parse(command.split()[1:]).action == "add"
    told = json.loads(run("config", "suggest", *inputs, "-o", "json")[1])
    assert told["commands"] == [command]
    code, _, err = run("config", "suggest", *inputs, "--apply")
    assert (code, err.splitlines()[-1]) == (0, f"netsec-tui: wrote {config_path('new')}")
    assert run("config", "suggest", *inputs)[1:] == (
        "",
        "netsec-tui: nothing is suggested: the labels that selectors use identify\n",
    )


def test_keys_that_no_selector_uses_are_told_apart_and_not_left_out(run, prod, tmp_path):
    objects = manifest()
    for item in objects["items"]:
        if item["kind"] == "Deployment":
            template = item["spec"]["template"]["metadata"]
            template["labels"] = {**template["labels"], "heritage": "Helm", "chart": "shop-1.2.3"}
    (tmp_path / "unused.yaml").write_text(yaml.safe_dump(objects), encoding="utf-8")
    argv = ["config", "suggest", "--context", "new", "--manifests", tmp_path / "unused.yaml"]
    code, out, err = run(*argv)
    assert (code, out) == (0, "# 2 keys that no selector uses: heritage, chart\n")
    assert "nothing is suggested" in err
    told = json.loads(run(*argv, "-o", "json")[1])
    assert (told["leaveOut"], told["commands"], told["unused"]) == ([], [], ["heritage", "chart"])


def test_suggestion_needs_a_cluster_to_look_at(run, prod):
    code, out, err = run("config", "suggest")
    assert (code, out) == (64, "")
    assert "--manifests" in err


# Import and export


@pytest.mark.parametrize(
    ("flags", "name", "start"),
    [
        ([], "-", "schema: 1\naliases:\n"),
        (["-o", "csv"], "-", "alias,entry,allowed"),
        ([], "out.yaml", "schema: 1\naliases:\n"),
        ([], "out.csv", "alias,entry,allowed"),
        (["-o", "csv"], "out.txt", "alias,entry,allowed"),
    ],
)
def test_unresolved_ips_go_out_and_in_again(run, prod, tmp_path, flags, name, start):
    file = name if name == "-" else tmp_path / name
    code, out, _ = run("config", "export", *flags, file)
    text = out if name == "-" else file.read_text(encoding="utf-8")
    assert code == 0
    assert text.startswith(start)
    back = tmp_path / ("back.csv" if start.startswith("alias,") else "back.yaml")
    back.write_text(text, encoding="utf-8")
    assert run("config", "import", back, "--context", "test")[0] == 0
    before, after = (run("config", "export", "--context", name)[1] for name in ("prod", "test"))
    assert before == after


@pytest.mark.parametrize(
    ("name", "text", "code", "words"),
    [
        ("a.csv", "alias,entry,allowed\nbank,nonsense,true\n", 65, ["a.csv:2:", "nonsense"]),
        ("a.csv", "alias,entry,allowed\nbank,203.0.113.7,true\n", 65, ["proxies"]),
        ("a.yaml", "aliases: {bank: {entry: [192.0.2.1]}}\n", 65, ["a.yaml:1:", "entries"]),
        (None, "", 66, ["gone.csv"]),
    ],
)
def test_import_is_all_or_nothing(run, prod, tmp_path, monkeypatch, name, text, code, words):
    monkeypatch.chdir(tmp_path)
    if name:
        Path(name).write_text(text, encoding="utf-8")
    got, out, err = run("config", "import", name or "gone.csv")
    assert (got, out) == (code, "")
    for word in words:
        assert word in err
    assert prod.read_text(encoding="utf-8") == TEXT
