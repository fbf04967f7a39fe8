"""Which sources a cluster has, what each lacks and which is taken, from tables of what is listed."""

import re
from pathlib import Path

import pytest

from netsec_tui.model.origins import SOURCES_IN_ORDER
from netsec_tui.sources.finding.detect import cut_workload, detect
from netsec_tui.sources.finding.findings import Right, Seen, State, choices, judged
from netsec_tui.sources.netobserv.collector import Collector
from netsec_tui.sources.registry import SOURCES
from tests.sources.kube_objects import deployment, obj

RELAY = Right("kube-system", "portforward")
HOST_PODS = {"n1": frozenset({"kube-system"}), "n2": frozenset({"kube-system", "monitoring"})}


def service(name, namespace, *ports, labels=None):
    named = (port if isinstance(port, tuple) else ("", port) for port in ports)
    spec = {"ports": [{"name": name, "port": port} for name, port in named]}
    return obj("Service", name, namespace, spec=spec, metadata={"labels": labels or {}})


def workload(name, namespace, kind="DaemonSet", ready=True, env=(), host=False):
    made = deployment(name, kind=kind)
    made["metadata"]["namespace"] = namespace
    made["status"] = {"numberReady" if kind == "DaemonSet" else "readyReplicas": int(ready)}
    made["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": n, "value": v} for n, v in env]
    made["spec"]["template"]["spec"]["hostNetwork"] = host
    return cut_workload(made)


CILIUM = workload("cilium", "kube-system", host=True)
HUBBLE = (service("hubble-relay", "kube-system", 80), workload("hubble-relay", "kube-system", "Deployment"))
CALICO = workload("calico-node", "calico-system")
WHISKER = service("whisker", "calico-system", 8081)
GOLDMANE = service("goldmane", "calico-system", 7443)
OPERATOR = {"groups": ["operator.tigera.io"]}
LOKI = service("loki", "netobserv", 3100)
GATEWAY = service("loki-gateway-http", "netobserv-loki", 8080)
CLICKHOUSE = service("clickhouse-clickhouse", "flow-visibility", 8123)
ANTREA = workload("antrea-agent", "kube-system")
AGGREGATOR = service("flow-aggregator", "flow-aggregator", 14740)
EXEC = [Right("monitoring", "exec"), Right("kube-system", "exec")]


def netobserv(sampling=0, gateway=""):
    """Return what is seen of a NetObserv that is installed."""
    return {"groups": ["flows.netobserv.io"], "collector": Collector(sampling, gateway)}


def found(denied=(), **seen):
    """Return the findings by source and the pick of a cluster with host-network pods on both nodes."""
    seen = {"host_pods": HOST_PODS, "nodes": frozenset({"n1", "n2"}), **seen}
    findings = judged(detect(Seen(**seen)), set(denied))
    return {finding.source: finding for finding in findings}, next(choices(findings), ())


