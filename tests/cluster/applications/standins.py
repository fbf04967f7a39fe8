"""A cluster that exists on paper: the pods, addresses and flows that loading an application would bring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.model.config import Config
from netsec_tui.model.flow import Endpoint, Flow, Protocol
from netsec_tui.model.identity import EXTERNAL, WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.review import Review
from netsec_tui.session.actions import ChooseWorkload, SetTicks
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.inventory.build import build_inventory
from tests.cluster.applications.graphs import (
    DNS_SERVICE,
    OUTSIDE,
    Application,
    Call,
    Object,
    around,
    owners,
    ref_of,
)
from tests.core.traffic import NOON, exchange

NODES = {"node1": "198.18.0.11", "node2": "198.18.0.12"}
DNS_PORT = 53
KUBE_SYSTEM: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}


def inventory_of(application: Application) -> Inventory:
    """Return the cluster state after loading an application, with one pod for each replica."""
    objects = [*application.documents, *around()]
    found, problems = build_inventory([KUBE_SYSTEM, *_addressed(objects), *_nodes(), *_pods(objects)])
    assert problems == ()
    return settled(found, Config())


def recorded(application: Application, inventory: Inventory) -> Iterator[Flow]:
    """Yield an application's calls, and the look-ups before them, as connection tracking tells them."""
    for call in application.calls:
        if isinstance(call.client, str):
            yield from _from_outside(call, inventory)
            continue
        for client in ips_of(inventory, call.client):
            yield from _looked_up(client, inventory)
            yield from _dialled(client, call, inventory)


def ips_of(inventory: Inventory, ref: WorkloadRef) -> list[str]:
    """Return the addresses of a workload's pods."""
    return [pod.ips[0] for pod in inventory.pods_by_owner[ref]]


def generated(application: Application, inventory: Inventory, flows: Iterable[Flow]) -> list[NetworkPolicy]:
    """Return what the product generates for every workload; whoever is expected from outside is let in.

    The latter is the one decision that it leaves to a person. Raises AssertionError where the proof of a
    policy finds anything.
    """
    session = Session(Options(), lambda: NOON)
    session.set_inventory(inventory)
    session.add_flows(flows)
    policies: list[NetworkPolicy] = []
    for ref in application.workloads:
        review = _decided(session, ref)
        assert not review.refusal, review.refusal
        assert review.proof.clean, review.proof.findings
        policies += review.policies
    return policies


def _decided(session: Session, ref: WorkloadRef) -> Review:
    session.apply(ChooseWorkload(ref))
    first = session.review()
    assert first
    outside = tuple(row.key for row in first.ingress.rows if row.key.peer == EXTERNAL)
    session.apply(SetTicks(outside, True))
    review = session.review()
    assert review
    return review


def _from_outside(call: Call, inventory: Inventory) -> Iterator[Flow]:
    """Yield what a call to a node port is: the server sees the node's address in place of the client's."""
    client, node = Endpoint(OUTSIDE), Endpoint(NODES["node1"])
    service = inventory.service_by_name[call.dialled.namespace, call.dialled.name]
    (node_port,) = (port.node_port for port in service.ports if port.port == call.dialled.port)
    yield from exchange(client, node, node_port)
    for server in ips_of(inventory, call.server):
        yield from exchange(client, Endpoint(server), call.port)
        yield from exchange(node, Endpoint(server), call.port)


def _looked_up(client: str, inventory: Inventory) -> Iterator[Flow]:
    service = inventory.service_by_name[DNS_SERVICE]
    backend = next(
        pod for pod in inventory.pods if dict(service.selector).items() <= dict(pod.labels).items()
    )
    for server in (service.cluster_ips[0], backend.ips[0]):
        yield from exchange(Endpoint(client), Endpoint(server), DNS_PORT, protocol=Protocol.UDP)


def _dialled(client: str, call: Call, inventory: Inventory) -> Iterator[Flow]:
    service = inventory.service_by_name[call.dialled.namespace, call.dialled.name]
    yield from exchange(Endpoint(client), Endpoint(service.cluster_ips[0]), call.dialled.port)
    for server in ips_of(inventory, call.server):
        yield from exchange(Endpoint(client), Endpoint(server), call.port)


def _addressed(objects: list[Object]) -> Iterator[Object]:
    """Yield objects with what the API server allots: addresses and node ports of Services."""
    number = count(20)
    for document in objects:
        if document["kind"] != "Service":
            yield document
            continue
        spec = dict(document["spec"])
        spec.setdefault("clusterIP", f"10.96.0.{next(number)}")
        spec["clusterIPs"] = [spec["clusterIP"]]
        if spec.get("type") in ("NodePort", "LoadBalancer"):
            spec["ports"] = [{"nodePort": 30000 + next(number), **port} for port in spec["ports"]]
        yield {**document, "spec": spec}


def _nodes() -> Iterator[Object]:
    for number, (name, ip) in enumerate(NODES.items(), 1):
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "spec": {"podCIDRs": [f"10.244.{number}.0/24", f"fd00:10:244:{number}::/64"]},
            "status": {"addresses": [{"type": "InternalIP", "address": ip}]},
        }
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": ["10.96.0.0/16", "fd00:10:96::/112"]},
    }


def _pods(objects: list[Object]) -> Iterator[Object]:
    """Yield the pods of all owners, in turn on one node and the other; those of a DaemonSet on each."""
    number = count()
    for owner in owners(objects):
        if owner["kind"] == "DaemonSet":
            for name, ip in NODES.items():
                yield _pod(owner, name, name, (ip,))
            continue
        for replica in range(owner["spec"].get("replicas", 1)):
            turn, place = divmod(next(number), len(NODES))
            ips = f"10.244.{place + 1}.{turn + 10}", f"fd00:10:244:{place + 1}::{turn + 10}"
            yield _pod(owner, str(replica), list(NODES)[place], ips)


def _pod(owner: Object, suffix: str, node: str, ips: tuple[str, ...]) -> Object:
    kind, namespace, name = ref_of(owner)
    template = owner["spec"]["template"]
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": name, "controller": True, "uid": name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-{suffix}",
            "namespace": namespace,
            "labels": template["metadata"]["labels"],
            "ownerReferences": [reference],
        },
        "spec": {**template["spec"], "nodeName": node},
        "status": {"phase": "Running", "podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]},
    }
