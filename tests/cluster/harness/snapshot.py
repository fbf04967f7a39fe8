"""What runs where at one moment, as the API server tells it to whoever sends traffic."""

from __future__ import annotations

from collections.abc import Iterator

from tests.cluster.harness.calls import Workload
from tests.cluster.harness.rest import Object, Rest

_DNS_LABEL = ("k8s-app", "kube-dns")


class Snapshot:
    """The running pods, their owners, the Services and the nodes."""

    def __init__(self, rest: Rest) -> None:
        """Read them; raises as ``Rest.get`` does."""
        self.services = rest.items("/api/v1/services")
        self.nodes = rest.items("/api/v1/nodes")
        self.pods = [pod for pod in rest.items("/api/v1/pods") if runs(pod)]
        owners = [("ReplicaSet", "/apis/apps/v1/replicasets"), ("Job", "/apis/batch/v1/jobs")]
        self._owners = {
            (item["metadata"]["namespace"], kind, item["metadata"]["name"]): item
            for kind, path in owners
            for item in rest.items(path)
        }

    def pods_of(self, workload: Workload) -> list[Object]:
        """Return the running pods that a workload, or one that it owns, owns.

        Raises:
            LookupError: there is none.
        """
        wanted = (workload.namespace, workload.kind, workload.name)
        found = [pod for pod in self.pods if wanted in self._line(pod)]
        if not found:
            raise LookupError(f"{workload.kind} {workload.namespace}/{workload.name} has no running pod")
        return found

    def service(self, workload: Workload) -> Object:
        """Return a Service.

        Raises:
            LookupError: there is none of this name.
        """
        for item in self.services:
            meta = item["metadata"]
            if (meta["namespace"], meta["name"]) == (workload.namespace, workload.name):
                return item
        raise LookupError(f"there is no Service {workload.namespace}/{workload.name}")

    def dns(self) -> str:
        """Return the address of the cluster's DNS Service; empty where there is none."""
        for item in self.services:
            key, value = _DNS_LABEL
            if item["metadata"].get("labels", {}).get(key) == value:
                return str(item["spec"]["clusterIP"])
        return ""

    def node_address(self, name: str) -> str:
        """Return the first InternalIP of a node.

        Raises:
            LookupError: there is no such node.
        """
        for node in self.nodes:
            if node["metadata"]["name"] == name:
                addresses = node["status"]["addresses"]
                return str(next(item["address"] for item in addresses if item["type"] == "InternalIP"))
        raise LookupError(f"there is no node {name}")

    def _line(self, pod: Object) -> Iterator[tuple[str, str, str]]:
        """Yield a pod, its owner, the owner of that, each as (namespace, kind, name)."""
        namespace, item = pod["metadata"]["namespace"], pod
        yield namespace, "Pod", pod["metadata"]["name"]
        while item is not None:
            owners = [one for one in item["metadata"].get("ownerReferences") or [] if one.get("controller")]
            if not owners:
                return
            key = (namespace, owners[0]["kind"], owners[0]["name"])
            yield key
            item = self._owners.get(key)


def runs(pod: Object) -> bool:
    """Tell whether a pod runs and stays."""
    return pod.get("status", {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")
