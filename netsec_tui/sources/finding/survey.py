"""Look at a cluster for its sources of flows: a few lists, and what RBAC allows; nothing is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from netsec_tui.errors import NetsecError, UnreachableError
from netsec_tui.sources.access import Access
from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.login import log_in
from netsec_tui.sources.cluster.refusals import RefusedError
from netsec_tui.sources.cluster.resources import RESOURCES
from netsec_tui.sources.contract import KubeObject
from netsec_tui.sources.finding.detect import cilium_agents, cut_workload, detect
from netsec_tui.sources.finding.findings import Finding, Right, Seen, State, choices, judged
from netsec_tui.sources.netobserv.collector import collector_of
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import object_key, strip
from netsec_tui.sources.reach.pod_websocket import CREATES_SINCE

_CILIUM_CONFIG = "cilium-config"


@dataclass(frozen=True, slots=True)
class Survey:
    """Hold what was found: a finding for each source.

    ``workloads`` are the cluster's DaemonSets and Deployments, which tell its network plugin. ``unread`` are
    sentences about what could not be listed, so that a source may be there all the same.
    """

    findings: tuple[Finding, ...]
    unread: tuple[str, ...] = ()
    workloads: tuple[KubeObject, ...] = ()

    @property
    def choices(self) -> tuple[tuple[str, ...], ...]:
        """Return the sources to take, then those to take where these do not answer."""
        return tuple(choices(self.findings))

    def taken(self, names: Iterable[str]) -> str:
        """Say which sources are taken."""
        where = {finding.source: finding.where for finding in self.findings}
        named = " and ".join(f"{name} ({where[name]})" if where[name] else name for name in names)
        return f"taken of the cluster's sources: {named}"

    @property
    def obstacles(self) -> str:
        """Say why no source can be used."""
        reasons = [f"{f.source}: {f.obstacle}" for f in self.findings if f.state is State.UNUSABLE]
        told = "; ".join([*reasons, *self.unread]) or "none is there"
        return f"no source of flows can be used ({told}); netsec-tui doctor tells more"


def survey(access: Access, offered: Collection[str]) -> Survey:
    """Return which of the sources ``offered`` a cluster has.

    Raises:
        NotFoundError: there is no such context or no kubeconfig.
        BadInputError: the kubeconfig cannot be read.
        UnreachableError: the API server does not answer, or lets this context list nothing.
    """
    looking = _Looking(access)
    seen = looking.seen()
    findings = [finding for finding in detect(seen) if finding.source in offered]
    wanted = dict.fromkeys(right for finding in findings for right in finding.rights)
    found = judged(findings, {right for right in wanted if not looking.allowed(right)})
    return Survey(found, tuple(looking.unread), tuple(seen.workloads))


class _Looking:
    """Ask one API server; ``unread`` collects what it does not give."""

    def __init__(self, access: Access) -> None:
        self._api = ClusterApi(log_in(access.context, access.kubeconfig))
        self._tls = access.tls
        self.unread: list[str] = []
        self._refused: list[str] = []
        self._listed = 0

    def seen(self) -> Seen:
        """Return everything that ``detect`` goes by.

        Raises:
            UnreachableError: nothing at all can be listed.
        """
        services = self._list("services", strip)
        workloads = [*self._list("daemonsets", cut_workload), *self._list("deployments", cut_workload)]
        nodes = frozenset(object_key(node)[2] for node in self._list("nodes", strip))
        host_pods: dict[str, set[str]] = defaultdict(set)
        for pod in self._list("pods", _host_pod):
            host_pods[str(pod["node"])].add(str(pod["namespace"]))
        if len(self.unread) == self._listed:
            raise UnreachableError(f"{self._api.server} lets this context list nothing: {self.unread[0]}")
        groups = self._groups()
        collector = collector_of(self._api, groups)
        return Seen(
            services,
            workloads,
            {node: frozenset(spaces) for node, spaces in host_pods.items()},
            nodes,
            tuple(groups),
            self._cilium_config(workloads),
            collector,
            bool(self._tls.ca_file or self._tls.insecure or self._tls.mode == "off"),
            bool(self._tls.cert_file),
            find_spec("clickhouse_connect") is not None,
            tuple(self._refused),
        )

    def allowed(self, right: Right) -> bool:
        """Tell whether RBAC allows something; true where the server does not say.

        A websocket is opened by a GET; servers of ``CREATES_SINCE`` and later ask for create, too.
        """
        try:
            if not self._may("get", right):
                return False
            return self._may("create", right) or self._api.version() < CREATES_SINCE
        except NetsecError:  # The source itself says what is missing.
            return True

    def _may(self, verb: str, right: Right) -> bool:
        attributes = {"verb": verb, "resource": "pods", "subresource": right.subresource}
        return self._api.allowed({"namespace": right.namespace, **attributes})

    def _list(self, name: str, cut: Callable[[KubeObject], KubeObject | None]) -> list[KubeObject]:
        self._listed += 1
        try:
            return self._api.list(_RESOURCES[name], cut)
        except RefusedError as error:
            self.unread.append(str(error))
            self._refused.append(name)
            return []

    def _groups(self) -> Mapping[str, tuple[str, ...]]:
        try:
            return self._api.groups()
        except RefusedError as error:
            self.unread.append(str(error))
            return {}

    def _cilium_config(self, workloads: Sequence[KubeObject]) -> Mapping[str, str]:
        """Return the settings of Cilium's agents; empty without Cilium, or where they may not be read."""
        agents = cilium_agents(workloads)
        return self._api.config_data(object_key(agents)[1], _CILIUM_CONFIG) if agents else {}


def _host_pod(pod: KubeObject) -> KubeObject | None:
    """Keep of a pod that runs on its node's network the node and the namespace, nothing of others."""
    fields = Fields(pod, "", "", [])
    spec, running = fields.child("spec"), fields.child("status").text("phase") == "Running"
    if not (running and spec.flag("hostNetwork") and spec.text("nodeName")):
        return None
    return {"node": spec.text("nodeName"), "namespace": fields.child("metadata").text("namespace")}


_RESOURCES = {resource.name: resource for resource in RESOURCES}
