"""Express pods as peers of a policy: an owner's, those behind a Service, those of the cluster's DNS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netsec_tui.core.cluster.labelled import labelled, not_behind
from netsec_tui.core.cluster.labelling import unused, used_selector
from netsec_tui.core.cluster.selectors import NAME_LABEL, acceptable, has_labels
from netsec_tui.core.cluster.subject import is_host_network, owner_selector
from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.expression import Expression
from netsec_tui.core.words import labels_needed, listed
from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.policy import LabelSelector, PolicyPeer, PolicyPort

_HOST_NETWORK = "host network: no podSelector matches its pods"
_UNACCEPTABLE = "the API server would not accept the labels to select it by"


def owner_pods(world: World, home: str, ref: WorkloadRef, ports: tuple[PolicyPort, ...]) -> Expression:
    """Express the pods of an owner for a policy in namespace ``home``."""
    if is_host_network(world.inventory, ref):
        return Expression(obstacle=_HOST_NETWORK)
    selector, why = owner_selector(world.inventory, world.knowledge, ref, world.labels.workload)
    if selector is None:
        return _unlabelled(world, home, ref.namespace) or Expression(obstacle=why)
    expression = _selected(world, home, ref.namespace, selector, ports)
    others = world.selected(ref.namespace, selector) - {ref}
    return _with_others(expression, world, home, ref.namespace, selector, sorted(others))


def service_pods(
    world: World, home: str, service: WorkloadRef, labels: Labels, ports: tuple[PolicyPort, ...]
) -> Expression:
    """Express the pods that a Service selects; impossible when all of them are on the host network."""
    if _all_on_host_network(world, service.namespace, labels):
        return Expression(obstacle=_HOST_NETWORK)
    whole = LabelSelector(labels)
    selector = used_selector(world.labels.workload, whole)
    if selector is None:
        missing = _unlabelled(world, home, service.namespace)
        return missing or Expression(obstacle=unused(service, whole))
    expression = _selected(world, home, service.namespace, selector, ports)
    pods = labelled(world.inventory, world.knowledge, service.namespace) if selector != whole else ()
    others = not_behind(pods, labels, selector)
    return _with_others(expression, world, home, service.namespace, selector, others)


def _all_on_host_network(world: World, namespace: str, labels: Labels) -> bool:
    inventory = world.inventory
    host = [
        pod.host_network
        for pod in inventory.pods_by_namespace.get(namespace, ())
        if has_labels(labels, pod.labels) and not pod.finished
    ] or [
        owner.host_network
        for owner in inventory.owners_by_namespace.get(namespace, ())
        if has_labels(labels, owner.template_labels)
    ]
    return bool(host) and all(host)


def _unlabelled(world: World, home: str, namespace: str) -> Expression | None:
    """Return the obstacle of a namespace that no selector can be written for; the own one needs none."""
    if namespace == home or world.namespace_selector(namespace):
        return None
    return Expression(obstacle=labels_needed((namespace,)), unlabelled=namespace)


def _selected(
    world: World, home: str, namespace: str, selector: LabelSelector, ports: tuple[PolicyPort, ...]
) -> Expression:
    if not acceptable(selector) or not acceptable(LabelSelector(((NAME_LABEL, namespace),))):
        return Expression(obstacle=_UNACCEPTABLE)
    if namespace == home:
        return Expression((PolicyPeer(pod_selector=selector),), ports)
    spaces = world.namespace_selector(namespace)
    if spaces is None:
        return _unlabelled(world, home, namespace) or Expression()
    if not acceptable(spaces):
        return Expression(obstacle=_UNACCEPTABLE)
    return Expression((PolicyPeer(selector, spaces),), ports)


def _with_others(
    expression: Expression,
    world: World,
    home: str,
    namespace: str,
    selector: LabelSelector,
    others: Iterable[WorkloadRef],
) -> Expression:
    """Say whom else the selectors let in: in the peer's namespace, and in others with the same labels."""
    named = [str(other) for other in others]
    spaces = world.also_selected(namespace) if namespace != home and expression.peers else ()
    elsewhere = ((space, other) for space in spaces for other in sorted(world.selected(space, selector)))
    also = listed(f"{other} in {space}" for space, other in elsewhere)
    named += [also] if also else []
    caveats = [f"its labels are also those of {', '.join(named)}"] if named else []
    caveats += [f"its namespace's labels are also those of {listed(spaces)}"] if spaces else []
    return replace(expression, caveat="; ".join(caveats)) if caveats else expression
