"""Find the pods, addresses and Service backends that an end as typed stands for."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from netsec_tui.cli.check_ask import Named, parse_end
from netsec_tui.cli.values import Target
from netsec_tui.cli.workloads import some
from netsec_tui.core.evaluate import ClusterState
from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.core.evaluate.service import backends
from netsec_tui.errors import NotFoundError, UsageError
from netsec_tui.model.connection import Doubt, End, EndPod
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory, Service


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold what an end stands for: pods or addresses, each with the port reached there (0 for a source).

    ``owner`` is set when a pod owner was named, ``family`` (4 or 6) when an address was. ``exposed`` means a
    Service that the outside reaches over nodes or a load balancer. ``unknown`` says why there are no ends,
    as one sentence.
    """

    text: str
    ends: tuple[tuple[End, int], ...] = ()
    notes: tuple[str, ...] = ()
    owner: WorkloadRef | None = None
    through_service: bool = False
    exposed: bool = False
    family: int | None = None
    unknown: str = ""


class Ends:
    """Look up ends in one cluster state."""

    def __init__(self, inventory: Inventory, state: ClusterState) -> None:
        self._inventory = inventory
        self._state = state
        self._pods = {(pod.namespace, pod.name): pod for pod in state.pods if not pod.synthetic}
        self._by_owner: dict[tuple[str, str], dict[str, list[EndPod]]] = defaultdict(dict)
        for pod in state.pods:
            ref = pod.ref
            self._by_owner[ref.namespace, ref.name].setdefault(ref.kind, []).append(pod)

    def source(self, text: str) -> Asked:
        """Return what opens the connection.

        Raises:
            UsageError: the text means no end, or a Service, which opens no connections.
            NotFoundError: there is no such object.
        """
        end = parse_end(text)
        if isinstance(end, str):
            return self._address(end, 0)
        if end.target.kind == "Service":
            raise UsageError(f"{end} opens no connections; give the workload behind it")
        return self._object(end, 0)

    def destination(self, text: str, protocol: Protocol, port: int) -> Asked:
        """Return what is connected to; ``port`` is a Service's own when the text means a Service.

        Raises:
            UsageError: the text means no end.
            NotFoundError: there is no such object, or the Service has no such port.
        """
        end = parse_end(text)
        if isinstance(end, str):
            return self._dialled(end, protocol, port)
        if end.target.kind == "Service":
            return self._service(self._service_named(end), text, protocol, port)
        return self._object(end, port)

    def _address(self, ip: str, port: int) -> Asked:
        pod, family = self._state.pod_at(ip), address_number(ip)[0]
        if pod is not None:
            return Asked(ip, ((pod, port),), (f"{ip} is the address of pod {pod}",), family=family)
        return Asked(ip, ((ip, port),), family=family)

    def _dialled(self, ip: str, protocol: Protocol, port: int) -> Asked:
        service = self._state.service_at(ip)
        if service is not None and self._state.pod_at(ip) is None:
            notes = (f"{ip} is an address of Service {service.namespace}/{service.name}",)
            if any(entry.port == port and entry.protocol is protocol for entry in service.ports):
                found = self._service(service, ip, protocol, port)
                return replace(found, notes=notes + found.notes, family=address_number(ip)[0])
            # Left to the evaluation: an outside address may be shared with something else, a node for one.
            return replace(self._address(ip, port), notes=notes)
        address = ipaddress.ip_address(ip)
        if any(address in network for network in self._service_ranges):
            return Asked(ip, unknown=f"{Doubt.SERVICE_ADDRESS} ({ip} is in the Services' range)")
        return self._address(ip, port)

    @cached_property
    def _service_ranges(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(ipaddress.ip_network(cidr, strict=False) for cidr in self._inventory.service_cidrs)

    def _service_named(self, end: Named) -> Service:
        service = self._inventory.service_by_name.get((end.namespace, end.target.name))
        if service is None:
            raise NotFoundError(self._missing(end))
        return service

    def _service(self, service: Service, text: str, protocol: Protocol, port: int) -> Asked:
        name = f"Service {service.namespace}/{service.name}"
        known = [f"{entry.protocol}/{entry.port}" for entry in service.ports]
        if f"{protocol}/{port}" not in known:
            raise NotFoundError(f"{name} has no port {protocol}/{port}; it has {some(known)}")
        behind = backends(self._state, service, protocol, port)
        if not behind:
            return Asked(text, unknown=f"nothing is known to be behind {name}")
        ports = some({str(number) for _, number in behind})
        led = f"{name} leads port {protocol}/{port} to port {ports} of what is behind it"
        notes = (led, *_made_up(end for end, _ in behind))
        return Asked(text, behind, notes, through_service=True, exposed=service.exposed)

    def _object(self, end: Named, port: int) -> Asked:
        pod = self._pods.get((end.namespace, end.target.name)) if end.target.kind == "Pod" else None
        if pod is not None:
            return Asked(str(pod), ((pod, port),))
        kinds = self._by_owner.get((end.namespace, end.target.name), {})
        for kind, pods in sorted(kinds.items()):
            if kind != "Pod" and end.target.matches_kind(kind):
                ref = WorkloadRef(kind, end.namespace, end.target.name)
                text = f"{ref.namespace}/{ref}"
                return Asked(text, tuple((pod, port) for pod in pods), _made_up(pods), ref)
        raise NotFoundError(self._missing(end))

    def _missing(self, end: Named) -> str:
        namespaces = self._namespaces
        if end.namespace not in namespaces:
            return f"namespace {end.namespace} is not known; there is {some(namespaces)}"
        pod = self._inventory.pod_by_name.get((end.namespace, end.target.name))
        if pod is not None and pod.finished and end.target.kind == "Pod":
            return f"pod {end.namespace}/{end.target.name} has ended ({pod.phase})"
        there = self._alike(end) or self._alike(end._replace(target=Target(end.target.kind, "")))
        return f"there is no {end}; there is {some(there)}"

    def _alike(self, end: Named) -> set[str]:
        """Return the objects of a namespace with the name that is looked for, all when it is empty."""
        name = end.target.name
        found = {
            f"{space}/{kind}/{own}"
            for (space, own), kinds in self._by_owner.items()
            for kind in kinds
            if space == end.namespace and name in ("", own)
        }
        services = (s for s in self._inventory.services if s.namespace == end.namespace)
        return found | {f"{s.namespace}/Service/{s.name}" for s in services if name in ("", s.name)}

    @cached_property
    def _namespaces(self) -> frozenset[str]:
        told = {space for space, _ in self._by_owner}
        return frozenset(
            told | set(self._inventory.namespaces) | {s.namespace for s in self._inventory.services}
        )


def _made_up(ends: Iterable[End]) -> tuple[str, ...]:
    """Say which ends are no live pods."""
    return tuple(
        f"{end} has no pods; one as its template makes them stands for them"
        for end in ends
        if isinstance(end, EndPod) and end.synthetic
    )
