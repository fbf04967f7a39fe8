"""``netsec-tui info``: where everything is, and no secret of it."""

import json
import os
import platform
from pathlib import Path

import pytest

from netsec_tui import __version__
from netsec_tui.configuration.paths import config_path

KUBECONFIG = """\
current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: u}}
users:
- {name: u, user: {token: hunter2-token}}
"""


def told(run, *argv):
    code, out, err = run("info", *argv, "-o", "json")
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.fixture
def kubeconfig(tmp_path, monkeypatch):
    """Give a kubeconfig whose current context is prod."""
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", f"{path}{os.pathsep}{tmp_path / 'missing'}")
    return path


def keep(cluster, text):
    path = config_path(cluster)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_anything_there_is_no_failure(run):
    found = told(run)
    assert found["version"] == __version__
    assert found["python"].startswith(platform.python_version())
    assert found["configFolder"] == str(Path(os.environ["XDG_CONFIG_HOME"]) / "netsec-tui")
    assert found["config"] is None
    assert found["kubeconfig"] == {"files": [], "currentContext": None, "problem": None}


def test_file_is_that_of_the_current_context(run, kubeconfig):
    assert told(run)["config"] == {
        "cluster": "prod",
        "path": str(config_path("prod")),
        "exists": False,
        "locked": None,
        "problems": [],
    }
    assert told(run)["kubeconfig"] == {"files": [str(kubeconfig)], "currentContext": "prod", "problem": None}
    keep("prod", "schema: 1\n")
    assert told(run)["config"]["exists"]


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        (["--context", "test"], lambda: str(config_path("test"))),
        (["--demo"], lambda: str(config_path("demo"))),
        (["--config", "team.yaml"], lambda: "team.yaml"),
    ],
)
def test_another_file_may_be_asked_about(run, kubeconfig, argv, path):
    assert told(run, *argv)["config"]["path"] == path()


def test_lock_is_told_with_its_reason(run, kubeconfig, monkeypatch):
    assert "--lock-config" in told(run, "--lock-config")["config"]["locked"]
    path = keep("prod", "schema: 1\n")
    path.chmod(0o444)
    assert str(path) in told(run)["config"]["locked"]
    monkeypatch.setenv("NETSEC_TUI_LOCK_CONFIG", "1")
    assert "NETSEC_TUI_LOCK_CONFIG" in told(run)["config"]["locked"]


def test_broken_file_is_told_and_is_no_failure(run, kubeconfig):
    path = keep("prod", "schema: 1\nlables: {}\ncidrs: {pods: [nonsense]}\n")
    problems = told(run)["config"]["problems"]
    assert [problem.split(" ")[0] for problem in problems] == [f"{path}:2:", f"{path}:3:"]


def test_broken_kubeconfig_is_told_and_is_no_failure(run, kubeconfig):
    kubeconfig.write_text("contexts: [\n", encoding="utf-8")
    found = told(run)["kubeconfig"]
    assert found["files"] == [str(kubeconfig)]
    assert found["problem"].startswith(f"{kubeconfig}:")


def test_every_path_that_is_told_of_the_package_is_there(run):
    found = told(run)
    assert found["schemas"]
    for path in (found["package"], *found["schemas"].values()):
        assert Path(path).exists()


def test_table_says_the_same_and_no_secret(run, kubeconfig):
    path = keep("prod", "schema: 1\nlables: {}\n")
    code, out, err = run("info")
    assert (code, err) == (0, "")
    for text in (__version__, str(path), str(kubeconfig), "prod", f"{path}:2:", "config.schema.json"):
        assert text in out
    assert "hunter2" not in out + run("info", "-o", "json")[1]


def test_without_a_home_it_still_answers(run, monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert told(run, "--context", "prod")["configFolder"] is None
