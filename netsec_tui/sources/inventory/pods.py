"""Pods and pod templates: labels, container ports, addresses."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.errors import BadInputError
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import ENDED_PHASES, SCHEDULED, ContainerPort, Pod
from netsec_tui.sources.inventory.addresses import canonical_ip
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import object_key, printable

_UNREADY = ("Ready", "PodReadyToStartContainers")
"""Conditions that a pod which has ended does not meet."""


def read_pod(fields: Fields, owner: WorkloadRef) -> Pod:
    """Return a pod; ``owner`` has been found before (inventory_owners)."""
    _, namespace, name = object_key(fields.data)
    spec, status, metadata = fields.child("spec"), fields.child("status"), fields.child("metadata")
    return Pod(
        namespace,
        name,
        metadata.labels("labels"),
        owner,
        read_ips(status, [status.text("podIP"), *(entry.text("ip") for entry in status.children("podIPs"))]),
        read_ports(spec),
        spec.flag("hostNetwork"),
        spec.text("nodeName"),
        status.text("phase"),
        max(metadata.time("creationTimestamp"), _scheduled_at(status)),
        fields.data.get("deleted", 0.0),
        _ended_at(status),
    )


def _scheduled_at(status: Fields) -> float:
    """Return when a pod was given a node, before which it has no address, 0.0 when that is not told.

    The API server dates it as it dates the creation, but an agent in place of a kubelet may date it anew;
    ``startTime`` is a little later, by the clock of the node, which may be wrong. The earlier one holds.
    """
    conditions = (c for c in status.children("conditions") if c.text("type") == SCHEDULED)
    given = [c.time("lastTransitionTime") for c in conditions if c.text("status") == "True"]
    return min(filter(None, (*given, status.time("startTime"))), default=0.0) if given else 0.0


def _ended_at(status: Fields) -> float:
    """Return when a pod that has ended by itself did, in epoch seconds, 0.0 when that is not told.

    That is when its last container did. Where one does not tell (its node was restarted, say), the pod had
    not ended before it ceased to be ready, as the conditions tell.
    """
    if status.text("phase") not in ENDED_PHASES:
        return 0.0
    own = _finished(status, "containerStatuses")
    times = own + _finished(status, "initContainerStatuses") + _finished(status, "ephemeralContainerStatuses")
    if not own or not all(own):
        times += [
            condition.time("lastTransitionTime")
            for condition in status.children("conditions")
            if condition.text("type") in _UNREADY and condition.text("status") == "False"
        ]
    return max([0.0, *times])


def _finished(status: Fields, key: str) -> list[float]:
    containers = status.children(key)
    return [c.child("state").child("terminated").time("finishedAt") for c in containers]


def read_ports(spec: Fields) -> tuple[ContainerPort, ...]:
    """Return the ports that a pod spec declares, those of sidecars included (restartable init containers)."""
    sidecars = [c for c in spec.children("initContainers") if c.text("restartPolicy") == "Always"]
    found = [_port(port) for c in spec.children("containers") + sidecars for port in c.children("ports")]
    return tuple(dict.fromkeys(port for port in found if port))


def _port(fields: Fields) -> ContainerPort | None:
    number, protocol = fields.port("containerPort"), fields.protocol()
    if not number and fields.data.get("containerPort") in (None, 0):
        fields.note("containerPort", "is missing")
    return ContainerPort(fields.text("name"), protocol, number) if number and protocol else None


def read_ips(fields: Fields, texts: Iterable[str]) -> tuple[str, ...]:
    """Return addresses in canonical form without duplicates; one that is none is named and left out."""
    found: dict[str, None] = {}
    for text in texts:
        if not text:
            continue
        try:
            found[canonical_ip(text)] = None
        except BadInputError:
            fields.note("", f"holds something that is no IP address: {printable(text, 60)!r}")
    return tuple(found)
