"""``netsec-tui record``: a capture gives what its inputs gave, and Ctrl-C leaves a complete one."""

import json
import signal
import subprocess
import time

import pytest


def test_capture_gives_the_same_as_its_inputs(run, cluster, tmp_path):
    assert run("record", *cluster, "-o", "a.capture")[0] == 0
    for command in (["list", "-o", "json"], ["list", "-n", "shop", "deploy/web", "-o", "json"]):
        _, direct, _ = run(*command, *cluster)
        _, recorded, _ = run(*command, "--capture", "a.capture")
        told = [json.loads(text) for text in (recorded, direct)]
        for document in told:
            assert document["input"].pop("sources")  # which files these were is all that differs
        assert told[0] == told[1]
    generate = ["generate", "-n", "shop", "deploy/web"]
    assert run(*generate, "--capture", "a.capture")[1] == run(*generate, *cluster)[1]


def test_capture_holds_no_environment_and_no_annotations(run, cluster, tmp_path):
    text = (tmp_path / "cluster.yaml").read_text(encoding="utf-8")
    secret = "- env: [{name: TOKEN, value: hunter2}]\n        name: main"
    text = text.replace("- name: main", secret, 1).replace(
        "  metadata:\n", "  metadata:\n    annotations: {a: hunter2}\n", 1
    )
    assert "hunter2" in text
    (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")
    assert run("record", *cluster, "-o", "a.capture")[0] == 0
    assert b"hunter2" not in (tmp_path / "a.capture").read_bytes()


def test_existing_file_is_not_overwritten(run, cluster, tmp_path):
    (tmp_path / "a.capture").write_text("mine", encoding="utf-8")
    code, _, err = run("record", *cluster, "-o", "a.capture")
    assert code == 73
    assert "a.capture" in err
    assert (tmp_path / "a.capture").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("ending", [signal.SIGINT, None], ids=["ctrl-c", "end of input"])
def test_stream_is_recorded_until_it_ends(run, start, cluster, tmp_path, ending):
    argv = ["record", "--flows", "-", "--manifests", "cluster.yaml", "-o", "a.capture"]
    lines = (tmp_path / "flows.json").read_bytes()
    with start(*argv, stdin=subprocess.PIPE) as process:
        process.stdin.write(lines)
        process.stdin.flush()
        if ending is None:
            process.stdin.close()
        else:
            _wait_for(tmp_path / "a.capture", b'{"flow":', 11)
            process.send_signal(ending)
        assert process.wait(timeout=60) == 0
    _, out, _ = run("list", "--capture", "a.capture", "-o", "json")
    assert len(json.loads(out)["workloads"]) == 5


def _wait_for(path, text, times):
    """Return as soon as the file holds the text that often."""
    end = time.monotonic() + 30
    while not path.exists() or path.read_bytes().count(text) < times:
        assert time.monotonic() < end, f"{path} never held {times} times {text!r}"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("sources", "told"), [(("hubble", "hubble"), "hubble"), (("antrea", "theia"), "antrea, theia")]
)
def test_two_sources_of_one_kind_are_not_recorded_into_one_capture(run, tmp_path, sources, told):
    """Theia holds what Antrea tells."""
    ways = [
        word for port, name in enumerate(sources, 1) for word in ("--source", f"{name}://127.0.0.1:{port}")
    ]
    code, _, err = run("record", *ways, "-o", "a.capture")
    assert code == 64
    assert f"two sources of one kind tell ({told})" in err
    assert not (tmp_path / "a.capture").exists()


def test_standard_output_is_no_capture(run, cluster, tmp_path):
    code, out, err = run("record", *cluster, "-o", "-")
    assert (code, out, err.count("\n")) == (64, "", 1)
    assert "-o monday.capture" in err
    assert not (tmp_path / "-").exists()


def test_what_could_not_be_read_is_named_with_file_and_line(run, cluster, tmp_path):
    with (tmp_path / "flows.json").open("a", encoding="utf-8") as file:
        file.write("garbage\ngarbage\n")
    with (tmp_path / "cluster.yaml").open("a", encoding="utf-8") as file:
        file.write("---\nreplicas: 3\n")
    line = (tmp_path / "cluster.yaml").read_text(encoding="utf-8").count("\n")
    code, _, err = run("record", *cluster, "-o", "a.capture")
    assert code == 65
    assert "flows.json:12: not JSON (and 1 more lines that cannot be read) (2 lost)" in err
    assert f"cluster.yaml:{line - 1}: has no kind" in err
    assert "3 lines, documents or parts of objects could not be read" in err


def test_cluster_state_alone_is_recorded_whole(run, cluster, tmp_path):
    code, _, err = run("record", "--manifests", "cluster.yaml", "-o", "a.capture")
    assert code == 0
    assert "a.capture holds 0 flows and 14 objects" in err
