"""Agents that see no traffic: watched all the same."""

import pytest

from netsec_tui.sources.access import Access
from netsec_tui.sources.hubble.exec import HubbleExecSource
from tests.sources.api_server import write_kubeconfig
from tests.sources.collected import following
from tests.sources.exec_server import HANGS, ExecServer
from tests.sources.hubble.test_hubble_exec import agent
from tests.sources.running import running


@pytest.mark.usefixtures("no_proxy_and_no_waiting")
def test_an_agent_that_streams_counts_as_reporting_before_its_first_flow(tmp_path):
    with running(ExecServer([agent("cilium-a", "n1")])) as server:
        server.commands = {("cilium-a", "hubble"): HANGS}
        access = Access("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
        with following(HubbleExecSource(access)) as collected:
            collected.wait_for(
                lambda: collected.status.observed and collected.status.observed.nodes == {"n1"}
            )
            assert (collected.status.detail, collected.status.error) == ("0 flows from 1 of 1 nodes", "")
