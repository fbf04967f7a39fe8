"""Keep what was observed and what it resolves to, up to date at the cost of what is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from netsec_tui.core.cluster.addresses import Ranges, ranges_of
from netsec_tui.core.cluster.dns import ClusterDns, find_dns
from netsec_tui.core.cluster.known_ranges import range_config, settled
from netsec_tui.core.cluster.subject import is_host_network
from netsec_tui.core.quality import quality_of
from netsec_tui.core.traffic.aggregate import communications_of
from netsec_tui.core.traffic.census import counted, silent
from netsec_tui.core.traffic.conversations import Conversations
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.core.traffic.marks import exposed_ports
from netsec_tui.core.traffic.observe import Observations
from netsec_tui.core.traffic.resolve import Resolver
from netsec_tui.model.communication import Communication
from netsec_tui.model.config import Config
from netsec_tui.model.flow import Flow, Gap, Protocol
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.observed import Observed
from netsec_tui.model.quality import Quality, Silent
from netsec_tui.model.review import Subject
from netsec_tui.model.timespan import SKEW_SECONDS, Timespan, Window, plausible


class Resolved:
    """Hold what follows from one inventory and the knowledge of one moment."""

    def __init__(self, observations: Observations, inventory: Inventory, knowledge: Knowledge) -> None:
        self.inventory = inventory
        self.knowledge = knowledge
        self.conversations = Conversations(observations, Resolver(inventory, knowledge))

    @cached_property
    def dns(self) -> ClusterDns | None:
        """Return the cluster DNS."""
        return find_dns(self.inventory, self.knowledge)

    @cached_property
    def ranges(self) -> Ranges:
        """Return the known ranges."""
        return ranges_of(self.inventory)


def _continues(later: Observed, one: Observed) -> bool:
    """Tell whether one says the same as before and more, or takes something of it back while it watches."""
    if later.by_flows and one.by_flows:  # a file or pipe
        return later.origin == one.origin and later.since <= one.since and one.until <= later.until
    return later.goes_on_from(one) or (
        not one.until and (later.origin, later.since) == (one.origin, one.since)
    )


class Record:
    """Own observations, inventory and what they resolve to."""

    def __init__(self) -> None:
        self.observations = Observations()
        self.inventory = Inventory()
        self.version = 0
        self._config = Config()
        self._told = Inventory()
        self._knowledge = Knowledge()
        self._learnt = 0
        self._resolved: Resolved | None = None
        self._observed: tuple[Observed, ...] = ()
        self._silent: tuple[object, tuple[WorkloadRef, ...]] | None = None

    @property
    def observed(self) -> tuple[Observed, ...]:
        """Return how the sources have watched, those that have ended included."""
        return self._observed

    def watched(self, told: Iterable[Observed], now: float) -> None:
        """Take in what all present sources say of themselves; one that says no more has ended by now.

        Who watches since a time that cannot be, as 0.0 before the first word of it, says nothing of that.
        """
        current = dict.fromkeys(
            replace(one, until=now) if one.until > now + SKEW_SECONDS else one
            for one in told
            if plausible(one.since, now)
        )
        # Who finds that it knows of older flows than it knew of has not begun again.
        earliest = dict(sorted(((one.origin, one.since) for one in current), reverse=True))
        before = (
            one if one.until else replace(one, until=max(now, one.since))
            for one in self._observed
            if one not in current and not any(_continues(later, one) for later in current)
            if one.until or one.since <= earliest.get(one.origin, one.since)
        )
        observed = (*before, *current)
        if observed != self._observed:
            self._observed = observed
            self.version += 1

    def quality(self, asked: Timespan, window: Window, now: float, namespace: str) -> Quality:
        """Return how good the observation is; workloads without traffic are named for one namespace.

        An empty ``namespace`` names them all.
        """
        quiet = None
        if self.inventory.known:
            key = (self.version, window)
            if self._silent is None or self._silent[0] != key:
                self._silent = (key, silent(self.resolved.conversations, window))
            every = self._silent[1]
            named = tuple(ref for ref in every if namespace in ("", ref.namespace))
            quiet = Silent(namespace, named, len(every))
        return quality_of(asked, window, now, self.observations, self.observed, self.inventory, quiet)

    def add(self, flows: Iterable[Flow | Gap], now: float, recording: str = "", teller: str = "") -> None:
        """Fold flows in; all is resolved anew only when what was learnt makes a difference."""
        changed = self.observations.add(flows, now, recording, teller)
        self.version += 1
        for endpoint in self.observations.endpoints[self._learnt :]:
            news = self._knowledge.learn(endpoint)
            if self._resolved and self._resolved.conversations.rest_on(news):
                self._resolved = None
        self._learnt = len(self.observations.endpoints)
        if self._resolved:
            self._resolved.conversations.update(changed)

    def set_inventory(self, inventory: Inventory) -> None:
        """Replace the cluster state."""
        if inventory != self._told:
            self._told = inventory
            self._settle()

    def configure(self, config: Config) -> None:
        """Let another configuration say what the ranges of the cluster are."""
        before, self._config = self._config, config
        if range_config(before) != range_config(config):
            self._settle()

    def _settle(self) -> None:
        self.inventory = settled(self._told, self._config)
        self._resolved = None
        self.version += 1

    @property
    def resolved(self) -> Resolved:
        """Return what all this resolves to now."""
        if self._resolved is None:
            self._resolved = Resolved(self.observations, self.inventory, self._knowledge)
        return self._resolved

    def communications(self, subject: Subject, window: Window) -> tuple[Communication, ...]:
        """Return the rows of a workload in a window."""
        return communications_of(self.resolved.conversations, subject.owners, window, subject.behind)

    def exposed(self, subject: Subject) -> Mapping[tuple[Protocol, int], tuple[str, ...]]:
        """Map the workload's ports that the outside may reach to the Services by which it does."""
        return exposed_ports(self.resolved.conversations, subject.owners)

    def counted(self, window: Window) -> dict[WorkloadRef, tuple[int, int]]:
        """Count the ingress and egress rows of every workload with any in the window, Services too."""
        return counted(self.resolved.conversations, window)

    def host_network(self, ref: WorkloadRef) -> bool:
        """Tell whether a workload runs on the host network, for a Service whether all behind it do."""
        service = self.inventory.service_by_name.get((ref.namespace, ref.name))
        if ref.kind == "Service" and service:
            owners = self.resolved.conversations.backends.owners(service)
            return bool(owners) and all(is_host_network(self.inventory, owner) for owner in owners)
        return is_host_network(self.inventory, ref)

    @property
    def knowledge(self) -> Knowledge:
        """Return what flows told about pods."""
        return self._knowledge
