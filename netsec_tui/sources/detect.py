"""Which sources of flows a cluster has, what each lacks and which to take, from what was listed; pure.

Names of objects are those that the projects' own charts and operators give (docs/sources.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.objects import object_key, printable, strip
from netsec_tui.sources.objects_fields import Fields

ORDER = (
    "hubble",
    "hubble-exec",
    "whisker",
    "goldmane",
    "antrea",
    "netobserv",
    "theia",
    "conntrack",
)
"""Which source is taken before which: first those that also tell what was denied."""

WITHOUT_ADDRESSES = frozenset({"whisker", "goldmane"})
"""Sources that tell no address outside; conntrack is added where it can be read."""


class State(StrEnum):
    """Say whether a source can be used."""

    USABLE = "usable"
    UNUSABLE = "not usable"
    ABSENT = "not there"


class Right(NamedTuple):
    """Name what RBAC must allow: ``subresource`` of the pods in a namespace."""

    namespace: str
    subresource: str

    @property
    def rule(self) -> str:
        """Return the rule of a Role that allows it; servers before Kubernetes 1.35 ask for get alone."""
        return f'apiGroups: [""], resources: ["pods/{self.subresource}"], verbs: ["create", "get"]'


@dataclass(frozen=True, slots=True)
class Finding:
    """Say of one source whether it is there and can be used; ``where`` names the object that tells.

    ``lacks`` are sentences: why it cannot be used, how it is switched on, or what it does not tell.
    ``rights`` are those it needs, ``missing`` those of them that RBAC denies; one of them is enough where
    ``any_right`` is set.
    """

    source: str
    state: State
    where: str = ""
    lacks: tuple[str, ...] = ()
    rights: tuple[Right, ...] = ()
    missing: tuple[Right, ...] = ()
    any_right: bool = False

    @property
    def obstacle(self) -> str:
        """Say what stands first in the way of using it, empty when nothing is known to."""
        if self.missing:
            right = self.missing[0]
            return f"in namespace {right.namespace} a Role lacks {right.rule}"
        return self.lacks[0] if self.lacks else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what was listed; of workloads with ``ready`` and ``bpf``, as ``cut_workload`` leaves them.

    ``host_pods`` gives each node the namespaces of pods on its network in which commands may be run.
    ``groups`` are the API groups; ``cilium`` is the ConfigMap cilium-config, empty where it cannot be read;
    ``sampling`` is that of the FlowCollector, 0 where it is not known. ``certificate`` tells whether a
    client certificate was given, ``clickhouse`` whether its library is installed.
    """

    services: Sequence[KubeObject] = ()
    workloads: Sequence[KubeObject] = ()
    host_pods: Mapping[str, frozenset[str]] = field(default_factory=dict)
    nodes: frozenset[str] = frozenset()
    groups: Collection[str] = ()
    cilium: Mapping[str, str] = field(default_factory=dict)
    sampling: int = 0
    certificate: bool = False
    clickhouse: bool = False


def cut_workload(workload: KubeObject) -> KubeObject | None:
    """Return a stripped Deployment or DaemonSet; ``ready`` means a pod is, ``bpf`` that Calico uses eBPF."""
    fields, kept = Fields(workload, "", "", []), strip(workload)
    if kept is None:
        return None
    status, template = fields.child("status"), fields.child("spec").child("template").child("spec")
    told = [entry for container in template.children("containers") for entry in container.children("env")]
    return {
        **kept,
        "ready": any(status.data.get(count) for count in ("readyReplicas", "numberReady")),
        "bpf": any(e.text("name") == "FELIX_BPFENABLED" and e.text("value") == "true" for e in told),
    }


def detect(seen: Seen) -> tuple[Finding, ...]:
    """Return a finding for each source, in the order in which they are taken; rights are not judged yet."""
    return (
        _hubble(seen),
        _hubble_exec(seen),
        _whisker(seen),
        _goldmane(seen),
        _antrea(seen),
        _netobserv(seen),
        _theia(seen),
        _conntrack(seen),
    )


def judged(findings: Iterable[Finding], denied: Collection[Right]) -> tuple[Finding, ...]:
    """Return the findings with the rights that are denied; a source that needs one cannot be used."""
    return tuple(_judge(finding, denied) for finding in findings)


