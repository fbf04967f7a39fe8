from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import ContainerPort, Inventory, Node, ServiceEndpoint, ServicePort
from netsec_tui.model.policy import PolicyPort
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.objects.strip import strip
from tests.sources.kube_objects import deployment, obj, pod

TCP, UDP = Protocol.TCP, Protocol.UDP


def build(*objects: Any, **flags: Any) -> tuple[Inventory, tuple[str, ...]]:
    return build_inventory([kept for entry in objects if (kept := strip(entry)) is not None], **flags)


def sound(*objects: Any, **flags: Any) -> Inventory:
    inventory, problems = build(*objects, **flags)
    assert problems == ()
    return inventory


def service(name: str = "web", namespace: str | None = "shop", **spec: Any) -> dict[str, Any]:
    return obj("Service", name, namespace, spec=spec)


def endpoint_slice(service_name: str, *endpoints: Any, **rest: Any) -> dict[str, Any]:
    metadata = {"labels": {"kubernetes.io/service-name": service_name}}
    return obj(
        "EndpointSlice",
        f"{service_name}-x1",
        api="discovery.k8s.io/v1",
        metadata=metadata,
        **{"addressType": "IPv4", "endpoints": list(endpoints), **rest},
    )


class TestPods:
    def test_a_running_pod(self) -> None:
        web = pod("web-1", {"b": "2", "a": "1"}, nodeName="n1", ip="10.1.0.7", containers=[{"ports": [
            {"name": "http", "containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]}])  # fmt: skip
        web["metadata"]["creationTimestamp"] = "2024-05-01T10:00:00Z"
        (found,) = sound(web).pods
        assert found.labels == (("a", "1"), ("b", "2"))
        assert found.ips == ("10.1.0.7",)
        assert found.ports == (ContainerPort("http", TCP, 8080), ContainerPort("", UDP, 53))
        assert (found.node, found.phase, found.created) == ("n1", "Running", 1714557600.0)

    @pytest.mark.parametrize(
        ("scheduled", "status", "started", "since"),
        [
            (None, "True", "11:00:00", 0),
            ("10:00:01", "True", "11:00:00", 1),
            ("10:09:00", "True", "11:00:00", 540),
            ("10:09:00", "True", None, 540),
            ("09:59:00", "True", "11:00:00", 0),
            ("10:09:00", "True", "09:30:00", 0),
            ("10:09:00", "True", "10:00:02", 2),
            ("10:09:00", "False", "11:00:00", 0),
        ],
    )
    def test_a_pod_that_waits_for_a_node_has_no_address_before(
        self, scheduled: str | None, status: str, started: str | None, since: int
    ) -> None:
        """Of the clocks of the API server and the node, which may be ahead, the earlier one holds."""
        web = pod("web-1", ip="10.1.0.7")
        web["metadata"]["creationTimestamp"] = "2024-05-01T10:00:00Z"
        told = {"type": "PodScheduled", "status": status, "lastTransitionTime": f"2024-05-01T{scheduled}Z"}
        web["status"] |= {"startTime": f"2024-05-01T{started}Z"} if started else {}
        web["status"] |= {"conditions": [told]} if scheduled else {}
        assert sound(web).pods[0].created == 1714557600.0 + since

    def test_both_families_in_canonical_text(self) -> None:
        web = pod("web-1")
        web["status"] = {"podIP": "10.1.0.7", "podIPs": [{"ip": "10.1.0.7"}, {"ip": "FD00:0::7"}]}
        assert sound(web).pods[0].ips == ("10.1.0.7", "fd00::7")

    def test_sidecars_listen_but_init_containers_do_not(self) -> None:
        web = pod("web-1", initContainers=[
            {"restartPolicy": "Always", "ports": [{"containerPort": 15006}]},
            {"ports": [{"containerPort": 9}]}])  # fmt: skip
        assert [p.port for p in sound(web).pods[0].ports] == [15006]

    def test_a_missing_namespace_is_default(self) -> None:
        lonely = obj("Pod", "web", None, spec={})
        assert sound(lonely).pods[0].namespace == "default"

    @pytest.mark.parametrize(
        ("phase", "containers", "more", "conditions", "wanted"),
        [
            # When the last one finished, whichever it is; not when the conditions were told.
            ("Succeeded", [30, 31], {}, [("Ready", "False", 59)], 31),
            ("Failed", [30], {"initContainerStatuses": [32]}, [], 32),
            ("Succeeded", [30], {"ephemeralContainerStatuses": [33]}, [], 33),
            # One does not tell, or none is told of: it had not ended while it was ready.
            ("Failed", [30, None], {}, [("Ready", "False", 40), ("Initialized", "True", 50)], 40),
            ("Failed", [], {}, [("Ready", "False", 40), ("PodReadyToStartContainers", "False", 41)], 41),
            ("Failed", [], {"initContainerStatuses": [20]}, [("Ready", "True", 40)], 20),
            ("Succeeded", [], {}, [], None),
            ("Failed", [None], {}, [("Ready", "True", 40)], None),
            # It goes on.
            ("Running", [30], {}, [("Ready", "False", 40)], None),
        ],
    )
    def test_one_that_has_ended_by_itself_tells_when(
        self, phase: str, containers: Any, more: Any, conditions: Any, wanted: int | None
    ) -> None:
        at = "2024-05-01T10:00:{}Z".format
        job = pod("job-1")
        told = [
            {"type": kind, "status": value, "lastTransitionTime": at(when)}
            for kind, value, when in conditions
        ]
        job["status"] = {"phase": phase, "conditions": told}
        for key, ends in {"containerStatuses": containers, **more}.items():
            job["status"][key] = [
                {"name": "c", "state": {"terminated": {"finishedAt": at(end) if end else None}}}
                for end in ends
            ]
        assert sound(job).pods[0].ended_at == (1714557600.0 + wanted if wanted else 0.0)

    def test_of_two_objects_of_one_name_the_later_counts(self) -> None:
        first, second = pod("web", {"v": "1"}), pod("web", {"v": "2"})
        assert [p.labels for p in sound(first, second).pods] == [(("v", "2"),)]


class TestNamespaces:
    def test_one_that_was_read_carries_its_name_as_label(self) -> None:
        inventory = sound(obj("Namespace", "shop", None, metadata={"labels": {"team": "a"}}))
        assert inventory.namespaces == {"shop": (("kubernetes.io/metadata.name", "shop"), ("team", "a"))}

    def test_the_name_label_cannot_lie(self) -> None:
        liar = obj("Namespace", "shop", None, metadata={"labels": {"kubernetes.io/metadata.name": "other"}})
        assert sound(liar).namespaces["shop"] == (("kubernetes.io/metadata.name", "shop"),)

    def test_one_that_is_only_mentioned_is_unknown(self) -> None:
        assert sound(pod("web"), deployment("web")).namespaces == {}


class TestServices:
    def test_defaults_of_the_api(self) -> None:
        (found,) = sound(
            service(selector={"app": "web"}, ports=[{"port": 80}], clusterIP="10.96.0.9")
        ).services
        assert found.ports == (ServicePort("", TCP, 80, 80),)
        assert found.type == "ClusterIP"
        assert found.cluster_ips == ("10.96.0.9",)

    @pytest.mark.parametrize(
        ("port", "expected"),
        [
            ({"port": 80, "targetPort": 8080}, ServicePort("", TCP, 80, 8080)),
            ({"port": 80, "targetPort": "http"}, ServicePort("", TCP, 80, "http")),
            ({"port": 80, "targetPort": "8080"}, ServicePort("", TCP, 80, 8080)),
            ({"port": 80, "targetPort": 0}, ServicePort("", TCP, 80, 80)),
            ({"port": "80"}, ServicePort("", TCP, 80, 80)),
            (
                {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053},
                ServicePort("dns", UDP, 53, 53, 30053),
            ),
        ],
    )
    def test_ports(self, port: dict[str, Any], expected: ServicePort) -> None:
        assert sound(service(ports=[port])).services[0].ports == (expected,)

    def test_every_address_it_can_be_dialled_at(self) -> None:
        exposed = service(
            type="LoadBalancer",
            clusterIP="10.96.0.9",
            clusterIPs=["10.96.0.9", "fd00:96::9"],
            externalIPs=["198.51.100.4"],
        )
        exposed["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.4"}, {"hostname": "lb.example"}]}}
        (found,) = sound(exposed).services
        assert found.cluster_ips == ("10.96.0.9", "fd00:96::9")
        assert found.external_ips == ("198.51.100.4", "203.0.113.4")

    def test_a_headless_service_has_no_address(self) -> None:
        assert sound(service(clusterIP="None", clusterIPs=["None"])).services[0].cluster_ips == ()

    def test_endpoints_come_from_slices(self) -> None:
        slices = endpoint_slice(
            "web",
            {"addresses": ["10.1.0.7"], "targetRef": {"kind": "Pod", "name": "web-1"}},
            {"addresses": ["192.0.2.1"]},
            ports=[{"name": "http", "port": 8080}],
        )
        legacy = obj("Endpoints", "web", subsets=[{"addresses": [{"ip": "10.1.0.99"}]}])
        ports = (("http", TCP, 8080),)
        assert sound(service(), slices, legacy).services[0].endpoints == (
            ServiceEndpoint("10.1.0.7", "web-1", ports),
            ServiceEndpoint("192.0.2.1", "", ports),
        )

    def test_endpoints_objects_serve_where_there_is_no_slice(self) -> None:
        legacy = obj(
            "Endpoints",
            "web",
            subsets=[
                {
                    "addresses": [{"ip": "10.1.0.7", "targetRef": {"kind": "Pod", "name": "web-1"}}],
                    "notReadyAddresses": [{"ip": "10.1.0.8"}],
                    "ports": [{"port": 8080}],
                }
            ],
        )
        found = sound(service(), legacy).services[0].endpoints
        assert [(e.ip, e.pod) for e in found] == [("10.1.0.7", "web-1"), ("10.1.0.8", "")]

    def test_the_api_server_is_known_by_its_endpoints(self) -> None:
        kubernetes = service("kubernetes", "default", clusterIP="10.96.0.1", ports=[{"port": 443}])
        slices = endpoint_slice("kubernetes", {"addresses": ["172.18.0.2"]}, ports=[{"port": 6443}])
        slices["metadata"]["namespace"] = "default"
        assert sound(kubernetes, slices).api_server_ips == {"172.18.0.2"}


class TestNodesAndRanges:
    def test_nodes_have_addresses_and_ranges(self) -> None:
        spec = {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24", "fd00:1::/64"]}
        node = obj("Node", "n1", None, spec=spec,
                   status={"addresses": [{"type": "InternalIP", "address": "172.18.0.2"},
                                         {"type": "Hostname", "address": "n1"},
                                         {"type": "ExternalIP", "address": "203.0.113.9"}]})  # fmt: skip
        expected = Node("n1", ("172.18.0.2", "203.0.113.9"), ("10.1.0.0/24", "fd00:1::/64"))
        assert sound(node).nodes == (expected,)


class TestPolicies:
    def test_a_policy_is_read_with_the_defaults_and_its_raw_object(self) -> None:
        raw = obj("NetworkPolicy", "allow-dns", api="networking.k8s.io/v1", spec={
            "podSelector": {}, "egress": [{"ports": [{"port": 53}]}]})  # fmt: skip
        (found,) = sound(raw).policies
        assert found.policy.policy_types == (Direction.INGRESS, Direction.EGRESS)
        assert found.policy.egress[0].ports == (PolicyPort("TCP", 53),)
        assert found.raw["spec"] == raw["spec"]

    def test_a_broken_policy_is_named_and_left_out_whole(self) -> None:
        broken = obj("NetworkPolicy", "p", api="networking.k8s.io/v1", spec={
            "podSelector": {}, "ingress": [{}, {"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]})  # fmt: skip
        inventory, (sentence,) = build(broken, pod("web"))
        assert inventory.policies == ()
        assert "NetworkPolicy shop/p" in sentence
        assert "spec.ingress[1].from[0].ipBlock.cidr" in sentence
        assert [p.name for p in inventory.pods] == ["web"]


BROKEN = [
    (obj("Pod", "web", metadata={"labels": ["a"]}), "Pod shop/web: metadata.labels"),
    (obj("Pod", "web", metadata={"labels": {"version": 1.5}}), "Pod shop/web: metadata.labels.version"),
    (obj("Pod", "web", metadata={"creationTimestamp": "today"}), "Pod shop/web: metadata.creationTimestamp"),
    (
        obj("Pod", "web", status={"phase": "Failed", "containerStatuses": 5}),
        "Pod shop/web: status.containerStatuses",
    ),
    (
        obj("Pod", "web", spec={"containers": [{"ports": [{"containerPort": "http"}]}]}),
        "Pod shop/web: spec.containers[0].ports[0].containerPort",
    ),
    (
        obj("Pod", "web", spec={"containers": [{"ports": [{"containerPort": 80, "protocol": "ICMP"}]}]}),
        "Pod shop/web: spec.containers[0].ports[0].protocol",
    ),
    (
        obj("Pod", "web", spec={"containers": [{"ports": [{}]}]}),
        "Pod shop/web: spec.containers[0].ports[0].containerPort",
    ),
    (obj("Pod", "web", spec={"containers": {}}), "Pod shop/web: spec.containers"),
    (obj("Pod", "web", spec={"hostNetwork": "yes"}), "Pod shop/web: spec.hostNetwork"),
    (obj("Pod", "web", status={"podIP": "300.1.2.3"}), "Pod shop/web: status"),
    (obj("Pod", "web", metadata={"ownerReferences": ["x"]}), "Pod shop/web: metadata.ownerReferences[0]"),
    (obj("Pod", "", "shop"), "Pod shop/?: metadata.name"),
    (obj("Pod", "web", metadata={"namespace": 5}), "Pod 5/web: metadata.namespace"),
    (service(ports=[{"port": 70000}]), "Service shop/web: spec.ports[0].port"),
    (service(ports=[{"port": 80, "targetPort": {}}]), "Service shop/web: spec.ports[0].targetPort"),
    (service(selector={"app": None}), "Service shop/web: spec.selector.app"),
    (service(clusterIP="nowhere"), "Service shop/web: spec"),
    (obj("Node", "n1", None, spec={"podCIDR": "10.1.0.0"}), "Node n1"),
    (obj("Namespace", "shop", None, metadata={"labels": "x"}), "Namespace shop: metadata.labels"),
    (
        obj("Deployment", "web", api="apps/v1", spec={"selector": {"matchLabels": {"v": 2}}}),
        "Deployment shop/web: spec",
    ),
    (
        obj("NetworkPolicy", "p", api="networking.k8s.io/v1", spec={"policyTypes": [["Ingress"]]}),
        "NetworkPolicy shop/p",
    ),
    (obj("Pod", "w\x1b[31m", status=[]), "Pod shop/w\\x1b[31m: status"),
]


@pytest.mark.parametrize(("broken", "place"), BROKEN, ids=[case[1] for case in BROKEN])
def test_a_broken_object_is_named_and_the_rest_is_kept(broken: dict[str, Any], place: str) -> None:
    inventory, problems = build(broken, pod("sound", ip="10.1.0.7"))
    assert [sentence for sentence in problems if sentence.startswith(place)] == list(problems) != []
    assert inventory.missing == problems
    assert "sound" in [p.name for p in inventory.pods]


def test_a_broken_selector_counts_as_none_rather_than_as_half_of_it() -> None:
    broken = deployment("web")
    broken["spec"]["selector"] = {"matchLabels": {"app": "web", "version": 1.5}}
    inventory, _ = build(broken)
    assert inventory.owners[0].selector is None


def test_what_the_sources_miss_comes_first() -> None:
    inventory, _ = build(obj("Pod", "web", status=[]), missing=["pods may not be listed"])
    assert inventory.missing[0] == "pods may not be listed"
    assert len(inventory.missing) == 2


def test_no_objects_at_all_is_not_cluster_state() -> None:
    assert build()[0].known is False
    assert build(pod("web"))[0].known is True


FIELD_NAMES = """
name namespace labels ownerReferences controller kind spec status ports port containers template metadata
selector matchLabels matchExpressions ingress egress from ipBlock cidr except policyTypes podIP podIPs ip
addresses subsets endpoints podCIDR podCIDRs jobTemplate targetPort clusterIPs operator values
"""
KEYS = st.sampled_from(FIELD_NAMES.split())
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    | st.sampled_from(["TCP", "10.0.0.0/8", "::1", "In", "Exists", "Ingress", "http", "None", "²"])
)  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
ANY_OBJECT = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(
            ["v1", "apps/v1", "batch/v1", "discovery.k8s.io/v1", "networking.k8s.io/v1"]
        ),
        "kind": st.sampled_from(["Pod", "Service", "Namespace", "Node", "NetworkPolicy", "EndpointSlice"])
        | st.sampled_from(["Endpoints", "Deployment", "ReplicaSet", "Job", "CronJob", "Rollout"]),
        "metadata": st.fixed_dictionaries(
            {"name": st.text(min_size=1, max_size=3)}, optional={"labels": TREES}
        )
        | TREES,
    },
    optional={"spec": TREES, "status": TREES, "endpoints": TREES, "ports": TREES, "subsets": TREES},
)


@settings(max_examples=300)
@given(objects=st.lists(ANY_OBJECT, max_size=3))
def test_no_objects_make_it_raise(objects: list[Any]) -> None:
    inventory, problems = build(*objects)
    assert all(isinstance(sentence, str) and sentence.isprintable() for sentence in problems)
    assert all(pod.owner in inventory.owner_by_ref for pod in inventory.pods)


@given(objects=st.lists(ANY_OBJECT | LEAVES, max_size=4))
def test_not_even_objects_that_were_not_stripped(objects: list[Any]) -> None:
    build_inventory(objects)
