"""Following the Cilium agents of an API server of the tests: what they say, what breaks off or repeats."""

import json
import threading
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.model.flow import Flow
from netsec_tui.sources import retry
from netsec_tui.sources.access import Access
from netsec_tui.sources.hubble import agents
from netsec_tui.sources.hubble import exec as hubble_exec
from netsec_tui.sources.hubble.agents import AgentStream
from netsec_tui.sources.hubble.exec import HubbleExecSource
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following, gaps, read
from tests.sources.exec_server import SUCCESS, ExecServer
from tests.sources.kube_objects import obj
from tests.sources.running import running
from tests.sources.waiting import until

AGENTS = {"cilium-a": "n1", "cilium-b": "n2"}


@pytest.fixture(autouse=True)
def quick(no_proxy_and_no_waiting, monkeypatch):
    monkeypatch.setattr(hubble_exec, "LIST_SECONDS", 0.05)
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(hubble_exec, "_PATIENCE", 0.01)


def agent(name, node, *, labels=None, containers=("cilium-agent",), phase="Running", host=True):
    spec = {
        "hostNetwork": host,
        "nodeName": node,
        "containers": [{"name": c, "image": "x"} for c in containers],
    }
    made = obj("Pod", name, "kube-system", spec=spec, status={"phase": phase})
    told = {"k8s-app": "cilium"} if labels is None else labels
    return {**made, "metadata": {**made["metadata"], "labels": told}}


def flow(number, *, uuid=True, at=None):
    when = datetime.fromtimestamp(at or time.time(), UTC).isoformat().replace("+00:00", "Z")
    record = {
        "time": when,
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 40000 + number, "destination_port": 80, "flags": {"SYN": True}}},
        "source": {"ID": 1, "namespace": "shop", "pod_name": "a"},
        "destination": {"namespace": "shop", "pod_name": "b"},
        "is_reply": False,
        "Type": "L3_L4",
        **({"uuid": f"u{number}"} if uuid else {}),
    }
    return json.dumps({"flow": record, "node_name": "n1", "time": when}).encode() + b"\n"


def lost(number):
    said = {"source": "HUBBLE_RING_BUFFER", "num_events_lost": str(number)}
    return json.dumps({"lost_events": said, "node_name": "n1"}).encode() + b"\n"


@pytest.fixture
def server():
    with running(ExecServer([agent(name, node) for name, node in AGENTS.items()])) as started:
        started.commands = {("cilium-a", "hubble"): flow(1), ("cilium-b", "hubble"): flow(2)}
        yield started


@pytest.fixture
def source(server, tmp_path):
    return HubbleExecSource(Access("prod", str(write_kubeconfig(tmp_path / "config", server.url))))


def ports(collected):
    return sorted(one.source_port for one in collected.flows if isinstance(one, Flow))


def test_all_agents_are_read_once(server, source):
    collected = read(source)
    assert ports(collected) == [40001, 40002]
    assert {one.origin for one in collected.flows} == {"hubble-exec"}
    assert (collected.status.detail, collected.status.ended) == ("2 flows from 2 of 2 nodes", True)
    assert collected.status.observed.nodes == {"n1", "n2"}
    assert sorted({(pod, words) for pod, _, words in server.ran}) == [
        (name, ("hubble", "observe", "--output", "json", "--last", "65535")) for name in AGENTS
    ]


def test_each_node_is_watched_since_the_oldest_flow_that_it_holds(server, source):
    begun = time.time()
    server.commands = {
        ("cilium-a", "hubble"): flow(1, at=begun - 13 * 3600),
        ("cilium-b", "hubble"): flow(2, at=begun - 20),
    }
    spans = read(source).status.observed.spans
    assert {span.node: round(begun - span.since) for span in spans} == {"n1": 13 * 3600, "n2": 20}


def test_a_line_that_does_not_end_is_left_out_and_the_next_is_read(server, source):
    server.commands["cilium-a", "hubble"] = b"x" * (3 << 20) + b"\n" + flow(1)
    collected = read(source)
    assert ports(collected) == [40001, 40002]
    assert "a line is longer than 1 MiB" in collected.status.detail


def test_an_agent_that_fails_costs_no_other(server, source):
    server.commands["cilium-b", "hubble"] = "failed to connect to the local agent"
    collected = read(source)
    assert ports(collected) == [40001]
    assert collected.status.error == "node n2: failed to connect to the local agent"
    assert collected.status.observed.nodes == {"n1"}


