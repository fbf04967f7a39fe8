"""A small cluster of Kubernetes objects with traffic, driven through the Session as keys would drive it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.model.config import Config, DiscoveredRange, RangeKind
from netsec_tui.model.decision import Alias, GeneralRule, ManualRule
from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict
from netsec_tui.model.identity import CommunicationKey, Direction, PeerSort, WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import NetworkPolicy
from netsec_tui.model.review import DirectionReview, Review, Row
from netsec_tui.session.actions import (
    Action,
    AddManualRule,
    ChooseWorkload,
    SetAlias,
    SetGeneralRule,
    SetTicks,
)
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.inventory.build import build_inventory

NOW = 1_790_000_000.0
IN, OUT = Direction.INGRESS, Direction.EGRESS
WEB = WorkloadRef("Deployment", "shop", "web")

Object = dict[str, Any]


def obj(kind: str, name: str, namespace: str | None, api: str = "v1", **rest: Any) -> Object:
    """Return a Kubernetes object; ``namespace`` None for one without."""
    metadata = {"name": name, **rest.pop("metadata", {})}
    if namespace is not None:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def namespace(name: str, **labels: str) -> Object:
    """Return a Namespace."""
    return obj("Namespace", name, None, metadata={"labels": labels})


def owner(
    name: str,
    ns: str = "shop",
    kind: str = "Deployment",
    labels: dict[str, str] | None = None,
    ports: Iterable[tuple[str, str, int]] = (("http", "TCP", 8080),),
    **spec: Any,
) -> Object:
    """Return a pod owner whose pods are labelled ``app: name``; ports are (name, protocol, number)."""
    labels = {"app": name} if labels is None else labels
    template = {"metadata": {"labels": labels}, "spec": {"containers": [_container(ports)], **spec}}
    if kind == "CronJob":
        return obj(kind, name, ns, "batch/v1", spec={"jobTemplate": {"spec": {"template": template}}})
    return obj(kind, name, ns, "apps/v1", spec={"selector": {"matchLabels": labels}, "template": template})


def pod(
    name: str,
    ip: str,
    of: str = "",
    ns: str = "shop",
    kind: str = "Deployment",
    labels: dict[str, str] | None = None,
    ports: Iterable[tuple[str, str, int]] = (("http", "TCP", 8080),),
    **spec: Any,
) -> Object:
    """Return a running pod of an owner, labelled ``app: owner``; of nobody when ``of`` is empty."""
    metadata: Object = {"labels": {"app": of or name} if labels is None else labels}
    if of:
        metadata["ownerReferences"] = [
            {"apiVersion": "apps/v1", "kind": kind, "name": of, "controller": True, "uid": of}
        ]
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}
    return obj(
        "Pod", name, ns, metadata=metadata, spec={"containers": [_container(ports)], **spec}, status=status
    )


def _container(ports: Iterable[tuple[str, str, int]]) -> Object:
    return {
        "name": "c",
        "ports": [{"name": n, "protocol": protocol, "containerPort": p} for n, protocol, p in ports],
    }


def service(
    name: str,
    ip: str,
    ports: Iterable[tuple[int, int | str]] = ((80, 8080),),
    ns: str = "shop",
    selector: dict[str, str] | None = None,
    protocols: Iterable[str] = ("TCP",),
) -> Object:
    """Return a Service of ``app: name``; ports are (port, targetPort), each with every protocol."""
    written = [
        {"name": f"p{port}-{protocol.lower()}", "port": port, "targetPort": target, "protocol": protocol}
        for port, target in ports
        for protocol in protocols
    ]
    spec: Object = {"clusterIP": ip, "clusterIPs": [ip], "ports": written}
    if selector != {}:
        spec["selector"] = selector or {"app": name}
    return obj("Service", name, ns, spec=spec)


def endpoints(name: str, ns: str, addresses: Iterable[str], port: int, port_name: str = "") -> Object:
    """Return the EndpointSlice of a Service."""
    return obj(
        "EndpointSlice",
        f"{name}-abc",
        ns,
        "discovery.k8s.io/v1",
        metadata={"labels": {"kubernetes.io/service-name": name}},
        addressType="IPv4",
        endpoints=[{"addresses": [ip], "conditions": {"ready": True}} for ip in addresses],
        ports=[{"name": port_name, "port": port, "protocol": "TCP"}],
    )


def policy(name: str, spec: Object, ns: str = "shop") -> Object:
    """Return a NetworkPolicy object."""
    return obj("NetworkPolicy", name, ns, "networking.k8s.io/v1", spec=spec)


DNS_LABELS = {"k8s-app": "kube-dns"}

SHOP: tuple[Object, ...] = (
    *(namespace(name) for name in ("shop", "data", "default", "kube-system")),
    *(owner(name) for name in ("web", "cart", "pay")),
    pod("web-1", "10.244.0.11", "web"),
    pod("web-2", "10.244.1.11", "web"),
    pod("cart-1", "10.244.0.12", "cart"),
    pod("pay-1", "10.244.1.13", "pay"),
    service("web", "10.96.0.11"),
    service("cart", "10.96.0.12"),
    owner("db", "data", "StatefulSet", ports=[("sql", "TCP", 5432)]),
    pod("db-0", "10.244.1.20", "db", "data", "StatefulSet", ports=[("sql", "TCP", 5432)]),
    owner("agent", "kube-system", "DaemonSet", hostNetwork=True),
    pod("agent-x", "172.18.0.2", "agent", "kube-system", "DaemonSet", hostNetwork=True),
    owner("coredns", "kube-system", labels=DNS_LABELS, ports=[("dns", "UDP", 5353)]),
    pod(
        "coredns-1",
        "10.244.0.53",
        "coredns",
        "kube-system",
        labels=DNS_LABELS,
        ports=[("dns", "UDP", 5353), ("dns-tcp", "TCP", 5353)],
    ),
    service("kube-dns", "10.96.0.10", [(53, 5353)], "kube-system", DNS_LABELS, ("UDP", "TCP")),
    service("kubernetes", "10.96.0.1", [(443, 6443)], "default", {}),
    endpoints("kubernetes", "default", ["172.18.0.3"], 6443, "p443-tcp"),
    obj(
        "Node",
        "node-a",
        None,
        spec={"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]},
        status={"addresses": [{"type": "InternalIP", "address": "172.18.0.2"}]},
    ),
)
"""A namespace with three Deployments, a database in another one, DNS, the API server, a node's agent."""


