"""What the empty screen advises while a source of flows listens, and once there is none."""

import shlex
import time

import pytest

from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.actions import ChooseTimespan
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.ui.advice import advise
from tests.core.scene import namespace, owner
from tests.core.traffic import NOON, exchange, of, session

CLUSTER = SourceStatus("context prod", live=True, detail="2 objects", read=True)
LISTENING = SourceStatus("conntrack of context prod", live=True, detail="0 connections from 2 of 2 nodes")

FAILING = SourceStatus("conntrack of context prod", live=True, error="node a: none; tried again every 30 s")


@pytest.mark.parametrize(
    ("statuses", "heading", "line"),
    [
        ((CLUSTER, LISTENING), "no communication was seen yet", LISTENING.detail),
        ((CLUSTER, FAILING), "No flows could be read", "tried again every 30 s"),
        ((CLUSTER,), "flows are lacking", "netsec-tui doctor --context prod"),
    ],
)
def test_advice_without_flows(statuses, heading, line):
    session = Session(Options(cluster="prod", live=True), time.time)
    session.set_inventory(build_inventory([namespace("shop"), owner("web")])[0])
    advice = advise(session, statuses)
    assert heading in advice.heading
    assert any(line in text for text in advice.lines)


@pytest.mark.parametrize("context", ["prod", "my ctx; rm x"])
def test_the_commands_ask_the_cluster_that_was_chosen_whether_it_answers_or_not(context):
    failing = SourceStatus(f"context {context}", live=True, error="it does not answer")
    advice = advise(Session(Options(cluster=context, live=True), time.time), [failing])
    for command in ("netsec-tui doctor ", "netsec-tui --flows - "):
        (line,) = [line for line in advice.lines if command in line]
        assert shlex.split(line)[-2:] == ["--context", context]


def test_what_two_sources_say_alike_is_said_once():
    refused = "the TLS connection to prod fails: certificate has expired"
    statuses = [SourceStatus(name, live=True, error=refused) for name in ("context prod", "conntrack")]
    assert advise(Session(Options(cluster="prod", live=True), time.time), statuses).lines.count(refused) == 1


def test_flows_that_are_older_than_the_timespan_are_no_lack_of_flows():
    made = Session(Options(cluster="prod", live=True), lambda: NOON)
    made.set_inventory(build_inventory([namespace("shop"), owner("web")])[0])
    made.add_flows(exchange(of("web"), of("api"), 80, time=NOON - 3600))
    assert made.workloads()
    made.apply(ChooseTimespan(TIMESPANS[0]))
    advice = advise(made, [LISTENING])
    assert advice.heading == "No communication in the last 5 min"
    assert advice.lines[0] == "What was seen is older: t chooses a longer timespan."
    assert LISTENING.detail in " ".join(advice.lines)


def test_flows_of_which_none_counts_are_told_with_the_reason():
    made = session(exchange(of("web"), of("api"), 80, time=1.0, node="n7"), now=NOON)
    advice = advise(made, [SourceStatus("flows f", live=False, ended=True)])
    assert advice.heading == "No flow counts"
    assert advice.lines[0].startswith("clock skew: node n7 tells of flows before the year 2000")
