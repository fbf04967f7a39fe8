"""Lines of connection tracking tables, sound and broken."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.model.flow import Protocol
from netsec_tui.sources.conntrack.entry import Entry, EntryDecoder, Unread, protocol_of
from tests.sources.conntrack.conntrack_lines import REAL, line

ICMP = (
    "ipv4     2 icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id={} src=10.0.0.2 dst=10.0.0.1 "
    "type=0 code=0 id={} mark=0 zone=0 use=2"
)


def decode(text):
    return EntryDecoder().decode(text)


@pytest.mark.parametrize(
    ("name", "number", "original", "reply", "zone", "state", "timeout", "answered", "age"),
    [
        ("through a Service", 6, ("10.244.1.5", 57268, "10.96.10.20", 80),
         ("10.244.1.8", 8080, "10.244.1.5", 57268), "", "ESTABLISHED", 431998, True, 1),
        ("DNS", 17, ("10.244.1.5", 55109, "10.96.0.10", 53),
         ("10.244.1.9", 5353, "10.244.1.5", 55109), "", "", 28, True, 1),
        ("in a zone", 6, ("10.244.1.5", 49336, "10.244.1.7", 7777),
         ("10.244.1.7", 7777, "10.244.1.5", 49336), " zone=11", "ESTABLISHED", 431998, True, 1),
        ("node port", 6, ("192.0.2.1", 48284, "192.0.2.10", 30080),
         ("10.244.1.8", 8080, "10.244.1.1", 48284), "", "ESTABLISHED", 431998, True, 1),
        ("by conntrack -L", 6, ("10.244.1.5", 49568, "10.244.1.8", 8080),
         ("10.244.1.8", 8080, "10.244.1.5", 49568), "", "TIME_WAIT", 118, True, 2),
        ("by conntrack -L -o extended,id", 17, ("fd00::5", 51235, "fd00::9", 9),
         ("fd00::9", 9, "fd00::5", 51235), "", "", 29, False, -1),
        ("IPv6 by the kernel", 17, ("fd00:10:244:1::5", 51235, "fd00:10:244:1::9", 53),
         ("fd00:10:244:1::9", 53, "fd00:10:244:1::5", 51235), "", "", 29, False, -1),
    ],
)  # fmt: skip
def test_real_lines(name, number, original, reply, zone, state, timeout, answered, age):
    entry = decode(REAL[name])
    assert entry.key == (number, *original, *reply, zone, "")
    told = (entry.state, entry.timeout, entry.answered, entry.age, entry.start)
    assert told == (state, timeout, answered, age, -1.0)


def test_start_of_a_connection_has_blanks_inside():
    text = REAL["by conntrack -L -o extended,id"]
    entry = decode(text.replace("id=880969783", "[start=Fri Nov  6 10:57:50 2026] id=880969783"))
    assert entry.start == 1793962670.0
    assert decode(text + " [start=Fri Nob 31 10:57:50 2026]").start == -1.0


def test_offloaded_connection_has_neither_state_nor_timeout():
    entry = decode(
        "ipv4     2 tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 "
        "src=10.0.0.2 dst=10.0.0.1 sport=6 dport=5 [HW_OFFLOAD] mark=0 use=2"
    )
    assert (entry.state, entry.timeout, entry.answered) == ("", -1, True)
    assert entry.key[1:5] == ("10.0.0.1", 5, "10.0.0.2", 6)


def test_pings_are_told_apart_by_their_id():
    first, second = decode(ICMP.format(77, 77)), decode(ICMP.format(78, 78))
    assert first.key[1:5] == second.key[1:5] == ("10.0.0.1", 0, "10.0.0.2", 0)
    assert first.key != second.key
    assert protocol_of(first.key[0]) is Protocol.ICMP


def test_zones_of_either_direction_tell_entries_apart():
    plain = line()
    one, other = (
        plain.replace(" zone=0", " zone=3"),
        plain.replace("dport=8080 ", "dport=8080 zone-orig=3 ", 1).replace(" zone=0", ""),
    )
    assert len({decode(text).key for text in (plain, one, other)}) == 3
    assert decode(plain.replace(" zone=0", "")).key == decode(plain).key  # the tool leaves it out


def test_mapped_ipv4_is_ipv4():
    assert decode(line("::ffff:10.0.0.1:5", "::ffff:10.0.0.2:6")).key[1:5] == (
        "10.0.0.1",
        5,
        "10.0.0.2",
        6,
    )


@pytest.mark.parametrize(
    ("number", "protocol"),
    [(6, Protocol.TCP), (17, Protocol.UDP), (132, Protocol.SCTP), (1, Protocol.ICMP), (58, Protocol.ICMP),
     (47, Protocol.OTHER), (2, Protocol.OTHER)],
)  # fmt: skip
def test_protocols(number, protocol):
    assert protocol_of(number) is protocol


def test_protocol_without_name_or_ports():
    entry = decode(
        "ipv4     2 unknown  2 599 src=10.0.0.1 dst=224.0.0.22 [UNREPLIED] "
        "src=224.0.0.22 dst=10.0.0.1 mark=0 use=1"
    )
    assert (entry.key[0], entry.key[3], entry.answered) == (2, "224.0.0.22", False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not an entry"),
        ("conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.", "not an entry"),
        (line().partition("] ")[0].rpartition(" src=")[0], "not an entry"),
        (line().replace("10.244.1.8", "example.com"), "'example.com' is no IP address"),
        (line().replace("10.244.1.8", "10.244.1.256"), "'10.244.1.256' is no IP address"),
        (line().replace("8080", "80801"), "a port is no number"),
        (line().replace("8080", "9" * 500), "a port is no number"),
        (line() + " x" * 2000, "not an entry"),
    ],
)
def test_what_cannot_be_read_says_why(text, reason):
    unread = decode(text)
    assert isinstance(unread, Unread)
    assert unread.reason.startswith(reason)


ALPHABET = st.sampled_from(
    [*"abc019.:=[] \t\x00\x1bäß\ud800", "src=", "dst=", "sport=", "dport=", " zone=", "\u2028"]
)


@given(st.lists(ALPHABET).map("".join))
def test_no_text_breaks_the_decoder(text):
    assert isinstance(decode(text), Entry | Unread)


def test_no_mutation_of_a_real_line_breaks_the_decoder():
    chance, decoder, read = random.Random(6), EntryDecoder(), 0
    bits = [
        b"",
        b" ",
        b"=",
        b"src=",
        b"dst=",
        b"\xff",
        b"\x00",
        b"9" * 30,
        b"[",
        b"sport=7",
        b"zone=",
        b"-",
        b"::",
    ]
    real = [text.encode() for text in REAL.values()]
    for _ in range(100_000):
        raw = chance.choice(real)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(raw))
            raw = raw[:at] + chance.choice(bits) + raw[at + chance.randrange(8) :]
        decoded = decoder.decode(raw.decode("utf-8", "replace"))
        assert isinstance(decoded, Entry | Unread)
        if isinstance(decoded, Entry):
            read += 1
            assert all(0 <= port <= 65535 for port in decoded.key[2:9:2])
    assert 1000 < read < 99_000


@settings(max_examples=50)
@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 65535), st.integers(0, 65535))
def test_every_address_and_port_comes_back(source, destination, sport, dport):
    entry = decode(line(f"{source}:{sport}", f"{destination}:{dport}", protocol="sctp"))
    wanted = [getattr(ip, "ipv4_mapped", None) or ip for ip in (source, destination)]
    assert entry.key[1:5] == (str(wanted[0]), sport, str(wanted[1]), dport)
