"""The clusters of the tests: each stands by itself, reaches nothing else, and leaves nothing behind."""

import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.cluster.harness import binaries as programs
from tests.cluster.harness import instance, netns, network, waiting
from tests.cluster.harness.client import without_proxies
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.nodes import STREAMS_PORT
from tests.cluster.harness.traffic import Answer, Probe
from tests.cluster.owners import pids_in, run, running_in_another_process
from tests.cluster.product.running import run as netsec_tui

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: %s, labels: {app: %s}}
spec:
  containers: [{name: main, image: none, ports: [{containerPort: 8080}]}]
"""
FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
DENY_ALL = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all, namespace: %s}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""


def links():
    return {entry.name for entry in Path("/sys/class/net").iterdir()}


@contextmanager
def foreign_things(number):
    """Have what is named almost like a cluster's own, and as the next numbers would be: none may be touched.

    No cluster has a number that ends on 99, and those that do not begin with a number are nobody's at all.
    """
    names = [f"nsc{number}99-foreign", "nsc-foreign"]
    links_made = [f"nsc{number}99", "nscforeign0"]
    folder = instance.FOLDER / f"{number}99"
    for name, link in zip(names, links_made, strict=True):
        netns.create(name)
        netns.run("ip", "link", "add", link, "type", "veth", "peer", "name", "there", "netns", name)
    folder.mkdir()
    (folder / "file").write_text("not a cluster's")
    with netns.inside(netns.FOLDER / names[0]):
        living = subprocess.Popen(["sleep", "600"])

    def whole():
        everything = set(names) <= set(netns.names("nsc")) and set(links_made) <= links()
        return everything and living.poll() is None and (folder / "file").exists()

    try:
        yield whole
    finally:
        living.kill()
        living.wait()
        for name in names:
            netns.delete(name)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_killed_owner_leaves_nothing_for_long_and_nothing_else_is_touched(binaries):
    with running_in_another_process() as (owner, number), foreign_things(number) as whole:
        remains = netns.create(f"nsc{number}-remains"), Instance(number).folder / "remains"
        remains[1].touch()
        assert len(pids_in(number)) >= 5  # etcd, API server, controllers, kube-proxy, pod-streams
        owner.kill()
        owner.wait()
        waiting.until(lambda: not pids_in(number), 20, "the end of the programs without an owner")
        assert remains[0].exists()
        assert whole()

        instance.claim().release()

        assert not remains[0].exists()
        assert not remains[1].exists()
        assert whole()


def test_one_that_is_told_to_end_leaves_nothing(binaries):
    with running_in_another_process() as (owner, number):
        remains = netns.create(f"nsc{number}-remains"), Instance(number).folder / "remains"
        remains[1].touch()
        owner.send_signal(signal.SIGINT)
        assert owner.wait(60) == 0
    assert not remains[0].exists()
    assert not remains[1].exists()


def test_the_command_for_a_person(binaries, tmp_path):
    manifest, calls = tmp_path / "pods.yaml", tmp_path / "calls.yaml"
    manifest.write_text("---\n".join(POD % (name, "default", name) for name in ("one", "two")))
    calls.write_text("calls: [{from: default/pod/one, to: 'default/pod/two:8080'}]")
    up = run("up", "--detach", "--nodes", "2", "--hubble")
    assert up.returncode == 0, up.stderr
    number = int(re.match(r"Cluster (\d+) runs", up.stdout)[1])
    try:
        assert f"KUBECONFIG={Instance(number).kubeconfig}" in up.stdout
        assert "--source hubble\n" in up.stdout
        loaded = run("load", "--cluster", number, manifest)
        assert loaded.returncode == 0, loaded.stderr
        driven = run("drive", "--cluster", number, calls)
        assert driven.stdout == "default/one -> default/pod/two:8080/TCP: reached default/two 8080\n"
        flags = ("list", "-n", "default", "--source", "hubble")
        waiting.until(
            lambda: "two" in netsec_tui(Instance(number).kubeconfig, *flags).out, 30, "Hubble's flows"
        )
    finally:
        down = run("down", "--cluster", number)
    assert down.returncode == 0, down.stderr
    assert number not in instance.owners()


def test_a_cluster_that_does_not_run_is_said(binaries):
    free = next(number for number in reversed(range(instance.COUNT)) if number not in instance.owners())
    down = run("down", "--cluster", free)
    assert (down.returncode, down.stdout) == (1, "")
    assert re.match(rf"error: no cluster ({free} )?runs here", down.stderr)


def test_two_clusters_at_once_know_nothing_of_each_other(cluster, control_plane):
    control_plane.kubectl("create", "namespace", "only-here")
    assert "only-here" in control_plane.kubectl("get", "namespaces")
    assert "only-here" not in cluster.kubectl("get", "namespaces")


def test_the_api_server_comes_back_with_all_that_it_knew(control_plane):
    control_plane.kubectl("create", "namespace", "before")
    control_plane.kill_api_server()
    with pytest.raises(RuntimeError, match="refused"):
        control_plane.kubectl("get", "namespaces")
    control_plane.start_api_server()
    control_plane.kubectl("create", "deployment", "web", "--image=none", "-n", "before")
    # The controllers have found it again as well.
    waiting.until(
        lambda: "web-" in control_plane.kubectl("get", "pods", "-n", "before"), 60, "a pod of the Deployment"
    )


def test_kubeconfigs_are_private_and_users_may_do_nothing(control_plane):
    assert stat.S_IMODE(control_plane.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(control_plane.instance.folder.stat().st_mode) == 0o700
    nobody = control_plane.kubeconfig_for("nothing")
    with pytest.raises(RuntimeError, match='User "nothing" cannot list resource "pods"'):
        control_plane.kubectl("get", "pods", "--kubeconfig", nobody)
    with pytest.raises(ValueError, match="no user somebody"):
        control_plane.kubeconfig_for("somebody")


def test_exec_and_port_forward_go_through_the_api_server(cluster):
    cluster.load(POD % ("asked", "streams", "asked"), namespace="streams")
    (name,) = re.findall(r"eth0@\S+", cluster.kubectl("exec", "-n", "streams", "asked", "--", "ip", "link"))
    assert name.startswith("eth0@")
    with pytest.raises(RuntimeError, match="exit code 7"):
        cluster.kubectl("exec", "-n", "streams", "asked", "--", "sh", "-c", "exit 7")
    flags = ["port-forward", "-n", "streams", "pod/asked", ":8080", "--kubeconfig", str(cluster.kubeconfig)]
    with subprocess.Popen(
        [str(programs.find().kubectl), *flags], stdout=subprocess.PIPE, text=True, env=without_proxies()
    ) as forward:
        try:
            port = int(re.search(r"127\.0\.0\.1:(\d+) ->", forward.stdout.readline())[1])
            with socket.create_connection(("127.0.0.1", port), 10) as asked:
                assert asked.makefile().readline() == "streams/asked 8080\n"
        finally:
            forward.terminate()


def ask_for_a_command(context, plain):
    with context.wrap_socket(plain) as asked:
        asked.sendall(b"GET /exec/streams/asked/main?command=id HTTP/1.1\r\nHost: node\r\n\r\n")
        asked.recv(1)


def test_only_the_api_server_may_run_commands_in_pods(cluster):
    node = cluster.nodes[0]
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with netns.socket_in(node.path, socket.AF_INET, socket.SOCK_STREAM) as plain:
        plain.settimeout(10)
        plain.connect((node.addresses[0], STREAMS_PORT))
        with pytest.raises(ssl.SSLError, match="certificate required"):
            ask_for_a_command(trusting, plain)


@pytest.fixture
def machine(cluster):
    """Return sockets of the machine that hear all of TCP and UDP, and its addresses of both IP families.

    One IPv6 address is given to the cluster's own link, of the range that its nodes are in.
    """
    link, six = cluster.instance.link, str(ip_address(f"fd00:198:18:{cluster.instance.number:x}::1"))
    netns.run("ip", "address", "add", f"{six}/128", "dev", link, "nodad")
    tcp = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", 0))
    with tcp, udp:
        said = netns.run("ip", "address", "show", "scope", "global")
        yield [tcp, udp], sorted(re.findall(r"inet6? ([^/ ]+)", said))
    netns.run("ip", "address", "delete", f"{six}/128", "dev", link)


def heard_by(listening):
    """Return whether a socket of the machine has heard anything; it forgets that."""
    listening.setblocking(False)
    try:
        listening.accept()[0].close() if listening.type == socket.SOCK_STREAM else listening.recv(1)
    except BlockingIOError:
        return False
    return True


def test_nothing_leads_from_a_cluster_to_the_machine(cluster, machine):
    cluster.load(POD % ("curious", "escape", "curious"), namespace="escape")
    listening, addresses = machine
    assert {4, 6} <= {ip_address(address).version for address in addresses}
    protocols = dict(zip(("TCP", "UDP"), listening, strict=True))
    sources = ["escape/curious", "node:node1", "node:node2", "outside:203.0.113.10", "outside:2001:db8:50::7"]
    probes = [
        Probe(source, address, one.getsockname()[1], protocol)
        for source in sources
        for address in addresses
        for protocol, one in protocols.items()
        if not source.startswith("outside:") or (":" in source[8:]) is (":" in address)
    ]
    for address in addresses:  # They are there, for the machine itself.
        with socket.create_connection((address, listening[0].getsockname()[1]), 5):
            waiting.until(lambda: heard_by(listening[0]), 5, f"TCP at {address}")
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"?", (address, listening[1].getsockname()[1]))
            waiting.until(lambda: heard_by(listening[1]), 5, f"UDP at {address}")
    # A connection that is refused would have got there as well.
    assert set(cluster.probe(probes)) == {Answer.SILENT}
    assert not any(map(heard_by, listening))


def test_only_nodes_pass_packets_on(cluster):
    def forwards(part):
        with netns.inside(cluster.instance.path(part)):
            texts = [Path("/proc/sys/net", name).read_text() for name in FORWARDING]
        return [text.strip() for text in texts]

    assert [forwards(part) for part in ("control", "outside", "fabric")] == [["0", "0"]] * 3
    assert forwards("node1") == ["1", "1"]


def test_the_outside_answers_at_its_addresses_and_no_others(cluster):
    cluster.load(POD % ("client", "outwards", "client"), namespace="outwards")
    cluster.add_outside("198.51.100.77")
    wanted = ["198.51.100.77", *network.OUTSIDE]
    heard = cluster.ask([Probe("outwards/client", address, 3128) for address in wanted])
    assert [one.who for one in heard] == [f"outside:{address}" for address in wanted]
    assert cluster.probe([Probe("outwards/client", "198.51.100.78", 443)]) == [Answer.SILENT]


def test_enforcement_is_switched_on_and_off(enforced_cluster):
    enforced_cluster.load(*(POD % (name, "switched", name) for name in "ab"), namespace="switched")
    address = enforced_cluster.kubectl("get", "pod", "-n", "switched", "b", "-o", "jsonpath={.status.podIP}")
    probe = [Probe("switched/a", address, 8080)]
    assert enforced_cluster.probe(probe) == [Answer.REACHED]
    enforced_cluster.apply_policies(DENY_ALL % "switched")
    assert enforced_cluster.probe(probe) == [Answer.SILENT]
    enforced_cluster.stop_enforcing()
    assert enforced_cluster.probe(probe) == [Answer.REACHED]
    enforced_cluster.enforce()
    assert enforced_cluster.probe(probe) == [Answer.SILENT]
    enforced_cluster.delete_policies("switched")
    assert enforced_cluster.probe(probe) == [Answer.REACHED]


def test_each_claim_has_a_number_of_its_own_until_none_is_left(binaries, monkeypatch):
    one, other = instance.claim(), instance.claim()
    other.release()
    one.release()
    assert one.instance.number < other.instance.number
    monkeypatch.setattr(instance, "COUNT", 0)
    with pytest.raises(RuntimeError, match="clusters of this machine are in use: end one"):
        instance.claim()


def test_programs_come_from_kubebuilder_assets_first(binaries, monkeypatch, tmp_path):
    kubectl = tmp_path / "kubectl"
    kubectl.symlink_to(binaries.kubectl)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    found = programs.find()
    assert (found.kubectl, found.etcd) == (kubectl, binaries.etcd)


def test_another_go_sum_is_another_cache_of_that_module_alone(binaries, monkeypatch, tmp_path):
    before = {module: programs.cache(module).name for module in ("controlplane", "enforcer")}
    monkeypatch.setenv("NETSEC_CLUSTER_CACHE", str(tmp_path))
    changed = tmp_path / "go"
    netns.run("cp", "-r", str(programs.GO), str(changed))
    monkeypatch.setattr(programs, "GO", changed)
    assert {module: programs.cache(module) for module in before} == {
        module: tmp_path / name for module, name in before.items()
    }
    with (changed / "enforcer" / "go.sum").open("a") as file:
        file.write("\n")
    assert programs.cache("controlplane") == tmp_path / before["controlplane"]
    assert programs.cache("enforcer") != tmp_path / before["enforcer"]


def test_without_root_the_reason_is_said(binaries):
    os.seteuid(65534)
    try:
        assert programs.why_not() == "a cluster needs root, to make network namespaces"
    finally:
        os.seteuid(0)
