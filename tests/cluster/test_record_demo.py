"""The command that records the demo: what it makes of a recording, and every feature on a real cluster."""

import pytest
import yaml

from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol, Verdict
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.capture.writer import CaptureWriter
from netsec_tui.sources.contract import FlowsRead, ObjectsRead
from tests.cluster.demo import record as record_demo
from tests.cluster.demo.calls import calls, jobs, turns
from tests.cluster.demo.capture import WINDOW, Clock, compose, read
from tests.sources.demo_claims import CLAIMS, World
from tests.sources.kube_objects import deployment, obj, pod

CALLS = yaml.safe_load((record_demo.FOLDER / "calls.yaml").read_text())
HERE, NODE = "10.244.1.10", "198.18.0.11"
QUICK = 1.5


def flow(time, source=HERE, destination="10.244.1.11", port=80, **more):
    ends = (Endpoint(source), Endpoint(destination))
    return Flow(time, *ends, Protocol.TCP, 40000 + int(time), port, Verdict.FORWARDED, False, **more)


def recording(path, *flows):
    made = obj("Node", "node1", None)
    made["status"] = {"addresses": [{"type": "InternalIP", "address": NODE}]}
    late = pod("web-1", {"app": "web"}, ("Deployment", "web"), ip=HERE)
    late["metadata"]["creationTimestamp"] = "1970-01-01T00:01:40Z"
    ended = [{"state": {"terminated": {"finishedAt": "1970-01-01T00:04:58Z"}}}]
    late["status"] |= {"phase": "Succeeded", "containerStatuses": ended}
    with CaptureWriter(path) as writer:
        writer.write(ObjectsRead("context harness", (made, deployment("web"), late)))
        writer.write(FlowsRead(tuple(flows)))
    return path


def composed(tmp_path, *flows, flows_added=(), unread=()):
    target = tmp_path / "demo.jsonl"
    added = {"flows": list(flows_added), "unread": list(unread)}
    compose(recording(tmp_path / "recording", *flows), added, target)
    return read(target)


def test_a_clock_keeps_order_and_meets_both_ends():
    clock = Clock(100.0, 300.0)
    moments = [clock(moment) for moment in (50.0, 100.0, 101.0, 200.0, 300.0)]
    assert moments == sorted(moments)
    assert (moments[1], moments[-1]) == WINDOW
    assert moments[3] == sum(WINDOW) / 2


def test_times_of_flows_and_objects_are_stretched_alike(tmp_path):
    told, objects = composed(tmp_path, flow(100.0), flow(300.0))
    assert [one.time for one in told] == list(WINDOW)
    (made,) = [item for item in objects if item["kind"] == "Pod"]
    assert made["metadata"]["creationTimestamp"] == "2026-03-05T07:00:00Z"
    (state,) = [one["state"]["terminated"] for one in made["status"]["containerStatuses"]]
    assert state["finishedAt"] == "2026-03-05T20:20:00Z"


def test_exchanges_of_the_same_ends_are_counted_within_some_minutes(tmp_path):
    told, _ = composed(tmp_path, flow(100.0), flow(101.0), flow(101.5), flow(200.0), flow(300.0))
    assert [one.count for one in told] == [3, 1, 1]


def test_what_nodes_and_api_server_say_to_each_other_is_left_out(tmp_path):
    told, _ = composed(tmp_path, flow(50.0, NODE, NODE, 10250), flow(100.0), flow(300.0, NODE, HERE))
    assert [(one.source.ip, one.time) for one in told] == [(HERE, WINDOW.start), (NODE, WINDOW.end)]


def test_what_is_added_is_marked_and_nothing_else(tmp_path):
    more = {"from": "shop/deploy/web", "to": "203.0.113.9", "port": 443, "verdict": "DROPPED", "times": 2}
    told, _ = composed(tmp_path, flow(100.0), flow(300.0), flows_added=[more])
    assert [(one.synthetic, one.verdict) for one in told] == [
        (False, Verdict.FORWARDED),
        (True, Verdict.DROPPED),
        (True, Verdict.DROPPED),
        (False, Verdict.FORWARDED),
    ]
    assert {one.source.pod for one in told if one.synthetic} == {"web-1"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"from": "shop/deploy/cart", "to": "203.0.113.9", "port": 443}, "shop/deploy/cart has no pod"),
        (
            {
                "from": "shop/deploy/web",
                "to": "shop/deploy/web",
                "port": 1,
                "service": "shop/x:2",
                "how": "service",
            },
            "Service shop/x was not recorded",
        ),
    ],
)
def test_what_cannot_be_added_is_named(tmp_path, more, said):
    with pytest.raises(LookupError, match=said):
        composed(tmp_path, flow(100.0), flow(300.0), flows_added=[more])


def test_what_is_to_be_left_out_must_be_there(tmp_path):
    with pytest.raises(LookupError, match="Namespace legacy was not recorded"):
        composed(tmp_path, flow(100.0), flow(300.0), unread=[{"kind": "Namespace", "name": "legacy"}])


def test_a_recording_with_gaps_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="node1 gave no table"):
        composed(tmp_path, flow(100.0), Gap(200.0, 1, "node1 gave no table"), flow(300.0))


def test_the_exchanges_of_a_call_are_spread_over_its_hours():
    (pricing,) = [call for call in calls(CALLS) if call.server == "shop/svc/pricing"]
    assert [turn.hour for turn in turns([pricing])] == [1.5, 4.5, 7.5]
    hours = [turn.hour for turn in turns(calls(CALLS))]
    assert hours == sorted(hours)


def test_one_job_of_a_cronjob_ends_when_the_next_begins():
    found = [job for job in jobs(CALLS, WINDOW.start) if job.name.startswith("stock-sync-")]
    assert [job.begins for job in found] == [True, False, True, False, True]
    assert [found[n].name for n in (0, 2)] == [found[n].name for n in (1, 3)]


@pytest.fixture(scope="module")
def made(binaries, tmp_path_factory):
    """What the command makes of a real cluster, at a quick pace."""
    path = tmp_path_factory.mktemp("demo") / "demo.jsonl"
    record_demo.main(path, QUICK)
    heard = []
    CaptureSource(path).read(heard.append)
    flows = [one for message in heard if isinstance(message, FlowsRead) for one in message.flows]
    return World(flows, "--capture", str(path))


@pytest.mark.parametrize("what", CLAIMS)
def test_every_feature_of_the_demo_comes_out(made, what):
    assert CLAIMS[what](made)
