"""Whose table leaves its pods out, and what the kernel counts as lost: by made-up tables of two nodes."""

import pytest

from netsec_tui.sources.conntrack.entry import EntryDecoder
from netsec_tui.sources.conntrack.health import losses, missed
from netsec_tui.sources.conntrack.pods import SETTLED_SECONDS, SILENT_SECONDS, PodAddresses, Sight
from tests.sources.conntrack.conntrack_lines import line

NOW = 1_800_000_000.0
WEB, DB, METRICS = "10.244.1.5", "10.244.2.8", "10.244.2.9"
NODE_1, NODE_2, BRIDGE, OUTSIDE = "192.0.2.10", "192.0.2.11", "10.244.1.1", "198.51.100.7"
NODES = ("n1", "n2")


def pod(node, ip, *, host=False, started=NOW - SETTLED_SECONDS):
    return {"node": node, "ips": [ip], "uid": ip, "host": host, "started": started}


PODS = [pod("n1", WEB), pod("n2", DB), pod("n2", METRICS)]
HOSTS = [pod("n1", NODE_1, host=True), pod("n2", NODE_2, host=True)]
PROBE = line(f"{BRIDGE}:40000", f"{WEB}:8080")
BETWEEN = line(f"{DB}:40000", f"{WEB}:8080")


def watching(*readings, pods=PODS):
    """Return who is found blind after each reading of both nodes, one every so many seconds."""
    addresses, decoder, told = PodAddresses(), EntryDecoder(), []
    addresses.take([*HOSTS, *pods])
    sight = Sight(addresses)
    for number, tables in enumerate(readings):
        for node, lines in tables.items():
            for entry in map(decoder.decode, lines):
                sight.look(entry, node, NOW + number * SILENT_SECONDS)
            sight.end(node, NOW + number * SILENT_SECONDS)
            told.append(sight.news(NODES, SILENT_SECONDS))
    return [name for names in told for name in names]


def test_an_address_changes_hands_where_another_pod_had_it_before():
    addresses, heir = PodAddresses(), {**pod("n1", WEB), "uid": "heir"}
    listed = [(PODS, []), (PODS, []), (PODS[1:], []), ([*PODS[1:], heir], [WEB]), ([heir], [])]
    assert [addresses.take(pods) for pods, _ in listed] == [changed for _, changed in listed]


def test_where_no_table_names_a_pod_all_are_blind_once():
    assert watching(*[{"n1": [PROBE], "n2": []}] * 5) == ["n1", "n2"]
    assert watching({"n1": [PROBE], "n2": []}) == []


def test_a_quiet_node_is_not_blind():
    busy = [line(f"{DB}:40000", f"{OUTSIDE}:443")]
    assert watching(*[{"n1": [PROBE], "n2": busy}] * 5) == []


def test_nor_is_a_new_pod_or_a_minority():
    new = [pod("n1", WEB, started=NOW - 1), *PODS[1:]]
    assert watching(*[{"n1": []}] * 3, pods=new) == []
    assert watching(*[{"n1": []}] * 3) == []
    assert watching(*[{"n1": []}] * 3, pods=PODS[:1]) == ["n1"]
    assert watching(*[{"n1": []}] * 3, pods=[pod("n1", WEB, started=NOW - 60)]) == []
    assert watching(*[{"n1": []}] * 3, pods=[pod("n1", WEB, started=0.0)]) == []


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        (BETWEEN, ["n1"]),
        (line(f"{WEB}:40000", f"{DB}:5432"), ["n1"]),
        (line(f"{DB}:40000", f"{WEB}:8080", answered=False), []),
        (line(f"{NODE_2}:40000", f"{WEB}:8080"), []),
    ],
)
def test_what_another_table_tells_of_its_pods_makes_a_node_blind(entry, wanted):
    own = line(f"{DB}:40000", f"{OUTSIDE}:443")
    assert watching(*[{"n1": [PROBE], "n2": [own, entry]}] * 3) == wanted


@pytest.mark.parametrize(
    "entry",
    [
        line(f"{WEB}:40000", f"{OUTSIDE}:443"),
        line(f"{WEB}:40000", "10.244.1.99:80"),
        line(f"{OUTSIDE}:40000", f"{WEB}:8080"),
        line(f"{OUTSIDE}:40000", f"{NODE_1}:30080", f"{WEB}:8080", f"{NODE_1}:40000"),
        line(f"{NODE_2}:40000", f"{WEB}:8443"),
        line(f"{WEB}:40000", "10.96.0.1:443", f"{NODE_1}:6443"),
        BETWEEN,
    ],
)
def test_a_table_that_once_named_a_pod_of_its_node_is_believed(entry):
    assert watching({"n1": [entry]}, *[{"n1": [PROBE], "n2": [BETWEEN]}] * 5) == []


@pytest.mark.parametrize(
    "entry",
    [
        PROBE,
        line(f"{NODE_1}:40000", f"{WEB}:8080"),
        line(f"{NODE_1}:40000", "10.96.0.9:80", f"{WEB}:8080"),
        line(f"{WEB}:40000", f"{NODE_1}:10250"),
        line(f"{METRICS}:40000", f"{NODE_1}:9100"),
        line(f"{NODE_1}:40000", f"{NODE_2}:6443"),
    ],
)
def test_what_passes_a_node_itself_names_no_pod(entry):
    assert watching(*[{"n1": [entry], "n2": []}] * 3) == ["n1", "n2"]


HEADER = "entries insert_failed drop early_drop\n"
FULL, NOT_TAKEN, CLASHED = "was full", "mostly as its table was full", "clashed"


@pytest.mark.parametrize(
    ("grown", "wanted"),
    [
        ((0, 0, 0), []),
        ((1, 1, 0), [(1, CLASHED)]),
        ((2, 0, 0), [(2, CLASHED)]),
        ((0, 3, 0), [(3, NOT_TAKEN)]),
        ((0, 0, 3), [(3, FULL)]),
        ((1, 4, 2), [(5, FULL), (1, CLASHED)]),
    ],
)
def test_one_loss_is_one_gap_with_what_the_kernel_means(grown, wanted):
    before, now = (
        losses(HEADER + "0 " + " ".join(f"{start + more:x}" for more in counts))
        for start, counts in ((9, (0, 0, 0)), (9, grown))
    )
    gaps = missed("n1", NOW, before, now)
    assert [(gap.lost, gap.node) for gap in gaps] == [(lost, "n1") for lost, _ in wanted]
    assert all(reason in gap.reason for gap, (_, reason) in zip(gaps, wanted, strict=True))
    assert missed("n1", NOW, {}, now) == ()
