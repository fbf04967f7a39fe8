"""Tell which network plugin a cluster runs, and what it does otherwise than the NetworkPolicy API says.

Facts and where they come from: docs/proof.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from netsec_tui.model.cni import Cni
from netsec_tui.model.inventory import Inventory, PodOwner

_READ = "(from its documentation, not tried)"
_INFERRED = "(inferred, not tried)"

_REPLIES_NOTHING = f"A denied connection gets no answer and times out {_READ}"
_DROPS_ICMP = f"ICMP is dropped to and from isolated pods {_READ}"
_IGNORES_HOST = f"No policy selects pods on the host network; their traffic counts as their node's {_READ}"
_COMMON = (_REPLIES_NOTHING, _DROPS_ICMP, _IGNORES_HOST)

_CALICO = Cni(
    "Calico",
    differences=(
        "Egress from a pod to its own node is filtered by policies, and by default an endpoint action "
        f"allows it {_READ}",
        *_COMMON,
    ),
)
_CILIUM = Cni(
    "Cilium",
    ipblock_matches_pods=False,
    differences=(
        "An ipBlock never matches a pod, not even 0.0.0.0/0: allow pods by selectors",
        "An ipBlock matches no node's address either, unless Cilium 1.15 or later runs with "
        f"policy-cidr-match-mode: nodes {_READ}",
        f"Egress from a pod to its own node is allowed in the default configuration {_READ}",
        *_COMMON,
    ),
)
_ANTREA = Cni(
    "Antrea",
    differences=(
        "A rule with an ipBlock that has host bits, such as 10.0.0.5/24, may be dropped without a word "
        f"{_READ}",
        f"Egress from a pod to its own node is filtered by policies {_INFERRED}",
        *_COMMON,
    ),
)
_OVN = Cni(
    "OVN-Kubernetes",
    differences=(
        f"An ipBlock also matches pods {_INFERRED}",
        f"Egress from a pod to its own node is allowed {_INFERRED}",
        *_COMMON,
    ),
)
_KUBE_ROUTER = Cni(
    "kube-router",
    two_objects=True,
    differences=(
        "A policy of both directions that selects both ends of a connection lets egress through by its "
        "ingress rules: write the directions as two objects",
        "Two ipBlocks in one rule share one address set, so what one excludes is excluded from the other too",
        "A named port that no pod declares opens all ports instead of none: write numbers",
        "::/0 means 2000::/3 and fd00::/8 only (read in its source, not tried)",
        "A denied connection is refused at once instead of timing out",
        "Egress from an isolated pod to its own node is refused",
        "ICMP echo requests and errors pass to and from isolated pods (read in its source, not tried)",
        "No policy selects pods on the host network; their traffic counts as their node's",
    ),
)
_KUBE_NETWORK_POLICIES = Cni(
    "kube-network-policies",
    differences=(
        "Egress from an isolated pod to its own node is filtered",
        "A denied connection gets no answer and times out",
        "No policy selects pods on the host network; their traffic counts as their node's",
    ),
)
_FLANNEL = Cni(
    "Flannel",
    enforces=False,
    differences=("Flannel enforces no NetworkPolicy: without another enforcer, policies have no effect",),
)


def _not_seen(name: str) -> str:
    return f"Whether {name} is set up to enforce NetworkPolicies is not seen"


def _unknown(name: str) -> str:
    return f"What {name} does differently is not known here; its documentation tells"


_WEAVE = Cni("Weave Net", differences=(_unknown("Weave Net"),))
_AZURE = Cni("Azure NPM", differences=(_unknown("Azure NPM"),))
_KINDNET = Cni("kindnet", enforces=None, differences=(_not_seen("kindnet"), _unknown("kindnet")))
_AWS = Cni(
    "Amazon VPC CNI",
    enforces=None,
    differences=(_not_seen("Amazon VPC CNI"), _unknown("Amazon VPC CNI")),
)
_TERWAY = Cni(
    "Terway",
    enforces=None,
    differences=(
        _not_seen("Terway"),
        f"In Terway's eBPF mode an ipBlock does not match pods; which mode runs is not seen {_READ}",
    ),
)

_BY_MARK = {
    "cilium": _CILIUM,
    "anetd": _CILIUM,
    "calico-node": _CALICO,
    "canal": _CALICO,
    "weave-net": _WEAVE,
    "antrea-agent": _ANTREA,
    "ovnkube-node": _OVN,
    "ovs-node": _OVN,
    "kube-router": _KUBE_ROUTER,
    "kube-network-policies": _KUBE_NETWORK_POLICIES,
    "azure-npm": _AZURE,
    "terway": _TERWAY,
    "terway-eniip": _TERWAY,
    "kindnet": _KINDNET,
    "aws-node": _AWS,
    "kube-flannel": _FLANNEL,
    "kube-flannel-ds": _FLANNEL,
    "flannel": _FLANNEL,
}
"""Names of DaemonSets, and values of the labels below on their pods, that stand for a plugin."""

KNOWN_CNIS = tuple(dict.fromkeys(_BY_MARK.values()))

_NAME_LABELS = ("k8s-app", "app", "app.kubernetes.io/name", "name")
_SYSTEM_NAMESPACES = ("cilium", "ovn-kubernetes", "antrea", "weave", "calico", "flannel", "kindnet")


def find_cni(inventory: Inventory) -> Cni | None:
    """Return the plugin that enforces policies, by the DaemonSets and pods of the system's namespaces.

    A plugin that is known to enforce counts before one that may, and that before one that does not: Calico
    often enforces where Flannel carries the traffic. None when nothing is seen: a plugin may run outside of
    pods, as in k3s. When several are left the answer names all, and of their switches what each agrees on.
    """
    seen: dict[Cni, list[PodOwner]] = {}
    for owner in _system_owners(inventory.owners):
        for cni in {_BY_MARK[mark] for mark in _marks(owner) if mark in _BY_MARK}:
            seen.setdefault(cni, []).append(owner)
    running = {
        cni: owners
        for cni, owners in seen.items()
        if any(inventory.pods_by_owner.get(owner.ref) for owner in owners)
    }
    found = [_seen_as(cni, owners) for cni, owners in (running or seen).items()]
    for enforces in (True, None, False):
        rank = sorted((cni for cni in found if cni.enforces is enforces), key=lambda cni: cni.name)
        if rank:
            return rank[0] if len(rank) == 1 else _either(rank)
    return None


def _system_owners(owners: Iterable[PodOwner]) -> Iterator[PodOwner]:
    for owner in owners:
        namespace = owner.ref.namespace
        of_system = namespace.startswith(("kube-", "openshift-", "tigera-")) or namespace.endswith("-system")
        if owner.ref.kind in ("DaemonSet", "Pod") and (of_system or namespace in _SYSTEM_NAMESPACES):
            yield owner


def _marks(owner: PodOwner) -> set[str]:
    labels = dict(owner.template_labels)
    return {owner.ref.name, *(labels[key] for key in _NAME_LABELS if key in labels)}


def _seen_as(cni: Cni, owners: Iterable[PodOwner]) -> Cni:
    return replace(cni, seen_as=tuple(sorted(f"{o.ref.kind} {o.ref.namespace}/{o.ref.name}" for o in owners)))


def _either(several: list[Cni]) -> Cni:
    """Return one answer for plugins of which it is not known which enforces."""
    name = " or ".join(cni.name for cni in several)
    matching = {cni.ipblock_matches_pods for cni in several}
    return Cni(
        name,
        # Where they differ, what the conformance tests of Kubernetes demand is assumed.
        ipblock_matches_pods=matching != {False},
        enforces=several[0].enforces,
        two_objects=any(cni.two_objects for cni in several),
        differences=(
            f"{' and '.join(cni.name for cni in several)} run here: which of them enforces is not known",
            *(f"{cni.name}: {sentence}" for cni in several for sentence in cni.differences),
        ),
        seen_as=tuple(mark for cni in several for mark in cni.seen_as),
    )
