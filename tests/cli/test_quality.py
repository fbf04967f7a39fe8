"""How well the traffic was observed, as commands say it."""

import json
import threading

import pytest
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


AWAY = "the Flow Aggregator was away"
UNWATCHED = "nobody watched from 2026-01-05 02:00:00 to 2026-01-05 05:00:00 UTC"


@pytest.mark.parametrize(
    ("since", "hole", "covered", "losses"),
    [
        ("15h", (2, 5), 36_000, [AWAY, UNWATCHED]),
        ("4h", (2, 5), 14_400, [AWAY]),
        ("150m", (2, 5), 9_000, []),
        ("15h", None, 46_800, [AWAY]),
        ("1h", None, 3_600, []),
    ],
)
def test_what_is_lost_is_the_same_in_json_and_in_comments(
    run, cluster, tmp_path, since, hole, covered, losses
):
    """The recording ends at 11:00, and watched for 13 h; it has told a gap from 6:00 to 8:00."""
    assert run("record", *cluster, "-o", "a.capture")[0] == 0
    midnight = 1_767_571_200
    begun, end = midnight - 2 * 3600, midnight + 11 * 3600
    away = [midnight + hour * 3600 for hour in hole or ()]
    spans = [["node-1", begun, away[0]], ["node-1", away[1], end]] if away else []
    observed = {"origin": "conntrack", "since": begun, "until": end, "nodes": ["node-1"], "spans": spans}
    gap = {"t": midnight + 6 * 3600, "until": midnight + 8 * 3600, "lost": 0, "reason": AWAY}
    with (tmp_path / "a.capture").open("a", encoding="utf-8") as capture:
        capture.writelines(f"{json.dumps(line)}\n" for line in ({"observed": observed}, {"gap": gap}))
    given = (*WEB, "--capture", "a.capture", "--since", since)
    found = quality(run, *given)
    assert found["coveredSeconds"] == covered
    assert [one["reason"] for one in found["lost"]["reasons"]] == losses
    code, out, err = run("generate", *given, "--comments")
    assert code == 0
    said = [line.removeprefix("# lost: ") for line in out.splitlines() if line.startswith("# lost: ")]
    assert said == (losses or ["nothing that is known of"])
    assert (", gaps" in err) is bool(losses)


@pytest.mark.parametrize(("since", "made_up"), [("5m", False), ("7d", True)])
def test_flows_that_were_made_up_count_where_they_are(run, since, made_up):
    assert bool(quality(run, "--demo", "--since", since)["syntheticFlows"]) is made_up
