"""The known pitfall of DNS: each kind of resolver is offered as what it is, from flows to the policy."""

import pytest

from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import DNS
from netsec_tui.render.names import port_text
from tests.core.policy_rules import IN_POLICY, OUT_OF_IT, egress, state
from tests.core.scene import OUT, SHOP, Scene, namespace, owner, pod, service, shop, talk


@pytest.mark.parametrize("number", [53, 5353])
def test_08_dns_is_offered_over_udp_and_tcp_to_the_real_pods(number):
    objects = [o for o in SHOP if "dns" not in o["metadata"]["name"]]
    dns = service("dns-default", "10.96.0.10", [(53, "dns")], "openshift-dns", {"d": "x"}, ["UDP"])
    ports = [("dns", "UDP", number), ("other", "UDP", 9999)]
    more = (
        namespace("openshift-dns"),
        owner("dns", "openshift-dns", "DaemonSet", labels={"d": "x"}, ports=ports),
        pod("dns-1", "10.244.0.53", "dns", "openshift-dns", "DaemonSet", labels={"d": "x"}, ports=ports),
        dns,
    )
    scene = Scene(*objects, *more).sees(("web-1", "cart-1", 8080)).chooses()
    assert scene.row(OUT, DNS.name).reason == "not seen; every name look-up needs it"
    (rule,) = [rule for rule in scene.rules(OUT) if "namespaceSelector" in rule["to"][0]]
    (peer,) = rule["to"]
    assert peer["podSelector"] == {"matchLabels": {"d": "x"}}
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "openshift-dns"}
    assert rule["ports"] == [{"protocol": p, "port": number} for p in ("TCP", "UDP")]


CACHES = ["169.254.20.10", "169.254.169.254", "fe80::53"]


@pytest.mark.parametrize("seen", [(Protocol.UDP,), (Protocol.TCP,), (Protocol.TCP, Protocol.UDP)])
@pytest.mark.parametrize("cache", CACHES)
def test_08_a_resolver_on_the_node_is_an_address_over_udp_and_tcp(cache, seen):
    scene = shop()
    for protocol in seen:
        scene.sees(talk(scene.end("web-1"), cache, 53, protocol=protocol))
    scene.sees(("web-1", cache, 80)).chooses()
    row = scene.row(OUT, cache, 53)
    assert (state(row), port_text(row.key)) == (IN_POLICY, "53/UDP+TCP")
    assert state(scene.row(OUT, cache, 80)) == OUT_OF_IT
    block = [{"ipBlock": {"cidr": f"{cache}/{128 if ':' in cache else 32}"}}]
    both = [{"protocol": p, "port": 53} for p in ("TCP", "UDP")]
    assert egress(scene) == [{"to": block, "ports": both}]
    # What is seen later does not move a tick.
    scene.tick(row, False).sees(talk(scene.end("web-1"), cache, 53, protocol=Protocol.TCP))
    assert (state(scene.row(OUT, cache, 53)), egress(scene)) == (OUT_OF_IT, [])


@pytest.mark.parametrize("seen", [(Protocol.UDP,), (Protocol.UDP, Protocol.TCP)])
def test_08_a_resolver_on_the_node_that_runs_as_pods_is_selected_over_udp_and_tcp(seen):
    place, labels = ("kube-system", "DaemonSet"), {"k8s-app": "node-local-dns"}
    cache = owner("node-local-dns", *place, labels=labels)
    scene = shop(cache, pod("cache-x", "10.244.0.54", "node-local-dns", *place, labels=labels))
    for protocol in seen:
        scene.sees(talk(scene.end("web-1"), scene.end("cache-x"), 53, protocol=protocol))
    scene.chooses()
    row = scene.row(OUT, "node-local-dns")
    assert (state(row), port_text(row.key)) == (IN_POLICY, "53/UDP+TCP")
    (rule,) = egress(scene)
    assert rule["to"][0]["podSelector"] == {"matchLabels": labels}
    assert rule["ports"] == [{"protocol": p, "port": 53} for p in ("TCP", "UDP")]
    assert scene.review.proof.clean


def test_08_an_alias_leaves_name_look_ups_at_the_node_alone():
    cache = CACHES[0]
    scene = shop().sees(talk("10.244.0.11", cache, 53, protocol=Protocol.UDP), ("web-1", cache, 80)).chooses()
    scene.alias("link-local", "169.254.0.0/16")
    assert state(scene.row(OUT, cache, 53)) == IN_POLICY
    assert state(scene.row(OUT, "link-local", 80)) == OUT_OF_IT
