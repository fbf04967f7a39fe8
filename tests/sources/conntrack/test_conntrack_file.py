"""Connection tracking from files: tables, events, and Open vSwitch's form of both."""

import random
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest

from netsec_tui.model.flow import Flow, Protocol, Verdict
from netsec_tui.sources.conntrack.dpctl import decode_dpctl
from netsec_tui.sources.conntrack.entry import Entry, Unread
from netsec_tui.sources.conntrack.file import ConntrackFileDecoder, looks
from tests.core.traffic import IN, pod, session, table, workload

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "flows" / "conntrack"
AT = 1_795_000_000.0

PAIR = (
    "src=10.244.1.5 dst=10.244.1.8 sport=40000 dport=8080{} "
    "src=10.244.1.8 dst=10.244.1.5 sport=8080 dport=40000"
)
OPENING = f"ipv4     2 tcp      6 120 SYN_SENT {PAIR.format(' [UNREPLIED]')}"
OPEN = f"ipv4     2 tcp      6 432000 ESTABLISHED {PAIR.format('')} [ASSURED]"
CLOSED = f"ipv4     2 tcp      6 120 CLOSE {PAIR.format('')}"
DPCTL = (
    "tcp,orig=(src=10.244.1.5,dst=10.96.0.20,sport=40000,dport=80,packets=4,bytes=221),"
    "reply=(src=10.244.1.8,dst=10.244.1.5,sport=8080,dport=40000,packets=3,bytes=171),"
    "start=2026-11-20T10:57:50.123,id=3999237148,zone=65520,"
    "status=SEEN_REPLY|ASSURED|CONFIRMED|DST_NAT|DST_NAT_DONE,timeout=86399,mark=33,"
    "protoinfo=(state=ESTABLISHED)"
)


def flows_of(text, at=AT):
    """Return all flows of a text, and the lines that could not be used."""
    decoder, flows, left = ConntrackFileDecoder(at), [], []
    for line in text.splitlines():
        told = decoder.decode(line)
        if isinstance(told, Unread):
            left.append(line)
        else:
            flows += told
    return [*flows, *decoder.finish()], left


def requests(flows):
    """Return who asked whom, what became of it, and whether that is proven."""
    return [
        (f.source.ip, f.destination.ip, f.protocol, f.destination_port, f.verdict, f.proven)
        for f in flows
        if not f.is_reply
    ]


def recorded(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        (
            "nf_conntrack.txt",
            {
                ("10.244.1.5", "10.244.1.8", 8080),
                ("10.244.1.5", "10.244.1.9", 5353),
                ("10.244.1.5", "10.244.1.7", 7777),
                ("10.244.1.8", "10.244.1.8", 8080),
                ("192.0.2.1", "10.244.1.8", 8080),
                ("10.244.1.5", "203.0.113.10", 443),
            },
        ),
        ("conntrack-L.txt", {("10.244.1.5", "10.244.1.8", 8080)}),
        ("conntrack-E.txt", {("10.244.1.5", "10.244.1.8", 8080), ("10.244.1.5", "10.244.1.7", 6666)}),
    ],
)
def test_recorded_files_tell_who_asked_whom(name, asked):
    text = recorded(name)
    flows, left = flows_of(text)
    assert left == []
    assert looks(text.encode())
    found = {(source, server, port) for source, server, _, port, _, _ in requests(flows)}
    assert asked <= found


def test_a_refused_connection_among_events_is_an_attempt():
    flows, _ = flows_of(recorded("conntrack-E.txt"))
    assert ("10.244.1.5", "10.244.1.7", Protocol.TCP, 6666, Verdict.UNKNOWN, False) in requests(flows)


def test_events_tell_their_own_time_and_a_table_the_one_given():
    events, _ = flows_of(f"[1795172270.660704]\t    [NEW] {OPENING}\n")
    assert {flow.time for flow in events} == {1795172270.660704}
    table, _ = flows_of(OPENING)
    assert {flow.time for flow in table} == {AT}


def test_the_event_of_a_new_connection_proves_who_opened_it_also_when_it_goes_on_at_once():
    both, _ = flows_of(f"[100.0] [NEW] {OPENING}\n[100.1] [UPDATE] {OPEN}\n[100.2] [DESTROY] {CLOSED}\n")
    assert {proven for *_, proven in requests(both)} == {True}
    assert any(flow.is_reply for flow in both)