CASES = {
    "nothing but nodes": ({}, ("conntrack",)),
    "no pod on a node's network": ({"host_pods": {}}, ()),
    "relay": ({"services": [HUBBLE[0]], "workloads": [CILIUM, HUBBLE[1]]}, ("hubble",)),
    "relay of another plugin": ({"services": [HUBBLE[0]]}, ("hubble",)),
    "relay by its label": (
        {"services": [service("relay", "kube-system", 80, labels={"k8s-app": "hubble-relay"})]},
        ("hubble",),
    ),
    "relay beside its agents": (
        {
            "services": [service("hubble-relay", "a", 80), service("hubble-relay", "networking", 80)],
            "workloads": [workload("cilium", "networking", host=True)],
        },
        ("hubble",),
    ),
    "relay in somebody's namespace": ({"services": [service("hubble-relay", "a", 80)]}, ("conntrack",)),
    "relay beside what only looks like its agents": (
        {
            "services": [service("hubble-relay", "a", 80)],
            "workloads": [workload("retina-agent", "a", host=True, ready=False), workload("cilium", "a")],
        },
        ("conntrack",),
    ),
    "two relays": (
        {"services": [service("hubble-relay", "a", 80), service("hubble-relay", "b", 80)]},
        ("conntrack",),
    ),
    "relay with TLS by the name of its port": (
        {"services": [service("hubble-relay", "kube-system", ("https", 9443))]},
        ("conntrack",),
    ),
    "relay with TLS beside its own port": (
        {"services": [service("hubble-relay", "kube-system", 80, 443)]},
        ("hubble",),
    ),
    "relay with TLS": (
        {"services": [service("hubble-relay", "kube-system", 443)], "workloads": [CILIUM]},
        ("hubble-exec",),
    ),
    "relay with TLS that is trusted": (
        {"services": [service("hubble-relay", "kube-system", 443)], "trust": True},
        ("hubble",),
    ),
    "relay without a ready pod": (
        {
            "services": [HUBBLE[0]],
            "workloads": [CILIUM, workload("hubble-relay", "kube-system", "Deployment", ready=False)],
        },
        ("hubble-exec",),
    ),
    "relay that may not be reached": (
        {"services": [HUBBLE[0]], "workloads": [CILIUM], "denied": [RELAY]},
        ("hubble-exec",),
    ),
    "no relay": ({"workloads": [CILIUM]}, ("hubble-exec",)),
    "no relay, another Service of its name": (
        {"services": [service("relay", "shop", 80)], "workloads": [CILIUM]},
        ("hubble-exec",),
    ),
    "hubble off": ({"workloads": [CILIUM], "cilium": {"enable-hubble": "false"}}, ("conntrack",)),
    "hubble off, no kube-proxy": (
        {"workloads": [CILIUM], "cilium": {"enable-hubble": "false", "kube-proxy-replacement": "true"}},
        (),
    ),
    "whisker with what it lacks": (
        {"services": [WHISKER, GOLDMANE], "workloads": [CALICO], **OPERATOR},
        ("whisker", "conntrack"),
    ),
    "whisker alone, by eBPF": (
        {
            "services": [WHISKER],
            "workloads": [workload("calico-node", "calico-system", env=[("FELIX_BPFENABLED", "true")])],
            **OPERATOR,
        },
        ("whisker",),
    ),
    "goldmane without a certificate": ({"services": [GOLDMANE], **OPERATOR}, ("conntrack",)),
    "goldmane with one": (
        {"services": [GOLDMANE], "certificate": True, **OPERATOR},
        ("goldmane", "conntrack"),
    ),
    "antrea's stream": ({"services": [AGGREGATOR], "workloads": [ANTREA]}, ("antrea",)),
    "antrea without it": (
        {"services": [service("flow-aggregator", "flow-aggregator", 4739)], "workloads": [ANTREA]},
        ("conntrack",),
    ),
    "netobserv": ({"services": [LOKI], **netobserv(1)}, ("netobserv",)),
    "netobserv sampled": ({"services": [LOKI], **netobserv(50)}, ("conntrack",)),
    "netobserv sampled, nothing else": (
        {"services": [LOKI], **netobserv(50), "host_pods": {}},
        ("netobserv",),
    ),
    "the gateway that the collector names": (
        {"services": [GATEWAY], **netobserv(1, "netobserv-loki")},
        ("netobserv",),
    ),
    "a gateway where the collector names another": (
        {"services": [GATEWAY], **netobserv(1, "netobserv")},
        ("conntrack",),
    ),
    "a gateway that nobody names": ({"services": [GATEWAY], **netobserv(1)}, ("conntrack",)),
    "theia": ({"services": [CLICKHOUSE], "workloads": [ANTREA], "clickhouse": True}, ("theia",)),
    "theia without its library": ({"services": [CLICKHOUSE], "workloads": [ANTREA]}, ("conntrack",)),
    "somebody's namespace with the name of a product's": (
        {
            "services": [WHISKER, GOLDMANE, AGGREGATOR, LOKI, GATEWAY, CLICKHOUSE],
            "workloads": [CALICO],
            "clickhouse": True,
            "certificate": True,
        },
        ("conntrack",),
    ),
    "somebody's DaemonSet with the name of a product's": (
        {"services": [AGGREGATOR], "workloads": [workload("antrea-agent", "flow-aggregator")]},
        ("conntrack",),
    ),
    "pods of one namespace are enough": ({"denied": [Right("monitoring", "exec")]}, ("conntrack",)),
    "no exec at all": ({"denied": EXEC}, ()),
}


@pytest.mark.parametrize(("seen", "pick"), CASES.values(), ids=CASES)
def test_what_is_taken(seen, pick):
    findings, taken = found(**seen)
    assert taken == pick
    assert all(findings[name].state is State.USABLE for name in taken)
    assert tuple(findings) == SOURCES_IN_ORDER