def test_nodes_of_which_the_reason_is_not_named_are_counted(tmp_path):
    nodes = [agent(f"cilium-{n}", f"n{n}") for n in range(6)]
    with running(ExecServer(nodes)) as server:
        server.commands = {(f"cilium-{n}", "hubble"): f"reason {n}" for n in range(1, 6)}
        server.commands["cilium-0", "hubble"] = flow(1)
        error = read(
            HubbleExecSource(Access("prod", str(write_kubeconfig(tmp_path / "config", server.url))))
        ).status.error
    assert error == (
        "node n1: reason 1; node n2: reason 2; node n3: reason 3; 2 more nodes give no flows either"
    )


def test_without_any_agent_that_is_said(tmp_path):
    others = [
        agent("cilium-c", "n1", phase="Pending"),
        agent("x", "n1", labels={"app": "x"}),
        agent("cilium-envoy-a", "n1", containers=("envoy",)),
        agent("somebodys-own", "n1", host=False),
    ]
    with running(ExecServer(others)) as server:
        access = Access("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
        with pytest.raises(UnreachableError, match=r"no pod of a Cilium agent runs here.*netsec-tui doctor"):
            read(HubbleExecSource(access))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (403, r'commands may not be run in pods of namespace kube-system; .*"pods/exec"'),
        (404, "refused with 404"),
        (
            'exec: "hubble": executable file not found in $PATH',
            "its image has no hubble: use --source hubble",
        ),
    ],
)
def test_why_no_agent_says_anything_is_told(server, source, answer, said):
    for name in AGENTS:
        server.commands[name, "hubble"] = answer
    with pytest.raises(UnreachableError, match=said):
        read(source)


def test_flows_come_while_the_agents_go_on(server, source):
    # Both halves of a line must be the same flow.
    fixed = flow(3)
    server.commands["cilium-a", "hubble"] = lambda handler: (
        handler._send(1, fixed[:100]),
        handler._send(1, fixed[100:] + flow(4)),
        server.over.wait(),
    )
    with following(source) as collected:
        until(lambda: {40003, 40004} <= set(ports(collected)))
    assert any("--follow" in words for _, _, words in server.ran)


def test_what_is_remembered_of_a_flow_is_small_whatever_its_agent_says():
    stream = AgentStream("n1")
    lines, batch = agents._Lines(stream._seen), agents._Batch("n1", stream._decoder)
    told = b"".join(flow(n, uuid=False) for n in range(4000))
    tracemalloc.start()
    try:
        lines.feed(told, batch)
        batch.take()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 4000 * 200


@pytest.mark.parametrize("uuid", [True, False])
def test_what_comes_again_after_a_break_is_told_once(server, source, uuid):
    del server.commands["cilium-b", "hubble"]
    begun, said = time.time(), []

    def breaks_off(handler):
        said.append(handler.words)
        handler._send(1, b"".join(flow(n, uuid=uuid, at=begun + n / 1000) for n in range(len(said) + 1)))
        if len(said) < 6:
            handler._end(SUCCESS)
        else:
            server.over.wait()

    server.commands["cilium-a", "hubble"] = breaks_off
    with following(source) as collected:
        until(lambda: 40006 in ports(collected))
        until(lambda: "n1" not in (collected.status.error or ""))
    assert ports(collected) == [40000 + n for n in range(7)]
    assert [gap.node for gap in gaps(collected)] == ["n1", "n1"]
    assert [("--follow" in words, "--since" in words) for words in said] == [
        (False, False),
        (True, True),
        (False, True),
        (True, True),
        (False, True),
        (True, True),
    ]
    assert datetime.fromisoformat(said[2][-1]).timestamp() < begun


@pytest.mark.parametrize("again", [True, False])
def test_what_an_agent_overwrites_before_it_is_followed_is_a_gap(server, source, again):
    """Between the two commands it may see more than it can hold: then nothing comes again that was told."""
    del server.commands["cilium-b", "hubble"]
    begun = time.time()

    def answer(handler):
        if "--follow" not in handler.words:
            handler._send(1, flow(1, at=begun))
            handler._end(SUCCESS)
            return
        handler._send(1, (flow(1, at=begun) if again else b"") + flow(2))
        server.over.wait()

    server.commands["cilium-a", "hubble"] = answer
    with following(source) as collected:
        until(lambda: 40002 in ports(collected))
        until(lambda: not collected.status.read_to)
    told = [gap for gap in gaps(collected) if gap.node == "n1"]
    assert [(round(gap.time - begun, 3), gap.until > begun) for gap in told] == ([] if again else [(0, True)])
    assert all("its agent overwrote flows before they were read" in gap.reason for gap in told)
    assert len(spans_of(collected, "n1")) == 1