def picked(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return the sources to take, none where none can be used.

    A sampled NetObserv comes after conntrack: a rare connection that it misses would be denied.
    """
    usable = {finding.source: finding for finding in findings if finding.state is State.USABLE}
    order = [name for name in ORDER if name in usable]
    if "netobserv" in usable and usable["netobserv"].lacks and "conntrack" in usable:
        order.remove("netobserv")
        order.append("netobserv")
    if not order:
        return ()
    if order[0] in WITHOUT_ADDRESSES and "conntrack" in usable:
        return order[0], "conntrack"
    return (order[0],)


def _judge(finding: Finding, denied: Collection[Right]) -> Finding:
    missing = tuple(right for right in finding.rights if right in denied)
    unusable = len(missing) == len(finding.rights) if finding.any_right else bool(missing)
    if not missing or (finding.any_right and not unusable):
        return finding
    state = State.UNUSABLE if finding.state is State.USABLE else finding.state
    return replace(finding, state=state, missing=missing)


def _hubble(seen: Seen) -> Finding:
    service = _service(seen, "hubble-relay", label="k8s-app")
    relay = _workload(seen, "Deployment", "hubble-relay")
    if service is None and relay is None:
        how = ("switch Relay on: cilium hubble enable, or hubble.relay.enabled in the chart",)
        return Finding("hubble", State.ABSENT, lacks=how if _agents(seen) else ())
    if service is None:
        why = "it has no Service by which it can be found; give its address: --source hubble://HOST:PORT"
        return Finding("hubble", State.UNUSABLE, _title(relay), (why,))
    return _behind("hubble", service, relay)


def _hubble_exec(seen: Seen) -> Finding:
    agents = _agents(seen)
    if agents is None:
        return Finding("hubble-exec", State.ABSENT)
    rights = (Right(_namespace(agents), "exec"),)
    if seen.cilium.get("enable-hubble") == "false":
        why = "Hubble is switched off (enable-hubble in ConfigMap cilium-config)"
        return Finding("hubble-exec", State.UNUSABLE, _title(agents), (why,), rights)
    return Finding("hubble-exec", State.USABLE, _title(agents), (), rights)


def _whisker(seen: Seen) -> Finding:
    service = _service(seen, "whisker", "calico-system")
    if service is None:
        how = (
            "switch it on with the operator's resources Goldmane and Whisker, both named default "
            "(Calico 3.30 or later)"
        )
        calico = _workload(seen, "DaemonSet", "calico-node")
        return Finding("whisker", State.ABSENT, lacks=(how,) if calico else ())
    found = _behind("whisker", service, _workload(seen, "Deployment", "whisker"))
    return replace(found, lacks=(*found.lacks, "it tells no addresses outside the cluster"))


def _goldmane(seen: Seen) -> Finding:
    service = _service(seen, "goldmane", "calico-system")
    if service is None:
        return Finding("goldmane", State.ABSENT)
    found = _behind("goldmane", service, _workload(seen, "Deployment", "goldmane"))
    if not seen.certificate:
        why = "it needs a client certificate of the operator's: --source-cert, --source-key and --source-ca"
        found = replace(found, state=State.UNUSABLE, lacks=(*found.lacks, why))
    return replace(found, lacks=(*found.lacks, "it tells no addresses outside the cluster"))


def _antrea(seen: Seen) -> Finding:
    service = _service(seen, "flow-aggregator", "flow-aggregator")
    agents = _workload(seen, "DaemonSet", "antrea-agent")
    if service is None:
        how = "it takes the Flow Aggregator with flowStreamService.enable"
        return Finding("antrea", State.ABSENT, lacks=(how,) if agents else ())
    found = _behind("antrea", service, _workload(seen, "Deployment", "flow-aggregator"))
    if _STREAM_PORT not in _ports(service):
        why = f"its Service has no port {_STREAM_PORT}: set flowStreamService.enable in the chart"
        return replace(found, state=State.UNUSABLE, lacks=(why,))
    return found


_STREAM_PORT = 14740


def _netobserv(seen: Seen) -> Finding:
    services = (_service(seen, name, namespace) for namespace, name in _LOKI)
    service = next(filter(None, services), None)
    if service is None:
        why = ("no Loki is found where NetObserv puts it; give its address: --source netobserv://HOST:PORT",)
        return Finding("netobserv", State.ABSENT, lacks=why if _NETOBSERV in seen.groups else ())
    found = _behind("netobserv", service, None)
    if seen.sampling == 1:
        return found
    ratio = (
        f"one packet of {seen.sampling} is looked at" if seen.sampling else "how much is sampled is not known"
    )
    rare = (
        f"{ratio}, so rare connections may be missed; set spec.agent.ebpf.sampling of the FlowCollector to 1"
    )
    return replace(found, lacks=(*found.lacks, rare))


_NETOBSERV = "flows.netobserv.io"
_LOKI = (("netobserv", "loki"), ("netobserv", "loki-gateway-http"), ("netobserv-loki", "loki-gateway-http"))


def _theia(seen: Seen) -> Finding:
    service = _service(seen, "clickhouse-clickhouse", "flow-visibility")
    if service is None:
        return Finding("theia", State.ABSENT)
    found = _behind("theia", service, None)
    if not seen.clickhouse:
        why = "the library for ClickHouse is not installed: pip install 'netsec-tui[clickhouse]'"
        return replace(found, state=State.UNUSABLE, lacks=(why,))
    return found


def _conntrack(seen: Seen) -> Finding:
    spaces = sorted({namespace for found in seen.host_pods.values() for namespace in found})
    if not spaces:
        why = "no pod runs on a node's own network; netsec-tui reader prints pods that do"
        return Finding("conntrack", State.UNUSABLE, lacks=(why,))
    rights = tuple(Right(namespace, "exec") for namespace in spaces)
    where = f"{len(seen.host_pods)} of {len(seen.nodes)} nodes" if seen.nodes else ""
    state, lacks = State.USABLE, [*_eBPF(seen), "it does not tell what was denied"]
    if _tracks_elsewhere(seen):
        state = State.UNUSABLE
    return Finding("conntrack", state, where, tuple(lacks), rights, any_right=True)


def _eBPF(seen: Seen) -> Iterator[str]:  # noqa: N802 - its name
    agents = _agents(seen)
    if _tracks_elsewhere(seen):
        by = "Cilium without kube-proxy" if agents else "Calico's eBPF dataplane"
        yield f"{by} tracks connections by eBPF: the kernel's tables are nearly empty"
    elif agents:
        yield "Cilium may track connections by eBPF: then the kernel's tables are nearly empty"


def _tracks_elsewhere(seen: Seen) -> bool:
    replaced = _agents(seen) is not None and seen.cilium.get("kube-proxy-replacement") in ("true", "strict")
    calico = _workload(seen, "DaemonSet", "calico-node")
    return replaced or (calico is not None and Fields(calico, "", "", []).flag("bpf"))


def _behind(source: str, service: KubeObject, workload: KubeObject | None) -> Finding:
    """Return a finding for a Service that is reached by a forwarded port."""
    rights = (Right(_namespace(service), "portforward"),)
    if workload is not None and not Fields(workload, "", "", []).flag("ready"):
        why = f"{_title(workload)} has no ready pod"
        return Finding(source, State.UNUSABLE, _title(service), (why,), rights)
    return Finding(source, State.USABLE, _title(service), (), rights)


def _agents(seen: Seen) -> KubeObject | None:
    """Return the DaemonSet of Cilium's agents, which Google calls anetd."""
    return _workload(seen, "DaemonSet", "cilium") or _workload(seen, "DaemonSet", "anetd")


def _service(seen: Seen, name: str, namespace: str = "", label: str = "") -> KubeObject | None:
    """Return the Service of that name, in a namespace if one is given; ``label`` may carry the name too."""
    for service in seen.services:
        _, found_in, found = object_key(service)
        labels = Fields(service, "", "", []).child("metadata").child("labels")
        named = found == name or (label and labels.text(label) == name)
        if named and namespace in ("", found_in):
            return service
    return None


def _workload(seen: Seen, kind: str, name: str) -> KubeObject | None:
    return next(
        (obj for obj in seen.workloads if object_key(obj)[0] == kind and object_key(obj)[2] == name), None
    )


def _ports(service: KubeObject) -> set[int]:
    ports = Fields(service, "", "", []).child("spec").children("ports")
    return {port.port("port") for port in ports}


def _namespace(obj: KubeObject) -> str:
    return object_key(obj)[1]


def _title(obj: KubeObject | None) -> str:
    if obj is None:
        return ""
    kind, namespace, name = object_key(obj)
    return printable(f"{kind} {namespace}/{name}")
