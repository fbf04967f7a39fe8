"""The selected workload: what a policy for it selects, whom that covers, why one may be refused."""

from __future__ import annotations

from netsec_tui.core.cluster.selectors import acceptable, common_labels, selector_from_labels
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.core.traffic.services import covered_owners
from netsec_tui.kube.labels import stable_labels, stable_selector
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector
from netsec_tui.model.review import Subject

_UNACCEPTABLE = "the API server would not accept the labels of {ref}"


def owner_selector(
    inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef
) -> tuple[LabelSelector | None, str]:
    """Return the selector for a pod owner's pods, and else None with one sentence why there is none.

    An owner's spec.selector less unstable keys; for owners without one the template's labels; for owners
    known from flows alone the label that names them, or the labels that all their pods seen have.
    """
    selector, why = _selector(inventory, knowledge, ref)
    if selector and not acceptable(selector):
        return None, _UNACCEPTABLE.format(ref=ref)
    return selector, why


def _selector(
    inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef
) -> tuple[LabelSelector | None, str]:
    owner = inventory.owner_by_ref.get(ref)
    if owner:
        selector = (
            stable_selector(owner.selector) if owner.selector else selector_from_labels(owner.template_labels)
        )
        return (selector, "") if selector else (None, f"{ref} has no label that outlives its pods")
    if ref.kind == "Workload":
        keys = knowledge.owner_keys.get(ref, set())
        if len(keys) == 1:
            return LabelSelector(((next(iter(keys)), ref.name),)), ""
        return None, f"different labels ({', '.join(sorted(keys))}) name {ref.name}; cluster state would tell"
    labels = common_labels(_label_sets(inventory, knowledge, ref))
    selector = selector_from_labels(labels)
    return (selector, "") if selector else (None, f"the labels of {ref} are not known")


def _label_sets(inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef) -> list[Labels]:
    pods = inventory.pods_by_owner.get(ref, ())
    if pods:
        return [pod.labels for pod in pods]
    if ref.kind == "Pod":
        return [knowledge.labels.get((ref.namespace, ref.name), ())]
    named = [labels for pod, labels in knowledge.labels.items() if knowledge.workloads.get(pod) == ref]
    by_labels = [ls for (_, ls), refs in knowledge.workloads_by_labels.items() if ref in refs and ls]
    return named + by_labels


def labels_of(inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef) -> Labels:
    """Return the labels to show for an owner: those that all its pods share."""
    owner = inventory.owner_by_ref.get(ref)
    sets = _label_sets(inventory, knowledge, ref)
    if owner and owner.template_labels:
        return owner.template_labels
    if sets:
        return common_labels(sets)
    selector, _ = owner_selector(inventory, knowledge, ref)
    return selector.match_labels if selector else ()


def is_host_network(inventory: Inventory, ref: WorkloadRef) -> bool:
    """Tell whether an owner's pods use their node's network."""
    owner = inventory.owner_by_ref.get(ref)
    if owner:
        return owner.host_network
    return any(pod.host_network for pod in inventory.pods_by_owner.get(ref, ()))


_HOST_NETWORK = (
    "{ref} runs on the host network: NetworkPolicy does not select such pods, so no policy is made for it"
)


def subject_of(inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef) -> Subject:
    """Return the subject for a workload or Service; ``refusal`` says why no policy can be made."""
    if ref.kind == "Service":
        return _service_subject(inventory, knowledge, ref)
    selector, refusal = owner_selector(inventory, knowledge, ref)
    if is_host_network(inventory, ref):
        refusal = _HOST_NETWORK.format(ref=ref)
    labelled = label_sets(inventory, knowledge, ref.namespace)
    others = also_selected(labelled, selector, (ref,)) if selector else ()
    return Subject(
        ref,
        selector or LabelSelector(),
        (ref,),
        labels_of(inventory, knowledge, ref),
        refusal,
        tuple(f"the policy's selector also selects {other}" for other in others),
        others,
    )


def _service_subject(inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef) -> Subject:
    service = inventory.service_by_name.get((ref.namespace, ref.name))
    if service is None or not service.selector:
        refusal = f"{ref} has no selector, so it stands for no pods"
        return Subject(ref, LabelSelector(), (), (), refusal)
    owners = covered_owners(inventory, knowledge, service)
    refusal = "" if acceptable(LabelSelector(service.selector)) else _UNACCEPTABLE.format(ref=ref)
    if owners and all(is_host_network(inventory, owner) for owner in owners):
        refusal = _HOST_NETWORK.format(ref=ref)
    return Subject(ref, LabelSelector(service.selector), owners, service.labels, refusal)


LabelSets = frozenset[tuple[WorkloadRef, Labels]]
"""Owners with labels that their pods have; one owner may come with several."""


def label_sets(inventory: Inventory, knowledge: Knowledge, namespace: str) -> LabelSets:
    """Return the stable labels of a namespace's templates and live pods, by owner.

    Pods on the host network are left out: no selector matches them. Without any cluster state the pods
    whose owner flows told of stand in.
    """
    templates = (
        (owner.ref, owner.template_labels)
        for owner in inventory.owners_by_namespace.get(namespace, ())
        if owner.template_labels and not owner.host_network and owner.ref.kind != "Pod"
    )
    pods = (
        (pod.owner, pod.labels)
        for pod in inventory.pods
        if pod.namespace == namespace and not pod.finished and not pod.host_network
    )
    told = (
        (ref, knowledge.labels[pod])
        for pod, ref in knowledge.workloads.items()
        if not inventory.known and ref.namespace == namespace and knowledge.labels.get(pod)
    )
    return frozenset((ref, stable_labels(labels)) for ref, labels in (*templates, *pods, *told))


def also_selected(
    labelled: LabelSets, selector: LabelSelector, owners: tuple[WorkloadRef, ...]
) -> tuple[WorkloadRef, ...]:
    """Return the owners besides some whose pods a selector of stable keys selects, sorted."""
    others = {
        ref for ref, labels in labelled if ref not in owners and selector_matches(selector, dict(labels))
    }
    return tuple(sorted(others))
