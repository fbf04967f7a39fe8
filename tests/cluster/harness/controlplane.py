"""The control plane: etcd, the API server and the controllers, in a network namespace of their own."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.harness.binaries import Binaries
from tests.cluster.harness.certificates import Certificates
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.network import API_PORT, SERVICE_RANGES, control_address
from tests.cluster.harness.processes import Process

CONTEXT = "harness"
ADMINISTRATOR = "admin"
USERS = ("minimal", "nothing")
"""Users that may do nothing until a test binds a role to them."""

_CONTROLLERS = (
    "cronjob-controller",
    "daemonset-controller",
    "deployment-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "serviceaccount-controller",
    "statefulset-controller",
)
# ServiceAccount wants a token for each pod; TaintNodesByCondition a controller that finds the nodes healthy.
_NO_ADMISSION = ("ServiceAccount", "TaintNodesByCondition")
# Who asked what, but for the administrator: the server itself tells what the product asks of it.
_AUDITED = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "None", "userGroups": ["system:masters"]}, {"level": "Metadata"}],
}


class ControlPlane:
    """The programs that make up the API of one cluster."""

    def __init__(self, instance: Instance, binaries: Binaries, certificates: Certificates) -> None:
        """Say what to run; ``start`` runs it."""
        self._instance = instance
        self._binaries = binaries
        self._certificates = certificates
        # Anyone on the machine may ask the API server, which runs commands as root: no token can be guessed.
        self._tokens = {user: secrets.token_urlsafe(32) for user in (ADMINISTRATOR, *USERS)}
        self.url = f"https://{control_address(instance)}:{API_PORT}"
        self._etcd = self._process("etcd", [binaries.etcd, *_etcd_flags(instance.folder)])
        self._api_server = self._process(
            "kube-apiserver", [binaries.kube_apiserver, *self._api_server_flags()]
        )
        self._controllers = self._process(
            "kube-controller-manager", [binaries.kube_controller_manager, *self._controller_flags()]
        )

    def start(self) -> None:
        """Start everything, and return once the API server is ready.

        Raises:
            RuntimeError: something does not start; the end of its log is in the message.
        """
        _write(self._instance.folder / "tokens.csv", _token_file(self._tokens))
        _write(self._instance.folder / "audit-policy.json", json.dumps(_AUDITED))
        for user in self._tokens:
            self.kubeconfig_for(user)
        self._etcd.start()
        self.start_api_server()
        self._controllers.start()

    def start_api_server(self) -> None:
        """Start the API server (again), and return once it is ready.

        Raises:
            RuntimeError: it does not get ready.
        """
        self._api_server.start()
        self._api_server.wait(self._ready)

    def kill_api_server(self) -> None:
        """End the API server as a crash would; etcd and everything else stay."""
        self._api_server.kill()

    def signal(self, program: str, number: int) -> None:
        """Send a program a signal, by its name, for instance ``etcd``; SIGSTOP makes it hang."""
        (process,) = [p for p in (self._etcd, self._api_server, self._controllers) if p.name == program]
        os.kill(process.pid, number)

    def stop(self) -> None:
        """End everything."""
        for process in (self._controllers, self._api_server, self._etcd):
            process.kill()

    def kubeconfig_for(self, user: str) -> Path:
        """Write, for the owner alone, and return the kubeconfig of one of the users.

        Raises:
            ValueError: there is no such user.
        """
        if user not in self._tokens:
            raise ValueError(f"no user {user}: take one of {', '.join(self._tokens)}")
        instance = self._instance
        path = instance.kubeconfig if user == ADMINISTRATOR else instance.folder / f"kubeconfig-{user}"
        authority = str(self._certificates.authority.certificate)
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [
                {"name": CONTEXT, "cluster": {"server": self.url, "certificate-authority": authority}}
            ],
            "users": [{"name": user, "user": {"token": self._tokens[user]}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user}}],
        }
        _write(path, json.dumps(content, indent=2) + "\n")
        return path

    def _process(self, name: str, command: list[str | Path]) -> Process:
        return Process(name, command, self._instance.path("control"), self._instance)

    def _ready(self) -> bool:
        trusted = ssl.create_default_context(cafile=str(self._certificates.authority.certificate))
        # No proxy that the environment names: this address exists on this machine alone.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
        )
        try:
            with opener.open(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _api_server_flags(self) -> list[str]:
        certificates, address = self._certificates, control_address(self._instance)
        return [
            "--etcd-servers=http://127.0.0.1:2379",
            f"--bind-address={address}",
            f"--advertise-address={address}",
            f"--secure-port={API_PORT}",
            f"--tls-cert-file={certificates.api_server.certificate}",
            f"--tls-private-key-file={certificates.api_server.key}",
            f"--client-ca-file={certificates.authority.certificate}",
            f"--token-auth-file={self._instance.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            f"--service-cluster-ip-range={','.join(SERVICE_RANGES)}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={certificates.service_accounts}",
            f"--service-account-signing-key-file={certificates.service_accounts}",
            f"--disable-admission-plugins={','.join(_NO_ADMISSION)}",
            "--allow-privileged=true",
            f"--audit-policy-file={self._instance.folder / 'audit-policy.json'}",
            f"--audit-log-path={self._instance.logs / 'audit.log'}",
            # Else exec and port-forward would look the node's name up in the machine's DNS.
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-certificate-authority={certificates.authority.certificate}",
            f"--kubelet-client-certificate={certificates.kubelet_client.certificate}",
            f"--kubelet-client-key={certificates.kubelet_client.key}",
        ]

    def _controller_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self._instance.kubeconfig}",
            f"--controllers={','.join(_CONTROLLERS)}",
            f"--service-account-private-key-file={self._certificates.service_accounts}",
            f"--root-ca-file={self._certificates.authority.certificate}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ]


def _etcd_flags(folder: Path) -> list[str]:
    # What etcd keeps is thrown away with the cluster, so nothing needs to survive a power cut.
    return [f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn"]


def _token_file(tokens: Mapping[str, str]) -> str:
    groups = {ADMINISTRATOR: ',"system:masters"'}
    return "".join(f"{token},{user},{user}{groups.get(user, '')}\n" for user, token in tokens.items())


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
