"""What README and docs promise is so: keys, the role, commands, exit codes, JSON fields, links."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from netsec_tui import errors
from netsec_tui.cli import exits
from netsec_tui.cli.flags import COMMANDS, parse
from netsec_tui.errors import NetsecError
from netsec_tui.kube.overriding import OVERRIDING_KINDS
from netsec_tui.sources.cluster.resources import RANGE_RESOURCES, RESOURCES
from netsec_tui.sources.objects.ranges import CONFIG_MAPS
from netsec_tui.sources.reach.pod_websocket import rule_of

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HEADLESS = (ROOT / "docs" / "headless.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands():
    """Return every netsec-tui command line in the shell examples of all documents, as words."""
    found = []
    for document in DOCUMENTS:
        for block in blocks(document.read_text(encoding="utf-8"), "sh"):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                starts = [n for n, word in enumerate(words) if word == "netsec-tui"]
                found += [words[n + 1 :] for n in starts]
    return found


@pytest.mark.parametrize("argv", commands(), ids=" ".join)
def test_every_command_in_the_documents_is_a_command(argv):
    assert parse(argv).command in ("tui", *COMMANDS)


def test_demo_commands_in_the_readme_do_what_they_say(run):
    shown = [argv for argv in commands() if "--demo" in argv]
    assert len(shown) >= 3
    for argv in shown:
        code, out, err = run(*argv)
        assert (code, bool(out)) == (0, True), f"{argv}: {err}"


@pytest.mark.parametrize("mark", ["demo", "test"])
def test_demo_and_tests_take_one_line_each(mark):
    line = re.search(rf"<!-- {mark} -->\n```sh\n(.*?)```", README, re.DOTALL)[1]
    assert line.count("\n") == 1
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_role_in_the_readme_lists_what_is_read_and_nothing_else():
    role, _ = (yaml.safe_load(block) for block in blocks(README, "yaml"))
    *listed, named = role["rules"]
    granted = {(group, name) for r in listed for group in r["apiGroups"] for name in r["resources"]}
    others = {(kind.group, kind.plural) for kind in OVERRIDING_KINDS}
    assert granted == {(resource.group, resource.name) for resource in RESOURCES} | others | {
        *RANGE_RESOURCES
    }
    ranges = [rule for rule in listed if set(rule["resources"]) & {name for _, name in RANGE_RESOURCES}]
    assert all(rule["verbs"] == (["list"] if rule in ranges else ["list", "watch"]) for rule in listed)
    assert not any("resourceNames" in rule for rule in listed)
    assert named == {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [*dict.fromkeys(name for _, name in CONFIG_MAPS)],
        "verbs": ["get"],
    }


def test_rule_for_commands_in_pods_is_the_one_that_a_refusal_names():
    _, role = (yaml.safe_load(block) for block in blocks(README, "yaml"))
    (rule,) = role["rules"]
    told = (f"{key}: {json.dumps(rule[key])}" for key in ("apiGroups", "resources", "verbs"))
    assert role["kind"] == "Role"
    assert ", ".join(told) == rule_of("exec")


def test_every_key_in_the_readme_works():
    from netsec_tui.ui.keymap import SHORTCUTS
    from netsec_tui.ui.widgets.communication_table import CommunicationTable

    table = re.search(r"<!-- keys -->\n(.*?)\n\n", README, re.DOTALL)[1]
    shown = {key for row in table.splitlines()[2:] for key in re.findall(r"`(.+?)`", row.split("|")[1])}
    bound = {key for shortcut in SHORTCUTS for key in shortcut.keys.split(",")}
    bound |= {shortcut.display for shortcut in SHORTCUTS}
    bound |= {key for binding in CommunicationTable.BINDINGS for key in binding.key.split(",")}
    assert shown
    assert shown - bound == set()


def test_every_exit_code_is_documented():
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, NetsecError)]
    codes = {c.exit_code for c in classes} | {n for n in vars(exits).values() if isinstance(n, int)}
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", HEADLESS, re.MULTILINE)}
    assert told == codes


def fields(value, path=""):
    """Return the paths of all fields in a document; of a list the first entry counts."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict) or path.endswith("matchLabels"):
        return {path}
    return {path}.union(*(fields(entry, f"{path}.{name}") for name, entry in value.items()))


def test_json_in_the_documents_has_the_fields_that_are_written(run, cluster):
    workloads, one, *_ = (json.loads(block) for block in blocks(HEADLESS, "json"))
    written = json.loads(run("list", *cluster, "-o", "json")[1])
    assert fields(workloads) == fields(written)
    written = json.loads(run("list", *cluster, "-n", "shop", "deploy/web", "-o", "json")[1])
    dialled = [{"namespace": "shop", "kind": "Service", "name": "web", "port": 80}]
    written["rows"] = [{**written["rows"][0], "via": dialled}]
    assert fields(one) == fields(written)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []
