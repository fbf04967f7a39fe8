"""Policies of other kinds that may overrule a NetworkPolicy: which there are, and whom they select.

They are not evaluated. Reading errs on the side of selecting more: what cannot be read exactly is any pod.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from netsec_tui.errors import BadInputError
from netsec_tui.kube.selectors import parse_selector
from netsec_tui.model.identity import Direction
from netsec_tui.model.inventory import OverridingPolicy
from netsec_tui.model.policy import LabelSelector

_EVERY = LabelSelector()


class Subject(NamedTuple):
    """Hold whom a policy selects; None for what may be any pod or any namespace."""

    pods: LabelSelector | None = None
    namespaces: LabelSelector | None = None


_ANYBODY = Subject()
_SubjectReader = Callable[[Mapping[str, Any]], Subject | None]


class OverridingKind(NamedTuple):
    """Name a kind: its API group, what RBAC and people call it, and how its subject is read from a spec."""

    group: str
    kind: str
    plural: str
    title: str
    namespaced: bool
    subject: _SubjectReader

    @property
    def resource(self) -> str:
        """Return the name as ``kubectl`` writes it: plural.group."""
        return f"{self.plural}.{self.group}"

    @property
    def qualified(self) -> str:
        """Return the kind with its group, which tells kinds of the same name apart."""
        return f"{self.kind}.{self.group}"


def overriding_kind(obj: Mapping[str, Any]) -> OverridingKind | None:
    """Return the kind of an object when it is one of these, whatever the version of its API group."""
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str):
        return None
    return _BY_NAME.get((version.rpartition("/")[0], kind))


def read_overriding(
    kind: OverridingKind, namespace: str, name: str, obj: Mapping[str, Any]
) -> OverridingPolicy | None:
    """Return a policy of another kind; None for one that selects no pods, or only mirrors a NetworkPolicy."""
    if kind.group in _CALICO and name.startswith(_CALICO_MIRROR):
        return None
    specs = _specs(obj)
    found = {kind.subject(spec) for spec in specs} or {_ANYBODY}
    found.discard(None)
    if not found:
        return None
    pods, namespaces = (found.pop() if len(found) == 1 else None) or _ANYBODY
    return OverridingPolicy(
        kind.title, namespace, name, pods, namespaces, _is_baseline(kind, specs), _directions(specs), obj
    )


def _specs(obj: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a policy's spec, and the entries of ``specs`` that Cilium knows beside it."""
    more = obj.get("specs")
    parts = [obj.get("spec"), *(more if isinstance(more, list | tuple) else [more])]
    return [part if isinstance(part, Mapping) else {} for part in parts if part is not None]


def _is_baseline(kind: OverridingKind, specs: list[Mapping[str, Any]]) -> bool:
    if kind.kind == "BaselineAdminNetworkPolicy":
        return True
    tiers = [spec.get("tier") for spec in specs]
    return kind.group in _BASELINE_TIERS and tiers == [_BASELINE_TIERS[kind.group]]


def _directions(specs: list[Mapping[str, Any]]) -> tuple[Direction, ...]:
    """Return the directions that it speaks about, both when in doubt."""
    named = {name for spec in specs for name in _sections(spec)}
    return tuple(d for d in Direction if d.value in named) or tuple(Direction)


