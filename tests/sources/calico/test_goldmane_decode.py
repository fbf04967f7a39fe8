"""Flows of Goldmane, as messages and as JSON: sound, told by both nodes, repeated and broken."""

import json
import random

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.model.flow import Endpoint, Flow, Protocol, Reserved, Verdict
from netsec_tui.sources.calico import whisker_decode
from netsec_tui.sources.calico.goldmane_decode import (
    goldmane_decoder,
    looks,
    record_of_json,
    record_of_message,
)
from netsec_tui.sources.calico.goldmane_proto import goldmane
from netsec_tui.sources.calico.pairs import REMEMBERED, Pairing
from netsec_tui.sources.calico.record import Record, RecordReader
from netsec_tui.sources.problem import Problem
from tests.sources.calico.calico_flows import (
    API,
    PRIVATE,
    PUBLIC,
    START,
    WEB,
    goldmane_json,
    goldmane_message,
    told,
    whisker_json,
)

ALLOW, DENY = 1, 2
SRC, DST = 1, 2


def by_json(flow):
    return record_of_json(RecordReader(), goldmane_json(flow))


def by_camel_case(flow):
    return record_of_json(RecordReader(), goldmane_json(flow, names=False))


def by_message(flow):
    sent = goldmane_message(goldmane(), flow).SerializeToString()
    return record_of_message(RecordReader(), goldmane()["FlowResult"].FromString(sent).flow)


def by_whisker(flow):
    return whisker_decode.record_of(RecordReader(), whisker_json(flow, newer=True))


forms = pytest.mark.parametrize("read", [by_json, by_camel_case, by_message, by_whisker])


def decoded(*flows):
    decoder = goldmane_decoder()
    made = [decoder.decode(json.loads(json.dumps(goldmane_json(flow)))) for flow in flows]
    assert all(isinstance(part, tuple) for part in made), made
    return [flow for part in made for flow in part] + list(decoder.finish())


def counts(flows):
    """Return how often what became of connections, by Service."""
    found = {}
    for flow in flows:
        key = (flow.verdict.name, flow.service and flow.service[1])
        found[key] = found.get(key, 0) + flow.count
    return found


def test_flow_tells_all_that_is_known():
    (flow,) = decoded(told(service=("shop", "api", 80)), told(reporter=DST))
    assert flow == Flow(
        START + 15.0,
        Endpoint("", "shop", "web-6b687c8dcb-*", (("app", "web"),)),
        Endpoint("", "shop", "api-78cb8f69c8-*", (("app", "api"), ("pod-template-hash", "78cb8f69c8"))),
        Protocol.TCP,
        0,
        8080,
        Verdict.FORWARDED,
        is_reply=False,
        service=("shop", "api"),
        count=3,
        origin="goldmane",
        arrived=True,
        service_port=80,
    )


@forms
@pytest.mark.parametrize(
    ("end", "endpoint"),
    [
        (("db-*", "data", 1, ()), Endpoint("", "data", "db-*")),
        (("lone", "data", 1, ()), Endpoint("", "data", "lone")),
        (("node-a", "-", 2, ("a=b",)), Endpoint(reserved=Reserved.HOST, names=("node-a",))),
        (("partners", "-", 3, ("a=b",)), Endpoint(reserved=Reserved.NETWORK_SET, names=("partners",))),
        (("partners", "shop", 3, ()), Endpoint(reserved=Reserved.NETWORK_SET, names=("shop/partners",))),
        (PUBLIC, Endpoint(reserved=Reserved.WORLD)),
        (PRIVATE, Endpoint(reserved=Reserved.PRIVATE_NETWORK)),
        (("elsewhere", "-", 4, ()), Endpoint(reserved=Reserved.NETWORK_SET, names=("elsewhere",))),
        # A type that is not told, or newer than this.
        (("db-*", "data", 0, ()), Endpoint("", "data", "db-*")),
        (
            ("lone", "data", 0, ("a=b",)),
            Endpoint("", "data", reserved=Reserved.NETWORK_SET, names=("data/lone",)),
        ),
        (("pub", "-", 9, ()), Endpoint(reserved=Reserved.WORLD)),
        (("node-a", "-", 0, ()), Endpoint(reserved=Reserved.NETWORK_SET, names=("node-a",))),
    ],
)
def test_ends(read, end, endpoint):
    assert read(told(dest=end)).destination == read(told(source=end)).source == endpoint


@forms
@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("proto", "udp", ("protocol", Protocol.UDP)),
        ("proto", "SCTP", ("protocol", Protocol.SCTP)),
        ("proto", "icmp", ("protocol", Protocol.ICMP)),
        ("proto", "6", ("protocol", Protocol.TCP)),
        ("proto", "gre", ("protocol", Protocol.OTHER)),
        ("action", 1, ("verdict", Verdict.FORWARDED)),
        ("action", 2, ("verdict", Verdict.DROPPED)),
        ("action", 3, ("verdict", Verdict.FORWARDED)),
        ("action", 0, ("verdict", Verdict.UNKNOWN)),
        ("reporter", 1, ("server_side", False)),
        ("reporter", 2, ("server_side", True)),
        ("port", 0, ("port", 0)),
        ("service", ("shop", "api", 80), ("service", ("shop", "api", 80))),
        ("service", ("shop", "api", 0), ("service", None)),  # the pod's port is not the Service's
        ("service", ("shop", "api", 65536), ("service", None)),
        ("service", ("-", "-", 0), ("service", None)),
        ("started", 0, ("count", 1)),
    ],
)
def test_fields(read, field, value, expected):
    record = read(told(**{field: value}))
    found = record.connection.protocol if expected[0] == "protocol" else getattr(record, expected[0])
    assert found == expected[1]


