"""Find the workload that ``-n NS KIND/NAME`` means among those that a session knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.cli.values import Target
from netsec_tui.core.words import listed
from netsec_tui.errors import NotFoundError, UsageError
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.session.session import Session

_SHOWN = 8


def find(session: Session, target: Target, namespace: str) -> WorkloadRef:
    """Return the one workload meant; without a namespace it must be the only one of its name.

    Raises:
        NotFoundError: there is none; the sentence says what there is instead.
        UsageError: several namespaces have one.
    """
    known = set(_known(session))
    found = sorted(
        ref
        for ref in known
        if ref.name == target.name and target.matches_kind(ref.kind) and namespace in ("", ref.namespace)
    )
    if not found:
        raise NotFoundError(_missing(session, known, target, namespace))
    if len(found) > 1:
        where = some(ref.namespace for ref in found)
        raise UsageError(f"{target} exists in several namespaces ({where}); choose one with -n")
    return found[0]


def check_namespace(session: Session, namespace: str) -> None:
    """Make sure that a namespace exists.

    Raises:
        NotFoundError: neither the cluster state nor a workload knows it.
    """
    names = _namespaces(session)
    if namespace and namespace not in names:
        raise NotFoundError(f"namespace {namespace} is not known; there is {some(names)}")


def _known(session: Session) -> Iterator[WorkloadRef]:
    inventory = session.inventory
    yield from (choice.ref for choice in session.workloads())
    yield from (owner.ref for owner in inventory.owners)
    yield from (pod.owner for pod in inventory.pods)
    for service in inventory.services:
        if service.selector:
            yield WorkloadRef("Service", service.namespace, service.name)


def _namespaces(session: Session) -> set[str]:
    return set(session.inventory.namespaces) | {ref.namespace for ref in _known(session)}


def _missing(session: Session, known: set[WorkloadRef], target: Target, namespace: str) -> str:
    if namespace and namespace not in _namespaces(session):
        return f"namespace {namespace} is not known; there is {some(_namespaces(session))}"
    alike = {f"{ref} in {ref.namespace}" for ref in known if ref.name == target.name}
    there = alike or {str(ref) for ref in known if namespace == ref.namespace}
    place = f"in namespace {namespace}" if namespace else "in any namespace"
    hint = f"there is {some(there)}" if there else '"netsec-tui list" shows what there is'
    return f"no {target} {place}; {hint}"


def some(names: Iterable[str]) -> str:
    """Return the first few names, and how many more there are."""
    return listed(sorted(names), _SHOWN) or "none"
