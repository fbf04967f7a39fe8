"""The known pitfalls of generating NetworkPolicies from flows, one named test each, from flows to the policy.

Each was a defect of a published tool. What is asserted is what a user sees: rows with their reasons,
warnings, and the YAML that is saved, parsed anew.
"""

import ast
import re
from pathlib import Path

import pytest
import yaml

from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol, Verdict
from netsec_tui.model.identity import DNS, WorkloadRef
from netsec_tui.model.review import Standing
from netsec_tui.render.names import port_text
from netsec_tui.sources.hubble.decode import HubbleDecoder
from tests.core.scene import (
    IN,
    NOW,
    OUT,
    SHOP,
    WEB,
    Scene,
    answer,
    endpoints,
    flow,
    namespace,
    obj,
    owner,
    pod,
    service,
    shop,
    talk,
)

IN_POLICY, OUT_OF_IT = (Standing.IN, True), (Standing.OUT, False)
DNS_RULE = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "TCP", "port": 5353}, {"protocol": "UDP", "port": 5353}],
}
PACKAGE = Path(__file__).resolve().parents[2] / "netsec_tui"


def egress(scene):
    """Return the egress rules but the cluster DNS's."""
    return [rule for rule in scene.rules(OUT) if rule != DNS_RULE]


def opened(scene, direction):
    """Return (peers, ports) of each rule, ports as numbers."""
    word = "from" if direction is IN else "to"
    return [(rule.get(word), [p["port"] for p in rule.get("ports", [])]) for rule in scene.rules(direction)]


def state(row):
    return row.standing, row.in_policy


def to_pods(**labels):
    return [{"podSelector": {"matchLabels": labels}}]


def test_01_pod_port_behind_a_service_port():
    named = service("pay", "10.96.0.13", [(443, "tls")])
    more = (named, owner("pay", ports=[("tls", "TCP", 8443)]))
    scene = Scene(*(o for o in SHOP if o["metadata"]["name"] != "pay"), *more)
    # cart has port 80 -> 8080 by number; pay 443 -> "tls", which its template declares as 8443.
    scene.sees(("web-1", "10.96.0.12", 80), ("web-1", "10.96.0.13", 443)).chooses()
    assert [(rule["to"], rule["ports"]) for rule in egress(scene)] == [
        (to_pods(app="cart"), [{"protocol": "TCP", "port": 8080}]),
        (to_pods(app="pay"), [{"protocol": "TCP", "port": 8443}]),
    ]
    assert "10.96." not in scene.review.yaml
    assert [scene.row(OUT, name).key.port for name in ("cart", "pay")] == [8080, 8443]
    assert [row.key.port for row in scene.chooses(WEB._replace(name="cart")).table(IN).rows] == [8080]


def test_01_owners_behind_one_service_get_their_own_port_each():
    pods = {"blue": 8080, "green": 9090}
    labels = {name: {"app": "api", "color": name} for name in (*pods, "job")}
    ports = {
        "blue": [("http", "TCP", 8080), ("admin", "TCP", 9090)],
        "green": [("http", "TCP", 9090)],
        "job": [],
    }
    made = [owner(name, labels=labels[name], ports=ports[name]) for name in labels]
    made += [
        pod(f"{name}-1", f"10.244.0.{20 + n}", name, labels=labels[name], ports=ports[name])
        for n, name in enumerate(labels)
    ]
    scene = shop(*made, service("api", "10.96.0.60", [(80, "http")]))
    scene.sees(("web-1", "10.96.0.60", 80)).chooses()
    # Neither blue's admin port is opened, nor anything of the job that has no port of that name.
    assert [(rule["to"], rule["ports"]) for rule in egress(scene)] == [
        (to_pods(**labels[name]), [{"protocol": "TCP", "port": number}]) for name, number in pods.items()
    ]
    assert {row.key.peer.name: row.key.port for row in scene.table(OUT).rows if row.communication.via} == pods
    assert scene.review.proof.clean
    for name, number in pods.items():
        scene.chooses(WEB._replace(name=name))
        assert [row.key.port for row in scene.table(IN).rows] == [number]
    assert scene.chooses(WEB._replace(name="job")).table(IN).rows == ()


def test_01_pods_that_cannot_be_told_apart_and_differ_in_their_port_are_said():
    made = [
        pod(f"cart-{n}", f"10.244.0.{n}", "cart", ports=[("http", "TCP", n), ("dns", "UDP", n)])
        for n in (53, 80)
    ]
    objects = [o for o in SHOP if not o["metadata"]["name"].startswith("cart-")]
    scene = Scene(*objects, *made, service("named", "10.96.0.61", [(80, "http")], selector={"app": "cart"}))
    scene.sees(("web-1", "10.96.0.61", 80)).chooses()
    told = "its pods listen on different ports: 53, 80 are opened on all of them"
    assert scene.row(OUT, "named").reason == told
    assert [rule["ports"] for rule in egress(scene)] == [[{"protocol": "TCP", "port": n} for n in (53, 80)]]


def test_02_direction_is_proven_and_client_ports_are_no_listeners():
    scene = shop()
    web, cart = scene.ends["web-1"], scene.ends["cart-1"]
    # Answers go to thousands of client ports: one row on the listening port, on the listener's side.
    told = [
        Flow(NOW, cart, web, Protocol.TCP, 8080, port, Verdict.FORWARDED, is_reply=True)
        for port in range(40000, 40050)
    ]
    scene.sees([flow(web, cart), *told]).chooses()
    assert egress(scene) == [{"to": to_pods(app="cart"), "ports": [{"protocol": "TCP", "port": 8080}]}]
    assert scene.rules(IN) == []
    # Nobody said who opened: the declared listener is the server, whoever sent the packet.
    guessed = shop().sees([Flow(NOW, cart, web, Protocol.TCP, 8080, 41000, Verdict.FORWARDED, is_reply=None)])
    guessed.chooses()
    assert (guessed.row(OUT, "cart").reason, guessed.table(IN).rows) == ("direction inferred", ())


def test_02_many_high_ports_of_one_peer_are_suspect_and_start_out():
    scene = shop().sees(*(("web-1", "cart-1", port) for port in range(40000, 40011)), ("web-1", "cart-1"))
    scene.chooses()
    suspects = [row for row in scene.table(OUT).rows if row.key.port >= 40000]
    assert {state(row) for row in suspects} == {OUT_OF_IT}
    assert {row.reason for row in suspects} == {
        "one of many high ports of this peer that no pod declares: client ports or a scan, it seems"
    }
    assert [ports for _, ports in opened(scene, OUT) if 5353 not in ports] == [[8080]]
    scene.tick(suspects[0])
    assert state(scene.row(OUT, "cart", 40000)) == IN_POLICY


@pytest.mark.parametrize(("count", "ports"), [(10, ()), (20, tuple(range(40000, 40020)))])
def test_02_real_listeners_on_high_ports_stay_in(count, ports):
    declared = [(f"p{port}", "TCP", port) for port in ports]
    scene = shop(owner("cart", ports=[("http", "TCP", 8080), *declared]))
    scene.sees(*(("web-1", "cart-1", 40000 + n) for n in range(count))).chooses()
    assert {state(row) for row in scene.table(OUT).rows if row.key.peer.name == "cart"} == {IN_POLICY}


@pytest.mark.parametrize(
    ("answered", "declared", "expected", "reason"),
    [
        (True, False, IN_POLICY, ""),
        (False, True, IN_POLICY, ""),
        (False, False, OUT_OF_IT, "UDP without an answer, and no pod declares the port"),
    ],
)
def test_03_udp_counts_by_evidence(answered, declared, expected, reason):
    ports = [("quic", "UDP", 443 if declared else 9999)]
    objects = [o for o in SHOP if (o["kind"], o["metadata"]["name"]) != ("Deployment", "cart")]
    scene = Scene(*objects, owner("cart", ports=ports))
    web, cart = scene.end("web-1"), scene.end("cart-1")
    told = talk(web, cart, 443, protocol=Protocol.UDP)
    scene.sees(told if answered else told[:1], talk(web, scene.end("pay-1"))).chooses()
    row = scene.row(OUT, "cart", 443)
    assert (state(row), row.reason) == (expected, reason)