def test_a_connection_that_ended_is_told_once_and_another_on_the_same_ports_again():
    life = "[{0}.0] [NEW] " + OPENING + "\n[{0}.5] [UPDATE] " + OPEN + "\n[{1}.0] [DESTROY] " + CLOSED + "\n"
    once, _ = flows_of(life.format(100, 130))
    twice, _ = flows_of(life.format(100, 130) + life.format(200, 230))
    assert sum(flow.is_reply for flow in twice) == 2 * sum(flow.is_reply for flow in once) > 0


def events(*told):
    """Return lines of events, of which each is a second after AT, a kind and an entry."""
    return "".join(f"[{AT + second}] [{what}] {entry}\n" for second, what, entry in told)


ENDED = f"ipv4     2 tcp      6 {PAIR.format('')} [ASSURED]"
ASKED = "udp      17 30 " + PAIR.format(" [UNREPLIED]")
OTHER = ASKED.replace("40000", "41000")
TURNED = (
    "src=10.244.1.8 dst=10.244.1.5 sport=8080 dport=40000{} "
    "src=10.244.1.5 dst=10.244.1.8 sport=40000 dport=8080"
)


@pytest.mark.parametrize(
    ("told", "is_proven"),
    [
        ([(100, "NEW", OPENING)], True),
        ([(100, "NEW", ASKED)], False),  # without states, it may be a late answer
        ([(100, "NEW", OPEN.replace(" src=10.244.1.8", " [UNREPLIED] src=10.244.1.8"))], False),  # picked up
        ([(100, "NEW", f"udp 17 30 {TURNED.format(' [UNREPLIED]')}")], False),  # as answers look
        ([(100, "UPDATE", OPEN), (101, "DESTROY", ENDED)], False),
        ([(100, "UPDATE", f"tcp 6 120 FIN_WAIT {TURNED.format('')} [ASSURED]")], False),
        ([(100, "DESTROY", ENDED)], False),
    ],
)
def test_only_the_event_of_what_is_new_proves_who_opened_it(told, is_proven):
    flows, left = flows_of(events(*told))
    assert left == []
    assert {proven for *_, proven in requests(flows)} == {is_proven}
    assert sum(flow.is_reply for flow in flows) <= 1


def test_a_late_answer_is_not_taken_for_a_question_where_the_question_was_heard_of():
    high = ASKED.replace("8080", "50051")
    late = f"udp 17 30 {TURNED.format(' [UNREPLIED]')}".replace("8080", "50051")
    flows, _ = flows_of(events((100, "NEW", high), (160, "DESTROY", high), (200, "NEW", late)))
    assert not any(proven for *_, proven in requests(flows))


def test_the_end_of_what_nobody_answered_tells_nothing_by_itself():
    attempt = f"ipv4     2 tcp      6 {PAIR.format(' [UNREPLIED]')}"
    assert flows_of(events((100, "DESTROY", attempt), (101, "DESTROY", ASKED))) == ([], [])


@pytest.mark.parametrize(
    ("entry", "ago", "doubt"),
    [
        (ENDED, 120, 120),  # older kernels: TIME_WAIT has mostly run out
        (f"ipv4     2 tcp      6 0 TIME_WAIT {PAIR.format('')} [ASSURED]", 120, 120),
        (f"ipv4     2 tcp      6 0 CLOSE {PAIR.format('')}", 10, 10),
        (f"ipv4     2 tcp      6 100 TIME_WAIT {PAIR.format('')}", 20, 20),  # removed before its time
        (f"ipv4     2 tcp      6 120 CLOSE {PAIR.format(' [UNREPLIED]')}", 0, 0),
        (f"udp      17 {PAIR.format('')} [ASSURED]", 180, 180),
        (f"udp      17 0 {PAIR.format('')}", 180, 180),
    ],
)
def test_a_connection_first_heard_of_as_it_ends_was_used_before_that(entry, ago, doubt):
    flows, left = flows_of(events((500, "DESTROY", entry)))
    assert left == []
    assert {flow.time for flow in flows} == {AT + 500 - ago}
    assert {end.doubt for flow in flows for end in (flow.source, flow.destination)} == {doubt}


def test_an_open_connection_that_ran_out_has_been_idle_nobody_knows_for_how_long():
    assert flows_of(events((500, "DESTROY", OPEN.replace("432000", "0")))) == ([], [])


