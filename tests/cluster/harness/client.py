"""A running cluster in use: manifests, policies, packets."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.cluster.harness import binaries, instance, network, policies
from tests.cluster.harness.binaries import Binaries
from tests.cluster.harness.calls import Call
from tests.cluster.harness.controlplane import CONTEXT
from tests.cluster.harness.exchange import TIMEOUT, Answer
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.network import NodeNetwork
from tests.cluster.harness.readiness import wait_until_ready
from tests.cluster.harness.rest import Object, Rest
from tests.cluster.harness.status import say_finished
from tests.cluster.harness.traffic import Driven, Heard, Probe, Traffic

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class ClusterClient:
    """A cluster that runs on this machine, whichever process owns it."""

    context = CONTEXT

    def __init__(self, instance: Instance, programs: Binaries, nodes: Sequence[NodeNetwork]) -> None:
        """Speak to a cluster that is there; ``attach`` finds one."""
        self.instance = instance
        self.nodes = list(nodes)
        self.kubeconfig = instance.kubeconfig
        self._binaries = programs

    @staticmethod
    def attach(number: int | None = None) -> ClusterClient:
        """Return a cluster that another process owns: the one with this number, else the only one.

        Raises:
            LookupError: there is none, or there are several to choose from; the message says what to do.
        """
        running = [n for n in instance.owners() if description(Instance(n)).exists()]
        if number is None and len(running) != 1:
            if not running:
                raise LookupError("no cluster runs here; start one: .venv/bin/python -m tests.cluster up")
            which = f"say which by --cluster: {', '.join(map(str, running))}"
            raise LookupError(f"{len(running)} clusters run here; {which}")
        chosen = Instance(running[0] if number is None else number)
        if chosen.number not in running:
            there = ", ".join(map(str, running)) or "none"
            raise LookupError(f"no cluster {chosen.number} runs here; those that do: {there}")
        described = json.loads(description(chosen).read_text(encoding="utf-8"))
        return ClusterClient(chosen, binaries.find(), network.plan_nodes(chosen, described["nodes"]))

    def kubectl(self, *arguments: str | Path, input: str | None = None) -> str:
        """Run kubectl as the administrator and return what it prints.

        Raises:
            RuntimeError: it fails; the message is what it says.
        """
        command = [str(self._binaries.kubectl), "--kubeconfig", str(self.kubeconfig), *map(str, arguments)]
        done = subprocess.run(
            command, input=input, capture_output=True, text=True, check=False, env=without_proxies()
        )
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout

    @cached_property
    def api(self) -> Any:
        """A ``kubernetes.client.ApiClient`` of the administrator; it is imported when it is asked for."""
        from kubernetes import client, config

        settings = client.Configuration()
        config.load_kube_config(str(self.kubeconfig), CONTEXT, settings)
        settings.proxy = None
        return client.ApiClient(settings)

    def load(
        self, *sources: Path | str | dict[str, Any], namespace: str = "default", wait: bool = True
    ) -> list[str]:
        """Apply manifests and wait until their pods serve and their Services lead there; return what it was.

        Args:
            sources: Files or folders, texts in YAML, or objects.
            namespace: Of the objects that name none; it is made where it is missing.
            wait: Whether to wait.

        Returns:
            ``NAMESPACE/KIND/NAME`` of each object, or ``KIND/NAME``.

        Raises:
            RuntimeError: the API server refuses something.
            TimeoutError: something does not get ready; the message names it.
        """
        applied = self._apply(sources, namespace)
        if wait:
            namespaces = {item["metadata"].get("namespace", "") for item in applied} - {""}
            wait_until_ready(self._rest, self.nodes, namespaces)
        return [_named(item) for item in applied]

    def apply_policies(self, *sources: Path | str | dict[str, Any], namespace: str = "default") -> None:
        """Apply NetworkPolicies and wait until they are in force; takes and raises what ``load`` does."""
        self._apply(sources, namespace)
        self.settle()

    def delete_policies(self, namespace: str | None = None) -> None:
        """Delete the NetworkPolicies of a namespace, or of all, and wait until they are no longer in force.

        Raises:
            TimeoutError: they still are; the message names the node.
        """
        path = "/apis/networking.k8s.io/v1"
        found = {item["metadata"]["namespace"] for item in self._rest.items(f"{path}/networkpolicies")}
        for name in (found - {policies.NAMESPACE}) if namespace is None else {namespace}:
            self._rest.send("DELETE", f"{path}/namespaces/{name}/networkpolicies")
        self.settle()

    def settle(self) -> None:
        """Return once what the API server has taken until now is in force, where anything is enforced.

        Raises:
            TimeoutError: it is not; the message names the node.
        """
        if self._enforcing.exists():
            self._canary.wait()

    @property
    def _enforcing(self) -> Path:
        """The file that tells every process that policies are enforced."""
        return self.instance.folder / "enforcing"

    def _apply(self, sources: Sequence[Path | str | dict[str, Any]], namespace: str) -> list[Object]:
        """Apply manifests, and return the objects that are in them."""
        config = self._kubeconfig_in(namespace)
        applied: list[Object] = []
        for are_files, group in groupby(sources, key=lambda source: isinstance(source, Path)):
            flags: list[str | Path] = ["apply", "--output=json", "--kubeconfig", config]
            if are_files:
                said = self.kubectl(*flags, *(f"--filename={file}" for file in group))
            else:
                texts = (json.dumps(text) if isinstance(text, dict) else str(text) for text in group)
                said = self.kubectl(*flags, "--filename=-", input="\n---\n".join(texts))
            answer = json.loads(said)
            applied += answer.get("items", [answer])
        return applied

    def _kubeconfig_in(self, namespace: str) -> Path:
        """Make a namespace where it is missing, and return a kubeconfig that has it as the default.

        The flag of kubectl would not do: with it, objects of other namespaces are refused.
        """
        if namespace == "default":
            return self.kubeconfig
        self._apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}], "default")
        content = json.loads(self.kubeconfig.read_text(encoding="utf-8"))
        content["contexts"][0]["context"]["namespace"] = namespace
        path = self.instance.folder / f"kubeconfig-in-{namespace}"
        path.touch(mode=0o600)
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    @cached_property
    def _rest(self) -> Rest:
        return Rest(self.kubeconfig)

    @cached_property
    def _canary(self) -> policies.Canary:
        return policies.Canary(self._rest, self._traffic, self.nodes)

    @cached_property
    def _traffic(self) -> Traffic:
        return Traffic(self.instance, self.nodes)

    def probe(
        self, probes: Sequence[Probe], timeout: float = TIMEOUT, leave_no_trace: bool = False
    ) -> list[Answer]:
        """Try connections all at once and return what came of each, in order.

        Args:
            probes: From where to where.
            timeout: Seconds until a connection counts as unanswered, below 1.
            leave_no_trace: Whether the nodes' tables forget them at once: they are no traffic.

        Raises:
            LookupError: a source is none of the cluster.
        """
        return self._traffic.probe(probes, timeout, leave_no_trace)

    def ask(self, probes: Sequence[Probe], timeout: float = TIMEOUT) -> list[Heard]:
        """Do as ``probe`` does, and tell also who answered."""
        return self._traffic.ask(probes, timeout)

    def drive(self, calls: Sequence[Call], hold: bool = False) -> list[Driven]:
        """Make the connections of calls as real clients make them: names are looked up first.

        Args:
            calls: Who calls whom.
            hold: Whether TCP connections stay open until each one's ``release``.

        Raises:
            LookupError: a call names what does not run.
            ValueError: a call is not understood.
        """
        return self._traffic.drive(calls, hold)

    def look_up(self, questions: Sequence[tuple[str, str]]) -> list[list[str]]:
        """Have pods ask the cluster's DNS: (``NAMESPACE/POD``, name) each; no address means no answer."""
        return self._traffic.look_up(questions)

    def name_outside(self, names: Mapping[str, Sequence[str]]) -> None:
        """Have the cluster's DNS know these names of the outside, each with its addresses, and no others."""
        self._traffic.name_outside(names)
        for addresses in names.values():
            for address in addresses:
                self.add_outside(address)

    def finish(self, pod: str) -> None:
        """End a pod, ``NAMESPACE/POD``, well, as a Job's pod ends once its work is done.

        Raises:
            RuntimeError: there is no such pod.
        """
        namespace, _, name = pod.partition("/")
        say_finished(self._rest, self._rest.get(f"/api/v1/namespaces/{namespace}/pods/{name}"))

    def add_outside(self, address: str) -> None:
        """Give the world outside of the cluster another address.

        Raises:
            RuntimeError: it is no address.
        """
        network.add_outside(self.instance, address)


def without_proxies() -> dict[str, str]:
    """Return the environment without proxies: the API server's address exists on this machine alone."""
    return {name: value for name, value in os.environ.items() if name.lower() not in _PROXIES}


def _named(item: Object) -> str:
    meta = item["metadata"]
    return "/".join(filter(None, (meta.get("namespace"), item["kind"], meta["name"])))


def description(of: Instance) -> Path:
    """Return the file that tells other processes of a cluster, there as soon as it is ready."""
    return of.folder / "cluster.json"
