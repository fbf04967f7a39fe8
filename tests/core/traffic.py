"""Small flows, Kubernetes objects and sessions for the tests of the core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netsec_tui.model.communication import Communication
from netsec_tui.model.flow import Endpoint, Flow, Gap, Protocol, Reserved, Verdict
from netsec_tui.model.identity import Direction, Peer, PeerSort, WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.review import Review, Row
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.inventory.build import build_inventory
from tests.core.scene import with_ranges

NOON = 1_700_006_400.0
"""2023-11-15T00:00:00Z: a whole minute."""
DAY = 86_400.0
IN, OUT = Direction.INGRESS, Direction.EGRESS
Labels = Mapping[str, str]


# Flows


def end(pod: str = "", ip: str = "", namespace: str = "shop", labels: Labels | None = None, **rest: Any):
    """Return an endpoint; without a pod name and labels it is an address outside every namespace."""
    told = tuple(sorted((labels or {}).items()))
    return Endpoint(ip, namespace if pod or told else "", pod, told, **rest)


def of(app: str, index: int = 0, **rest: Any) -> Endpoint:
    """Return a pod of an app, known by its name and its ``app`` label."""
    return end(f"{app}-{index}", labels={"app": app}, **rest)


def node(ip: str, reserved: Reserved = Reserved.HOST) -> Endpoint:
    return Endpoint(ip, reserved=reserved)


def request(source: Endpoint, destination: Endpoint, port: int, **rest: Any) -> Flow:
    rest = {"time": NOON, "is_reply": False, "verdict": Verdict.FORWARDED, "source_port": 40000} | rest
    protocol = rest.pop("protocol", Protocol.TCP)
    return Flow(source=source, destination=destination, protocol=protocol, destination_port=port, **rest)


def answer(client: Endpoint, server: Endpoint, port: int, **rest: Any) -> Flow:
    """Return what the server sends back to the client."""
    client_port = rest.pop("source_port", 40000)
    return request(server, client, client_port, **{"is_reply": True, **rest}, source_port=port)


def exchange(client: Endpoint, server: Endpoint, port: int, **rest: Any) -> list[Flow]:
    return [request(client, server, port, **rest), answer(client, server, port, **rest)]


# Objects


def obj(kind: str, name: str, namespace: str | None = "shop", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, **rest.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **rest}


def pod(
    name: str,
    app: str = "",
    *,
    ip: str = "",
    owner: tuple[str, str] | None = None,
    namespace: str = "shop",
    created: str = "",
    deleted: float = 0.0,
    phase: str = "Running",
    ended: str = "",
    labels: Labels | None = None,
    ports: Mapping[str, int] | None = None,
    host: bool = False,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"labels": dict(labels or ({"app": app} if app else {}))}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    if created:
        metadata["creationTimestamp"] = created
    listed = [{"name": n, "containerPort": p} for n, p in (ports or {}).items()]
    spec = {"hostNetwork": host, "containers": [{"ports": listed}]}
    gone = {"deleted": deleted} if deleted else {}
    status: dict[str, Any] = {"podIP": ip, "phase": phase}
    if ended:
        status["containerStatuses"] = [{"state": {"terminated": {"finishedAt": ended}}}]
    return obj("Pod", name, namespace, metadata=metadata, spec=spec, status=status, **gone)


def workload(
    kind: str,
    name: str,
    app: str = "",
    *,
    namespace: str = "shop",
    labels: Labels | None = None,
    selector: Any = None,
    ports: Mapping[str, int] | None = None,
    host: bool = False,
    owner: tuple[str, str] | None = None,
    protocol: str = "TCP",
    deleted: float = 0.0,
) -> dict[str, Any]:
    told = dict(labels or {"app": app or name})
    listed = [{"name": n, "containerPort": p, "protocol": protocol} for n, p in (ports or {}).items()]
    template = {
        "metadata": {"labels": told},
        "spec": {"hostNetwork": host, "containers": [{"ports": listed}]},
    }
    spec: dict[str, Any] = {"template": template}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    elif kind != "Job":
        spec["selector"] = {"matchLabels": told} if selector is None else selector
    metadata = {}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    gone = {"deleted": deleted} if deleted else {}
    return obj(kind, name, namespace, metadata=metadata, spec=spec, **gone)


def service(
    name: str,
    ports: Iterable[Any],
    app: str = "",
    *,
    ip: str = "",
    namespace: str = "shop",
    selector: Labels | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Return a Service; ``ports`` are (port, targetPort) or (port, targetPort, protocol, name)."""
    listed = [dict(zip(("port", "targetPort", "protocol", "name"), p, strict=False)) for p in ports]
    chosen = ({"app": app or name}) if selector is None else dict(selector)
    labels = spec.pop("labels", {})
    body = {"ports": listed, "selector": chosen, "clusterIP": ip, **spec}
    return obj("Service", name, namespace, metadata={"labels": labels}, spec=body)


def cluster_node(name: str, ip: str, pod_cidr: str = "") -> dict[str, Any]:
    addresses = [{"type": "InternalIP", "address": ip}]
    return obj("Node", name, None, spec={"podCIDR": pod_cidr}, status={"addresses": addresses})


def inventory(*objects: dict[str, Any], **rest: Any) -> Inventory:
    return with_ranges(build_inventory(objects)[0], **rest)


# Sessions


def session(
    flows: Iterable[Flow | Gap] = (),
    objects: Iterable[dict[str, Any]] | Inventory = (),
    *,
    now: float = 0.0,
    span: int = -1,
    **options: Any,
) -> Session:
    """Return a session that has taken in flows; ``now`` is noon while it is live, else a day later."""
    clock = now or (NOON if options.get("live") else NOON + DAY)
    made = Session(Options(timespan=TIMESPANS[span], **options), lambda: clock)
    state = objects if isinstance(objects, Inventory) else inventory(*objects)
    if state.known:
        made.set_inventory(state)
    made.add_flows(flows)
    return made


def ref(text: str, namespace: str = "shop") -> WorkloadRef:
    kind, _, name = text.partition("/")
    return WorkloadRef(kind, namespace, name)


def review(made: Session, text: str, namespace: str = "shop") -> Review:
    made.apply(ChooseWorkload(ref(text, namespace)))
    found = made.review()
    assert found
    return found


def label(peer: Peer) -> str:
    """Write a peer as a short text: ``Deployment/web``, ``db/Pod/x`` outside shop, ``node n1``."""
    if peer.sort in (PeerSort.OWNER, PeerSort.SERVICE):
        return f"{peer.kind}/{peer.name}" if peer.namespace == "shop" else "/".join(peer[2:0:-1] + peer[3:])
    if peer.sort is PeerSort.ADDRESS:
        return f"ip {peer.name}"
    return f"node {peer.name}" if peer.sort is PeerSort.NODE else str(peer.sort)


def line(row: Row | Communication) -> str:
    """Write the identity of a row: ``Deployment/web TCP 8080``."""
    return f"{label(row.key.peer)} {row.key.protocol} {row.key.port}"


def table(made: Session, text: str, direction: Direction, namespace: str = "shop") -> list[str]:
    """Return the rows of a workload in one direction without a DNS row that nothing was seen of, sorted."""
    rows = review(made, text, namespace).of(direction).rows
    return sorted(line(row) for row in rows if row.communication.counts.total)


def only(made: Session, text: str, direction: Direction) -> Row:
    (row,) = (r for r in review(made, text).of(direction).rows if r.communication.counts.total)
    return row


def listed(made: Session) -> list[str]:
    return [f"{c.ref}" for c in made.workloads()]
