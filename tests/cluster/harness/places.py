"""Where traffic begins: the network namespaces of pods, nodes and the outside."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.harness.instance import Instance


def pod_link(instance: Instance, namespace: str, name: str) -> Path:
    """Return the link that leads to a pod's network namespace; of a host-network pod it is its node's."""
    return instance.pods / f"{namespace}_{name}"


def origin(instance: Instance, source: str) -> tuple[Path, str]:
    """Return where ``NS/POD``, ``node:NAME`` or ``outside:ADDRESS`` sends from: namespace's file and address.

    The address is empty where the route decides.

    Raises:
        LookupError: there is no such place; the message names it.
    """
    kind, _, rest = source.partition(":")
    address = ""
    if kind == "outside":
        path, address = instance.path("outside"), rest
    elif kind == "node":
        path = instance.path(rest)
    else:
        path = pod_link(instance, *source.partition("/")[::2])
    if not path.exists():
        raise LookupError(f"{source} has no network here: neither a running pod, a node nor outside:ADDRESS")
    return path, address


def hosts_file(instance: Instance) -> Path:
    """Return the file with the outside's names for the cluster's DNS, a line ``ADDRESS NAME`` each."""
    return instance.folder / "hosts"
