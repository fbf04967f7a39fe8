"""How much of a file is looked at for its format."""

import pytest

from netsec_tui.model.flow import Flow
from netsec_tui.sources.lines.source import FlowFileSource
from tests.sources.collected import read
from tests.sources.lines.test_lines_formats import TABLE


@pytest.mark.parametrize("before", [b"", b"\n" * 100, b"\r\n" * 3])
def test_empty_lines_before_the_first_line_that_tells_the_format_cost_nothing(tmp_path, before):
    path = tmp_path / "flows"
    path.write_bytes(before + TABLE.encode())
    flows = [flow for flow in read(FlowFileSource(path)).flows if isinstance(flow, Flow)]
    assert {flow.source.ip for flow in flows if not flow.is_reply} == {"10.244.1.5"}
