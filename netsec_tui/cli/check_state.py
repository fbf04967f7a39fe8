"""Read the cluster state that a check asks about, once."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from netsec_tui.cli.check_ends import Ends
from netsec_tui.cli.configured import configured
from netsec_tui.cli.exits import DONE
from netsec_tui.cli.inputs import inputs_of, reads_cluster
from netsec_tui.cli.output import note
from netsec_tui.cli.tty import piped_input
from netsec_tui.core.cluster.cni import find_cni
from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.core.evaluate import ClusterState, Policies, cluster_state, overrides_of
from netsec_tui.errors import BadInputError, NotFoundError, UsageError
from netsec_tui.model.cni import Cni
from netsec_tui.model.connection import EndPod
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.cluster.kubeconfig import choose_context
from netsec_tui.sources.feeds.feed import Reading, read_all

_NOTHING_TO_READ = (
    "there is nothing to read: no kubeconfig was found; give cluster state with --manifests, "
    "a recording with --capture, or try --demo"
)
_MARKS = 3
"""Objects that are named of those that give the network plugin away."""

_NO_STATE = "no cluster state was read, only flows; give it with --manifests or --context"


@dataclass(frozen=True)
class Cluster:
    """Hold what was read; pods that owners without live ones would make are among the state's."""

    inventory: Inventory
    state: ClusterState
    policies: Policies
    problems: tuple[str, ...] = ()
    skipped: int = 0
    exit_code: int = DONE

    @cached_property
    def ends(self) -> Ends:
        """Return the look-up of ends by what a person types."""
        return Ends(self.inventory, self.state)

    def document(self) -> dict[str, Any]:
        """Return what could not be read as JSON."""
        return {"skipped": self.skipped, "problems": list(self.problems)}


def read_cluster(args: Namespace) -> Cluster:
    """Read every input once; what cannot be read is told on standard error, the rest is kept.

    Raises:
        NetsecError: there is no cluster state to ask about.
    """
    known = configured(args, _context(args))
    for remark in known.remarks:
        note(remark)
    reading = read_all(inputs_of(args, piped_input).all, lambda flows: None)
    reading = replace(reading, inventory=settled(reading.inventory, known.config))
    if not reading.inventory.known:
        raise reading.failures[0] if reading.failures else BadInputError(_NO_STATE)
    cni = find_cni(reading.inventory)
    cluster = cluster_of(reading, ipblock_matches_pods=_switch(args.ipblock_matches_pods, cni))
    for sentence in (*cluster.problems, *_told_of(args.ipblock_matches_pods, cni)):
        note(sentence)
    return cluster


def _switch(flag: bool | None, cni: Cni | None) -> bool:
    if flag is not None:
        return flag
    return cni.ipblock_matches_pods if cni else True


def _told_of(flag: bool | None, cni: Cni | None) -> Iterator[str]:
    if cni is None:
        return
    if cni.enforces is False:
        yield from cni.differences
    elif flag is None:
        says = "matches pods" if cni.ipblock_matches_pods else "does not match pods"
        yield (
            f"{cni.name} runs here ({', '.join(cni.seen_as[:_MARKS])}), so an ipBlock {says}; "
            "--ipblock-matches-pods or --no-ipblock-matches-pods decides otherwise"
        )


def _context(args: Namespace) -> str:
    """Return the name of the context that is read, empty when no cluster is."""
    if not reads_cluster(args):
        return ""
    try:
        return choose_context(args.context or None, args.kubeconfig or None).name
    except NotFoundError as error:
        if args.context or args.kubeconfig:
            raise
        raise UsageError(_NOTHING_TO_READ) from error


def cluster_of(reading: Reading, *, ipblock_matches_pods: bool) -> Cluster:
    """Return what was read in the form that questions are answered from."""
    inventory = reading.inventory
    known = cluster_state(
        inventory, overrides=overrides_of(inventory), ipblock_matches_pods=ipblock_matches_pods
    )
    skipped = sum(status.skipped for status in reading.statuses) + len(reading.unclear)
    failed = [status.error for status in reading.statuses if status.error]
    code = BadInputError.exit_code if skipped else DONE
    return Cluster(
        inventory,
        replace(known, pods=(*known.pods, *_unborn(inventory, known))),
        Policies(applied.policy for applied in inventory.policies),
        tuple(dict.fromkeys((*failed, *inventory.missing))),
        skipped,
        reading.failures[0].exit_code if reading.failures else code,
    )


def _unborn(inventory: Inventory, state: ClusterState) -> Iterator[EndPod]:
    """Return for each owner without live pods one as its template makes them, named by kind and name."""
    alive = {pod.ref for pod in state.pods}
    for owner in inventory.owners:
        ref = owner.ref
        if ref in alive or ref.kind == "Pod":
            continue
        yield EndPod(
            namespace=ref.namespace,
            name=str(ref),
            labels=owner.template_labels,
            namespace_labels=inventory.namespaces.get(ref.namespace),
            ports=owner.ports,
            host_network=owner.host_network,
            owner=ref,
            synthetic=True,
        )
