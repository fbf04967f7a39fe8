"""The known pitfalls of addresses and what is behind them, one named test each, from flows to the policy."""

import pytest

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.review import Standing
from tests.core.policy_rules import IN_POLICY, OUT_OF_IT, egress, opened, state, to_pods
from tests.core.scene import IN, OUT, SHOP, WEB, Scene, endpoints, owner, pod, service, shop, talk


def test_05_a_service_without_selector_stands_for_its_endpoints():
    behind = {"erp": "192.0.2.9", "odd": "10.244.0.9"}
    names = ("erp", "dark", "odd")
    scene = shop(
        *(service(n, f"10.96.0.{50 + i}", [(443, 8443)], selector={}) for i, n in enumerate(names)),
        *(endpoints(name, "shop", [ip], 8443, "p443-tcp") for name, ip in behind.items()),
    )
    for ip in ("10.96.0.50", "10.96.0.51", "10.96.0.52", "10.96.0.1"):
        scene.sees(("web-1", ip, 443))
    scene.chooses()
    assert opened(scene, OUT)[1:] == [
        ([{"ipBlock": {"cidr": "172.18.0.3/32"}}], [6443]),
        ([{"ipBlock": {"cidr": "192.0.2.9/32"}}], [8443]),
    ]
    assert scene.row(OUT, "dark").reason == "a Service without selector whose endpoints are not known"
    assert scene.row(OUT, "odd").standing is Standing.NOT_EXPRESSIBLE
    assert "{}" not in scene.review.yaml


WITHOUT_RANGES = [o for o in SHOP if o["kind"] != "Node"]


@pytest.mark.parametrize("objects", [SHOP, WITHOUT_RANGES], ids=["ranges known", "unknown"])
@pytest.mark.parametrize("foreign", [(), ("192.0.2.9",)], ids=["pods only", "and a foreign address"])
def test_05_an_endpoint_that_is_a_live_pod_is_selected_by_its_owner(objects, foreign):
    bare = service("bare", "10.96.0.50", [(80, 9999)], selector={})
    scene = Scene(*objects, bare, endpoints("bare", "shop", ["10.244.1.13", *foreign], 8080, "p80-tcp"))
    scene.sees(("web-1", "10.96.0.50", 80)).chooses()
    blocks = [[{"ipBlock": {"cidr": f"{ip}/32"}}] for ip in foreign]
    peers = [peer for rule in egress(scene) for peer in rule["to"]]
    assert peers == [*to_pods(app="pay"), *(block for (block,) in blocks)]
    assert {port["port"] for rule in egress(scene) for port in rule["ports"]} == {8080}
    assert state(scene.row(OUT, "pay", 8080)) == IN_POLICY
    assert ("bare" in scene.names(OUT)) is bool(foreign)
    assert scene.review.proof.clean
    scene.tick(scene.row(OUT, "pay"), False)
    assert scene.review.proof.clean
    # The other side sees the call too, and a backend that was seen is the same row.
    assert scene.chooses(WEB._replace(name="pay")).names(IN) == ["web"]
    scene.sees(("web-1", "pay-1", 8080)).chooses()
    assert scene.names(OUT).count("pay") == 1


@pytest.mark.parametrize("objects", [SHOP, WITHOUT_RANGES], ids=["ranges known", "unknown"])
def test_05_an_api_server_in_pods_is_selected_as_pods(objects):
    kept = [o for o in objects if (o["kind"], o["metadata"]["name"]) != ("EndpointSlice", "kubernetes-abc")]
    control = owner("control", "default", labels={"app": "control"})
    labels = {"app": "control", "pod-template-hash": "7d4b9c"}
    running = pod("control-1", "10.244.0.70", "control", "default", labels=labels)
    listed = endpoints("kubernetes", "default", ["10.244.0.70", "172.18.0.3"], 6443, "p443-tcp")
    scene = Scene(*kept, control, running, listed).sees(("web-1", "10.96.0.1", 443)).chooses()
    (rule,) = egress(scene)
    selected = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}},
        "podSelector": {"matchLabels": {"app": "control"}},
    }
    assert rule["to"] == [selected, {"ipBlock": {"cidr": "172.18.0.3/32"}}]
    assert scene.review.proof.clean


def test_09_host_network_and_nodes_are_never_selected_as_pods():
    other = pod("agent-y", "172.18.0.2", "other", "kube-system", "DaemonSet", hostNetwork=True)
    scene = shop(other).sees(("agent-x", "web-1", 8080), ("172.18.0.2", "web-1", 8080)).chooses()
    row = scene.row(IN, "agent")
    assert (row.standing, row.reason) == (
        Standing.NOT_EXPRESSIBLE,
        "host network: no podSelector matches its pods",
    )
    # The shared address alone tells the node, none of the pods that have it.
    node = scene.row(IN, "node-a")
    assert (state(node), "own node gets in anyway" in node.reason) == (OUT_OF_IT, True)
    scene.tick(node)
    assert opened(scene, IN) == [([{"ipBlock": {"cidr": "172.18.0.2/32"}}], [8080])]
    scene.chooses(WorkloadRef("DaemonSet", "kube-system", "agent"))
    assert "host network" in scene.review.subject.refusal


