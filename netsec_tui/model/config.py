"""What the operator configures per cluster: labels to select by, aliases, ranges and where these are told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netsec_tui.model.decision import Alias


@dataclass(frozen=True, slots=True)
class LabelFilter:
    """Choose label keys by patterns, in which ``*`` stands for any text and ``?`` for one character.

    A key is used when ``include`` is empty or one of it matches, and none of ``exclude`` does.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """Hold which labels policies select workloads and namespaces by."""

    workload: LabelFilter = LabelFilter()
    namespace: LabelFilter = LabelFilter()


class ConfigPart(StrEnum):
    """Name the parts of a configuration that messages ask for."""

    LABELS = "labels"
    RANGES = "ranges"


class RangeKind(StrEnum):
    """Tell the two ranges of a cluster apart, as sentences name them."""

    POD = "pod"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class DiscoveredRange:
    """Hold a range that the cluster tells, canonical, and where it stood ("Node n1 podCIDRs").

    ``pod`` is "namespace/name" of the pod whose arguments told it, empty for any other origin: only pods
    that the configuration names as the control plane's are believed.
    """

    kind: RangeKind
    cidr: str
    origin: str
    pod: str = ""


CONTROL_PLANE_PODS = ("kube-apiserver", "kube-controller-manager")
"""How the names of the pods start whose arguments tell the ranges; they are in kube-system."""

KUBE_PROXY_PODS = "kube-proxy"
"""How the names of kube-proxy's pods start; in kube-system they are believed as well."""


@dataclass(frozen=True, slots=True)
class Config:
    """Hold the configuration of one cluster; tuples are sorted but for patterns, CIDRs are canonical.

    ``pod_cidrs`` and ``service_cidrs`` were entered by hand: of their IP family they stand in place of
    what is discovered. An entry of ``control_plane_pods`` is a start of pod names in kube-system, or
    "namespace/start".
    """

    labels: LabelConfig = LabelConfig()
    aliases: tuple[Alias, ...] = ()
    pod_cidrs: tuple[str, ...] = ()
    service_cidrs: tuple[str, ...] = ()
    control_plane_pods: tuple[str, ...] = CONTROL_PLANE_PODS

    @property
    def alias_by_name(self) -> dict[str, Alias]:
        """Return the aliases by name."""
        return {alias.name: alias for alias in self.aliases}