UNSTABLE = {
    "pod-template-hash": "7d4b9c",
    "controller-revision-hash": "x1",
    "rollouts-pod-template-hash": "5f",
    "statefulset.kubernetes.io/pod-name": "db-0",
    "apps.kubernetes.io/pod-index": "0",
    "batch.kubernetes.io/job-name": "report-28",
    "job-name": "report-28",
    "controller-uid": "0a1b",
    "topology.kubernetes.io/zone": "a",
}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod"])
@pytest.mark.parametrize("stable", [{"app": "x", "tier": "back"}, {}], ids=["stable", "none"])
def test_04_selectors_outlive_a_rollout_and_are_refused_when_empty(kind, stable):
    labels = {**stable, **UNSTABLE}
    if kind == "Pod":
        made = [pod("x", "10.244.0.77", labels=labels)]
    else:
        of_job = {"spec": {"template": {"metadata": {"labels": labels}, "spec": {}}}}
        made = [obj("Job", "x", "shop", "batch/v1", **of_job)] if kind == "Job" else []
        made = made or [owner("x", kind=kind, labels=labels)]
        made += [pod("x-1", "10.244.0.77", "x", kind=kind, labels=labels)]
    scene = shop(*made)
    scene.sees((made[-1]["metadata"]["name"], "cart-1", 8080)).chooses(WorkloadRef(kind, "shop", "x"))
    if stable:
        assert scene.review.subject.selector.match_labels == tuple(stable.items())
        scene.chooses(WEB._replace(name="cart"))
        assert opened(scene, IN) == [(to_pods(**stable), [8080])]
    else:
        assert f"{kind}/x" in scene.review.subject.refusal
        assert scene.review.yaml == ""
        scene.chooses(WEB._replace(name="cart"))
        assert (scene.row(IN, "x").standing, scene.rules(IN)) == (Standing.NOT_EXPRESSIBLE, [])


def test_04_a_selector_of_another_workload_is_said():
    scene = shop(pod("odd", "10.244.0.99", labels={"app": "web", "extra": "1"}))
    scene.sees(("cart-1", "web-1", 8080)).chooses()
    assert list(map(str, scene.review.subject.shared)) == ["Pod/odd"]
    assert "the policy's selector also selects Pod/odd" in scene.review.warnings


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


def test_06_an_emptied_peer_list_takes_its_rule_along():
    scene = shop().sees(("cart-1", "web-1", 8080), ("203.0.113.7", "web-1", 8080), ("web-1", "db-0", 5432))
    scene.chooses().alias("partner", "203.0.113.0/24", allowed=True)
    block = {"ipBlock": {"cidr": "203.0.113.0/24"}}
    assert opened(scene, IN) == [([*to_pods(app="cart"), block], [8080])]
    for direction in (IN, OUT):
        for row in scene.table(direction).rows:
            scene.tick(row, False)
    document = yaml.safe_load(scene.review.yaml)
    assert (document["spec"]["ingress"], document["spec"]["egress"]) == ([], [])
    assert document["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}
    # What names a peer that nobody can select makes no rule either.
    nobody = Endpoint("10.244.9.9", "shop", "ghost")
    scene.sees(talk(nobody, scene.end("web-1"), 8080))
    scene.tick(scene.row(IN, "ghost"))
    assert scene.rules(IN) == []


@pytest.mark.parametrize("talks", [[], [("cart-1", "web-1", 8080)], [("web-1", "cart-1", 8080)]])
def test_07_both_directions_are_always_named_and_an_unseen_one_is_said(talks):
    scene = shop().sees(("pay-1", "cart-1", 8080), *talks).chooses()
    assert yaml.safe_load(scene.review.yaml)["spec"]["policyTypes"] == ["Ingress", "Egress"]
    for direction, seen in ((IN, talks[:1] and talks[0][1]), (OUT, talks[:1] and talks[0][0])):
        note = scene.table(direction).note
        assert (f"all {direction} will be refused" in note) is (seen != "web-1")


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
    old["status"]["phase"] = "Succeeded"
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
    why = "is the address of pod shop/young-1 now: an ipBlock must not stand for pods"
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


def test_14_lossy_capture_is_said_and_nothing_is_called_complete():
    scene = shop().sees(("cart-1", "web-1", 8080)).chooses()
    assert not any("lost" in warning for warning in scene.review.warnings)
    gaps = [Gap(NOW, 40, "the ring buffer was full"), Gap(NOW, 2, "a line could not be read")]
    scene.session.add_flows(gaps)
    warnings = scene.review.warnings
    assert "42 events or lines were lost: rare communications may be missing" in warnings
    assert any(re.match("only .* seen; observe at least 12 h", warning) for warning in warnings)


def test_14_no_sentence_of_the_product_claims_to_be_complete():
    said = {
        (path.name, node.value)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"\b(complete|all traffic|every communication)\b", node.value)
    }
    docstrings = {
        (path.name, ast.get_docstring(node, clean=False))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    assert said - docstrings == set()


def test_15_denied_flows_are_never_learned():
    scene = shop()
    dropped = {"verdict": Verdict.DROPPED}
    scene.sees([flow(scene.end("pay-1"), scene.end("web-1"), 8080, **dropped)], ("cart-1", "web-1", 8080))
    scene.sees([flow(scene.end("web-1"), scene.end("db-0"), 5432, verdict=Verdict.AUDIT)])
    scene.sees([flow(scene.end("web-1"), scene.end("pay-1"), 22, **dropped)] * 3).chooses()
    assert (state(scene.row(IN, "pay")), scene.row(IN, "pay").reason) == (OUT_OF_IT, "denied only (once)")
    assert [state(scene.row(OUT, name)) for name in ("db", "pay")] == [OUT_OF_IT, OUT_OF_IT]
    assert opened(scene, IN) == [(to_pods(app="cart"), [8080])]
    assert egress(scene) == []
    # Audited packets go on, each is traced more than once, and they are answered.
    audited = shop()
    pay, web = audited.end("pay-1"), audited.end("web-1")
    audited.sees([flow(pay, web, 8080, verdict=Verdict.AUDIT)], [flow(pay, web, 8080)] * 4, (pay, web, 8080))
    audited.chooses()
    assert (opened(audited, IN), audited.row(IN, "pay").communication.counts.answers) == ([], 1)
    # Nor where the source tells of no answers at all, so that silence means nothing.
    mute = shop()
    web = mute.end("web-1")
    mute.sees([flow(mute.end("pay-1"), web, 8080, **dropped), flow(mute.end("cart-1"), web, 8080)]).chooses()
    assert opened(mute, IN) == [(to_pods(app="cart"), [8080])]


def test_15_a_peer_of_another_namespace_is_one_entry_of_both_selectors():
    scene = shop().sees(("web-1", "db-0", 5432), ("db-0", "web-1", 8080)).chooses()
    both = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
        "podSelector": {"matchLabels": {"app": "db"}},
    }
    assert opened(scene, IN) == [([both], [8080])]
    assert [rule["to"] for rule in egress(scene)] == [[both]]