def test_the_end_of_a_connection_is_not_told_of_the_pod_that_has_its_address_by_then():
    flows, _ = flows_of(events((500, "DESTROY", ENDED)))
    when = [datetime.fromtimestamp(AT + at, UTC).isoformat() for at in (-7200, 440)]
    objects = [
        *(workload("Deployment", name) for name in ("web", "bot", "api")),
        pod("api-0", "api", ip="10.244.1.8", owner=("Deployment", "api"), created=when[0]),
        pod("web-0", "web", ip="10.244.1.5", owner=("Deployment", "web"), created=when[0], deleted=AT + 430),
        pod("bot-0", "bot", ip="10.244.1.5", owner=("Deployment", "bot"), created=when[1]),
    ]
    found = session(flows, objects, now=AT + 7200)
    assert table(found, "Deployment/api", IN) == ["ip 10.244.1.5 TCP 8080"]


def test_a_table_before_events_is_told_once_when_they_begin():
    told, left = flows_of(OPEN + "\n" + events((100, "NEW", OTHER), (107, "UPDATE", OPEN)))
    assert left == []
    of_table = [flow for flow in told if 40_000 in (flow.source_port, flow.destination_port)]
    assert [(flow.is_reply, flow.proven, flow.time) for flow in of_table] == [
        (False, False, AT + 100),
        (True, False, AT + 100),
    ]


def test_a_table_after_events_tells_only_what_they_did_not():
    told, _ = flows_of(
        events((100, "NEW", OPENING), (101, "UPDATE", OPEN)) + OPEN + "\n" + OPEN.replace("40000", "40009")
    )
    assert [flow.source_port for flow in told if not flow.is_reply] == [40_000, 40_000, 40_009]


def test_minutes_without_an_event_are_not_counted():
    others = [(second, "NEW", ASKED.replace("40000", str(41_000 + second))) for second in range(110, 900, 10)]
    opened = [(100, "NEW", OPENING), (101, "UPDATE", OPEN)]
    alone, _ = flows_of(events(*opened))
    among, _ = flows_of(events(*opened, *others))
    assert len(among) - len(others) == len(alone) == 3
    again, _ = flows_of(events(*opened, *others, (950, "UPDATE", OPEN)))
    assert len(again) - len(among) == 2


def test_what_ended_and_what_ran_out_leaves_the_table():
    decoder = ConntrackFileDecoder(AT)
    for second in range(100, 2100):
        decoder.decode(events((second, "NEW", ASKED.replace("40000", str(30_000 + second)))))
    assert len(decoder._connections._legs) < 400
    before = len(decoder._connections._legs)
    decoder.decode(events((2100, "NEW", OPENING)))
    decoder.decode(events((2101, "DESTROY", ENDED)))
    assert len(decoder._connections._legs) == before
    decoder.decode(events((9000, "NEW", OPENING)))
    assert len(decoder._connections._legs) == 1


@pytest.mark.parametrize(("second", "again"), [(120, False), (700, True)])
def test_what_ran_out_is_the_same_connection_until_the_kernel_has_certainly_removed_it(second, again):
    brief, other = OPEN.replace("432000", "10"), ASKED.replace("40000", "40001")
    around = [(30, "NEW", other), (85, "NEW", OPENING), (86, "UPDATE", brief), (second, "NEW", other)]
    flows, _ = flows_of(events(*around, (second, "UPDATE", brief)))
    assert any(flow.time == AT + second for flow in flows if flow.protocol is Protocol.TCP) is again


def test_flows_come_while_events_do():
    decoder = ConntrackFileDecoder(AT)
    told = [
        decoder.decode(f"[{second}.0] [NEW] {OPENING.replace('40000', str(second))}")
        for second in range(40000, 40020)
    ]
    assert sum(map(len, told)) > 0


def test_open_vswitch_tells_the_backend_zone_and_start():
    entry = decode_dpctl(DPCTL)
    assert isinstance(entry, Entry)
    assert entry.answered
    assert entry.state == "ESTABLISHED"
    assert entry.key[9] == " zone=65520"
    assert entry.start == 1795172270.123
    flows, left = flows_of(DPCTL)
    assert left == []
    assert ("10.244.1.5", "10.244.1.8", 8080) in {(s, d, port) for s, d, _, port, _, _ in requests(flows)}
    assert looks(DPCTL.encode())


@pytest.mark.parametrize(
    ("line", "answered"),
    [
        (DPCTL.replace("SEEN_REPLY|", ""), False),
        (DPCTL.replace(",status=SEEN_REPLY|ASSURED|CONFIRMED|DST_NAT|DST_NAT_DONE", ""), True),
        (
            "udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=4000,dport=53),"
            "reply=(src=10.0.0.2,dst=10.0.0.1,sport=53,dport=4000)",
            None,
        ),
        (DPCTL.replace("(state=ESTABLISHED)", "(state_orig=TIME_WAIT,state_reply=TIME_WAIT)"), True),
    ],
)
def test_open_vswitch_tells_whether_an_answer_came(line, answered):
    entry = decode_dpctl(line)
    assert isinstance(entry, Entry)
    assert entry.answered is answered


