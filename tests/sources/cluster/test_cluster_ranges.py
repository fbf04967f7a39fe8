"""What tells ranges is asked of an API server: by name, where it is served, and with few permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.model.config import Config
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.capture.writer import CaptureWriter
from netsec_tui.sources.cluster import ranges as cluster_ranges
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.contract import Message
from netsec_tui.sources.feeds.feed import read_all
from netsec_tui.sources.objects.ranges import CONFIG_MAPS
from tests.sources.api_server import ApiServer
from tests.sources.collected import following, read
from tests.sources.kube_objects import obj, pod
from tests.sources.running import running

SECRET = "hunter2"
KUBEADM = f"networking: {{podSubnet: 10.244.0.0/16}}\ntoken: {SECRET}"
OBJECTS = [
    pod("web"),
    obj("ConfigMap", "kubeadm-config", "kube-system", data={"ClusterConfiguration": KUBEADM}),
    obj("ConfigMap", "passwords", "kube-system", data={"root": SECRET}),
    obj("ServiceCIDR", "kubernetes", None, "networking.k8s.io/v1", spec={"cidrs": ["10.96.0.0/16"]}),
]
SERVICE_CIDRS = "/apis/networking.k8s.io/v1/servicecidrs"

pytestmark = pytest.mark.usefixtures("no_proxy_and_no_waiting")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running(ApiServer(list(OBJECTS))) as started:
        started.more = {SERVICE_CIDRS: ("ServiceCIDR", "networking.k8s.io/v1")}
        yield started


def state(source: ClusterSource) -> Inventory:
    reading = read_all([source], lambda flows: None)
    assert (reading.failures, reading.unclear) == ((), ())
    return settled(reading.inventory, Config())


def test_ranges_come_from_service_cidrs_and_named_config_maps(
    server: ApiServer, source: ClusterSource
) -> None:
    found = state(source)
    assert (found.pod_cidrs, found.service_cidrs) == (("10.244.0.0/16",), ("10.96.0.0/16",))
    assert (found.missing, found.unread_ranges) == ((), ())
    assert [told.origin for told in found.discovered] == [
        "ServiceCIDR kubernetes",
        "ConfigMap kube-system/kubeadm-config networking.podSubnet",
    ]


def test_config_maps_are_got_by_name_and_never_listed(server: ApiServer, source: ClusterSource) -> None:
    read(source)
    asked = [path for path in server.asked if "configmaps" in path or "secrets" in path]
    assert asked == [f"/api/v1/namespaces/{namespace}/configmaps/{name}" for namespace, name in CONFIG_MAPS]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_service_cidrs_are_found_in_the_version_that_has_them(
    server: ApiServer, source: ClusterSource, version: str
) -> None:
    api = f"networking.k8s.io/{version}"
    server.more = {f"/apis/{api}/servicecidrs": ("ServiceCIDR", api)}
    assert state(source).service_cidrs == ("10.96.0.0/16",)


POOLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("projectcalico.org/v3", "ippools", "IPPool", {"cidr": "192.168.0.0/16"}),
    ("crd.projectcalico.org/v1", "ippools", "IPPool", {"cidr": "192.168.0.0/16"}),
    ("cilium.io/v2", "ciliumnodes", "CiliumNode", {"ipam": {"podCIDRs": ["10.0.1.0/24"]}}),
    ("cilium.io/v2alpha1", "ciliumpodippools", "CiliumPodIPPool", {"ipv4": {"cidrs": ["10.30.0.0/16"]}}),
    ("config.openshift.io/v1", "networks", "Network", {"clusterNetwork": [{"cidr": "10.128.0.0/14"}]}),
]


@pytest.mark.parametrize(("api", "plural", "kind", "spec"), POOLS)
def test_pools_are_listed_where_their_group_is_served(
    server: ApiServer, source: ClusterSource, api: str, plural: str, kind: str, spec: dict[str, Any]
) -> None:
    server.more |= {f"/apis/{api}/{plural}": (kind, api)}
    server.objects.append(obj(kind, "x", None, api, spec=spec))
    found = state(source)
    assert len(found.pod_cidrs) == 2
    assert found.missing == ()


def test_a_cluster_without_any_of_it_is_no_trouble(server: ApiServer, source: ClusterSource) -> None:
    server.more, server.objects = {}, [pod("web")]
    found = state(source)
    assert (found.discovered, found.missing, found.unread_ranges) == ((), (), ())


def test_what_may_not_be_read_is_named_with_the_rule_that_is_missing(
    server: ApiServer, source: ClusterSource
) -> None:
    server.refuse = {name: [403] for _, name in CONFIG_MAPS} | {"servicecidrs": [403]}
    found = state(source)
    assert found.discovered == ()
    assert found.missing == ()
    cidrs, maps = found.unread_ranges
    assert 'apiGroups: ["networking.k8s.io"], resources: ["servicecidrs"], verbs: ["list"]' in cidrs
    names = ", ".join(dict.fromkeys(name for _, name in CONFIG_MAPS))
    assert f'resources: ["configmaps"], resourceNames: [{names}], verbs: ["get"]' in maps


def test_a_config_map_that_the_server_fails_to_give_is_named(
    server: ApiServer, source: ClusterSource
) -> None:
    server.refuse = {"kube-proxy": [503]}
    found = state(source)
    assert found.pod_cidrs == ("10.244.0.0/16",)
    (problem,) = found.unread_ranges
    assert "503" in problem


def test_a_recording_keeps_ranges_and_what_was_refused_but_no_secret(
    server: ApiServer, source: ClusterSource, tmp_path: Path
) -> None:
    server.refuse = {"kube-proxy": [403]}
    heard: list[Message] = []
    source.read(heard.append)
    with CaptureWriter(tmp_path / "c.capture") as writer:
        for message in heard:
            writer.write(message)
    assert SECRET not in (tmp_path / "c.capture").read_text()
    reading = read_all([CaptureSource(tmp_path / "c.capture")], lambda flows: None)
    found = settled(reading.inventory, Config())
    assert (found.pod_cidrs, found.service_cidrs) == (("10.244.0.0/16",), ("10.96.0.0/16",))
    (problem,) = found.unread_ranges
    assert "resourceNames: [kube-proxy]" in problem


def test_a_range_that_changes_while_it_is_followed_is_read_again(
    server: ApiServer, source: ClusterSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_ranges, "EVERY", 2)
    with following(source) as found:
        found.wait_for(lambda: "10.244.0.0/16" in json.dumps(found.objects))
        changed = obj("ConfigMap", "kubeadm-config", "kube-system",
                      data={"ClusterConfiguration": "networking: {podSubnet: 10.9.0.0/16}"})  # fmt: skip
        server.objects = [pod("web"), changed]
        found.wait_for(lambda: "10.9.0.0/16" in json.dumps(found.objects))