def test_10_no_ipblock_stands_for_pods_or_services():
    ranges = {"pod_cidrs": ("10.244.0.0/16",), "service_cidrs": ("10.96.0.0/16",)}
    scene = Scene(*SHOP, ranges=ranges).sees(("10.244.7.7", "web-1", 8080), ("web-1", "10.96.9.9", 443))
    scene.chooses()
    for direction, ip, kind in ((IN, "10.244.7.7", "pod"), (OUT, "10.96.9.9", "service")):
        row = scene.row(direction, ip)
        assert row.standing is Standing.NOT_EXPRESSIBLE
        assert f"inside the {kind} range" in row.reason
    scene.manual("10.0.0.0/8")
    (rule,) = egress(scene)
    assert rule["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.96.0.0/16", "10.244.0.0/16"]}}]


def test_11_an_address_is_whose_it_was_at_the_time():

    old, new = pod("old-1", "10.244.0.60", "cart"), pod("new-1", "10.244.0.60", "pay")
    old["metadata"]["creationTimestamp"], new["metadata"]["creationTimestamp"] = (
        "2026-09-21T00:00:00Z",
        "2026-09-21T10:00:00Z",
    )
    old["status"] |= {
        "phase": "Succeeded",
        "containerStatuses": [{"state": {"terminated": {"finishedAt": "2026-09-21T08:00:00Z"}}}],
    }
    noon, before = 1_789_948_800.0 + 12 * 3600, 1_789_948_800.0 + 5 * 3600
    made = {when: shop(old, new) for when in (before, noon)}
    for when, scene in made.items():
        scene.sees(talk("10.244.0.60", scene.end("web-1"), 8080, time=when)).chooses()
    assert [made[when].names(IN) for when in (before, noon)] == [["cart"], ["pay"]]
    # Before there was any pod with the address, nobody is named.
    early = shop(old, new)
    early.sees(talk("10.244.0.60", early.end("web-1"), 8080, time=1_789_948_800.0 - 86400)).chooses()
    assert early.names(IN) == ["10.244.0.60"]


def test_11_an_address_that_a_pod_has_by_now_is_no_ipblock():
    young = pod("young-1", "203.0.113.9", "cart")
    young["metadata"]["creationTimestamp"] = "2026-09-21T10:00:00Z"
    noon, before = 1_789_948_800.0 + 12 * 3600, 1_789_948_800.0 - 86400
    scene = shop(young)
    for when in (before, noon):
        scene.sees(talk(scene.end("web-1"), "203.0.113.9", 8080, time=when))
    scene.chooses()
    row = scene.row(OUT, "203.0.113.9")
    why = (
        "is the address of pod shop/young-1 since 2026-09-21 10:00:00 UTC: an ipBlock must not stand for pods"
    )
    assert (row.standing, row.reason) == (Standing.NOT_EXPRESSIBLE, f"203.0.113.9 {why}")
    assert state(scene.row(OUT, "cart")) == IN_POLICY
    scene.alias("once", "203.0.113.9/32", allowed=True)
    once = scene.row(OUT, "once")
    assert (once.standing, once.reason) == (Standing.NOT_EXPRESSIBLE, f"203.0.113.9/32 {why}")
    assert "ipBlock" not in scene.review.yaml


def test_12_load_balancers_and_source_nat_make_one_row_that_says_why():
    front = service("front", "10.96.0.99", [(80, 8080)], selector={"app": "web"})
    front["spec"]["type"] = "LoadBalancer"
    scene = shop(front).sees(*((f"203.0.113.{n}", "web-1", 8080) for n in range(1, 30)))
    scene.sees(("172.18.0.2", "web-1", 8080)).chooses()
    (row,) = scene.table(IN).rows
    assert (row.key.peer.name, state(row)) == ("external ingress", OUT_OF_IT)
    assert "front (LoadBalancer): a policy may see the client's address or a node's" in row.reason
    assert len(row.communication.folded) == 30
    assert scene.rules(IN) == []


def test_13_outside_addresses_are_single_until_somebody_groups_them():
    ips = ["203.0.113.7", "203.0.113.8", "2001:db8::7"]
    scene = shop().sees(*(("web-1", ip, 443) for ip in ips)).chooses()
    for ip in ips:
        scene.tick(scene.row(OUT, ip))
    (rule,) = egress(scene)
    written = [peer["ipBlock"]["cidr"] for peer in rule["to"]]
    assert written == ["2001:db8::7/128", "203.0.113.7/32", "203.0.113.8/32"]
    scene.alias("partner", "203.0.113.0/24", "2001:db8::/64", allowed=True)
    assert scene.row(OUT, "partner").reason == "alias is set allowed; covers about 2^64 addresses"
    scene.alias("partner", "203.0.113.0/24", allowed=True)
    assert scene.row(OUT, "partner").reason == "alias is set allowed; covers 256 addresses"
