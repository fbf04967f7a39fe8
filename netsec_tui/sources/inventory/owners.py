"""Topmost pod owners: what each selects, the labels and ports of its pods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from netsec_tui.errors import BadInputError
from netsec_tui.kube.labels import is_stable
from netsec_tui.kube.selectors import parse_selector
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Pod, PodOwner
from netsec_tui.model.policy import LabelSelector
from netsec_tui.sources.inventory.chain import REPLICA_KINDS, Chain, ref_of
from netsec_tui.sources.inventory.memo import Memo
from netsec_tui.sources.inventory.pods import read_ports
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import printable

_PLAIN_SELECTORS = ("ReplicationController", "DeploymentConfig")
"""Kinds older than LabelSelector: their spec.selector is a plain mapping of labels."""


def read_owners(
    objects: Iterable[Fields], pods: Iterable[Pod], chain: Chain, memo: Memo
) -> tuple[PodOwner, ...]:
    """Return the topmost pod owners, sorted.

    ``objects`` are owners only, of every kind. An owner that was not read itself (a Rollout, a Deployment
    in a partial listing) is made up from its newest ReplicaSet, or else from its pods with no selector.
    """
    owners: dict[WorkloadRef, PodOwner] = {}
    replica_sets: dict[WorkloadRef, list[tuple[float, Fields]]] = defaultdict(list)
    for fields in objects:
        ref = memo.once(fields, ref_of)
        top = chain.above(ref)
        if top == ref:
            owners[ref] = memo.once(fields, _own)
        elif ref.kind in REPLICA_KINDS:
            replica_sets[top].append((memo.once(fields, _created), fields))
    for ref, sets in replica_sets.items():
        if ref not in owners:
            newest = max(sets, key=lambda entry: entry[0])[1]
            owners[ref] = _lifted(read_owner(newest, ref), ref_of(newest).name)
    by_owner: dict[WorkloadRef, list[Pod]] = defaultdict(list)
    for pod in pods:
        by_owner[pod.owner].append(pod)
    for ref, owned in by_owner.items():
        if ref not in owners:
            owners[ref] = _from_pods(ref, owned)
    return tuple(owners[ref] for ref in sorted(owners))


def _created(fields: Fields) -> float:
    return fields.child("metadata").time("creationTimestamp")


def _own(fields: Fields) -> PodOwner:
    return read_owner(fields, ref_of(fields))


def read_owner(fields: Fields, ref: WorkloadRef) -> PodOwner:
    """Return a pod owner read from its own object, or from its ReplicaSet's under the name ``ref``."""
    spec = fields.child("spec")
    job = spec.child("jobTemplate").child("spec") if ref.kind == "CronJob" else spec
    template = job.child("template")
    labels = template.child("metadata").labels("labels")
    pod_spec = template.child("spec")
    return PodOwner(ref, _selector(fields, spec), labels, read_ports(pod_spec), pod_spec.flag("hostNetwork"))


def _selector(fields: Fields, spec: Fields) -> LabelSelector | None:
    kind = fields.data.get("kind")
    if kind in ("Job", "CronJob"):
        return None
    if kind not in _PLAIN_SELECTORS:
        return _label_selector(spec)
    before = len(spec.problems)
    labels = spec.labels("selector")
    return LabelSelector(labels) if labels and len(spec.problems) == before else None


def _label_selector(spec: Fields) -> LabelSelector | None:
    selector = spec.data.get("selector")
    if selector is None:
        return None
    try:
        return parse_selector(selector, f"{spec.path}selector")
    except BadInputError as error:
        spec.problems.append(f"{spec.title}: {printable(str(error))}")
        return None


def _lifted(owner: PodOwner, replica_set: str) -> PodOwner:
    """Return what a ReplicaSet tells of its owner: everything but what names this one ReplicaSet."""
    selector = owner.selector
    if selector:
        expressions = tuple(r for r in selector.match_expressions if is_stable(r.key))
        selector = LabelSelector(_lasting(selector.match_labels, replica_set), expressions)
    if selector and selector.everything:
        selector = None
    return replace(owner, selector=selector, template_labels=_lasting(owner.template_labels, replica_set))


def _lasting(labels: Labels, replica_set: str) -> Labels:
    # OpenShift's deployment label holds the ReplicationController's own name.
    return tuple((key, value) for key, value in labels if is_stable(key) and value != replica_set)


def _from_pods(ref: WorkloadRef, pods: list[Pod]) -> PodOwner:
    shared = set.intersection(*(set(pod.labels) for pod in pods))
    labels = tuple(sorted(pair for pair in shared if ref.kind == "Pod" or is_stable(pair[0])))
    ports = tuple(dict.fromkeys(port for pod in pods for port in pod.ports))
    return PodOwner(ref, None, labels, ports, any(pod.host_network for pod in pods))
