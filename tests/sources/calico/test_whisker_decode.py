"""Flows of Whisker: in lists and one by one, of released versions and newer, and broken ones."""

import json
import random

import pytest

from netsec_tui.model.flow import Endpoint, Flow, Protocol, Reserved, Verdict
from netsec_tui.sources.calico.whisker_decode import looks, whisker_decoder
from netsec_tui.sources.problem import Problem
from tests.sources.calico.calico_flows import API, PRIVATE, PUBLIC, START, goldmane_json, told, whisker_json

SERVER_SIDE, DENY = 2, 2


def decoded(*values):
    decoder = whisker_decoder()
    made = [decoder.decode(json.loads(json.dumps(value))) for value in values]
    assert all(isinstance(part, tuple) for part in made), made
    return [flow for part in made for flow in part] + list(decoder.finish())


def test_flow_tells_all_that_is_known():
    both = told(service=("shop", "api", 80)), told(reporter=SERVER_SIDE)
    assert decoded(*map(whisker_json, both)) == [
        Flow(
            START + 15.0,
            Endpoint("", "shop", "web-6b687c8dcb-*", (("app", "web"),)),
            Endpoint("", "shop", "api-78cb8f69c8-*", (("app", "api"), ("pod-template-hash", "78cb8f69c8"))),
            Protocol.TCP,
            0,
            8080,
            Verdict.FORWARDED,
            is_reply=False,
            origin="whisker",
            arrived=True,
        )
    ]


@pytest.mark.parametrize(
    ("dest", "endpoint"),
    [
        (PUBLIC, Endpoint(reserved=Reserved.WORLD)),
        (PRIVATE, Endpoint(reserved=Reserved.PRIVATE_NETWORK)),
        (("db-*", "data", 1, ()), Endpoint("", "data", "db-*")),
        # A node or a network set: released versions do not tell which.
        (("node-a", "-", 2, ()), Endpoint(reserved=Reserved.NETWORK_SET, names=("node-a",))),
        (("partners", "", 3, ()), Endpoint(reserved=Reserved.NETWORK_SET, names=("partners",))),
        # A network set of a namespace or a pod without a controller: whose labels these are is not known.
        (
            ("corp-dns", "shop", 3, ("app=db",)),
            Endpoint("", "shop", reserved=Reserved.NETWORK_SET, names=("shop/corp-dns",)),
        ),
    ],
)
def test_ends_without_a_type(dest, endpoint):
    (flow,) = decoded(whisker_json(told(dest=dest)))
    assert flow.destination == endpoint


def test_newer_versions_tell_types_and_services():
    flow = told(dest=("node-a", "-", 2, ()), port=6443, service=("default", "kubernetes", 443))
    (made,) = decoded(whisker_json(flow, newer=True))
    assert made.destination == Endpoint(reserved=Reserved.HOST, names=("node-a",))
    assert (made.service, made.destination_port) == (("default", "kubernetes"), 443)


def test_connection_told_by_both_nodes_counts_once_and_is_denied_where_the_servers_node_says_so():
    both = [whisker_json(told()), whisker_json(told(reporter=SERVER_SIDE))]
    assert [(flow.verdict, flow.count) for flow in decoded(*both)] == [(Verdict.FORWARDED, 1)]
    denied = whisker_json(told(reporter=SERVER_SIDE, action=DENY))
    assert [(flow.verdict, flow.count) for flow in decoded(both[0], denied)] == [(Verdict.DROPPED, 1)]


@pytest.mark.parametrize("total", [2, {"totalPages": 1, "totalResults": 2}])
def test_list_is_one_window(total):
    items = [whisker_json(told(seconds=3600)), whisker_json(told(seconds=900, reporter=SERVER_SIDE))]
    assert [flow.count for flow in decoded({"total": total, "items": items})] == [1]


def test_empty_list_is_null():
    assert decoded({"total": 0, "items": None}) == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not a flow of Whisker: a JSON object is expected"),
        ({"a": 1}, "not a flow of Whisker: none of its fields is there"),
        ({"error": "Internal\x1b Server Error"}, "Whisker says: Internal\\x1b Server Error"),
        (whisker_json(told()) | {"end_time": "2026"}, "no time"),
        (whisker_json(told()) | {"end_time": "2026-01-01T00:00:00"}, "no time"),
        (whisker_json(told()) | {"end_time": "1969-12-31T00:00:00Z"}, "no time"),
        ({"items": [{"a": 1}]}, "not a flow of Whisker: none of its fields is there"),
    ],
)
def test_what_cannot_be_used_says_why(value, reason):
    assert whisker_decoder().decode(value) == Problem(reason)


def test_looks():
    assert looks(json.dumps(whisker_json(told())).encode())
    assert looks(b"data: " + json.dumps(whisker_json(told())).encode())
    assert looks(json.dumps({"total": 1, "items": [whisker_json(told())]}).encode())
    assert not looks(json.dumps(goldmane_json(told())).encode())
    assert not looks(b'{"source_name": "-", "source_name_aggr": "a-*", "dest_name": "b", "reporter": "src"}')


_LATE = "9999-12-31T23:59:59-23:59"
_ODD = [None, True, -1, 2**80, 1.5, "", "-", "\ud800", " | ", "=|=", [], [[]], {}, {"name": {}}, _LATE]


def test_broken_flows_never_raise():
    chance, decoder = random.Random(9), whisker_decoder()
    lines = [json.dumps(whisker_json(told(dest=dest), newer=dest is API)) for dest in (API, PUBLIC)]
    kinds = {Problem: 0, tuple: 0}
    for _ in range(100_000):
        value = json.loads(chance.choice(lines))
        for name in chance.choices([*value], k=chance.randrange(4)):
            value[name] = chance.choice(_ODD)
        kinds[type(decoder.decode({"items": [value]} if chance.random() < 0.1 else value))] += 1
    assert min(kinds.values()) > 1000
    assert all(isinstance(flow, Flow) for flow in decoder.finish())