LACKS = {
    "relay without a Service": (
        {"workloads": [workload("hubble-relay", "kube-system", "Deployment")]},
        "hubble", State.UNUSABLE, "--source hubble://HOST:PORT",
    ),
    "relay that is off": ({"workloads": [CILIUM]}, "hubble", State.ABSENT, "cilium hubble enable"),
    "relay's authority": (
        {"services": [service("hubble-relay", "kube-system", 443)]},
        "hubble", State.UNUSABLE, "--source-ca",
    ),
    "two relays": (
        {"services": [service("hubble-relay", "b", 80), service("hubble-relay", "a", 80)]},
        "hubble", State.UNUSABLE, "Service a/hubble-relay, Service b/hubble-relay; name its address",
    ),
    "relay in somebody's namespace": (
        {"services": [service("hubble-relay", "a", 80)]},
        "hubble", State.UNUSABLE, "if it is, name it: --source hubble",
    ),
    "no Cilium": ({}, "hubble", State.ABSENT, ""),
    "certificates": ({"services": [GOLDMANE], **OPERATOR}, "goldmane", State.UNUSABLE, "--source-cert"),
    "whisker off": ({"workloads": [CALICO]}, "whisker", State.ABSENT, "Calico 3.30 or later"),
    "Cilium without kube-proxy": (
        {"workloads": [CILIUM], "cilium": {"kube-proxy-replacement": "true"}},
        "conntrack", State.UNUSABLE, "tracks connections by eBPF",
    ),
    "Cilium beside kube-proxy": ({"workloads": [CILIUM]}, "conntrack", State.USABLE, "may track"),
    "sampling": ({"services": [LOKI], **netobserv(400)}, "netobserv", State.USABLE, "one packet of 400"),
    "unknown sampling": ({"services": [LOKI], **netobserv()}, "netobserv", State.USABLE, "is not known"),
    "NetObserv without Loki": (
        {"groups": ["flows.netobserv.io"]}, "netobserv", State.ABSENT, "--source netobserv://HOST:PORT",
    ),
    "library": (
        {"services": [CLICKHOUSE], "workloads": [ANTREA]}, "theia", State.UNUSABLE, "netsec-tui[clickhouse]",
    ),
    "relay, services hidden": (
        {"workloads": [workload("hubble-relay", "kube-system", "Deployment")], "refused": ["services"]},
        "hubble", State.UNUSABLE, "whether it has a Service is not known: services cannot be listed",
    ),
    "services hidden": ({"refused": ["services"]}, "whisker", State.UNKNOWN, "services cannot be listed"),
    "agents hidden": ({"refused": ["daemonsets"]}, "hubble-exec", State.UNKNOWN, "daemonsets cannot be"),
    "pods hidden": (
        {"host_pods": {}, "refused": ["pods"]}, "conntrack", State.UNUSABLE,
        "is not known: pods cannot be listed",
    ),
    "no exec anywhere": (
        {"denied": EXEC}, "conntrack", State.UNUSABLE, "netsec-tui reader prints pods to read",
    ),
    "no pods": ({"host_pods": {}}, "conntrack", State.UNUSABLE, "no pod runs on a node's own network"),
    "no operator of Calico's": (
        {"services": [WHISKER]}, "whisker", State.UNUSABLE, "API group operator.tigera.io is not seen",
    ),
    "no NetObserv": (
        {"services": [LOKI]}, "netobserv", State.UNUSABLE, "API group flows.netobserv.io is not seen",
    ),
    "no Antrea": (
        {"services": [AGGREGATOR]}, "antrea", State.UNUSABLE, "if it is, name it: --source antrea",
    ),
    "a gateway without a FlowCollector": (
        {"services": [GATEWAY], **netobserv(1)}, "netobserv", State.UNUSABLE, "names its namespace",
    ),
    "stream port": (
        {"services": [service("flow-aggregator", "flow-aggregator", 4739)], "workloads": [ANTREA]},
        "antrea", State.UNUSABLE, "flowStreamService.enable",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "source", "state", "words"), LACKS.values(), ids=LACKS)
def test_what_a_source_lacks(seen, source, state, words):
    finding = found(**seen)[0][source]
    assert finding.state is state
    assert words in " ".join(finding.lacks)
    assert bool(finding.lacks) is bool(words)


def test_the_right_that_is_missing_is_named_with_its_rule():
    findings, _ = found(services=[HUBBLE[0]], denied=[RELAY])
    hubble = findings["hubble"]
    assert (hubble.state, hubble.missing) == (State.UNUSABLE, (RELAY,))
    assert RELAY.rule == 'apiGroups: [""], resources: ["pods/portforward"], verbs: ["create", "get"]'
    assert hubble.obstacle == f"in namespace kube-system a Role lacks {RELAY.rule}"


@pytest.mark.parametrize("seen", [{"denied": EXEC[:1]}, {"denied": EXEC, "workloads": [CILIUM],
                                  "cilium": {"kube-proxy-replacement": "true"}}])  # fmt: skip
def test_pods_for_reading_tables_are_offered_to_whoever_needs_them_alone(seen):
    assert "netsec-tui reader" not in " ".join(found(**seen)[0]["conntrack"].lacks)


def test_how_many_nodes_there_are_is_not_told_where_they_cannot_be_listed():
    assert found()[0]["conntrack"].where == "2 of 2 nodes"
    hidden = found(nodes=frozenset(), refused=["nodes"])[0]["conntrack"]
    assert (hidden.state, hidden.where) == (State.USABLE, "2 of an unknown number of nodes")


def test_names_of_objects_are_never_obeyed():
    evil = service("hubble-relay", "kube\x1b[31m-system", 80)
    assert "\x1b" not in found(services=[evil])[0]["hubble"].where


def test_no_environment_is_kept_of_a_workload():
    kept = workload("calico-node", "calico-system", env=[("PASSWORD", "hunter2")])
    assert "hunter2" not in str(kept)


def test_the_order_is_that_of_the_sources_and_of_their_description():
    document = (Path(__file__).resolve().parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")
    table = document.partition("## Choosing a source")[2].partition("\n\n**")[0]
    described = re.findall(r"^\| `([a-z][a-z-]*)` \|", table, re.MULTILINE)
    assert described == [*SOURCES] == [name for name in SOURCES_IN_ORDER if name in SOURCES]
