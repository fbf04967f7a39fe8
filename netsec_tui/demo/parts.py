"""The words in which the demo's scenario is told."""

from __future__ import annotations

from dataclasses import dataclass

from netsec_tui.model.flow import Protocol, Verdict


@dataclass(frozen=True, slots=True)
class Port:
    """Hold a port that a workload declares."""

    number: int
    name: str = ""
    protocol: Protocol = Protocol.TCP


@dataclass(frozen=True, slots=True)
class Workload:
    """Hold a pod owner; ``replicas`` are its pods, for a CronJob one pod in each of as many Jobs.

    ``probed`` means that the kubelet looks after its pods on their first port.
    """

    kind: str
    namespace: str
    name: str
    replicas: int = 1
    ports: tuple[Port, ...] = ()
    host_network: bool = False
    probed: bool = False

    @property
    def key(self) -> str:
        """Return how calls name it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """Hold a Service in front of the workload ``target`` of its namespace.

    ``ports`` are (port, name or number of the target port, protocol). ``ip`` is the last part of the
    cluster IP, 0 for a headless Service; ``outside`` the address of a load balancer.
    """

    namespace: str
    name: str
    target: str
    ip: int
    ports: tuple[tuple[int, int | str, Protocol], ...]
    outside: str = ""
    node_port: int = 0

    @property
    def key(self) -> str:
        """Return how calls name it."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Address:
    """Hold an end of a call that is no pod, with the DNS names that are known of it."""

    ip: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """Hold one communication: who calls whom on which pod port.

    ``times`` exchanges are spread over ``hours`` (from, to) of the window, taking the pods of both ends in
    turn; each record stands for ``count`` events. ``via`` is the dialled Service and its port.
    ``backend`` False means that only the dialled Service was seen, never what stands behind it.
    """

    client: str | Address
    server: str | Address
    port: int
    protocol: Protocol = Protocol.TCP
    via: tuple[str, int] | None = None
    times: int = 3
    count: int = 16
    hours: tuple[float, float] = (0.0, 13.34)
    verdict: Verdict = Verdict.FORWARDED
    answered: bool = True
    refused: bool = False
    directed: bool = True
    backend: bool = True
    nameless: bool = False
    proxied: bool = False
    socket: bool = False
