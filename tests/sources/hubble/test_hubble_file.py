"""Files of Hubble in which flows stand twice: each counts once, in memory that does not grow for ever."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.model.flow import Flow
from netsec_tui.sources.contract import FlowsRead, Message
from netsec_tui.sources.hubble.file import HubbleFileDecoder
from netsec_tui.sources.lines.source import FlowFileSource


def record(uuid: object, port: int = 80) -> dict[str, Any]:
    flow = {
        "time": "2021-06-16T16:52:13Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": port}},
        "is_reply": False,
    }
    return {"flow": flow if uuid is None else {**flow, "uuid": uuid}, "node_name": "n1"}


def read(path: Path, records: list[dict[str, Any]]) -> list[int]:
    """Return the ports of the flows that a file of records tells."""
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    told: list[Message] = []
    FlowFileSource(path).read(told.append)
    flows = itertools.chain.from_iterable(one.flows for one in told if isinstance(one, FlowsRead))
    return [flow.destination_port for flow in flows if isinstance(flow, Flow)]


def test_two_exports_put_together_count_each_flow_once(tmp_path: Path) -> None:
    export = [record(f"u{n}", n) for n in range(1, 5)]
    assert read(tmp_path / "flows.json", [*export[:3], *export]) == [1, 2, 3, 4]


@pytest.mark.parametrize("uuid", [None, "", 7, ["u"]], ids=["without", "empty", "a number", "a list"])
def test_what_has_no_uuid_counts_as_often_as_it_stands_there(tmp_path: Path, uuid: object) -> None:
    assert read(tmp_path / "flows.json", [record(uuid)] * 2) == [80, 80]


def test_another_file_is_read_by_itself(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert read(tmp_path / name, [record("u1")]) == [80]


def test_so_many_flows_are_remembered_at_least_and_twice_as_many_at_most() -> None:
    decoder = HubbleFileDecoder(remembered=10)
    told = [decoder.decode(record(f"u{n}")) for n in (*range(30), *range(20, 30), *range(10))]
    assert [type(one) is Flow for one in told] == [True] * 30 + [False] * 10 + [True] * 10
