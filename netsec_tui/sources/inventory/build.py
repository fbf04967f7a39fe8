"""One snapshot of the cluster state, built from stripped Kubernetes objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from netsec_tui.kube.overriding import OVERRIDING_KINDS
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import AppliedPolicy, Inventory, OverridingPolicy, Pod
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.inventory.chain import Chain, controller_of, read_chain, ref_of
from netsec_tui.sources.inventory.memo import Entry, Memo
from netsec_tui.sources.inventory.owners import read_owners
from netsec_tui.sources.inventory.pods import read_pod
from netsec_tui.sources.inventory.policies import read_other_policy, read_policy, read_whom
from netsec_tui.sources.inventory.ranges import RANGE_KINDS, read_ranges, with_cilium_ranges
from netsec_tui.sources.inventory.services import read_endpoints, read_node, read_service
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import ObjectKey

_OTHER_POLICIES = tuple(dict.fromkeys(kind.qualified for kind in OVERRIDING_KINDS))
_NOT_OWNERS = frozenset(
    {
        *("Namespace", "Pod", "Service", "Endpoints", "EndpointSlice", "Node", "NetworkPolicy"),
        *_OTHER_POLICIES,
        *RANGE_KINDS,
    }
)


def build_inventory(
    objects: Iterable[KubeObject],
    *,
    missing: Iterable[str] = (),
    unread_ranges: Iterable[str] = (),
    memo: Memo | None = None,
) -> tuple[Inventory, tuple[str, ...]]:
    """Return the cluster state and a sentence for everything that could not be read; never raises.

    ``objects`` are stripped; of two with the same kind, namespace and name the later counts. Of those that
    are deleted each pod counts: a StatefulSet gives its names again. The inventory's ranges are discovered,
    none is settled. ``missing`` (what the sources could not read) and the sentences returned make up
    ``Inventory.missing``; ``unread_ranges`` is kept apart. ``Inventory.namespaces`` holds only namespaces
    whose object was read, each with the label of its name, so that an unknown namespace can be told from a
    known one. With the ``memo`` of the last time only changed objects are read; the answer is the same.
    """
    memo = memo or Memo()
    problems: list[str] = []
    kinds, gone = _by_kind(objects, memo, problems)
    owners = [fields for kind, group in kinds.items() if kind not in _NOT_OWNERS for fields in group]
    former = [fields for kind, group in gone.items() if kind not in _NOT_OWNERS for fields in group]
    chain = read_chain([*former, *owners], memo)
    pods = tuple(_pod(fields, chain, memo) for fields in kinds["Pod"])
    endpoints = read_endpoints(kinds["EndpointSlice"], kinds["Endpoints"], memo)
    nodes = tuple(memo.once(fields, read_node) for fields in kinds["Node"])
    policies = [(fields, memo.once(fields, _policy)) for fields in kinds["NetworkPolicy"]]
    others = (memo.once(fields, _other) for kind in _OTHER_POLICIES for fields in kinds.get(kind, ()))
    known = any(kinds.values())
    namespaces = {ref_of(fields).name: _namespace_labels(fields) for fields in kinds["Namespace"]}
    owner_list = read_owners(owners, pods, chain, memo)
    gone_pods = tuple(_pod(fields, chain, memo) for fields in gone["Pod"])
    there = {owner.ref for owner in owner_list}
    services = tuple(read_service(fields, endpoints) for fields in kinds["Service"])
    discovered = tuple(read_ranges(kinds, nodes, problems))
    overriding = tuple(policy for policy in others if policy)
    gone_owners = tuple(o for o in read_owners(former, gone_pods, chain, memo) if o.ref not in there)
    unread = [read_whom(fields.data) for fields, policy in policies if not policy]
    sentences = tuple(dict.fromkeys((*memo.turn(), *problems)))
    inventory = Inventory(
        known=known,
        namespaces=namespaces,
        pods=pods,
        owners=owner_list,
        services=services,
        nodes=with_cilium_ranges(nodes, kinds["CiliumNode"]),
        policies=tuple(policy for _, policy in policies if policy),
        missing=tuple(dict.fromkeys((*missing, *sentences))),
        unread_policies=tuple(unread),
        overriding=overriding,
        discovered=discovered,
        unread_ranges=tuple(dict.fromkeys(unread_ranges)),
        gone_pods=gone_pods,
        gone_owners=gone_owners,
    )
    return inventory, sentences


_Kinds = Mapping[str, list[Fields]]


def _by_kind(objects: Iterable[KubeObject], memo: Memo, problems: list[str]) -> tuple[_Kinds, _Kinds]:
    """Return the objects that are there and those that are gone."""
    latest: dict[ObjectKey, Entry] = {}
    gone: dict[str, list[Fields]] = defaultdict(list)
    for obj in objects:
        if not isinstance(obj, Mapping):
            problems.append("something that is no Kubernetes object stands among the objects")
            continue
        entry = memo.entry(obj)
        if entry.key and entry.gone:
            gone[entry.key[0]].append(entry.fields)
        elif entry.key:
            latest[entry.key] = entry
    kinds: dict[str, list[Fields]] = defaultdict(list)
    for key in sorted(latest):
        kinds[key[0]].append(latest[key].fields)
    return kinds, gone


def _pod(fields: Fields, chain: Chain, memo: Memo) -> Pod:
    owner, pod = chain.topmost(*memo.once(fields, _belonging)), memo.once(fields, _own_pod)
    return pod if pod.owner == owner else memo.put(fields, _own_pod, replace(pod, owner=owner))


def _belonging(fields: Fields) -> tuple[WorkloadRef, Labels, WorkloadRef | None]:
    # The hash label that can give the owner away is read quietly here: read_pod names what is broken.
    quiet = Fields(fields.data, fields.title, "", [])
    return ref_of(fields), quiet.child("metadata").labels("labels"), controller_of(fields)


def _own_pod(fields: Fields) -> Pod:
    return read_pod(fields, ref_of(fields))


def _policy(fields: Fields) -> AppliedPolicy | None:
    return read_policy(fields.data, fields.problems)


def _other(fields: Fields) -> OverridingPolicy | None:
    return read_other_policy(fields.data)


def _namespace_labels(fields: Fields) -> Labels:
    # Every namespace has carried this label since Kubernetes 1.21; manifests leave it to the API server.
    labels = dict(fields.child("metadata").labels("labels"))
    return tuple(sorted({**labels, "kubernetes.io/metadata.name": ref_of(fields).name}.items()))
