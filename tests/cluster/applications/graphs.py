"""Online Boutique and Sock Shop: what others publish of them, and who calls whom in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from netsec_tui.errors import BadInputError
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef

Object = Mapping[str, Any]

WORKLOADS = Path(__file__).resolve().parents[1] / "workloads"
OUTSIDE = "203.0.113.10"
"""Stands for whoever is outside of the cluster (RFC 5737)."""
DNS_SERVICE = ("kube-system", "kube-dns")
_FROM_OUTSIDE = ("NodePort", "LoadBalancer")


class Listening(NamedTuple):
    """Name a port that a container declares; ``name`` may be empty."""

    protocol: Protocol
    port: int
    name: str = ""


class Dialled(NamedTuple):
    """Name a Service and its port."""

    namespace: str
    name: str
    port: int
    protocol: Protocol = Protocol.TCP


class Call(NamedTuple):
    """Say that all pods of a client dial a Service, and which workload listens behind it on which port.

    ``client`` is an IP address where the call comes from outside, by the Service's node port.
    """

    client: WorkloadRef | str
    dialled: Dialled
    server: WorkloadRef
    port: int


@dataclass(frozen=True)
class Application:
    """Hold an application as it is loaded: its objects, its calls, the policies that are published for it.

    ``changes`` says, a sentence each, what of the published files had to change or stay away.
    """

    title: str
    origin: str
    documents: tuple[Object, ...]
    calls: tuple[Call, ...]
    published: tuple[Object, ...]
    changes: tuple[str, ...]

    @cached_property
    def workloads(self) -> tuple[WorkloadRef, ...]:
        """Return the pod owners by namespace and name."""
        return tuple(sorted(ref_of(document) for document in owners(self.documents)))

    @cached_property
    def home(self) -> str:
        """Return the namespace that most of it is in."""
        namespaces = [ref.namespace for ref in self.workloads]
        return max(sorted(set(namespaces)), key=namespaces.count)


def applications(data: Path) -> tuple[Application, ...]:
    """Return both applications from the manifests in a folder of real data."""
    return online_boutique(data / "manifests/online-boutique"), sock_shop(data / "manifests/sock-shop")


def online_boutique(folder: Path) -> Application:
    """Return Online Boutique; its calls are what the environment of its containers names."""
    documents = [_in(document, "boutique") for document in read(folder / "kubernetes-manifests.yaml")]
    documents.insert(0, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "boutique"}})
    return Application(
        title="Online Boutique",
        origin="GoogleCloudPlatform/microservices-demo, release v0.10.6",
        documents=tuple(documents),
        calls=(*_of_environment(documents), *from_outside(documents)),
        published=tuple(_in(policy, "boutique") for policy in _folder(folder / "published-policies")),
        changes=(
            "No object names a namespace: all are loaded into `boutique`, the policies too.",
            *_not_there(documents),
        ),
    )


def sock_shop(folder: Path) -> Application:
    """Return Sock Shop with its load test; its calls are written down in ``sock-shop-calls.yaml``."""
    documents = [*read(folder / "complete-demo.yaml"), *read(folder / "loadtest/loadtest-dep.yaml")]
    (graph,) = read(WORKLOADS / "sock-shop-calls.yaml")
    calls = [_written(documents, call["from"], call["to"]) for call in graph["calls"]]
    return Application(
        title="Sock Shop",
        origin="microservices-demo/microservices-demo, `deploy/kubernetes`",
        documents=tuple(documents),
        calls=(*calls, *from_outside(documents)),
        published=tuple(_folder(folder / "published-policies")),
        changes=(
            "`complete-demo.yaml`, `loadtest` and the policies are taken as they are.",
            "`monitoring` and `logging` stay away: nothing tells who calls whom there. Two objects of "
            "`logging` could not be loaded: `rbac.authorization.k8s.io/v1beta1` is known no longer.",
        ),
    )


def read(path: Path) -> list[Object]:
    """Return the documents of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


def around() -> list[Object]:
    """Return what stands around an application: the cluster DNS and a workload of another namespace."""
    return [*read(WORKLOADS / "system.yaml"), *read(WORKLOADS / "stranger.yaml")]


def owners(documents: Iterable[Object]) -> list[Object]:
    """Return the objects that make pods."""
    return [d for d in documents if "template" in d.get("spec", {})]


