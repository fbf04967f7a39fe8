"""Which sources of flows a cluster has and what each lacks, from what was listed; pure.

Names of objects are those that the projects' own charts and operators give (docs/sources.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.finding.findings import Finding, Right, Seen, State
from netsec_tui.sources.hubble.relay_choice import SERVICE, agents_namespace, choose_relay, relay_service
from netsec_tui.sources.netobserv.collector import GROUP
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import object_key, printable, strip


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
    found = (
        _hubble(seen),
        _hubble_exec(seen),
        _whisker(seen),
        _goldmane(seen),
        _antrea(seen),
        _netobserv(seen),
        _theia(seen),
        _conntrack(seen),
    )
    return tuple(_doubted(finding, seen) for finding in found)


_TOLD_BY = {"hubble-exec": "daemonsets"}
"""The resource that tells that a source is there, where it is not services."""


def _doubted(finding: Finding, seen: Seen) -> Finding:
    """Return a finding that does not call absent what could not be looked for."""
    resource = _TOLD_BY.get(finding.source, "services")
    if finding.state is not State.ABSENT or resource not in seen.refused:
        return finding
    why = f"whether it is there is not known: {resource} cannot be listed"
    return replace(finding, state=State.UNKNOWN, lacks=(why,))


def _hubble(seen: Seen) -> Finding:
    relays = [relay for service in seen.services if (relay := relay_service(service))]
    try:
        chosen = choose_relay(relays, {agents_namespace(workload) for workload in seen.workloads})
    except UnreachableError as error:
        return Finding("hubble", State.UNUSABLE, lacks=(str(error),))
    deployed = _workload(seen, "Deployment", SERVICE, chosen.service.namespace if chosen else "")
    if chosen is None and deployed is None:
        how = ("switch Relay on: cilium hubble enable, or hubble.relay.enabled in the chart",)
        return Finding("hubble", State.ABSENT, lacks=how if _agents(seen) else ())
    if chosen is None:
        why = "it has no Service by which it can be found"
        if "services" in seen.refused:
            why = "whether it has a Service is not known: services cannot be listed"
        why += "; give its address: --source hubble://HOST:PORT"
        return Finding("hubble", State.UNUSABLE, _title(deployed), (why,))
    relay = chosen.service
    service = _service(seen, relay.name, relay.namespace)
    assert service is not None
    found = _behind("hubble", service, deployed)
    if not chosen.proven:
        return _unproven(found, "a DaemonSet of agents of Cilium or Retina beside it")
    if relay.secure and not seen.trust:
        why = "it speaks TLS: give the authority of its certificate with --source-ca, or --source-insecure"
        return replace(found, state=State.UNUSABLE, lacks=(*found.lacks, why))
    return found


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
    if _OPERATOR not in seen.groups:
        return _unproven(found, f"API group {_OPERATOR}")
    return replace(found, lacks=(*found.lacks, "it tells no addresses outside the cluster"))


def _goldmane(seen: Seen) -> Finding:
    service = _service(seen, "goldmane", "calico-system")
    if service is None:
        return Finding("goldmane", State.ABSENT)
    found = _behind("goldmane", service, _workload(seen, "Deployment", "goldmane"))
    if _OPERATOR not in seen.groups:
        return _unproven(found, f"API group {_OPERATOR}")
    if not seen.certificate:
        why = "it needs a client certificate of the operator's: --source-cert, --source-key and --source-ca"
        found = replace(found, state=State.UNUSABLE, lacks=(*found.lacks, why))
    return replace(found, lacks=(*found.lacks, "it tells no addresses outside the cluster"))


_OPERATOR = "operator.tigera.io"
"""The API group of Calico's operator, which alone makes Goldmane and Whisker."""


def _antrea(seen: Seen) -> Finding:
    service = _service(seen, "flow-aggregator", "flow-aggregator")
    agents = _antrea_agents(seen)
    if service is None:
        how = "it takes the Flow Aggregator with flowStreamService.enable"
        return Finding("antrea", State.ABSENT, lacks=(how,) if agents else ())
    found = _behind("antrea", service, _workload(seen, "Deployment", "flow-aggregator"))
    if agents is None:
        return _unproven(found, _ANTREA)
    if _STREAM_PORT not in _ports(service):
        why = f"its Service has no port {_STREAM_PORT}: set flowStreamService.enable in the chart"
        return replace(found, state=State.UNUSABLE, lacks=(why,))
    return found


_STREAM_PORT = 14740
_ANTREA = "DaemonSet kube-system/antrea-agent"


def _antrea_agents(seen: Seen) -> KubeObject | None:
    """Return the DaemonSet of Antrea's agents, which runs in kube-system alone."""
    return _workload(seen, "DaemonSet", "antrea-agent", "kube-system")