@forms
@pytest.mark.parametrize(
    ("dest", "port"), [(PRIVATE, 443), (("node-a", "-", 2, ()), 443), (PUBLIC, 443), (API, 6443)]
)
def test_port_of_what_is_no_pod_is_the_one_that_was_dialled(read, dest, port):
    assert read(told(dest=dest, port=6443, service=("default", "kubernetes", 443))).port == port


@pytest.mark.parametrize("read", [by_json, by_camel_case, by_message])
def test_long_lived_connections_count_once_a_window(read):
    assert [read(told(started=n)).count for n in (0, 1, 9)] == [1, 1, 9]


@forms
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": ("-", "-", 1, ())}, "no name of the source"),
        ({"dest": ("", "", 4, ())}, "no name of the destination"),
        ({"dest": ("web-*", "-", 1, ())}, "no namespace of the destination"),
        ({"proto": "-"}, "no protocol"),
        ({"port": 70000}, "the port is not a number from 0 to 65535"),
        ({"port": -1}, "the port is not a number from 0 to 65535"),
    ],
)
def test_what_cannot_be_used_says_why(read, change, reason):
    assert read(told(**change)) == Problem(reason)


@pytest.mark.parametrize("start", [-15, 10**15])
def test_time_must_be_one(start):
    assert by_message(told(start=start)) == by_json(told(start=start)) == Problem("no time")


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, {"flow": 3}, {"Key": []}, {"flow": {"Key": None}}])
def test_what_is_no_flow(value):
    assert isinstance(goldmane_decoder().decode(value), Problem)


# Both nodes tell of a connection


@pytest.mark.parametrize(
    ("flows", "expected"),
    [
        ([(SRC, ALLOW, 3)], {("UNKNOWN", None): 3}),
        ([(DST, ALLOW, 3)], {("FORWARDED", None): 3}),
        ([(SRC, ALLOW, 3), (DST, ALLOW, 3)], {("FORWARDED", None): 3}),
        ([(SRC, ALLOW, 3), (DST, ALLOW, 5)], {("FORWARDED", None): 5}),
        ([(SRC, ALLOW, 5), (DST, ALLOW, 3)], {("FORWARDED", None): 3, ("UNKNOWN", None): 2}),
        ([(SRC, ALLOW, 3), (DST, DENY, 3)], {("DROPPED", None): 3}),
        ([(SRC, ALLOW, 5), (DST, DENY, 2), (DST, ALLOW, 3)], {("FORWARDED", None): 3, ("DROPPED", None): 2}),
        ([(SRC, ALLOW, 1), (DST, DENY, 4)], {("DROPPED", None): 4}),
        ([(SRC, DENY, 4)], {("DROPPED", None): 4}),
        ([(SRC, DENY, 4), (SRC, ALLOW, 2), (DST, ALLOW, 2)], {("DROPPED", None): 4, ("FORWARDED", None): 2}),
        ([(SRC, 0, 2), (DST, 0, 3)], {("UNKNOWN", None): 3}),
        ([(SRC, 3, 2), (DST, ALLOW, 2)], {("FORWARDED", None): 2}),
    ],
)
def test_connection_told_by_both_nodes_counts_once(flows, expected):
    made = [told(reporter=r, action=a, started=n) for r, a, n in flows]
    assert counts(decoded(*made)) == counts(decoded(*made[::-1])) == expected


def test_service_is_known_to_the_clients_node_alone():
    through, direct = told(service=("shop", "api", 80), started=3), told(started=2)
    arrived = told(reporter=DST, started=6)
    assert counts(decoded(through, direct, arrived)) == {("FORWARDED", "api"): 3, ("FORWARDED", None): 3}
    denied = told(reporter=DST, action=DENY, started=4)
    assert counts(decoded(through, direct, denied)) == {
        ("DROPPED", "api"): 3,
        ("DROPPED", None): 1,
        ("UNKNOWN", None): 1,
    }


def test_flows_that_differ_in_their_policies_add_up():
    one, other = told(policy="a", started=2), told(policy="b", started=3)
    assert counts(decoded(one, other, told(reporter=DST, policy="c", started=5))) == {("FORWARDED", None): 5}


def test_windows_add_up_and_what_comes_again_does_not():
    flows = [told(start=START + 15 * n, reporter=r) for n in range(40) for r in (SRC, DST)]
    assert counts(decoded(*flows)) == {("FORWARDED", None): 120}
    assert counts(decoded(*flows, *flows[-12:])) == {("FORWARDED", None): 120}