def inventory(*objects: Object, **ranges: Iterable[str]) -> Inventory:
    """Return the cluster state of objects; the cluster tells ``pod_cidrs`` and ``service_cidrs`` as well."""
    found, problems = build_inventory(objects)
    assert problems == ()
    return with_ranges(found, **ranges)


def with_ranges(
    found: Inventory, pod_cidrs: Iterable[str] = (), service_cidrs: Iterable[str] = ()
) -> Inventory:
    """Return a cluster state in which something tells ranges, settled as a session does."""
    told = ((RangeKind.POD, pod_cidrs), (RangeKind.SERVICE, service_cidrs))
    more = (DiscoveredRange(kind, cidr, "the test") for kind, cidrs in told for cidr in cidrs)
    return settled(replace(found, discovered=(*found.discovered, *more)), Config())


def known_ends(objects: Iterable[Object]) -> dict[str, Endpoint]:
    """Return an endpoint for each pod by pod name."""
    return {
        o["metadata"]["name"]: Endpoint(
            o["status"]["podIP"],
            o["metadata"]["namespace"],
            o["metadata"]["name"],
            tuple(sorted(o["metadata"]["labels"].items())),
        )
        for o in objects
        if o["kind"] == "Pod"
    }


def flow(client: Endpoint | str, server: Endpoint | str, port: int = 8080, **more: Any) -> Flow:
    """Return one request; text stands for an address."""
    ends = [Endpoint(end) if isinstance(end, str) else end for end in (client, server)]
    told = {"protocol": Protocol.TCP, "verdict": Verdict.FORWARDED, "is_reply": False, **more}
    protocol = told.pop("protocol")
    return Flow(told.pop("time", NOW), *ends, protocol, 40000, port, **told)


