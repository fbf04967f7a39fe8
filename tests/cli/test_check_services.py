"""``netsec-tui check`` of connections to Services: who is behind them, and as whom one comes."""

from pathlib import Path

import pytest
import yaml

from tests.cli.check_policies import DENY_DATA, WEB_TO_DB

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"namespace": "data", "name": "db"},
    "spec": {
        "selector": {"app": "db"},
        "clusterIP": "10.96.0.9",
        "ports": [{"port": 80, "targetPort": 5432}],
    },
}


@pytest.mark.parametrize("destination", ["data/svc/db", "data/Service/db", "10.96.0.9"])
def test_service_leads_to_its_pods_and_their_port(policies, ask, tmp_path, destination):
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(SERVICE), encoding="utf-8")
    flags = [*policies(("data", "web-to-db", WEB_TO_DB)), "--manifests", "service.yaml"]
    code, document = ask(flags, "shop/deploy/web", destination, "TCP/80")
    assert (code, document["verdicts"][0]["port"]) == (0, 5432)
    assert any("leads port TCP/80 to port 5432" in note for note in document["notes"])
    assert ask(flags, "shop/idle-1", destination, "TCP/80")[0] == 1


def test_pod_reaching_itself_through_a_service_cannot_be_told(policies, ask, tmp_path):
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(SERVICE), encoding="utf-8")
    flags = [*policies(("data", "deny-all", DENY_DATA)), "--manifests", "service.yaml"]
    code, document = ask(flags, "data/db-0", "data/svc/db", "TCP/80")
    assert (code, document["ingress"], document["verdicts"][0]["loopback"]) == (2, "undecided", False)


def test_service_with_nobody_behind_it_cannot_be_told(policies, ask, tmp_path):
    empty = {**SERVICE, "spec": {**SERVICE["spec"], "selector": {"app": "nobody"}}}
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(empty), encoding="utf-8")
    code, document = ask([*policies(), "--manifests", "service.yaml"], "shop/web-1", "data/svc/db", "TCP/80")
    assert (code, document["allowed"], document["pairs"]["total"]) == (2, None, 0)
    assert document["reason"] == "nothing is known to be behind Service data/db"


def test_address_in_the_service_range_that_no_service_has_cannot_be_told(policies, ask):
    flags = [*policies(), "--service-cidr", "10.96.0.0/16"]
    code, document = ask(flags, "shop/web-1", "10.96.3.3", "TCP/80")
    assert code == 2
    assert "10.96.3.3 is in the Services' range" in document["reason"]


@pytest.fixture
def dual_stack(policies):
    """Add a pod of both families to web's namespace, and Services that lead to it."""
    metadata = {"namespace": "shop", "labels": {"app": "both"}}
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**metadata, "name": name},
            "status": {"podIPs": [{"ip": f"10.1.9.{number}"}, {"ip": f"fd00::{number}"}]},
        }
        for number, name in enumerate(("one", "two"), start=1)
    ]
    spec = {"selector": {"app": "both"}, "ports": [{"port": 80, "targetPort": 8080}]}
    services = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {**metadata, "name": name}, "spec": spec | more}
        for name, more in {
            "inside": {"clusterIP": "10.96.9.1"},
            "node-port": {"type": "NodePort"},
            "balanced": {"type": "LoadBalancer", "clusterIP": "10.96.9.2"},
            "external": {"externalIPs": ["198.51.100.80"]},
        }.items()
    ]
    Path("both.yaml").write_text(yaml.safe_dump_all([*pods, *services]), encoding="utf-8")

    def write(cidr):
        allow = {"from": [{"ipBlock": {"cidr": cidr}}], "ports": [{"port": 8080}]}
        selected = {"podSelector": {"matchLabels": {"app": "both"}}, "ingress": [allow]}
        return [*policies(("shop", "both", selected)), "--manifests", "both.yaml"]

    return write


@pytest.mark.parametrize(
    ("source", "destination", "code"),
    [
        ("fd00::2", "fd00::1", 1),
        ("10.1.9.2", "10.1.9.1", 0),
        ("fd00::2", "shop/one", 1),
        ("shop/two", "10.1.9.1", 0),
        ("shop/two", "shop/one", 2),
    ],
)
def test_an_address_that_is_typed_tells_the_family(dual_stack, ask, source, destination, code):
    got, document = ask(dual_stack("10.0.0.0/8"), source, destination, "TCP/8080")
    assert got == code
    assert ("differs between IPv4 and IPv6" in document["reason"]) is (code == 2)


@pytest.mark.parametrize(
    ("destination", "port", "cidr", "code"),
    [
        ("shop/svc/inside", "TCP/80", "203.0.113.0/24", 0),
        ("shop/svc/inside", "TCP/80", "10.0.0.0/8", 1),
        ("shop/svc/node-port", "TCP/80", "203.0.113.0/24", 2),
        ("shop/svc/balanced", "TCP/80", "203.0.113.0/24", 2),
        ("shop/svc/external", "TCP/80", "10.0.0.0/8", 2),
        ("198.51.100.80", "TCP/80", "203.0.113.0/24", 2),
        ("shop/one", "TCP/8080", "203.0.113.0/24", 0),
    ],
)
def test_source_of_outside_may_be_replaced_on_the_way_to_an_open_service(
    dual_stack, ask, destination, port, cidr, code
):
    got, document = ask(dual_stack(cidr), "203.0.113.9", destination, port)
    assert got == code
    assert ("may have replaced the source address" in document["reason"]) is (code == 2)
    if "/svc/" in destination:
        assert ask(dual_stack("10.0.0.0/8"), "shop/web-1", destination, port)[0] == 0


def test_open_service_is_decided_where_any_source_gets_the_same_answer(policies, ask, dual_stack):
    dual_stack("10.0.0.0/8")
    flags = [*policies(), "--manifests", "both.yaml"]
    assert ask(flags, "203.0.113.9", "shop/svc/balanced", "TCP/80")[0] == 0