def _sections(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield directions by Calico's ``types``, else by the sections there are (``egress``, ``egressDeny``)."""
    types = spec.get("types") or [key for key, value in spec.items() if value is not None]
    if not spec or "enableDefaultDeny" in spec:  # Cilium: isolates without a section, or not with one.
        types = [d.value for d in Direction]
    for name in types if isinstance(types, list | tuple) else ():
        yield from (d.value for d in Direction if str(name).lower().startswith(d.value))


def _exact(value: Any) -> LabelSelector | None:
    """Return a label selector, None when it is absent or broken."""
    try:
        return None if value is None else parse_selector(value)
    except BadInputError:
        return None


def _admin_subject(spec: Mapping[str, Any]) -> Subject:
    """Read ``subject`` (AdminNetworkPolicy v1alpha1, ClusterNetworkPolicy v1alpha2)."""
    match spec.get("subject"):
        case {"namespaces": namespaces, **rest} if not rest:
            return Subject(_EVERY, _exact(namespaces))
        case {"pods": Mapping() as pods, **rest} if not rest:
            return Subject(_exact(pods.get("podSelector")), _exact(pods.get("namespaceSelector")))
    return _ANYBODY


_CILIUM_SOURCES = re.compile(r"^(k8s|any):")
_CILIUM_INTERNAL = ("io.cilium", "io.kubernetes")
"""Labels that Cilium gives its endpoints itself; no pod carries them."""


def _cilium_subject(spec: Mapping[str, Any]) -> Subject | None:
    """Read ``endpointSelector``; a policy with ``nodeSelector`` in its place selects nodes, no pods.

    Cilium leaves some labels out of a pod's identity, so what demands that a label is absent is not exact.
    """
    if spec.get("nodeSelector") is not None and spec.get("endpointSelector") is None:
        return None
    found = _exact(spec.get("endpointSelector"))
    if found is None or any(r.operator in ("NotIn", "DoesNotExist") for r in found.match_expressions):
        return _ANYBODY
    keys = [key for key, _ in found.match_labels] + [r.key for r in found.match_expressions]
    if any(":" in _plain(key) or _plain(key).startswith(_CILIUM_INTERNAL) for key in keys):
        return _ANYBODY
    labels = tuple(sorted((_plain(key), value) for key, value in found.match_labels))
    expressions = tuple(replace(r, key=_plain(r.key)) for r in found.match_expressions)
    return Subject(LabelSelector(labels, expressions))


def _plain(key: str) -> str:
    return _CILIUM_SOURCES.sub("", key, count=1)


_CALICO = ("projectcalico.org", "crd.projectcalico.org")
_CALICO_MIRROR = "knp."
"""Calico lists Kubernetes' own NetworkPolicies among its own, under names that begin so."""

_CALICO_TERM = re.compile(r"""\s*([A-Za-z0-9./_-]+)\s*==\s*(?:'([^']*)'|"([^"]*)")\s*""")
_CALICO_INTERNAL = ("projectcalico.org/", "pcns.", "pcsa.")
"""Labels that Calico gives its endpoints itself."""


def _calico_subject(spec: Mapping[str, Any]) -> Subject:
    """Read ``selector`` where it is empty, ``all()`` or made of ``key == 'value'`` joined by ``&&``."""
    text = spec.get("selector") or "all()"
    if not isinstance(text, str):
        return _ANYBODY
    if text.strip() == "all()":
        return Subject(_EVERY)
    terms = [_CALICO_TERM.fullmatch(term) for term in text.split("&&")]
    pairs = {(term[1], term[2] or term[3] or "") for term in terms if term}
    if None in terms or any(key.startswith(_CALICO_INTERNAL) for key, _ in pairs):
        return _ANYBODY
    return Subject(LabelSelector(tuple(sorted(pairs))))


def _antrea_subject(spec: Mapping[str, Any]) -> Subject:
    """Read ``appliedTo`` where it is one entry of podSelector, namespaceSelector or both."""
    match spec.get("appliedTo"):
        case [Mapping() as only] if only and only.keys() <= {"podSelector", "namespaceSelector"}:
            pods = _exact(only["podSelector"]) if "podSelector" in only else _EVERY
            return Subject(pods, _exact(only.get("namespaceSelector")))
    return _ANYBODY


def _pod_selector_subject(spec: Mapping[str, Any]) -> Subject:
    """Read ``podSelector``, as NetworkPolicy itself has it."""
    return Subject(_exact(spec.get("podSelector")))


_ADMIN, _AWS, _ANTREA, _CILIUM = (
    "policy.networking.k8s.io",
    "networking.k8s.aws",
    "crd.antrea.io",
    "cilium.io",
)
_BASELINE_TIERS = {_ADMIN: "Baseline", _ANTREA: "baseline"}


def _kind(
    group: str, kind: str, subject: _SubjectReader, *, namespaced: bool = False, maker: str = ""
) -> OverridingKind:
    plural = f"{kind.lower().removesuffix('y')}ies"
    return OverridingKind(group, kind, plural, f"{maker} {kind}".strip(), namespaced, subject)


OVERRIDING_KINDS = (
    _kind(_CILIUM, "CiliumNetworkPolicy", _cilium_subject, namespaced=True),
    _kind(_CILIUM, "CiliumClusterwideNetworkPolicy", _cilium_subject),
    _kind(_ADMIN, "AdminNetworkPolicy", _admin_subject),
    _kind(_ADMIN, "BaselineAdminNetworkPolicy", _admin_subject),
    _kind(_ADMIN, "ClusterNetworkPolicy", _admin_subject),
    *(_kind(group, "NetworkPolicy", _calico_subject, namespaced=True, maker="Calico") for group in _CALICO),
    *(_kind(group, "GlobalNetworkPolicy", _calico_subject, maker="Calico") for group in _CALICO),
    _kind(_ANTREA, "NetworkPolicy", _antrea_subject, namespaced=True, maker="Antrea"),
    _kind(_ANTREA, "ClusterNetworkPolicy", _antrea_subject, maker="Antrea"),
    _kind(_AWS, "ClusterNetworkPolicy", _admin_subject, maker="AWS"),
    _kind(_AWS, "ApplicationNetworkPolicy", _pod_selector_subject, namespaced=True, maker="AWS"),
)
"""The kinds that are read; of Calico's two groups a cluster serves one, or both with the same objects."""

_BY_NAME = {(kind.group, kind.kind): kind for kind in OVERRIDING_KINDS}