@pytest.mark.parametrize("wrong", [1.5, 4_000_000_000])
def test_a_flow_dated_as_none_can_be_moves_nothing(server, source, wrong):
    del server.commands["cilium-b", "hubble"]
    begun = time.time()

    def breaks_off(handler):
        handler._send(1, flow(0, at=begun) + flow(1, at=wrong))
        handler._end(SUCCESS)

    server.commands["cilium-a", "hubble"] = breaks_off
    with following(source) as collected:
        until(lambda: sum(pod == "cilium-a" for pod, _, _ in server.ran) > 1)
        until(lambda: set(ports(collected)) == {40000, 40001})
        observed = collected.status.observed
    resumed = [words for pod, _, words in server.ran if pod == "cilium-a"][1]
    assert begun - 10 < datetime.fromisoformat(resumed[6]).timestamp() < begun
    assert begun - 1 < observed.since <= time.time()


def test_pods_tell_records_of_old_agents_apart_that_have_no_addresses(server, source):
    said = json.loads(flow(1, uuid=False))
    said["flow"]["IP"] = {}
    other = {**said, "flow": {**said["flow"], "source": {"ID": 2, "namespace": "shop", "pod_name": "c"}}}
    server.commands["cilium-a", "hubble"] = b"\n".join(
        json.dumps(one).encode() for one in (said, other, said)
    )
    del server.commands["cilium-b", "hubble"]
    assert [one.source.pod for one in read(source).flows if isinstance(one, Flow)] == ["a", "c"]


def test_a_replaced_pod_is_taken_up_and_a_new_node_joins(server, source):
    server.commands["cilium-a", "hubble"] = 404
    with following(source) as collected:
        until(lambda: 40002 in ports(collected))
        server.objects[:] = [agent("cilium-z", "n1"), agent("cilium-b", "n2"), agent("cilium-y", "n3")]
        server.commands["cilium-z", "hubble"] = flow(5)
        server.commands["cilium-y", "hubble"] = flow(6)
        until(lambda: {40005, 40006} <= set(ports(collected)))