def answer(client: Endpoint | str, server: Endpoint | str, port: int = 8080, **more: Any) -> Flow:
    """Return one answer of a server, sent by it."""
    ends = [Endpoint(end) if isinstance(end, str) else end for end in (client, server)]
    told = {"protocol": Protocol.TCP, "verdict": Verdict.FORWARDED, "is_reply": True, **more}
    protocol = told.pop("protocol")
    return Flow(told.pop("time", NOW), ends[1], ends[0], protocol, port, 40000, **told)


def talk(client: Endpoint | str, server: Endpoint | str, port: int = 8080, **more: Any) -> list[Flow]:
    """Return a request and its answer."""
    return [flow(client, server, port, **more), answer(client, server, port, **more)]


class Scene:
    """Hold a session over some objects and flows, with words for what a person does and sees."""

    def __init__(
        self, *objects: Object, ranges: dict[str, tuple[str, ...]] | None = None, **options: Any
    ) -> None:
        self.session = Session(Options(**options), lambda: NOW)
        self.objects = objects
        self.ends = known_ends(objects)
        if objects:
            self.session.set_inventory(inventory(*objects, **(ranges or {})))

    def end(self, name: str) -> Endpoint | str:
        """Return the endpoint of a pod; any other text is an address."""
        return self.ends.get(name, name)

    def sees(self, *talks: tuple[Any, ...] | list[Flow], **more: Any) -> Scene:
        """Add conversations (client, server, port), or lists of flows as they are."""
        for spoken in talks:
            if isinstance(spoken, tuple):
                client, server, *port = spoken
                self.session.add_flows(talk(self.end(client), self.end(server), *port, **more))
            else:
                self.session.add_flows(spoken)
        return self

    def chooses(self, ref: WorkloadRef = WEB) -> Scene:
        """Choose a workload."""
        self.session.apply(ChooseWorkload(ref))
        return self

    def does(self, *actions: Action) -> Scene:
        """Carry out actions."""
        for action in actions:
            self.session.apply(action)
        return self

    @property
    def review(self) -> Review:
        """Return the review, which must exist."""
        review = self.session.review()
        assert review is not None
        return review

    def table(self, direction: Direction) -> DirectionReview:
        """Return one table."""
        return self.review.of(direction)

    def row(self, direction: Direction, name: str, port: int | None = None) -> Row:
        """Return the only row with this peer name and port."""
        rows = [
            row
            for row in self.table(direction).rows
            if row.key.peer.name == name and port in (None, row.key.port)
        ]
        assert len(rows) == 1, (name, port, [r.key for r in self.table(direction).rows])
        return rows[0]

    def names(self, direction: Direction) -> list[str]:
        """Return the peers of a table."""
        return [row.key.peer.name for row in self.table(direction).rows]

    def tick(self, row: Row | CommunicationKey, ticked: bool = True) -> Scene:
        """Tick or untick a row."""
        return self.does(SetTicks((row.key if isinstance(row, Row) else row,), ticked))

    def general(self, direction: Direction, rule: GeneralRule) -> Scene:
        """Choose a general rule."""
        return self.does(SetGeneralRule(direction, rule))

    def manual(self, cidr: str, direction: Direction = OUT, **rule: Any) -> Scene:
        """Add a manual rule."""
        return self.does(AddManualRule(ManualRule(direction, cidr, **rule)))

    def alias(self, name: str, *entries: str, allowed: bool = False) -> Scene:
        """Create or replace an alias."""
        return self.does(SetAlias(Alias(name, entries, allowed)))

    @property
    def policy(self) -> NetworkPolicy:
        """Return the only generated policy."""
        (policy,) = self.review.policies
        return policy

    def rules(self, direction: Direction) -> list[dict[str, Any]]:
        """Return the rules of a direction as the saved YAML has them."""
        import yaml

        loaded = list(yaml.safe_load_all(self.review.yaml))
        found: list[dict[str, Any]] = [
            rule for document in loaded for rule in document["spec"].get(str(direction), [])
        ]
        return found


def shop(*more: Object, **options: Any) -> Scene:
    """Return the shop, nobody chosen yet."""
    return Scene(*SHOP, *more, **options)


def is_unresolved(row: Row) -> bool:
    """Tell whether a row belongs to the group of unresolved IPs."""
    return row.key.peer.sort in (PeerSort.ADDRESS, PeerSort.ALIAS)
