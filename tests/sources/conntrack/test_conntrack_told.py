"""Tables that are read anew: what they told before is not told again, what is new in them is."""

from dataclasses import replace

import pytest

from netsec_tui.model.flow import Gap
from netsec_tui.sources.conntrack.told import ToldConnections
from tests.core.traffic import of, request
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_tables import NOW, SERVICE, UDP, Tables, arrows

ONE = ["10.244.1.5:40000 -> 10.244.1.8:8080", "10.244.1.5:40000 <- 10.244.1.8:8080"]
CLOSED = {"state": "TIME_WAIT"}


def told(*feeds):
    """Return what each feed adds; a feed is the readings of a source of its own: (seconds, line, line...)."""
    memory, found = ToldConnections(lambda: NOW + 86_400), []
    for number, readings in enumerate(feeds):
        if number:
            memory.begin_again()
        tables = Tables()
        flows = [flow for at, *lines in readings for flow in tables.read(*lines, at=at)]
        found.append(memory.news(flows))
    return found


@pytest.mark.parametrize(
    "again",
    [
        line(**CLOSED, timeout=90),
        line(timeout=431_970),
        line(timeout=432_000),
        line(state="CLOSE", timeout=10),
    ],
)
def test_what_still_stands_in_the_table_is_not_told_again(again):
    first, second = told([(0, line())], [(30, again)])
    assert (arrows(first), second) == (ONE, [])


@pytest.mark.parametrize("seconds", [1, 30, 119, 179])
def test_nor_is_what_tells_no_time_of_its_own(seconds):
    first, second = told([(0, line(**UDP))], [(seconds, line(**UDP))])
    assert (len(first), second) == (2, [])


def test_a_flow_dated_ahead_does_not_keep_all_others_in_memory():
    memory = ToldConnections(lambda: NOW + 1_000)
    flows = Tables().read(line(**UDP))
    memory.news([replace(flow, time=NOW + 10_000_000, source_port=1) for flow in flows])
    for after in (0, 500, 1_000):
        memory.news([replace(flow, time=NOW + after, source_port=2 + after) for flow in flows])
    memory.begin_again()
    again = [replace(flow, time=NOW, source_port=2) for flow in flows]
    assert memory.news(again) == again  # it is forgotten by now


def test_every_address_of_a_service_is_told_once():
    first, second = told([(0, line(**SERVICE))], [(30, line(**SERVICE, **CLOSED, timeout=90))])
    assert (len(first), second) == (4, [])


def test_of_pings_between_the_same_ends_none_is_told_again():
    there, back = "src=10.244.1.5 dst=10.244.1.8", "src=10.244.1.8 dst=10.244.1.5"
    ping = f"ipv4     2 icmp     1 29 {there} type=8 code=0 id={{0}} {back} type=0 code=0 id={{0}} use=2"
    pings = [ping.format(number) for number in range(3)]
    first, second = told([(0, *pings)], [(10, *pings)])
    assert (len(first), second) == (6, [])


def test_what_is_new_in_the_table_is_told():
    new = line("10.244.1.5:40001", state="TIME_WAIT", timeout=100)
    _, second = told([(0, line())], [(30, line(timeout=431_970), new)])
    assert arrows(second) == [arrow.replace("40000", "40001") for arrow in ONE]


def test_what_goes_on_is_told_once_a_minute_as_ever():
    readings = [(at, line(timeout=432_000 - at % 7)) for at in range(30, 160, 5)]
    _, second = told([(0, line())], readings)
    assert [flow.time - NOW for flow in second if not flow.is_reply] == [95, 155]


def test_what_was_told_more_than_three_minutes_ago_has_been_used_since():
    _, second = told([(0, line())], [(180, line())])
    assert arrows(second) == ONE


def test_what_was_answered_meanwhile_is_told():
    asked = line(state="SYN_SENT", timeout=120, answered=False)
    first, second = told([(0, asked)], [(30, line())])
    assert arrows(first) == ONE[:1]
    assert arrows(second) == ONE


def test_each_time_that_tables_are_read_anew():
    ends = line(**CLOSED, timeout=60)
    assert [len(flows) for flows in told([(0, line())], [(30, ends)], [(60, ends)], [(90, ends)])] == [
        2,
        0,
        0,
        0,
    ]


def test_a_proof_is_taken_without_counting():
    memory = ToldConnections()
    flows = Tables().read(line(state="SYN_SENT", timeout=120, answered=False))
    memory.news([replace(flow, proven=False) for flow in flows])
    memory.begin_again()
    (known,) = memory.news([replace(flow, time=NOW + 30) for flow in flows])
    assert (known.count, known.proven, known.time) == (0, True, flows[0].time)


def test_a_connection_guessed_the_other_way_round_is_the_same():
    memory = ToldConnections()
    flows = Tables().read(line())
    memory.news(flows)
    memory.begin_again()
    turned = [
        replace(
            flow,
            source=flow.destination,
            destination=flow.source,
            source_port=flow.destination_port,
            destination_port=flow.source_port,
            proven=False,
        )
        for flow in flows
    ]
    assert memory.news(turned) == []


def test_flows_of_other_sources_and_gaps_pass():
    memory = ToldConnections()
    others = [
        request(of("web"), of("api"), 80, time=NOW, origin="hubble"),
        Gap(NOW, 3, "lost", "n1", "conntrack"),
    ]
    for _ in range(2):
        assert memory.news(others) == others
        memory.begin_again()