@pytest.mark.parametrize(
    "line",
    [
        "tcp,orig=(src=10.0.0.1,sport=1,dport=2),reply=(src=10.0.0.2,dst=10.0.0.1,sport=2,dport=1)",
        DPCTL.replace("sport=40000", "sport=70000"),
        DPCTL.replace("10.244.1.5", "10.244.1.500"),
        "tcp,orig=",
        "",
    ],
)
def test_what_is_no_entry_of_open_vswitch_is_said(line):
    assert isinstance(decode_dpctl(line), Unread)


@pytest.mark.parametrize(
    "head", [b"", b"\n\n", b'{"flow": {}}\n', b"src=x dst=y\n", b"kind: Pod\n", b"1,2,3,4\n", b"\xff\xfe\x00"]
)
def test_other_files_do_not_look_like_it(head):
    assert not looks(head)


def test_no_mutated_line_stops_the_decoder():
    rng = random.Random(7)
    lines = [
        OPENING,
        OPEN,
        DPCTL,
        f"[1795172270.66]\t    [NEW] {OPENING}",
        f"[1795172271.1]\t[DESTROY] {CLOSED}",
    ]
    alphabet = "".join(sorted(set(chain.from_iterable(lines)))) + "\x00\x1b\u00e9"
    decoder, told = ConntrackFileDecoder(AT), 0
    for number in range(100_000):
        line = list(lines[number % len(lines)])
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(line))
            line[at : at + rng.randrange(3)] = rng.choices(alphabet, k=rng.randrange(3))
        found = decoder.decode("".join(line))
        if number % 500 == 0:
            decoder = ConntrackFileDecoder(AT)
        assert isinstance(found, Unread | tuple)
        told += isinstance(found, tuple) and all(isinstance(flow, Flow) for flow in found)
    assert 20_000 < told < 90_000


BRIEF = (
    "udp,orig=(src=10.244.1.5,dst=10.244.1.8,sport=40000,dport=8125),"
    "reply=(src=10.244.1.8,dst=10.244.1.5,sport=8125,dport=40000)"
)


def test_what_tells_nothing_of_answers_is_of_a_source_of_its_own():
    answered = BRIEF.replace("udp", "tcp") + ",protoinfo=(state=TIME_WAIT)"
    flows, left = flows_of(BRIEF + "\n" + answered)
    told = {(f.protocol.value, f.is_reply, f.verdict.name, f.origin) for f in flows}
    assert left == []
    assert told == {
        ("UDP", False, "UNKNOWN", "conntrack-brief"),
        ("TCP", False, "FORWARDED", "conntrack"),
        ("TCP", True, "FORWARDED", "conntrack"),
    }


def test_brief_entries_of_udp_tell_no_time_either():
    flows, _ = flows_of(BRIEF)
    assert {(flow.time, flow.source.doubt) for flow in flows} == {(AT - 120, 120)}


@pytest.mark.parametrize("state", ["state=ESTABLISHED", "state_orig=ESTABLISHED,state_reply=ESTABLISHED"])
def test_brief_entries_of_what_is_open_do_not_tell_that_it_is_used(state):
    decoder = ConntrackFileDecoder(AT)
    assert decoder.decode(f"{BRIEF.replace('udp', 'tcp')},protoinfo=({state})") == ()
    assert (decoder.finish(), decoder.idle) == ((), 1)


@pytest.mark.parametrize(
    ("reply", "state"), [("ESTABLISHED", "ESTABLISHED"), ("SYN_SENT", ""), ("FIN_WAIT_2", "")]
)
def test_open_is_what_both_sides_have_open(reply, state):
    entry = decode_dpctl(
        DPCTL.replace("(state=ESTABLISHED)", f"(state_orig=ESTABLISHED,state_reply={reply})")
    )
    assert isinstance(entry, Entry)
    assert entry.state == state


@pytest.mark.parametrize(("left", "told", "idle"), [(86_399, 3, 0), (80_000, 0, 1)])
def test_open_vswitch_without_the_kernel_tells_what_is_open_of_each_side(left, told, idle):
    text = DPCTL.replace("(state=ESTABLISHED)", "(state_orig=ESTABLISHED,state_reply=ESTABLISHED)")
    decoder = ConntrackFileDecoder(AT)
    assert decoder.decode(text.replace("timeout=86399", f"timeout={left}")) == ()
    assert (len(decoder.finish()) >= told, decoder.idle) == (True, idle)