def ref_of(document: Object) -> WorkloadRef:
    """Return the reference of an object in a namespace."""
    metadata = document["metadata"]
    return WorkloadRef(document["kind"], metadata["namespace"], metadata["name"])


def listening(document: Object) -> list[Listening]:
    """Return the ports that the containers of a pod owner declare."""
    return [
        Listening(Protocol(port.get("protocol", "TCP")), port["containerPort"], port.get("name", ""))
        for container in document["spec"]["template"]["spec"]["containers"]
        for port in container.get("ports", [])
    ]


def behind(documents: Iterable[Object], dialled: Dialled) -> tuple[WorkloadRef, int]:
    """Return the pod owner behind a Service and its pods' port; raises BadInputError where there is none."""
    known = list(documents)
    for service in _services(known):
        if ref_of(service)[1:] != (dialled.namespace, dialled.name):
            continue
        selector = service["spec"]["selector"].items()
        for owner in owners(known):
            labels = owner["spec"]["template"]["metadata"]["labels"].items()
            if ref_of(owner).namespace == dialled.namespace and selector <= labels:
                return ref_of(owner), _target(service, owner, dialled)
    raise BadInputError(f"{dialled.namespace}/svc/{dialled.name}:{dialled.port}: nothing loaded is behind it")


def _target(service: Object, owner: Object, dialled: Dialled) -> int:
    (port,) = (
        p
        for p in service["spec"]["ports"]
        if (p["port"], p.get("protocol", "TCP")) == (dialled.port, dialled.protocol)
    )
    target = port.get("targetPort", dialled.port)
    if isinstance(target, int):
        return target
    return next(port for protocol, port, name in listening(owner) if name == target)


def from_outside(documents: list[Object]) -> Iterator[Call]:
    """Yield a call from outside to every port of every Service that lets the outside in."""
    for service in _services(documents):
        if service["spec"].get("type") in _FROM_OUTSIDE:
            _, namespace, name = ref_of(service)
            for port in service["spec"]["ports"]:
                dialled = Dialled(namespace, name, port["port"], Protocol(port.get("protocol", "TCP")))
                yield Call(OUTSIDE, dialled, *behind(documents, dialled))


def _of_environment(documents: list[Object]) -> list[Call]:
    """Return a call for every address in the environment whose Service is there."""
    known = {ref_of(service)[1:] for service in _services(documents)}
    told = {pair for pair in _environment(documents) if pair[1][:2] in known}
    return sorted(Call(client, dialled, *behind(documents, dialled)) for client, dialled in told)


def _not_there(documents: list[Object]) -> Iterator[str]:
    """Yield a sentence for every address in the environment that nothing loaded has."""
    known = {ref_of(service)[1:] for service in _services(documents)}
    for client, dialled in _environment(documents):
        if dialled[:2] not in known:
            yield (
                f"`{client.name}` is told of `{dialled.name}:{dialled.port}`, which is not among the "
                "manifests: it is not called."
            )


def _environment(documents: list[Object]) -> Iterator[tuple[WorkloadRef, Dialled]]:
    """Yield who is told of which address, by variables ``*_ADDR`` in containers of all sorts."""
    for owner in owners(documents):
        client, pod = ref_of(owner), owner["spec"]["template"]["spec"]
        for container in pod["containers"] + pod.get("initContainers", []):
            for variable in container.get("env", []):
                if variable["name"].endswith("_ADDR"):
                    host, _, port = variable["value"].partition(":")
                    yield client, Dialled(client.namespace, host, int(port))


def _written(documents: list[Object], client: str, server: str) -> Call:
    """Return a call of a graph that is written down: ``NS/deploy/NAME`` to ``NS/svc/NAME:PORT``."""
    namespace, _, name = client.split("/")
    place, _, dialled_name = server.split("/")
    host, _, port = dialled_name.partition(":")
    dialled = Dialled(place, host, int(port))
    return Call(WorkloadRef("Deployment", namespace, name), dialled, *behind(documents, dialled))


def _services(documents: Iterable[Object]) -> list[Object]:
    return [document for document in documents if document["kind"] == "Service"]


def _folder(folder: Path) -> list[Object]:
    return [document for path in sorted(folder.iterdir()) for document in read(path)]


def _in(document: Object, namespace: str) -> Object:
    return {**document, "metadata": {**document["metadata"], "namespace": namespace}}
