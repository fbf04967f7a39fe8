"""Real recordings of Bookinfo clusters decode without a single problem."""

import json
from collections import Counter
from pathlib import Path

import pytest

from netsec_tui.model.flow import Flow, Protocol, Reserved, Verdict
from netsec_tui.sources.hubble.decode import HubbleDecoder

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "flows" / "hubble"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the recordings are not there: ../shared/data")


def flows(name):
    decoder = HubbleDecoder()
    with (FOLDER / f"basic-sample-{name}-flows.json").open(encoding="utf-8") as lines:
        return [decoder.decode(json.loads(line)) for line in lines]


@pytest.mark.parametrize(
    ("name", "directions"),
    [
        ("10", {(False, True): 5, (True, True): 5}),
        ("330-dns", {(False, True): 165, (True, True): 165}),
        ("400-l7-redirected", {(False, True): 400}),
        # 45 of the 50 packets on their way into the overlay carry no direction and no SYN.
        ("400-tcp", {(False, True): 222, (True, True): 133, (None, False): 45}),
    ],
)
def test_every_record_is_a_flow_with_a_known_direction(name, directions):
    decoded = flows(name)
    assert {type(flow) for flow in decoded} == {Flow}
    assert Counter((flow.is_reply, flow.proven) for flow in decoded) == directions


def test_requests_go_to_listening_ports_only():
    ports = Counter(flow.destination_port for flow in flows("400-tcp") if flow.is_reply is False)
    assert set(ports) == {9080, 14250, 14269, 4244}


def test_pods_known_as_world_and_proxied_pods_without_a_name_are_kept():
    ends = [end for flow in flows("400-tcp") for end in (flow.source, flow.destination)]
    assert any(end.pod and end.reserved is Reserved.WORLD for end in ends)
    proxied = [end for end in ends if not end.pod and ("app", "productpage") in end.labels]
    assert {end.namespace for end in proxied} <= {"", "bookinfo"}
    assert proxied


def test_nothing_that_cilium_adds_is_a_pod_label():
    keys = {
        key
        for name in ("10", "330-dns", "400-tcp", "400-l7-redirected")
        for flow in flows(name)
        for key, _ in flow.source.labels + flow.destination.labels
    }
    assert keys
    assert not [key for key in keys if key.startswith(("io.cilium.", "io.kubernetes.pod."))]


def test_redirected_dns_is_udp_to_port_53():
    dns = [flow for flow in flows("400-l7-redirected") if flow.protocol is Protocol.UDP]
    assert {(flow.destination_port, flow.verdict) for flow in dns} == {(53, Verdict.REDIRECTED)}
    assert {flow.destination.namespace for flow in dns} == {"kube-system"}
