"""What commands in pods leave running: nothing, however their pod, their client or their cluster ends."""

import json
import os
import secrets
import signal
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.cluster.harness import binaries as programs
from tests.cluster.harness import instance, netns, waiting
from tests.cluster.harness.client import ClusterClient, without_proxies
from tests.cluster.objects import pod
from tests.cluster.owners import run, running_in_another_process

FORMS = {
    "the command": "exec sleep {0}",
    "what it started": "sleep {0}; true",
    "a group of its own": "setsid sleep {0}; true",
    "nothing left of its environment": "exec env -i setsid sleep {0}",
}


def running(seconds):
    """Return the processes that sleep for so many seconds: a number that nobody else has."""
    wanted = f"sleep\0{seconds}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cmdline").read_bytes() == wanted:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@contextmanager
def in_pod(cluster, name, form):
    """Have a command run in a pod; yield its client and the number that its process is known by."""
    seconds = 100_000 + secrets.randbelow(800_000_000)
    namespace, pod_name = name.split("/")
    command = [programs.find().kubectl, "exec", "--kubeconfig", cluster.kubeconfig, "-n", namespace]
    command += [pod_name, "--", "sh", "-c", FORMS[form].format(seconds)]
    client = subprocess.Popen(
        list(map(str, command)), env=without_proxies(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        waiting.until(lambda: running(seconds) or client.poll() is not None, 20, "the command in the pod")
        assert running(seconds), client.communicate()[1].decode()
        yield client, seconds
    finally:
        client.kill()
        client.wait()


def ends(seconds):
    waiting.until(lambda: not running(seconds), 20, "the end of the command")


@pytest.mark.parametrize("form", ["the command", "what it started"])
def test_a_command_ends_with_its_client(cluster, form):
    cluster.load(pod("asked", [80]), namespace="clients")
    with in_pod(cluster, "clients/asked", form) as (client, seconds):
        client.kill()
        ends(seconds)


@pytest.mark.parametrize("form", FORMS)
def test_a_command_ends_with_its_pod(cluster, form):
    cluster.load(pod("brief", [80]), namespace="ends")
    with in_pod(cluster, "ends/brief", form) as (_, seconds):
        cluster.kubectl("delete", "pod", "-n", "ends", "brief")
        ends(seconds)


@pytest.mark.parametrize("form", ["the command", "what it started"])
def test_a_command_ends_with_its_pod_on_the_host_network(cluster, form):
    cluster.load(pod("brief", [8099], host_network=True), namespace="hosts")
    with in_pod(cluster, "hosts/brief", form) as (_, seconds):
        cluster.kubectl("delete", "pod", "-n", "hosts", "brief")
        ends(seconds)


@contextmanager
def another_cluster_with_every_form(tmp_path):
    """Have a cluster of another process with commands in a pod; yield that process, it, and their numbers."""
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(json.dumps(pod("asked", [80])))
    with running_in_another_process() as (owner, number), ExitStack() as commands:
        loaded = run("load", "--cluster", number, manifest)
        assert loaded.returncode == 0, loaded.stderr
        attached = ClusterClient.attach(number)
        yield (
            owner,
            attached.instance,
            [commands.enter_context(in_pod(attached, "default/asked", form))[1] for form in FORMS],
        )


def test_commands_end_with_the_cluster(binaries, tmp_path):
    with another_cluster_with_every_form(tmp_path) as (_, of, started):
        down = run("down", "--cluster", of.number)
        assert down.returncode == 0, down.stderr
        assert [running(seconds) for seconds in started] == [[]] * len(FORMS)


def test_commands_end_with_the_next_claim_after_the_owner_was_killed(binaries, tmp_path):
    with another_cluster_with_every_form(tmp_path) as (owner, of, started):
        owner.kill()
        owner.wait()
        ends(started[0])  # at once: nobody has to tidy up for it
        instance.claim().release()
        assert [running(seconds) for seconds in started] == [[]] * len(FORMS)
        assert not of.folder.exists()


def test_what_lives_in_a_namespace_without_a_name_is_found(binaries, tmp_path):
    with another_cluster_with_every_form(tmp_path) as (owner, of, started):
        owner.send_signal(signal.SIGSTOP)  # so that it does not unwire the pod
        for name in netns.names(f"{of.link}-p-"):
            netns.delete(name)
        owner.kill()
        owner.wait()
        instance.claim().release()
        found = {form: running(seconds) for form, seconds in zip(FORMS, started, strict=True)}
        assert [form for form, pids in found.items() if pids] == ["nothing left of its environment"]
        for pid in found["nothing left of its environment"]:
            os.kill(pid, signal.SIGKILL)