def _netobserv(seen: Seen) -> Finding:
    services = (_service(seen, name, namespace) for namespace, name in _LOKI)
    service = next(filter(None, services), None)
    if service is None:
        why = ("no Loki is found where NetObserv puts it; give its address: --source netobserv://HOST:PORT",)
        return Finding("netobserv", State.ABSENT, lacks=why if GROUP in seen.groups else ())
    found = _behind("netobserv", service, None)
    if GROUP not in seen.groups:
        return _unproven(found, f"API group {GROUP}")
    if object_key(service)[2] == _GATEWAY and _namespace(service) != seen.collector.gateway:
        closed = (
            "its gateway wants a token, and the kubeconfig's goes to it only where the FlowCollector may be "
            "listed and names its namespace (spec.loki.lokiStack); or give its address"
        )
        return replace(found, state=State.UNUSABLE, lacks=(closed,))
    sampling = seen.collector.sampling
    if sampling == 1:
        return found
    ratio = f"one packet of {sampling} is looked at" if sampling else "how much is sampled is not known"
    rare = (
        f"{ratio}, so rare connections may be missed; set spec.agent.ebpf.sampling of the FlowCollector to 1"
    )
    return replace(found, lacks=(*found.lacks, rare))


_GATEWAY = "loki-gateway-http"
_LOKI = (("netobserv", "loki"), ("netobserv", _GATEWAY), ("netobserv-loki", _GATEWAY))


def _theia(seen: Seen) -> Finding:
    service = _service(seen, "clickhouse-clickhouse", "flow-visibility")
    if service is None:
        return Finding("theia", State.ABSENT)
    found = _behind("theia", service, None)
    if _antrea_agents(seen) is None:
        return _unproven(found, _ANTREA)
    if not seen.clickhouse:
        why = "the library for ClickHouse is not installed: pip install 'netsec-tui[clickhouse]'"
        return replace(found, state=State.UNUSABLE, lacks=(why,))
    return found


def _conntrack(seen: Seen) -> Finding:
    spaces = sorted({namespace for found in seen.host_pods.values() for namespace in found})
    if not spaces and "pods" in seen.refused:
        why = "whether pods run on the nodes' own network is not known: pods cannot be listed"
        return Finding("conntrack", State.UNUSABLE, lacks=(why,))
    if not spaces:
        why = "no pod runs on a node's own network; netsec-tui reader prints pods that do"
        return Finding("conntrack", State.UNUSABLE, lacks=(why,))
    rights = tuple(Right(namespace, "exec") for namespace in spaces)
    where = f"{len(seen.host_pods)} of {len(seen.nodes)} nodes" if seen.nodes else ""
    if "nodes" in seen.refused:
        where = f"{len(seen.host_pods)} of an unknown number of nodes"
    state, lacks = State.USABLE, [*_eBPF(seen), "it does not tell what was denied"]
    if _tracks_elsewhere(seen):
        state = State.UNUSABLE
    return Finding("conntrack", state, where, tuple(lacks), rights, instead=_READER)


_READER = "netsec-tui reader prints pods to read the tables in, and the Role for commands in these alone"


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


def _unproven(found: Finding, sign: str) -> Finding:
    """Return a finding of a Service that anybody may have made who has a namespace of that name."""
    why = (
        f"nothing outside its namespace shows that it is the cluster's ({sign} is not seen); "
        f"if it is, name it: --source {found.source}"
    )
    return replace(found, state=State.UNUSABLE, lacks=(why,))


def cilium_agents(workloads: Sequence[KubeObject]) -> KubeObject | None:
    """Return the DaemonSet of Cilium's agents, which Google calls anetd; they run on the nodes' network."""
    for name in ("cilium", "anetd"):
        for workload in workloads:
            template = Fields(workload, "", "", []).child("spec").child("template")
            kind, _, named = object_key(workload)
            if (kind, named) == ("DaemonSet", name) and template.child("spec").flag("hostNetwork"):
                return workload
    return None


def _agents(seen: Seen) -> KubeObject | None:
    return cilium_agents(seen.workloads)


def _service(seen: Seen, name: str, namespace: str = "") -> KubeObject | None:
    """Return the Service of that name, in a namespace if one is given."""
    keys = ((object_key(service), service) for service in seen.services)
    return next(
        (service for (_, at, found), service in keys if found == name and namespace in ("", at)), None
    )


def _workload(seen: Seen, kind: str, name: str, namespace: str = "") -> KubeObject | None:
    """Return the workload of that name, in a namespace if one is given."""
    keys = ((object_key(workload), workload) for workload in seen.workloads)
    return next(
        (obj for (of, at, found), obj in keys if (of, found) == (kind, name) and namespace in ("", at)), None
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
