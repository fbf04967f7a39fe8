"""What is looked at in a cluster to find its sources, on a server that answers as an API server."""

import os
import subprocess
import sys

import pytest

from netsec_tui.sources.access import Access, TlsOptions
from netsec_tui.sources.finding.survey import survey
from netsec_tui.sources.registry import SOURCES
from tests.sources.api_server import write_kubeconfig
from tests.sources.exec_server import ExecServer
from tests.sources.kube_objects import deployment, obj
from tests.sources.running import running
from tests.sources.waiting import until

COLLECTORS = "/apis/flows.netobserv.io/v1beta2/flowcollectors"
LOKI = obj("Service", "loki", "netobserv", spec={"ports": [{"port": 3100}]})
GOLDMANE = obj("Service", "goldmane", "calico-system", spec={"ports": [{"port": 7443}]})
PROXY = obj("Pod", "kube-proxy-1", "kube-system", status={"phase": "Running"},
            spec={"nodeName": "n1", "hostNetwork": True, "containers": [{"name": "main"}]})  # fmt: skip

LOOKS_AND_ENDS = """
import os, sys, threading
from netsec_tui.sources.access import Access
from netsec_tui.sources.registry import SOURCES
from netsec_tui.sources.finding.survey import survey

class Ending:
    def __del__(self, read=os.read, write=os.write):
        write(1, b"e")
        read(0, 1)  # the interpreter is ending, and stays so until the test lets it go on

ending = Ending()
looked = threading.Thread(target=survey, args=(Access(kubeconfig=sys.argv[1]), SOURCES), daemon=True)
looked.start()
os.read(0, 4)
"""


def collector(**ebpf):
    api = "flows.netobserv.io/v1beta2"
    return obj("FlowCollector", "cluster", None, api, spec={"agent": {"ebpf": ebpf}, "token": "hunter2"})


STACK = obj("FlowCollector", "cluster", None, "flows.netobserv.io/v1beta2",
            spec={"agent": {"ebpf": {"sampling": 1}}, "loki": {"mode": "LokiStack"}})  # fmt: skip
GATEWAY = obj("Service", "loki-gateway-http", "netobserv", spec={"ports": [{"name": "public", "port": 8080}]})


def cilium(**settings):
    made = deployment("cilium", kind="DaemonSet")
    made["metadata"]["namespace"] = "kube-system"
    made["spec"]["template"]["spec"]["hostNetwork"] = True
    config = obj("ConfigMap", "cilium-config", "kube-system", data=settings)
    return [{**made, "status": {"numberReady": 1}}, config]


