"""What the product makes of a cluster: its own reader, and its evaluator asked about single connections."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from netsec_tui.core.evaluate import ClusterState, Policies, cluster_state, evaluate, overrides_of
from netsec_tui.model.connection import Connection, EndPod, Outcome
from netsec_tui.model.flow import Protocol
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.contract import Message, ObjectsRead
from netsec_tui.sources.inventory.build import build_inventory


class Question(NamedTuple):
    """Ask whether one pod reaches another; both are ``NAMESPACE/NAME``, ``family`` is 4 or 6."""

    source: str
    destination: str
    protocol: str
    port: int
    family: int = 4

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} {self.protocol}/{self.port} over IPv{self.family}"


class Reader:
    """Read a cluster again and again, over one connection, as the product does."""

    def __init__(self, context: str, kubeconfig: Path) -> None:
        self._source = ClusterSource(context, str(kubeconfig))
        self._last: ObjectsRead | None = None

    def read(self) -> Inventory:
        """Return the cluster as it is now.

        Raises:
            AssertionError: something of it could not be read or understood.
        """
        self._source.read(self._keep)
        assert self._last is not None, "the API server tells of nothing"
        inventory, problems = build_inventory(self._last.objects, missing=self._last.problems)
        assert not inventory.missing, f"not read: {inventory.missing} {problems}"
        return inventory

    def _keep(self, message: Message) -> None:
        # Told only when it differs from what was told before.
        if isinstance(message, ObjectsRead):
            self._last = message


class Evaluation:
    """The evaluator's answers for one cluster."""

    def __init__(self, inventory: Inventory, policies: Policies | None = None) -> None:
        """Take a cluster as it was read; ``policies`` are evaluated instead of those that it has."""
        self.inventory = inventory
        self.state: ClusterState = cluster_state(inventory, overrides=overrides_of(inventory))
        self.policies = policies or Policies(applied.policy for applied in inventory.policies)
        self.pods: dict[str, EndPod] = {str(pod): pod for pod in self.state.pods}

    def outcome(self, question: Question) -> Outcome:
        """Return what the evaluator says."""
        connection = Connection(
            self.pods[question.source],
            self.pods[question.destination],
            Protocol(question.protocol),
            question.port,
            family=question.family,
        )
        return evaluate(self.policies, self.state, connection).outcome

    def address(self, pod: str, family: int) -> str:
        """Return a pod's address of a family; raises StopIteration where it has none."""
        return next(ip for ip in self.pods[pod].ips if (":" in ip) is (family == 6))
