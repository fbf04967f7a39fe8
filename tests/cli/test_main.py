"""The program as a whole: version, exit codes of wrong usage, a reader that leaves, a missing terminal."""

import signal
import subprocess

import pytest

from netsec_tui import __version__


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def go(start, tmp_path):
    """Return a function that runs the command line without a terminal and waits for its end."""

    def call(*argv, **more):
        more = {"stdin": subprocess.DEVNULL, "stdout": -1, "stderr": -1, "cwd": tmp_path, **more}
        with start(*argv, **more) as process:
            return finish(process)

    return call


def test_version(go):
    assert go("--version") == (0, f"netsec-tui {__version__}\n", "")


@pytest.mark.parametrize("argv", [["generate"], ["list", "--since", "30s"], ["nonsense"], ["--no-such-flag"]])
def test_wrong_usage_ends_with_64_and_one_sentence(go, argv):
    code, out, err = go(*argv)
    assert (code, out) == (64, "")
    assert err.startswith("netsec-tui: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [[], ["list"], ["generate", "-n", "a", "deploy/b"]])
def test_nothing_to_read_says_the_ways_in(go, argv):
    code, out, err = go(*argv)
    assert (code, out) == (64, "")
    assert err.count("\n") == 1
    for way in ("netsec-tui demo", "--flows", "--manifests", "--capture"):
        assert way in err


@pytest.mark.parametrize("argv", [["--kubeconfig", "gone"], ["list", "--context", "prod"]])
def test_cluster_that_is_named_must_be_in_a_kubeconfig(go, argv):
    code, out, err = go(*argv)
    assert (code, out) == (66, "")
    assert "there is no kubeconfig at" in err


@pytest.mark.parametrize("argv", [["demo"], ["--flows", "flows.json"]])
def test_screen_without_a_terminal_points_at_the_headless_commands(go, argv):
    code, out, err = go(*argv)
    assert (code, out) == (64, "")
    assert "netsec-tui list" in err


def test_flows_on_stdin_need_a_terminal_for_the_keyboard(go, tmp_path):
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open("rb") as flows:
        # A session of its own has no controlling terminal.
        code, out, err = go("--flows", "-", stdin=flows, start_new_session=True)
    assert (code, out) == (64, "")
    assert "/dev/tty" in err


def test_standard_input_is_read_only_once(go):
    code, _, err = go("list", "--flows", "-", "--flows", "-")
    assert code == 64
    assert "only once" in err


def test_reader_that_leaves_is_no_error(start, cluster):
    with start("list", *cluster, stdout=-1, stderr=-1) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(timeout=60) == 141
    assert err == b""


def test_interrupt_ends_quietly(start, tmp_path):
    argv = ["list", "--flows", "-"]
    with start(*argv, stdin=subprocess.PIPE, stdout=-1, stderr=-1, cwd=tmp_path) as process:
        process.stdin.write(b"garbage\n" * 100_000)  # more than a pipe holds: once written, it is being read
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert b"Traceback" not in process.stderr.read()


def test_defect_is_never_taken_for_an_answer(run, cluster, monkeypatch):
    monkeypatch.setattr("netsec_tui.session.session.Session.workloads", lambda self: 1 / 0)
    code, out, err = run("list", *cluster)
    assert (code, out) == (70, "")
    assert "ZeroDivisionError" in err
    assert "please report it" in err.splitlines()[-1]


def test_a_defect_does_not_show_what_logs_in(run, cluster, monkeypatch):
    def fails(_session):
        raise ValueError(f"Invalid header value {b'Bearer s3cr3t of mine'!r}")

    monkeypatch.setattr("netsec_tui.session.session.Session.workloads", fails)
    code, _, err = run("list", *cluster)
    assert (code, "ValueError: Invalid header value b'Bearer (hidden)\n" in err) == (70, True)
    assert "s3cr3t" not in err


def test_kubeconfig_whose_current_context_is_gone_is_not_taken_for_none(run, tmp_path, monkeypatch):
    config = "current-context: zz\ncontexts: [{name: prod, context: {cluster: c, user: u}}]\n"
    (tmp_path / "config").write_text(config, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    code, out, err = run("list")
    assert (code, out, err.count("\n")) == (66, "", 1)
    assert "names zz, which does not exist" in err


@pytest.mark.parametrize("flag", ["--flows", "--capture"])
@pytest.mark.parametrize("way", ["the same", "a link", "a hard link"])
def test_one_file_given_twice_is_refused(run, tmp_path, flag, way):
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    path.write_text("{}\n")
    if way == "a link":
        other.symlink_to(path)
    elif way == "a hard link":
        other.hardlink_to(path)
    else:
        other = path
    code, _, err = run("list", flag, str(path), flag, str(other))
    assert code == 64
    assert "one file is given twice" in err


def test_files_with_the_same_content_and_missing_ones_are_not_one_file(run, tmp_path):
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}\n")
    _, _, err = run("list", "--flows", str(tmp_path / "a.json"), "--flows", str(tmp_path / "b.json"))
    assert "given twice" not in err
    _, _, err = run("list", "--flows", str(tmp_path / "no"), "--flows", str(tmp_path / "no"))
    assert "given twice" not in err