HARD = ["1.2", "true", "123", "on", "null", "1e3", "0x1f", "1_000", "no", "y", "2026-01-01", ""]


@pytest.mark.parametrize("value", HARD)
def test_16_label_values_stay_strings(value):
    labels = {"app": "x", "v": value}
    scene = shop(owner("x", labels=labels), pod("x-1", "10.244.0.77", "x", labels=labels))
    scene.sees(("x-1", "web-1", 8080)).chooses()
    assert opened(scene, IN) == [(to_pods(**labels), [8080])]
    scene.chooses(WEB._replace(name="x"))
    assert yaml.safe_load(scene.review.yaml)["spec"]["podSelector"] == {"matchLabels": labels}


def test_17_nothing_is_invented_for_what_is_not_known():
    scene = Scene().sees(talk(Endpoint("10.0.0.1", "shop", "bare"), Endpoint("10.0.0.2", "shop", "web-1")))
    web, other = Endpoint("10.0.0.2", "shop", "web-1"), Endpoint("10.0.0.3", "shop", "o", (("app", "o"),))
    scene.sees([Flow(NOW, web, other, Protocol.TCP, 40000, 45000, Verdict.FORWARDED, is_reply=None)])
    scene.chooses(WorkloadRef("Pod", "shop", "web-1"))
    assert scene.review.subject.refusal == "the labels of Pod/web-1 are not known"
    assert scene.review.yaml == ""
    scene.chooses(WorkloadRef("Workload", "shop", "o"))
    assert [(row.standing, row.reason) for row in scene.table(IN).rows] == [
        (Standing.NOT_EXPRESSIBLE, "its listening port is not known")
    ]
    assert (scene.rules(IN), scene.rules(OUT)) == ([], [])
    assert any("no DNS rule is made" in warning for warning in scene.review.warnings)


def test_18_protocols_are_written_as_they_are_or_not_at_all():
    scene = shop()
    web, cart = scene.end("web-1"), scene.end("cart-1")
    for protocol, port in ((Protocol.SCTP, 132), (Protocol.ICMP, 0), (Protocol.OTHER, 0)):
        scene.sees(talk(web, cart, port, protocol=protocol))
    scene.chooses()
    assert egress(scene) == [{"to": to_pods(app="cart"), "ports": [{"protocol": "SCTP", "port": 132}]}]
    reasons = {row.key.protocol: row.reason for row in scene.table(OUT).rows if row.key.port == 0}
    never = (Protocol.ICMP, Protocol.OTHER)
    assert reasons == {p: f"{p} cannot be written in a NetworkPolicy" for p in never}


