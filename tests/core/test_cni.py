"""The network plugin is told by what runs in the system's namespaces, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsec_tui.core.cluster.cni import KNOWN_CNIS, find_cni
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory, Pod, PodOwner

PROOF = Path(__file__).parents[2] / "docs" / "proof.md"


def daemon(namespace: str, name: str, /, *, kind: str = "DaemonSet", **labels: str) -> PodOwner:
    pairs = tuple(sorted((key.replace("_", "-"), value) for key, value in labels.items()))
    return PodOwner(WorkloadRef(kind, namespace, name), None, pairs)


def cluster(*owners: PodOwner, running: tuple[PodOwner, ...] = ()) -> Inventory:
    pods = tuple(Pod(o.ref.namespace, f"{o.ref.name}-x", o.template_labels, o.ref) for o in running)
    return Inventory(known=True, owners=owners, pods=pods)


@pytest.mark.parametrize(
    ("owner", "name", "ipblock_matches_pods", "enforces", "two_objects"),
    [
        (daemon("kube-system", "cilium"), "Cilium", False, True, False),
        (daemon("kube-system", "anetd", k8s_app="cilium"), "Cilium", False, True, False),
        (daemon("cilium", "agents", k8s_app="cilium"), "Cilium", False, True, False),
        (daemon("calico-system", "calico-node"), "Calico", True, True, False),
        (daemon("kube-system", "canal", k8s_app="canal"), "Calico", True, True, False),
        (daemon("kube-system", "weave-net", name="weave-net"), "Weave Net", True, True, False),
        (daemon("kube-system", "antrea-agent", app="antrea"), "Antrea", True, True, False),
        (daemon("openshift-ovn-kubernetes", "ovnkube-node"), "OVN-Kubernetes", True, True, False),
        (daemon("ovn-kubernetes", "ovs-node"), "OVN-Kubernetes", True, True, False),
        (daemon("kube-system", "kube-router", k8s_app="kube-router"), "kube-router", True, True, True),
        (daemon("kube-system", "kindnet", app="kindnet"), "kindnet", True, None, False),
        (daemon("kube-flannel", "kube-flannel-ds", app="flannel"), "Flannel", True, False, False),
        (daemon("kube-system", "kube-flannel-ds-amd64", app="flannel"), "Flannel", True, False, False),
        (daemon("kube-system", "aws-node", k8s_app="aws-node"), "Amazon VPC CNI", True, None, False),
        (daemon("kube-system", "azure-npm"), "Azure NPM", True, True, False),
        (daemon("kube-system", "kube-network-policies"), "kube-network-policies", True, True, False),
        (daemon("kube-system", "terway-eniip", app="terway-eniip"), "Terway", True, None, False),
        (daemon("kube-system", "cilium-7xk2p", kind="Pod", k8s_app="cilium"), "Cilium", False, True, False),
    ],
    ids=lambda value: str(value.ref) if isinstance(value, PodOwner) else None,
)
def test_each_plugin_is_known_by_its_daemon_set_or_its_pods_labels(
    owner: PodOwner, name: str, ipblock_matches_pods: bool, enforces: bool | None, two_objects: bool
) -> None:
    found = find_cni(cluster(owner))
    assert found is not None
    assert (found.name, found.ipblock_matches_pods) == (name, ipblock_matches_pods)
    assert (found.enforces, found.two_objects) == (enforces, two_objects)
    assert found.seen_as == (f"{owner.ref.kind} {owner.ref.namespace}/{owner.ref.name}",)
    assert found.differences


@pytest.mark.parametrize(
    "owner",
    [
        daemon("shop", "cilium", k8s_app="cilium"),
        daemon("kube-system", "cilium-operator", kind="Deployment", k8s_app="cilium"),
        daemon(
            "kube-system", "calico-kube-controllers", kind="Deployment", k8s_app="calico-kube-controllers"
        ),
        daemon("kube-system", "kube-proxy", k8s_app="kube-proxy"),
        daemon("kube-system", "cilium-envoy", k8s_app="cilium-envoy"),
    ],
    ids=lambda owner: str(owner.ref),
)
def test_nothing_else_is_taken_for_a_plugin(owner: PodOwner) -> None:
    assert find_cni(cluster(owner)) is None


@pytest.mark.parametrize(
    ("others", "name"),
    [
        (("aws-node", "calico-node"), "Calico"),
        (("kube-flannel-ds", "calico-node"), "Calico"),
        (("aws-node", "kube-flannel-ds"), "Amazon VPC CNI"),
        (("kindnet", "kube-network-policies"), "kube-network-policies"),
        (("aws-node", "cilium"), "Cilium"),
    ],
)
def test_the_one_that_enforces_counts_where_another_carries_the_traffic(
    others: tuple[str, ...], name: str
) -> None:
    found = find_cni(cluster(*(daemon("kube-system", other) for other in others)))
    assert found is not None
    assert found.name == name


def test_two_that_enforce_are_both_named_and_only_what_they_agree_on_is_taken() -> None:
    both = daemon("kube-system", "kube-router"), daemon("kube-system", "cilium")
    found = find_cni(cluster(*both))
    assert found is not None
    assert found.name == "Cilium or kube-router"
    assert (found.ipblock_matches_pods, found.two_objects) == (True, True)
    assert found.differences[0] == "Cilium and kube-router run here: which of them enforces is not known"
    assert {sentence.partition(":")[0] for sentence in found.differences[1:]} == {"Cilium", "kube-router"}
    assert len(found.seen_as) == 2


def test_a_plugin_without_pods_is_a_leftover_where_another_has_some() -> None:
    old, new = daemon("kube-system", "weave-net"), daemon("kube-system", "cilium")
    found = find_cni(cluster(old, new, running=(new,)))
    assert found is not None
    assert found.name == "Cilium"


def test_an_empty_cluster_tells_nothing() -> None:
    assert find_cni(Inventory()) is None


@pytest.mark.parametrize("cni", KNOWN_CNIS, ids=lambda cni: cni.name)
def test_each_known_plugin_has_its_row_on_the_page_about_proof(cni: object) -> None:
    name = getattr(cni, "name", "")
    rows = [line for line in PROOF.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name} |")]
    assert len(rows) == 1
