"""What clusters tell of their ranges: objects as tools write them, and what is made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.model.config import Config
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.objects.ranges import CONFIG_MAPS
from netsec_tui.sources.objects.strip import strip
from tests.sources.kube_objects import obj
from tests.sources.objects.test_objects import SECRET, junk


def system_pod(name: str, *args: str, namespace: str = "kube-system", **container: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "i", "args": list(args), **container}]}
    return obj("Pod", name, namespace, spec=spec)


def config_map(name: str, namespace: str = "kube-system", **data: str) -> dict[str, Any]:
    return obj("ConfigMap", name, namespace, data=data)


KUBEADM = """\
apiServer:
  extraArgs: [{name: oidc-client-secret, value: hunter2}]
apiVersion: kubeadm.k8s.io/v1beta4
controllerManager: {}
dns: {}
kind: ClusterConfiguration
kubernetesVersion: v1.33.1
networking:
  dnsDomain: cluster.local
  podSubnet: 10.244.0.0/16,fd00:10:244::/56
  serviceSubnet: 10.96.0.0/16
"""
KUBE_PROXY = """\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
clusterCIDR: 10.244.0.0/16
kind: KubeProxyConfiguration
mode: ""
"""
FLANNEL = """\
{"Network": "10.244.0.0/16", "EnableIPv6": true, "IPv6Network": "fd00:1::/64", "Backend": {"Type": "vxlan"}}
"""
SHELL = "exec kube-apiserver --token=hunter2 --service-cluster-ip-range='100.64.0.0/13' 2>&1"
K3S = '["server","--token","********","--cluster-cidr","10.42.0.0/16","--service-cidr=10.43.0.0/16"]'
ANTREA = """\
featureGates:
nodeIPAM:
  enableNodeIPAM: true
  clusterCIDRs: [10.10.0.0/16, "fd00:10::/48"]
  serviceCIDR: 10.96.0.0/12
  nodeCIDRMaskSizeIPv4: 24