def test_flows_are_told_as_soon_as_their_windows_are_complete():
    decoder = goldmane_decoder()
    made = [decoder.decode(goldmane_json(told(start=START + 15 * n))) for n in range(200)]
    assert sum(len(part) for part in made) >= 190
    assert {flow.time for part in made for flow in part} <= {START + 15.0 * n for n in range(1, 197)}


def test_list_has_one_window_for_each_connection():
    flows = [told(started=9, seconds=3600), told(reporter=DST, started=9, seconds=1800)]
    decoder = goldmane_decoder()
    assert decoder.decode({"meta": {}, "flows": [goldmane_json(flow) for flow in flows]}) == ()
    assert counts(decoder.finish()) == {("FORWARDED", None): 9}


def records(*flows):
    found = [by_json(flow) for flow in flows]
    assert all(isinstance(record, Record) for record in found)
    return found


def test_what_comes_after_its_window_was_told_adds_only_what_is_more():
    pairs = Pairing("goldmane")
    src, dst, denied = records(
        told(started=3, service=("shop", "api", 80)),
        told(reporter=DST, started=5),
        told(reporter=DST, action=DENY, started=1),
    )
    made = []
    for record in (src, dst, src, dst, denied):
        pairs.add(record)
        made.append(counts(pairs.flush()))
    assert made == [
        {("UNKNOWN", "api"): 3},
        {("FORWARDED", "api"): 3, ("FORWARDED", None): 2},
        {},
        {},
        {("DROPPED", None): 1},
    ]


def test_windows_are_remembered_for_a_while_only():
    pairs = Pairing("goldmane")
    for n in range(1000):
        pairs.add(*records(told(start=START + 15 * n)))
        pairs.flush()
    (ledger,) = pairs._ledgers.values()
    assert len(ledger.known) <= (REMEMBERED + 60) / 15 + 1
    pairs.add(*records(told(dest=PUBLIC, start=START + 20_000)))
    pairs.flush()
    assert len(pairs._ledgers) == 1


reports = st.lists(
    st.tuples(st.sampled_from([SRC, DST]), st.sampled_from([0, 1, 2, 3]), st.integers(1, 9),
              st.sampled_from(["-", "api", "other"]), st.sampled_from("ab")),
    min_size=1, max_size=8,
)  # fmt: skip


@given(reports, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_what_is_counted(given_reports, shuffled):
    flows = [
        told(reporter=r, action=a, started=n, service=("shop", name, 80), policy=policy)
        for r, a, n, name, policy in given_reports
    ]
    once = counts(decoded(*flows))
    again = [*flows, *flows]
    shuffled.shuffle(again)
    assert counts(decoded(*again)) == once
    told_by = {r: sum(max(f["started"] for f in same) for same in _alike(flows, r)) for r in (SRC, DST)}
    assert max(told_by.values()) <= sum(once.values()) <= sum(told_by.values())


def _alike(flows, reporter):
    same = {}
    for flow in flows:
        if flow["reporter"] == reporter:
            verdict = 1 if flow["action"] == 3 else flow["action"]
            same.setdefault((verdict, flow["service"], flow["policy"]), []).append(flow)
    return same.values()


# What it looks like, and what is broken


def test_looks():
    line = json.dumps(goldmane_json(told())).encode()
    assert looks(line)
    assert looks(json.dumps(goldmane_json(told(), names=False)).encode())
    assert not looks(json.dumps(whisker_json(told())).encode())
    assert not looks(b'{"flow": {"IP": {}, "l4": {}, "verdict": "FORWARDED"}}')
    assert not whisker_decode.looks(line)


_ODD = [None, True, -1, 2**80, 1.5, "", "-", "\ud800", "x" * 70, [], [[]], {}, {"a": {}}, "1e9", "٣"]


def test_broken_json_never_raises():
    chance, decoder = random.Random(7), goldmane_decoder()
    lines = [
        json.dumps(goldmane_json(told(dest=dest), names=names))
        for dest in (API, PUBLIC)
        for names in (True, False)
    ]
    kinds = {Problem: 0, tuple: 0}
    for _ in range(100_000):
        value = json.loads(chance.choice(lines))
        holder = chance.choice((value, value["flow"], value["flow"]["Key"], value["flow"]["Key"]))
        for name in chance.choices([*holder], k=chance.randrange(3)):
            holder[name] = chance.choice(_ODD)
        kinds[type(decoder.decode(value))] += 1
    assert min(kinds.values()) > 1000
    assert all(isinstance(flow, Flow) for flow in decoder.finish())


def test_broken_messages_never_raise():
    chance, reader, classes = random.Random(8), RecordReader(), goldmane()
    base = [
        goldmane_message(classes, told(dest=dest, service=("shop", "api", 80))).SerializeToString()
        for dest in (API, PUBLIC, WEB)
    ]
    kinds = {Problem: 0, Record: 0}
    for _ in range(100_000):
        data = bytearray(chance.choice(base))
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            message = classes["FlowResult"].FromString(bytes(data[: chance.randrange(len(data) // 2, 999)]))
        except DecodeError:
            continue
        kinds[type(record_of_message(reader, message.flow))] += 1
    assert min(kinds.values()) > 100
