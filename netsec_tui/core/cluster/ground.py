"""The whole cluster as policies see it, for questions that go beyond one row."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from functools import cached_property

from netsec_tui.core.cluster.ends import Ends
from netsec_tui.core.cluster.pod_index import PodIndex
from netsec_tui.core.cluster.world import World
from netsec_tui.core.evaluate.overrides import overrides_of
from netsec_tui.core.evaluate.state import ClusterState, Policies
from netsec_tui.core.traffic.resolve import Resolver
from netsec_tui.model.connection import EndPod
from netsec_tui.model.flow import Endpoint
from netsec_tui.model.identity import PeerSort, WorkloadRef


class Ground:
    """Hold all pods, the cluster state and the applied policies; each is worked out when first asked for.

    Nothing in it changes, so that it may be used from another thread.
    """

    def __init__(self, world: World, ends: Ends | None = None) -> None:
        self.world = world
        self.ends = ends or Ends(world)

    def seen_by(self, world: World) -> Ground:
        """Return this cluster in a world that differs by its aliases only; what is worked out is kept."""
        other = copy(self)
        other.world = world
        return other

    @cached_property
    def owners(self) -> tuple[WorkloadRef, ...]:
        """Return every pod owner that the cluster state or a flow has told of, sorted."""
        inventory = self.world.inventory
        known = {owner.ref for owner in inventory.owners} | set(inventory.pods_by_owner)
        return tuple(sorted(known | set(self._seen_in_flows())))

    def _seen_in_flows(self) -> Iterator[WorkloadRef]:
        knowledge, inventory = self.world.knowledge, self.world.inventory
        resolver = Resolver(inventory, knowledge)
        for namespace, name in knowledge.labels:
            if (namespace, name) not in inventory.pod_by_name:
                peer = resolver.resolve(Endpoint("", namespace, name), 0.0).peer
                if peer.sort is PeerSort.OWNER and peer.ref not in inventory.gone_owner_by_ref:
                    yield peer.ref

    @cached_property
    def pods(self) -> tuple[EndPod, ...]:
        """Return every live pod and, for each owner, one more that it would make next.

        Pods on the host network are not among them: policies see their node's address instead.
        """
        return tuple(pod for ref in self.owners for pod in self.ends.pods_of(ref))

    @cached_property
    def index(self) -> PodIndex:
        """Return the pods in groups, to find those that a peer selects."""
        return PodIndex(self.pods)

    @cached_property
    def state(self) -> ClusterState:
        """Return the cluster state that connections are evaluated in; its pods are the live ones.

        Policies of other kinds are in it: what these may overrule is not decided.
        """
        return replace(self.ends.state, overrides=overrides_of(self.world.inventory))

    @cached_property
    def applied(self) -> Policies:
        """Return the NetworkPolicies of the cluster."""
        return Policies(applied.policy for applied in self.world.inventory.policies)