"""

TABLE: dict[str, tuple[dict[str, Any], list[tuple[str, str, str]]]] = {
    "kube-apiserver, kubeadm": (
        system_pod(
            "kube-apiserver-cp1",
            command=["kube-apiserver", "--secure-port=6443", "--service-cluster-ip-range=10.96.0.0/16"],
        ),
        [("service", "10.96.0.0/16", "Pod kube-system/kube-apiserver-cp1 --service-cluster-ip-range")],
    ),
    "kube-controller-manager, dual stack, flag and value apart": (
        system_pod(
            "kube-controller-manager-cp1",
            "--cluster-cidr",
            "10.244.0.0/16,fd00:10:244::/56",
            "--service-cluster-ip-range=10.96.0.0/16",
        ),
        [
            ("pod", "10.244.0.0/16", "Pod kube-system/kube-controller-manager-cp1 --cluster-cidr"),
            ("pod", "fd00:10:244::/56", "Pod kube-system/kube-controller-manager-cp1 --cluster-cidr"),
            (
                "service",
                "10.96.0.0/16",
                "Pod kube-system/kube-controller-manager-cp1 --service-cluster-ip-range",
            ),
        ],
    ),
    "kube-apiserver, started by a shell": (
        system_pod(
            "kube-apiserver-cp1",
            command=["/bin/sh", "-c", SHELL],
        ),
        [("service", "100.64.0.0/13", "Pod kube-system/kube-apiserver-cp1 --service-cluster-ip-range")],
    ),
    "kube-proxy": (
        system_pod("kube-proxy-x7f2p", command=["kube-proxy", "--cluster-cidr=10.2.0.0/16"]),
        [("pod", "10.2.0.0/16", "kube-proxy --cluster-cidr")],
    ),
    "ServiceCIDR": (
        obj(
            "ServiceCIDR",
            "kubernetes",
            None,
            "networking.k8s.io/v1",
            spec={"cidrs": ["10.96.0.0/16", "fd00::/112"]},
        ),
        [
            ("service", "10.96.0.0/16", "ServiceCIDR kubernetes"),
            ("service", "fd00::/112", "ServiceCIDR kubernetes"),
        ],
    ),
    "ServiceCIDR, beta": (
        obj("ServiceCIDR", "more", None, "networking.k8s.io/v1beta1", spec={"cidrs": ["10.97.0.0/24"]}),
        [("service", "10.97.0.0/24", "ServiceCIDR more")],
    ),
    "kubeadm": (
        config_map("kubeadm-config", ClusterConfiguration=KUBEADM),
        [
            ("pod", "10.244.0.0/16", "ConfigMap kube-system/kubeadm-config networking.podSubnet"),
            ("pod", "fd00:10:244::/56", "ConfigMap kube-system/kubeadm-config networking.podSubnet"),
            ("service", "10.96.0.0/16", "ConfigMap kube-system/kubeadm-config networking.serviceSubnet"),
        ],
    ),
    "kube-proxy's ConfigMap": (
        config_map("kube-proxy", **{"config.conf": KUBE_PROXY, "kubeconfig.conf": "token: hunter2"}),
        [("pod", "10.244.0.0/16", "ConfigMap kube-system/kube-proxy clusterCIDR")],
    ),
    "kube-proxy's ConfigMap, masquerading everything": (
        config_map("kube-proxy", **{"config.conf": "clusterCIDR: 0.0.0.0/0"}),
        [],
    ),
    "kube-proxy's ConfigMap, nothing set": (
        config_map("kube-proxy-config", config='clusterCIDR: ""\nhostnameOverride: x'),
        [],
    ),
    "Calico": (
        obj(
            "IPPool",
            "default-ipv4-ippool",
            None,
            "crd.projectcalico.org/v1",
            spec={"cidr": "192.168.0.0/16", "blockSize": 26, "allowedUses": ["Workload", "Tunnel"]},
        ),
        [("pod", "192.168.0.0/16", "Calico IPPool default-ipv4-ippool")],
    ),
    "Calico, disabled: pods may still be there": (
        obj("IPPool", "old", None, "projectcalico.org/v3", spec={"cidr": "172.20.0.0/16", "disabled": True}),
        [("pod", "172.20.0.0/16", "Calico IPPool old (disabled)")],
    ),
    "Calico, for load balancers": (
        obj(
            "IPPool",
            "lb",
            None,
            "projectcalico.org/v3",
            spec={"cidr": "203.0.113.0/24", "allowedUses": ["LoadBalancer"]},
        ),
        [],
    ),
    "Cilium's cluster pool": (
        config_map(
            "cilium-config",
            **{
                "cluster-pool-ipv4-cidr": "10.0.0.0/9 10.128.0.0/16",
                "cluster-pool-ipv6-cidr": "fd00::/104",
                "ipam": "cluster-pool",
                "debug": "hunter2",
            },
        ),
        [
            ("pod", "10.0.0.0/9", "ConfigMap kube-system/cilium-config cluster-pool-ipv4-cidr"),
            ("pod", "10.128.0.0/16", "ConfigMap kube-system/cilium-config cluster-pool-ipv4-cidr"),
            ("pod", "fd00::/104", "ConfigMap kube-system/cilium-config cluster-pool-ipv6-cidr"),
        ],
    ),
    "CiliumNode": (
        obj("CiliumNode", "n1", None, "cilium.io/v2", spec={"ipam": {"podCIDRs": ["10.0.1.0/24"]}}),
        [("pod", "10.0.1.0/24", "CiliumNode n1 podCIDRs")],
    ),
    "CiliumNode, several pools": (
        obj(
            "CiliumNode",
            "n1",
            None,
            "cilium.io/v2",
            spec={
                "ipam": {
                    "pools": {"allocated": [{"pool": "mars", "cidrs": ["10.30.0.0/27", "10.30.0.64/27"]}]}
                }
            },
        ),
        [
            ("pod", "10.30.0.0/27", "CiliumNode n1 podCIDRs"),
            ("pod", "10.30.0.64/27", "CiliumNode n1 podCIDRs"),
        ],
    ),
    "CiliumPodIPPool": (
        obj(
            "CiliumPodIPPool",
            "mars",
            None,
            "cilium.io/v2alpha1",
            spec={
                "ipv4": {"cidrs": ["10.30.0.0/16"], "maskSize": 27},
                "ipv6": {"cidrs": ["fd00:30::/80"], "maskSize": 112},
            },
        ),
        [("pod", "10.30.0.0/16", "CiliumPodIPPool mars"), ("pod", "fd00:30::/80", "CiliumPodIPPool mars")],
    ),
    "flannel": (
        config_map("kube-flannel-cfg", "kube-flannel", **{"net-conf.json": FLANNEL, "cni-conf.json": "{}"}),
        [
            ("pod", "10.244.0.0/16", "ConfigMap kube-flannel/kube-flannel-cfg Network"),
            ("pod", "fd00:1::/64", "ConfigMap kube-flannel/kube-flannel-cfg IPv6Network"),
        ],
    ),
    "Antrea allocates": (
        config_map("antrea-config", **{"antrea-controller.conf": ANTREA, "antrea-agent.conf": "x: hunter2"}),
        [
            ("pod", "10.10.0.0/16", "ConfigMap kube-system/antrea-config nodeIPAM.clusterCIDRs"),
            ("pod", "fd00:10::/48", "ConfigMap kube-system/antrea-config nodeIPAM.clusterCIDRs"),
            ("service", "10.96.0.0/12", "ConfigMap kube-system/antrea-config nodeIPAM.serviceCIDR"),
        ],
    ),
    "Antrea leaves it to others": (
        config_map("antrea-config", **{"antrea-controller.conf": ANTREA.replace("true", "false")}),
        [],
    ),
    "Weave Net": (
        obj(
            "DaemonSet",
            "weave-net",
            "kube-system",
            "apps/v1",
            spec={
                "selector": {"matchLabels": {"name": "weave-net"}},
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": "weave",
                                "env": [
                                    {"name": "WEAVE_PASSWORD", "value": SECRET},
                                    {"name": "IPALLOC_RANGE", "value": "10.32.0.0/12"},
                                ],
                            }
                        ]
                    }
                },
            },
        ),
        [("pod", "10.32.0.0/12", "DaemonSet kube-system/weave-net IPALLOC_RANGE")],
    ),
    "OpenShift": (
        obj(
            "Network",
            "cluster",
            None,
            "config.openshift.io/v1",
            spec={"clusterNetwork": [{"cidr": "10.1.0.0/16"}]},
            status={
                "clusterNetwork": [{"cidr": "10.128.0.0/14", "hostPrefix": 23}],
                "serviceNetwork": ["172.30.0.0/16"],
            },
        ),
        [
            ("pod", "10.128.0.0/14", "OpenShift Network cluster clusterNetwork"),
            ("service", "172.30.0.0/16", "OpenShift Network cluster serviceNetwork"),
        ],
    ),
    "OpenShift, as the installer writes it": (
        obj(
            "Network",
            "cluster",
            None,
            "config.openshift.io/v1",
            spec={"clusterNetwork": [{"cidr": "10.128.0.0/14"}], "serviceNetwork": ["172.30.0.0/16"]},
        ),
        [
            ("pod", "10.128.0.0/14", "OpenShift Network cluster clusterNetwork"),
            ("service", "172.30.0.0/16", "OpenShift Network cluster serviceNetwork"),
        ],
    ),
    "k3s": (
        obj(
            "Node", "n1", None, metadata={"annotations": {"k3s.io/node-args": K3S, "k3s.io/node-env": SECRET}}
        ),
        [
            ("pod", "10.42.0.0/16", "Node n1 k3s.io/node-args --cluster-cidr"),
            ("service", "10.43.0.0/16", "Node n1 k3s.io/node-args --service-cidr"),
        ],
    ),
    "RKE2": (
        obj(
            "Node",
            "n1",
            None,
            metadata={"annotations": {"rke2.io/node-args": '["server","--service-cidr","10.43.0.0/16"]'}},
        ),
        [("service", "10.43.0.0/16", "Node n1 rke2.io/node-args --service-cidr")],
    ),
    "nodes": (
        obj("Node", "n1", None, spec={"podCIDRs": ["10.244.1.0/24", "fd00:10:244:1::/64"]}),
        [("pod", "10.244.1.0/24", "Node n1 podCIDRs"), ("pod", "fd00:10:244:1::/64", "Node n1 podCIDRs")],
    ),
    "host bits are masked": (
        system_pod("kube-apiserver-cp1", "--service-cluster-ip-range=10.96.0.1/12"),
        [("service", "10.96.0.0/12", "Pod kube-system/kube-apiserver-cp1 --service-cluster-ip-range")],
    ),
}


@pytest.mark.parametrize(("told", "wanted"), TABLE.values(), ids=TABLE)
def test_a_range_is_found_where_it_stands(told: dict[str, Any], wanted: list[tuple[str, str, str]]) -> None:
    kept = strip(told)
    assert kept is not None
    assert SECRET not in json.dumps(kept)
    assert strip(kept) == kept
    for state in (told, kept):  # As it stands in the cluster, and as captures keep it.
        inventory, problems = build_inventory([state])
        assert problems == ()
        assert [(str(f.kind), f.cidr, f.origin) for f in inventory.discovered] == wanted
        found = settled(inventory, Config())
        assert {*found.pod_cidrs} == {cidr for kind, cidr, _ in wanted if kind == "pod"}
        assert {*found.service_cidrs} == {cidr for kind, cidr, _ in wanted if kind == "service"}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (
            system_pod("kube-apiserver-cp1", "--service-cluster-ip-range=10.96.0.0/99"),
            "--service-cluster-ip-range",
        ),
        (system_pod("kube-controller-manager-1", "--cluster-cidr", "$(PODS)"), "--cluster-cidr"),
        (config_map("kubeadm-config", ClusterConfiguration="networking: [hunter2"), "ClusterConfiguration"),
        (
            config_map("kubeadm-config", ClusterConfiguration="networking: {podSubnet: hunter2}"),
            "networking.podSubnet",
        ),
        (
            config_map("kubeadm-config", ClusterConfiguration="networking: {podSubnet: 7}"),
            "networking.podSubnet",
        ),
        (config_map("cilium-config", **{"cluster-pool-ipv4-cidr": "hunter2"}), "cluster-pool-ipv4-cidr"),
        (config_map("kube-flannel-cfg", **{"net-conf.json": '{"Network": '}), "net-conf.json"),
        (obj("ConfigMap", "kube-proxy", "kube-system", data=SECRET), "data is no mapping"),
        (
            obj("Node", "n1", None, metadata={"annotations": {"k3s.io/node-args": "hunter2"}}),
            "k3s.io/node-args",
        ),
        (
            obj("ServiceCIDR", "kubernetes", None, "networking.k8s.io/v1", spec={"cidrs": ["10.96.0.0"]}),
            "10.96.0.0",
        ),
        (obj("IPPool", "p", None, "projectcalico.org/v3", spec={"cidr": {}}), "spec.cidr"),
        (
            obj("CiliumNode", "n1", None, "cilium.io/v2", spec={"ipam": {"podCIDRs": "10.0.0.0/24"}}),
            "podCIDRs",
        ),
    ],
)
def test_what_makes_no_sense_is_named_and_not_repeated_where_it_may_be_a_secret(
    broken: dict[str, Any], words: str
) -> None:
    kept = strip(broken)
    assert kept is not None
    assert SECRET not in json.dumps(kept)
    for state in (broken, kept):
        inventory, (problem,) = build_inventory([state])
        assert words in problem
        assert SECRET not in problem
        assert inventory.discovered == ()


TOO_WIDE = {
    "kube-proxy": (
        system_pod("kube-proxy-1", "--cluster-cidr=0.0.0.0/1,128.0.0.0/1"),
        ["kube-proxy --cluster-cidr: 0.0.0.0/1", "kube-proxy --cluster-cidr: 128.0.0.0/1"],
    ),
    "kube-apiserver": (
        system_pod("kube-apiserver-1", "--service-cluster-ip-range=10.0.0.0/7,2000::/15"),
        [
            "Pod kube-system/kube-apiserver-1 --service-cluster-ip-range: 10.0.0.0/7",
            "Pod kube-system/kube-apiserver-1 --service-cluster-ip-range: 2000::/15",
        ],
    ),
    "ConfigMap": (
        config_map("kube-proxy", **{"config.conf": "clusterCIDR: 8.0.0.0/5"}),
        ["ConfigMap kube-system/kube-proxy clusterCIDR: 8.0.0.0/5"],
    ),
    "Node": (
        obj("Node", "n1", None, spec={"podCIDRs": ["64.0.0.0/2", "fc00::/7"]}),
        ["Node n1 podCIDRs: 64.0.0.0/2", "Node n1 podCIDRs: fc00::/7"],
    ),
    "ServiceCIDR": (
        obj("ServiceCIDR", "kubernetes", None, "networking.k8s.io/v1", spec={"cidrs": ["0.0.0.0/2"]}),
        ["ServiceCIDR kubernetes: 0.0.0.0/2"],
    ),
    "another program": (
        system_pod("kube-apiserver-1", "--service-cluster-ip-range=0.0.0.0/1", namespace="mallory"),
        [],
    ),
}


@pytest.mark.parametrize(("told", "named"), TOO_WIDE.values(), ids=TOO_WIDE)
def test_ranges_that_are_too_wide_for_a_cluster_are_not_believed_but_named(
    told: dict[str, Any], named: list[str]
) -> None:
    inventory, problems = build_inventory([told])
    assert list(problems) == [f"{name} is too wide for a range of the cluster" for name in named]
    assert inventory.missing == problems
    assert inventory.discovered == ()
    assert [node.pod_cidrs for node in inventory.nodes] == [()] * len(inventory.nodes)
    anybody = settled(inventory, Config(control_plane_pods=("mallory/kube",)))
    assert (anybody.pod_cidrs, anybody.service_cidrs) == ((), ())


def test_the_widest_ranges_that_are_believed() -> None:
    node = obj("Node", "n1", None, spec={"podCIDRs": ["10.0.0.0/8", "fd00::/16"]})
    inventory, problems = build_inventory([node])
    assert problems == ()
    assert inventory.nodes[0].pod_cidrs == ("10.0.0.0/8", "fd00::/16")
    assert settled(inventory, Config()).pod_cidrs == ("10.0.0.0/8", "fd00::/16")


def test_pods_that_are_not_the_control_plane_are_not_believed() -> None:
    foreign = system_pod("kube-apiserver-1", "--service-cluster-ip-range=203.0.113.0/24", namespace="mallory")
    proxy = system_pod("kube-proxy-1", "--cluster-cidr=198.51.100.0/24", namespace="mallory")
    other = system_pod("router-1", "--service-cluster-ip-range=10.97.0.0/16", "--cluster-cidr=auto")
    inventory, problems = build_inventory([foreign, proxy, other])
    assert problems == ()
    assert (settled(inventory, Config()).pod_cidrs, settled(inventory, Config()).service_cidrs) == ((), ())
    named = Config(control_plane_pods=("router",))
    assert settled(inventory, named).service_cidrs == ("10.97.0.0/16",)
    named = Config(control_plane_pods=("mallory/kube-apiserver",))
    assert settled(inventory, named).service_cidrs == ("203.0.113.0/24",)


def test_kube_proxy_is_named_once_for_all_its_pods() -> None:
    pods = [system_pod(f"kube-proxy-{name}", "--cluster-cidr=10.2.0.0/16") for name in "abc"]
    assert [f.origin for f in build_inventory(pods)[0].discovered] == ["kube-proxy --cluster-cidr"]


def test_config_maps_and_daemon_sets_of_other_namespaces_tell_nothing() -> None:
    wrong = [
        config_map("kubeadm-config", "mallory", ClusterConfiguration=KUBEADM),
        config_map("cilium-config", "mallory", **{"cluster-pool-ipv4-cidr": "203.0.113.0/24"}),
        TABLE["Weave Net"][0] | {"metadata": {"name": "weave-net", "namespace": "mallory"}},
        TABLE["Calico"][0] | {"apiVersion": "example.com/v1"},
    ]
    kept = [found for o in wrong if (found := strip(o))]
    assert [o["kind"] for o in kept] == ["DaemonSet"]
    assert build_inventory(kept)[0].discovered == ()


def test_a_node_has_the_ranges_that_cilium_gave_it() -> None:
    node = obj("Node", "n1", None, spec={"podCIDR": "10.244.0.0/24"})
    inventory, _ = build_inventory([node, TABLE["CiliumNode"][0]])
    assert inventory.nodes[0].pod_cidrs == ("10.244.0.0/24", "10.0.1.0/24")


@given(
    places=st.dictionaries(
        st.sampled_from(sorted({place.key for places in CONFIG_MAPS.values() for place in places})),
        st.text(max_size=40) | junk(),
    ),
    name=st.sampled_from(sorted(CONFIG_MAPS)),
    arguments=junk(),
)
def test_nothing_in_a_config_map_or_an_argument_list_can_crash_it(
    places: Any, name: Any, arguments: Any
) -> None:
    told = [
        obj("ConfigMap", name[1], name[0], data=places),
        obj("Pod", "kube-apiserver-1", "kube-system", spec={"containers": [{"args": arguments}]}),
        obj("Node", "n1", None, metadata={"annotations": {"k3s.io/node-args": arguments}}),
    ]
    for state in told:
        kept = strip(state)
        assert kept is not None
        assert strip(kept) == kept
        assert build_inventory([state])[0].discovered == build_inventory([kept])[0].discovered


def test_endless_aliases_in_a_config_map_are_refused() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    bomb = config_map("kubeadm-config", ClusterConfiguration="\n".join([*lines, "networking: *a11"]))
    inventory, problems = build_inventory([bomb])
    assert inventory.discovered == ()
    assert problems
