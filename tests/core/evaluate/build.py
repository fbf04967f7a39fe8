"""Short ways to write pods, policies and questions in tests."""

from __future__ import annotations

from typing import Any

from netsec_tui.core.evaluate import ClusterState, evaluate, parse_policy
from netsec_tui.model.connection import Connection, ConnectionVerdict, End, EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.inventory import ContainerPort
from netsec_tui.model.policy import NetworkPolicy


def pod(path: str, ip: str = "", ports: tuple[str, ...] = (), **more: Any) -> EndPod:
    """Make a pod from ``namespace/name``; keyword arguments that are no field of EndPod are labels.

    ``ip`` may hold several addresses with commas, ``ports`` are ``name=TCP/80``.
    """
    namespace, name = path.split("/")
    fields = {k: more.pop(k) for k in list(more) if k in EndPod.__dataclass_fields__}
    labels = dict(fields.pop("labels", {})) | more
    namespace_labels = fields.pop("namespace_labels", {})
    return EndPod(
        namespace=namespace,
        name=name,
        labels=tuple(sorted(labels.items())),
        namespace_labels=None if namespace_labels is None else tuple(sorted(namespace_labels.items())),
        ips=tuple(ip.split(",")) if ip else (),
        ports=tuple(container_port(text) for text in ports),
        **fields,
    )


def container_port(text: str) -> ContainerPort:
    """Make a container port from ``name=TCP/80``."""
    name, _, port = text.partition("=")
    protocol, _, number = port.partition("/")
    return ContainerPort(name, Protocol(protocol), int(number))


def policy(path: str, **spec: Any) -> NetworkPolicy:
    """Parse a policy named ``namespace/name`` with the given spec."""
    namespace, name = path.split("/")
    return parse_policy({"metadata": {"namespace": namespace, "name": name}, "spec": spec})


def deny_all(namespace: str, **selector: str) -> NetworkPolicy:
    """Isolate both directions of a namespace's pods."""
    return policy(
        f"{namespace}/deny-all",
        podSelector={"matchLabels": selector},
        policyTypes=["Ingress", "Egress"],
    )


def ask(
    policies: list[NetworkPolicy],
    source: End,
    destination: End,
    port: str = "TCP/80",
    state: ClusterState | None = None,
    **more: Any,
) -> ConnectionVerdict:
    """Evaluate one connection; ``port`` is ``PROTOCOL/number``."""
    protocol, _, number = port.partition("/")
    connection = Connection(source, destination, Protocol(protocol), int(number or 0), **more)
    return evaluate(policies, state or ClusterState(), connection)


def sides(*args: Any, **kwargs: Any) -> tuple[str, str]:
    """Return the outcomes of egress and ingress as text."""
    verdict = ask(*args, **kwargs)
    return str(verdict.egress.outcome), str(verdict.ingress.outcome)


WEB = pod("x/web", "10.0.0.1", ("http=TCP/80", "dns=UDP/53"), app="web")
DB = pod("x/db", "10.0.0.2", ("http=TCP/8080",), app="db")
FAR = pod("y/far", "10.0.1.1", ("http=TCP/80",), app="web", namespace_labels={"team": "far"})
OUTSIDE = "203.0.113.7"
ALLOWED, DENIED, UNDECIDED = "allowed", "denied", "undecided"


def select(**labels: str) -> dict[str, Any]:
    """Write a selector of labels."""
    return {"matchLabels": labels}


def ingress_to_web(*rules: dict[str, Any]) -> NetworkPolicy:
    """Isolate the ingress of ``WEB`` (and nothing else) but for some rules."""
    return policy("x/p", podSelector=select(app="web"), policyTypes=["Ingress"], ingress=list(rules))


def egress_of_web(*rules: dict[str, Any]) -> NetworkPolicy:
    """Isolate the egress of ``WEB`` (and nothing else) but for some rules."""
    return policy("x/p", podSelector=select(app="web"), policyTypes=["Egress"], egress=list(rules))


def ingress(policies: list[NetworkPolicy], *args: Any, **kwargs: Any) -> str:
    """Return the outcome of the ingress side."""
    return sides(policies, *args, **kwargs)[1]


def egress(policies: list[NetworkPolicy], *args: Any, **kwargs: Any) -> str:
    """Return the outcome of the egress side."""
    return sides(policies, *args, **kwargs)[0]