@pytest.fixture
def looked_at(tmp_path, monkeypatch):
    """Return a function that makes a cluster of objects and looks at it; findings by source, and the rest."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def call(*objects, refuse=(), tls=None, denied=(), version=b""):
        with running(ExecServer([obj("Node", "n1", None), PROXY, *objects])) as server:
            server.more = {
                COLLECTORS: ("FlowCollector", "flows.netobserv.io/v1beta2"),
                "/apis/operator.tigera.io/v1/goldmanes": ("Goldmane", "operator.tigera.io/v1"),
            }
            server.refuse = {name: [403] for name in refuse}
            server.denied, server.bodies["version"] = {*denied}, version
            kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url)
            found = survey(Access(kubeconfig=str(kubeconfig), tls=tls or TlsOptions()), SOURCES)
        return {finding.source: finding for finding in found.findings}, found, server

    return call


@pytest.mark.parametrize(
    ("objects", "words", "pick"),
    [
        ([collector(sampling=1)], "", "netobserv"),
        ([collector(sampling=50)], "one packet of 50", "conntrack"),
        ([collector()], "one packet of 50", "conntrack"),
        ([collector(sampling="many")], "is not known", "conntrack"),
        ([], "is not known", "conntrack"),
    ],
)
def test_sampling_is_that_of_the_flow_collector(looked_at, objects, words, pick):
    sources, found, _ = looked_at(LOKI, *objects)
    assert words in " ".join(sources["netobserv"].lacks)
    assert found.choices[0] == (pick,)


def test_a_flow_collector_that_may_not_be_read_leaves_sampling_open(looked_at):
    sources, found, _ = looked_at(LOKI, collector(sampling=1), refuse=["flowcollectors"])
    assert "is not known" in " ".join(sources["netobserv"].lacks)
    assert found.unread == ()


def test_a_gateway_is_taken_where_the_flow_collector_puts_it(looked_at):
    assert looked_at(GATEWAY, STACK)[1].choices[0] == ("netobserv",)
    assert looked_at(GATEWAY, collector(sampling=1))[1].choices[0] == ("conntrack",)
    assert looked_at(GATEWAY, STACK, refuse=["flowcollectors"])[1].choices[0] == ("conntrack",)


def test_settings_of_cilium_tell_where_connections_are_tracked(looked_at):
    sources, found, _ = looked_at(*cilium(**{"kube-proxy-replacement": "true", "enable-hubble": "false"}))
    assert "by eBPF" in sources["conntrack"].lacks[0]
    assert found.choices == ()
    assert "Hubble is switched off" in found.obstacles


def test_settings_of_cilium_that_may_not_be_read_prove_nothing(looked_at):
    hidden = cilium(**{"kube-proxy-replacement": "true"})
    sources, found, _ = looked_at(*hidden, refuse=["cilium-config"])
    assert sources["conntrack"].lacks[0].startswith("Cilium may track")
    assert found.choices[0] == ("hubble-exec",)


@pytest.mark.parametrize(
    ("verbs", "version", "usable"),
    [
        (("create", "get"), b'{"major": "1", "minor": "35"}', True),
        (("create",), b'{"major": "1", "minor": "35"}', False),
        (("create",), b'{"major": "1", "minor": "30"}', False),
        (("get",), b'{"major": "1", "minor": "35+"}', False),
        (("get",), b'{"major": "1", "minor": "34+"}', True),
        (("get",), b'{"major": "2", "minor": "0"}', False),
        (("get",), b'{"minor": "x"}', True),  # the source itself says what is missing
        ((), b'{"major": "1", "minor": "30"}', False),
    ],
)
def test_a_right_is_judged_by_all_verbs_that_the_server_asks_for(looked_at, verbs, version, usable):
    denied = [("kube-system", "exec", verb) for verb in ("create", "get") if verb not in verbs]
    sources, _, _ = looked_at(denied=denied, version=version)
    assert bool(sources["conntrack"].missing) is not usable
    assert (str(sources["conntrack"].state) == "usable") is usable


def test_what_cannot_be_listed_is_not_called_absent(looked_at):
    sources, found, _ = looked_at(LOKI, refuse=["services", "pods"])
    assert str(sources["netobserv"].state) == "not known"
    assert "no pod runs" not in found.obstacles
    assert "pods cannot be listed" in found.obstacles


def test_a_certificate_makes_goldmane_of_use(looked_at):
    assert looked_at(GOLDMANE)[1].choices[0] == ("conntrack",)
    assert looked_at(GOLDMANE, tls=TlsOptions(cert_file="a", key_file="b"))[1].choices[0] == (
        "goldmane",
        "conntrack",
    )


def test_no_secret_is_asked_for(looked_at):
    _, _, server = looked_at(LOKI, GOLDMANE, collector(sampling=1), *cilium())
    assert server.asked
    assert not [path for path in server.asked if "secret" in path]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the threads of a process in /proc")
def test_a_process_may_end_while_a_thread_of_it_waits_for_the_server(tmp_path):
    with running(ExecServer([obj("Node", "n1", None), PROXY])) as server:
        server.reviews_hang = True
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", server.url)
        command = [sys.executable, "-c", LOOKS_AND_ENDS, str(kubeconfig)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert server.reviewed.wait(60)
            process.stdin.write(b"end\n")
            process.stdin.flush()
            assert process.stdout.read(1) == b"e"
            server.over.set()
            until(lambda: process.poll() is not None or len(os.listdir(f"/proc/{process.pid}/task")) <= 1)
            process.communicate(timeout=60)
    assert process.returncode == 0
