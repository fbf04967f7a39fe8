"""The selected workload: what a policy for it selects, whom that covers, why one may be refused."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.core.cluster.labelled import label_sets, labelled, not_behind
from netsec_tui.core.cluster.labelling import unused, used_labels, used_selector
from netsec_tui.core.cluster.selectors import acceptable, common_labels, selector_from_labels
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.core.traffic.services import covered_owners
from netsec_tui.kube.labels import stable_selector
from netsec_tui.model.config import LabelConfig, LabelFilter
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector
from netsec_tui.model.review import Subject

_UNACCEPTABLE = "the API server would not accept the labels of {ref}"


def owner_selector(
    inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef, keys: LabelFilter
) -> tuple[LabelSelector | None, str]:
    """Return the selector for a pod owner's pods, and else None with one sentence why there is none.

    An owner's spec.selector less unstable keys; for owners without one the template's labels; for owners
    known from flows alone the label that names them, or the labels that all their pods seen have. Of these
    the keys that are used; where that leaves nothing, the template's labels that are asked for.
    """
    selector, why = _selector(inventory, knowledge, ref)
    if selector is None:
        return None, why
    used = used_selector(keys, selector) or _asked_for(inventory, ref, keys)
    if used is None:
        return None, unused(ref, selector)
    return (used, "") if acceptable(used) else (None, _UNACCEPTABLE.format(ref=ref))


def _asked_for(inventory: Inventory, ref: WorkloadRef, keys: LabelFilter) -> LabelSelector | None:
    """Return the labels of an owner's template that the filter includes by name."""
    owner = inventory.owner_of(ref)
    selector = selector_from_labels(owner.template_labels) if owner and keys.include else None
    return used_selector(keys, selector) if selector else None


def _selector(
    inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef
) -> tuple[LabelSelector | None, str]:
    owner = inventory.owner_of(ref)
    if owner:
        selector = (
            stable_selector(owner.selector) if owner.selector else selector_from_labels(owner.template_labels)
        )
        return (selector, "") if selector else (None, f"{ref} has no label that outlives its pods")
    if ref.kind == "Workload":
        keys = knowledge.owner_keys.get(ref, set())
        if len(keys) == 1:
            return LabelSelector(((next(iter(keys)), ref.name),)), ""
        if not keys:
            return None, f"the labels of {ref} are not known; cluster state would tell"
        return None, f"different labels ({', '.join(sorted(keys))}) name {ref.name}; cluster state would tell"
    labels = common_labels(_label_sets(inventory, knowledge, ref))
    selector = selector_from_labels(labels)
    return (selector, "") if selector else (None, f"the labels of {ref} are not known")


def _label_sets(inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef) -> list[Labels]:
    pods = inventory.pods_of(ref)
    if pods:
        return [pod.labels for pod in pods]
    if ref.kind == "Pod":
        return [knowledge.labels.get((ref.namespace, ref.name), ())]
    named = [labels for pod, labels in knowledge.labels.items() if knowledge.workloads.get(pod) == ref]
    by_labels = [ls for (_, ls), refs in knowledge.workloads_by_labels.items() if ref in refs and ls]
    return named + by_labels


def labels_of(inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef) -> Labels:
    """Return the labels that all pods of an owner share, whether policies use them or not."""
    owner = inventory.owner_of(ref)
    sets = _label_sets(inventory, knowledge, ref)
    if owner and owner.template_labels:
        return owner.template_labels
    if sets:
        return common_labels(sets)
    selector, _ = _selector(inventory, knowledge, ref)
    return selector.match_labels if selector else ()


def is_host_network(inventory: Inventory, ref: WorkloadRef) -> bool:
    """Tell whether an owner's pods use their node's network."""
    owner = inventory.owner_of(ref)
    if owner:
        return owner.host_network
    return any(pod.host_network for pod in inventory.pods_of(ref))


_HOST_NETWORK = (
    "{ref} runs on the host network: NetworkPolicy does not select such pods, so no policy is made for it"
)


def subject_of(inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef, labels: LabelConfig) -> Subject:
    """Return the subject for a workload or Service; ``refusal`` says why no policy can be made."""
    keys = labels.workload
    if ref.kind == "Service":
        return _service_subject(inventory, knowledge, ref, keys)
    selector, refusal = owner_selector(inventory, knowledge, ref, keys)
    if is_host_network(inventory, ref):
        refusal = _HOST_NETWORK.format(ref=ref)
    selected = label_sets(inventory, knowledge, ref.namespace).selected(selector) if selector else set()
    others = tuple(sorted(selected - {ref}))
    shown = used_labels(keys, labels_of(inventory, knowledge, ref))
    gone = (f"{ref} has been deleted",) if ref in inventory.gone_owner_by_ref else ()
    return Subject(ref, selector or LabelSelector(), (ref,), shown, refusal, gone + _notes(others), others)


def _service_subject(
    inventory: Inventory, knowledge: Knowledge, ref: WorkloadRef, keys: LabelFilter
) -> Subject:
    service = inventory.service_by_name.get((ref.namespace, ref.name))
    if service is None or not service.selector:
        refusal = f"{ref} has no selector, so it stands for no pods"
        return Subject(ref, LabelSelector(), (), (), refusal)
    owners = covered_owners(inventory, knowledge, service)
    whole = LabelSelector(service.selector)
    selector = used_selector(keys, whole)
    refusal = "" if selector else unused(ref, whole)
    if selector and not acceptable(selector):
        refusal = _UNACCEPTABLE.format(ref=ref)
    if owners and all(is_host_network(inventory, owner) for owner in owners):
        refusal = _HOST_NETWORK.format(ref=ref)
    narrowed = selector and selector != whole
    pods = labelled(inventory, knowledge, ref.namespace) if narrowed else ()
    others = not_behind(pods, service.selector, selector) if selector else ()
    return Subject(
        ref,
        selector or LabelSelector(),
        owners,
        used_labels(keys, service.labels),
        refusal,
        _notes(others),
        others,
        service.selector,
    )


def _notes(others: Iterable[WorkloadRef]) -> tuple[str, ...]:
    return tuple(f"the policy's selector also selects {other}" for other in others)