@pytest.mark.parametrize("name", ["web", "a.b", "x" * 63, "x" * 200, "Web"])
def test_19_names_are_fixed_short_and_never_shared(name):
    names = []
    for kind in ("Deployment", "StatefulSet"):
        for two in (False, True):
            scene = shop(owner(name, kind=kind, labels={"app": "n"}), two_objects=two)
            scene.chooses(WorkloadRef(kind, "shop", name))
            first = scene.review
            names += [policy.name for policy in first.policies]
    assert len(set(names)) == len(names) == 6
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", n) and len(n) <= 63 for n in names)
    again = shop(owner(name, labels={"app": "n"})).chooses(WorkloadRef("Deployment", "shop", name))
    assert again.policy.name == names[0]


@pytest.mark.parametrize(
    ("label", "value", "good"),
    [
        ("app.kubernetes.io/version", "1.2-a_b", True),
        ("team", "", True),
        ("note", "a,b=c", False),
        ("note", 'say "x"', False),
        ("note", "a=b", False),
    ],
)
def test_20_labels_are_never_cut_at_commas_or_equals_signs(label, value, good):
    told = ["k8s:io.kubernetes.pod.namespace=shop", f"k8s:{label}={value}"]
    ends = {
        "source": {"namespace": "shop", "pod_name": "odd-1", "labels": told},
        "destination": {"namespace": "shop", "pod_name": "web-1", "labels": ["k8s:app=web"]},
    }
    record = {
        "time": "2026-09-21T10:00:00Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.9", "destination": "10.0.0.2"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 8080}},
        "Type": "L3_L4",
        "is_reply": False,
        "traffic_direction": "INGRESS",
        **ends,
    }
    read = HubbleDecoder().decode({"flow": record})
    assert isinstance(read, Flow)
    assert dict(read.source.labels) == {label: value}
    scene = Scene()
    scene.sees([read]).chooses(WorkloadRef("Workload", "shop", "web"))
    (row,) = scene.table(IN).rows
    assert f"{label}={value}".casefold() in row.text
    scene.tick(row)
    if good and label == "team":
        assert opened(scene, IN) == [(to_pods(team=""), [8080])]
    else:
        assert (row.standing, scene.rules(IN)) == (Standing.NOT_EXPRESSIBLE, [])


def test_21_silence_and_drops_are_no_proof_of_a_policy():
    scene = shop()
    web, cart = scene.end("web-1"), scene.end("cart-1")
    scene.sees([flow(web, cart, 9090)], [flow(web, cart, 9091, verdict=Verdict.DROPPED)])
    scene.sees([flow(web, cart, 9092), answer(web, cart, 9092, rst=True)], ("web-1", "pay-1", 8080)).chooses()
    rows = {row.key.port: row for row in scene.table(OUT).rows if row.key.peer.name == "cart"}
    assert {port: row.reason for port, row in rows.items()} == {
        9090: "never answered",
        9091: "denied only (once)",
        9092: "never answered (refused once)",
    }
    assert {(row.applied, row.allowed_by) for row in rows.values()} == {((), "")}
    assert not scene.review.applied


def test_22_no_port_of_a_peer_is_dropped_however_many_there_are():
    scene = shop().sees(*(("web-1", "cart-1", port) for port in range(1000, 1100))).chooses()
    (rule,) = egress(scene)
    assert rule["to"] == to_pods(app="cart")
    assert [port["port"] for port in rule["ports"]] == list(range(1000, 1100))
    assert all(set(port) == {"protocol", "port"} for port in rule["ports"])


@pytest.mark.parametrize("asked", [True, False])
def test_23_directions_are_two_objects_where_the_enforcer_needs_it(asked):
    place = ("kube-system", "DaemonSet")
    router = owner("kube-router", *place, labels={"k8s-app": "kube-router"}, hostNetwork=True)
    running = pod("kube-router-x", "172.18.0.2", "kube-router", *place, hostNetwork=True)
    more = () if asked else (router, running)
    scene = shop(*more, two_objects=asked).sees(("web-1", "web-2", 8080)).chooses()
    written = list(yaml.safe_load_all(scene.review.yaml))
    assert [list(o["spec"]["policyTypes"]) for o in written] == [["Ingress"], ["Egress"]]
    assert [sorted(set(o["spec"]) & {"ingress", "egress"}) for o in written] == [["ingress"], ["egress"]]
    assert len({o["metadata"]["name"] for o in written}) == 2
    one = shop().sees(("web-1", "web-2", 8080)).chooses()
    assert len(one.review.policies) == 1
