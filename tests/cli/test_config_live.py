"""The configuration of a context whose cluster answers: only --live asks it, else the file is named."""

import pytest

from netsec_tui.configuration.paths import config_path
from tests.cli.conftest import manifest
from tests.sources.api_server import ApiServer, write_kubeconfig
from tests.sources.running import running


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve the small cluster as the context prod, which is current."""
    with running(ApiServer(manifest()["items"])) as started:
        path = write_kubeconfig(tmp_path / "kubeconfig", started.url)
        monkeypatch.setenv("KUBECONFIG", str(path))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield started


def keep(text):
    path = config_path("prod")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


COMMANDS = [
    ["get"],
    ["path"],
    ["check"],
    ["set", "labels.workloads.exclude", "app"],
    ["unset", "labels"],
    ["export"],
]


@pytest.mark.parametrize("argv", COMMANDS, ids=lambda argv: argv[0])
@pytest.mark.parametrize("context", [[], ["--context", "prod"]])
def test_context_names_the_file_and_nothing_is_asked(run, server, argv, context):
    keep("schema: 1\n")
    assert run("config", *argv, *context)[0] == 0
    assert server.asked == []


@pytest.mark.parametrize("context", [[], ["--context", "prod"]])
def test_live_tells_the_effect_on_the_cluster(run, server, context):
    path = keep("schema: 1\n")
    code, _, err = run("config", "set", "labels.workloads.exclude", "app", "--live", *context)
    assert code == 1
    assert "shop/Deployment/web: now app=web; then nothing can be selected" in err
    assert path.read_text(encoding="utf-8") == "schema: 1\n"
    assert "/api/v1/pods" in server.asked


def test_live_checks_a_file_that_is_named_against_the_current_context(run, server, tmp_path):
    team = tmp_path / "team.yaml"
    team.write_text("schema: 1\nlabels: {workloads: {exclude: [app]}}\n", encoding="utf-8")
    keep("schema: 1\n")
    for context, expected in ((("--config", team), True), (("--context", "prod"), False)):
        out = run("config", "check", "--live", *context)[1]
        findings = [line for line in out.splitlines() if line.startswith("finding")]
        assert any("shop/Deployment/web" in line for line in findings) is expected


@pytest.mark.parametrize("context", [[], ["--context", "prod"]])
def test_reading_a_cluster_goes_by_its_file(run, server, context):
    ask = ["check", *context, "--from", "shop/web-1", "--to", "203.0.113.9", "--port", "TCP/443"]
    assert run(*ask)[0] == 0
    keep("schema: 1\ncidrs: {pods: [203.0.113.0/24]}\n")
    assert run(*ask)[0] == 2


def test_broken_file_is_told_before_the_cluster_is_asked(run, server):
    path = keep("schema: 1\nlables: {}\n")
    for argv in (["applied"], ["list"], ["check", "--matrix"]):
        code, out, err = run(*argv)
        assert (code, out) == (65, "")
        assert err.startswith(f"netsec-tui: {path}:2: ")
    assert server.asked == []
