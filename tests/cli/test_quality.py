"""How well the traffic was observed, as commands say it."""

import json
import threading

import yaml

from netsec_tui.cli.flags import parse
from netsec_tui.cli.inputs import inputs_of
from netsec_tui.sources.capture.record import record
from tests.cli import test_conntrack

server, flags = test_conntrack.server, test_conntrack.flags
WEB = ("-n", "shop", "deploy/web")


def quality(run, *given):
    code, out, err = run("list", *given, "-o", "json")
    assert code == 0, err
    return json.loads(out)["quality"]


def test_a_recording_says_of_the_observation_what_was_known_live(run, flags, tmp_path):
    capture, stop, told = tmp_path / "shop.capture", threading.Event(), set()

    def seen(status):
        told.update({"flows"} if status.observed and status.observed.nodes else ())
        told.update({"state"} if status.settled and not status.observed else ())
        if len(told) == 2:
            stop.set()

    args = parse(["record", *flags, "-o", str(capture)])
    record(inputs_of(args, lambda: None).all, capture, stop, report=seen)
    recorded = quality(run, *WEB, "--capture", str(capture))
    (source,) = recorded["sources"]
    live = quality(run, *WEB, *flags)
    (now,) = live["sources"]
    assert (source["name"], source["byFlows"], source["nodes"]) == ("conntrack", False, ["n1"])
    assert source["until"] is not None
    assert recorded["coveredByFlowsSeconds"] == live["coveredByFlowsSeconds"] == 0
    ours = {"since", "until"}
    assert {k: v for k, v in source.items() if k not in ours} == {
        k: v for k, v in now.items() if k not in ours
    }
    for key in ("nodes", "lost", "sampling", "rows", "workloadsWithoutTraffic", "idleConnections"):
        assert recorded[key] == live[key], key


def test_every_live_workload_is_listed_or_named_as_silent(run, cluster):
    code, out, err = run("list", *cluster, "--since", "5m", "-o", "json")
    assert code == 0, err
    document = json.loads(out)
    found = document["quality"]
    silent = {ref["name"] for ref in found["workloadsWithoutTraffic"]["names"]}
    listed = {ref["name"] for ref in document["workloads"] if not ref["hostNetwork"]}
    assert silent
    assert listed
    assert not silent & listed
    assert silent | listed == {"gateway", "web", "db", "idle"}
    assert found["workloadsWithoutTraffic"]["cluster"] == len(silent)
    assert found["rows"] is None


def test_the_bytes_depend_on_decisions_alone_unless_comments_are_asked_for(run, cluster):
    code, plain, err = run("generate", *WEB, *cluster)
    assert code == 0
    assert "netsec-tui: observation with known limits: " in err
    _, commented, _ = run("generate", *WEB, *cluster, "--comments")
    assert "#" not in plain
    assert commented.endswith(plain)
    header = commented.removesuffix(plain).splitlines()
    assert header
    assert all(line.startswith("# ") for line in header)
    assert yaml.safe_load(commented) == yaml.safe_load(plain)