def test_records_of_old_agents_are_told_apart_and_are_of_the_node_asked(server, source):
    said = json.loads(flow(1, uuid=False))
    del said["node_name"], said["flow"]["time"]
    dropped = {**said, "flow": {**said["flow"], "verdict": "DROPPED"}}
    entering = {**said, "flow": {**said["flow"], "trace_observation_point": "TO_ENDPOINT"}}
    later = {**said, "time": datetime.fromtimestamp(time.time() + 1, UTC).isoformat()}
    missed = {"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "7"}}
    server.commands["cilium-b", "hubble"] = b"\n".join(
        json.dumps(one).encode() for one in (said, dropped, entering, later, said, missed)
    )
    del server.commands["cilium-a", "hubble"]
    collected = read(source)
    assert [one.node for one in collected.flows if isinstance(one, Flow)] == ["n2"] * 4
    assert [(gap.node, gap.lost) for gap in gaps(collected)] == [("n2", 7)]


def test_losses_that_come_again_after_a_break_are_told_once(server, source):
    del server.commands["cilium-b", "hubble"]
    loss = {**json.loads(lost(7)), "time": datetime.now(UTC).isoformat()}
    said = []

    def breaks_off(handler):
        said.append(len(said))
        handler._send(1, json.dumps(loss).encode() + b"\n" + flow(len(said)))
        if len(said) < 3:
            handler._end(SUCCESS)
        else:
            server.over.wait()

    server.commands["cilium-a", "hubble"] = breaks_off
    with following(source) as collected:
        until(lambda: 40003 in ports(collected))
    assert [(gap.lost, gap.origin) for gap in gaps(collected) if gap.lost] == [(7, "hubble-exec")]


def test_a_flood_of_lost_events_is_one_gap(server, source):
    server.commands["cilium-a", "hubble"] = flow(1) + lost(2) * 20_000
    collected = read(source)
    assert sum(gap.lost for gap in gaps(collected)) == 40_000
    assert len(gaps(collected)) < 50


def test_lines_that_are_none_are_counted_and_the_rest_is_kept(server, source):
    server.commands["cilium-a", "hubble"] = b"level=warning msg=x\n" + flow(7) + b"[1]\n{}\n" + flow(8)[:-40]
    collected = read(source)
    assert ports(collected) == [40002, 40007]
    assert collected.status.skipped == 4
    assert "node n1: a line is no JSON" in collected.status.detail
    assert sum(gap.lost for gap in gaps(collected)) == 4


def test_each_gap_names_the_node_whose_lines_could_not_be_read(server, source):
    server.commands["cilium-a", "hubble"] = b"level=warning msg=x\n" + flow(7)
    server.commands["cilium-b", "hubble"] = b"level=warning msg=x\n" + flow(8)
    collected = read(source)
    told = sorted((gap.node, gap.reason.partition(":")[0]) for gap in gaps(collected))
    assert told == [("n1", "node n1"), ("n2", "node n2")]


def test_following_ends_when_it_is_asked_to(server, source):
    server.commands["cilium-a", "hubble"] = server.commands["cilium-b", "hubble"] = lambda handler: (
        server.over.wait()
    )
    with following(source):
        until(lambda: len(server.ran) == 2)
    # leaving the block joins the thread, or fails


def spans_of(collected, node):
    observed = collected.status.observed
    return [(span.since, span.until) for span in observed.spans if span.node == node] if observed else []


def says(*lines, until=None):
    """Return what an agent does that holds lines and goes on, until it breaks off."""

    def answer(handler):
        handler._send(1, b"".join(lines))
        if "--follow" in handler.words:
            (until or handler.server.over).wait()
        else:
            handler._end(SUCCESS)

    return answer


def test_once_all_agents_are_away_nothing_is_watched_any_more(server, source):
    cut = threading.Event()
    server.commands["cilium-a", "hubble"] = says(flow(1), until=cut)
    server.commands["cilium-b", "hubble"] = says(flow(2), until=cut)
    with following(source) as collected:
        until(lambda: spans_of(collected, "n1") and spans_of(collected, "n2"))
        server.commands["cilium-a", "hubble"] = server.commands["cilium-b", "hubble"] = 403
        cut.set()
        until(lambda: collected.status.observed.until)
        observed = collected.status.observed
    assert observed.nodes == frozenset()
    assert {span.node for span in observed.spans if span.until} == {"n1", "n2"}
    assert observed.since < observed.until == max(span.until for span in observed.spans) <= time.time()


@pytest.mark.parametrize("remembers", [True, False])
def test_what_an_agent_has_forgotten_while_it_was_away_is_a_hole_in_its_time(server, source, remembers):
    cut, before = threading.Event(), flow(1)
    server.commands["cilium-a", "hubble"] = says(before, until=cut)
    server.commands["cilium-b", "hubble"] = says(flow(2))
    with following(source) as collected:
        until(lambda: {40001, 40002} <= set(ports(collected)))
        ((begun, _),) = spans_of(collected, "n1")
        server.commands["cilium-a", "hubble"] = 404
        cut.set()
        until(lambda: "n1" not in collected.status.observed.nodes)
        ((_, away),) = spans_of(collected, "n1")
        server.commands["cilium-a", "hubble"] = says(*([before] if remembers else []), flow(3))
        until(lambda: 40003 in ports(collected) and "n1" in collected.status.observed.nodes)
        until(lambda: not collected.status.read_to)
        first, *later = spans_of(collected, "n1")
        ((_, other),) = spans_of(collected, "n2")
    assert first == (begun, 0.0 if remembers else away)
    assert [(since > away, until) for since, until in later] == ([] if remembers else [(True, 0.0)])
    assert other == collected.status.observed.until == 0.0


def test_a_node_that_joins_later_counts_from_then_on(server, source):
    server.commands["cilium-a", "hubble"] = server.commands["cilium-b", "hubble"] = says()
    with following(source) as collected:
        until(lambda: spans_of(collected, "n1") and spans_of(collected, "n2"))
        joined = time.time()
        server.commands["cilium-c", "hubble"] = says()
        server.objects.append(agent("cilium-c", "n3"))
        until(lambda: spans_of(collected, "n3"))
    ((since, _),) = spans_of(collected, "n3")
    assert collected.status.observed.since < joined < since
