"""What the documents say of ``config`` and ``info`` is so: examples run, JSON has the fields written."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from netsec_tui.configuration.paths import config_path
from netsec_tui.core.configure.keys import keys
from tests.cli.conftest import manifest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = {path.name: path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))}
HEADLESS = DOCUMENTS["headless.md"].read_text(encoding="utf-8")
KUBECONFIG = "current-context: prod\ncontexts: [{name: prod, context: {cluster: c, user: u}}]\n"


def examples():
    """Return every ``config`` and ``info`` command line of the documents, by document, in order."""
    found = {}
    for name, path in sorted(DOCUMENTS.items()):
        text = path.read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["netsec-tui"] and {"config", "info"} & set(words[1:3]):
                    found.setdefault(name, []).append(words[1:])
    return found


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Make a folder with what the examples name: the context prod, manifests, a file of unresolved IPs."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "all.yaml").write_text(yaml.safe_dump(manifest()), encoding="utf-8")
    (tmp_path / "addresses.csv").write_text("alias,entry,allowed\nbank,192.0.2.4,true\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", examples())
def test_examples_run_one_after_the_other(run, place, name):
    for argv in examples()[name]:
        code, out, err = run(*argv)
        assert code == 0, f"{argv}: {err}"
        assert out or err, argv


def fields(value, path=""):
    """Return the paths of all fields; of a list the first entry counts, of free names none."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict) or path.endswith(("matchLabels", "schemas")):
        return {path}
    return {path}.union(*(fields(entry, f"{path}.{name}") for name, entry in value.items()))


def documented(section):
    text = HEADLESS[HEADLESS.index(f"\n## {section}\n") :]
    return json.loads(re.search(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[1])


def test_json_of_check_has_the_fields_that_are_written(run, place):
    objects = manifest()
    for item in objects["items"]:
        name = item["metadata"]["name"]
        if item["kind"] == "Deployment" and name in ("web", "idle"):
            labels = {"app": "both", "track": name}
            item["spec"] |= {
                "selector": {"matchLabels": labels},
                "template": {**item["spec"]["template"], "metadata": {"labels": labels}},
            }
    (place / "k8s" / "all.yaml").write_text(yaml.safe_dump(objects), encoding="utf-8")
    run("config", "set", "labels.workloads.exclude", "track")
    run("config", "set", "aliases.proxies.entries", "203.0.113.7")
    written = json.loads(run("config", "check", "--manifests", "k8s", "-o", "json")[1])
    assert written["labels"]["changes"][0]["alsoSelects"]
    assert fields(documented("config")) == fields(written)


def test_json_of_info_has_the_fields_that_are_written(run, place):
    path = config_path("prod")
    path.parent.mkdir(parents=True)
    path.write_text("schema: 1\n", encoding="utf-8")
    assert fields(documented("info")) == fields(json.loads(run("info", "-o", "json")[1]))


def test_every_key_is_in_the_documents_and_in_the_help(run):
    shown = run("config", "--help")[1]
    for key in keys():
        assert f"`{key}`" in HEADLESS
        assert key in shown


def test_every_action_is_in_the_documents(run):
    actions = set(re.findall(r"^  netsec-tui config (\w+)", run("config", "--help")[1], re.MULTILINE))
    table = HEADLESS[HEADLESS.index("| action |") : HEADLESS.index("The keys are")]
    assert set(re.findall(r"`(\w+)[ `]", table)) >= actions
