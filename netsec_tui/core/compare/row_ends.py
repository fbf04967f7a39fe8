"""Find the pods, addresses and ports behind a row: the same ones for whatever is asked about it."""

from __future__ import annotations

from functools import cached_property

from netsec_tui.core.cluster.dns import over_both
from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.cluster.subject import is_host_network
from netsec_tui.core.decide.express import express
from netsec_tui.core.prove.judge import known_pods, own_pods
from netsec_tui.model.communication import Communication
from netsec_tui.model.connection import End
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, PeerSort
from netsec_tui.model.review import Subject

_BEHIND = (PeerSort.SERVICE, PeerSort.API_SERVER)
"""Peers whose pods listen on other ports than the row's."""

Ports = tuple[tuple[Protocol, int], ...]
"""Protocols and ports at the pods; port 0 stands for one that is not known."""


class RowEnds:
    """Look up both ends of the rows of one workload.

    They are live pods and one that each owner would make next; of pods on the host network, of which
    policies see nothing but an address, the addresses.
    """

    def __init__(self, ground: Ground, subject: Subject) -> None:
        self._ground, self._subject = ground, subject

    @cached_property
    def own(self) -> tuple[End, ...]:
        """Return the workload's pods; addresses only when all of it is on the host network.

        Empty when nobody knows on which nodes.
        """
        owners, ends = self._subject.owners, self._ground.ends
        pods = known_pods(self._subject, ends)
        if pods:
            return pods
        addresses = tuple(end for owner in owners for end in ends.owner(owner) if isinstance(end, str))
        if addresses or any(is_host_network(self._ground.world.inventory, owner) for owner in owners):
            return addresses
        return own_pods(self._subject, ends)

    def peers(self, communication: Communication) -> tuple[End, ...]:
        """Return the ends on the other side; empty when nobody knows them."""
        return self._ground.ends.of(communication) or tuple(ip for ip in communication.addresses if ip)

    def ports(self, communication: Communication) -> Ports:
        """Return protocols and ports at the pods, one at least."""
        key = communication.key
        if key.peer.sort in _BEHIND or over_both(key):
            told = express(self._ground.world, self._subject.ref.namespace, communication).ports
            found = tuple((Protocol(p.protocol), p.port) for p in told if isinstance(p.port, int))
            if found:
                return found
        return ((key.protocol, key.port),)


def is_translated(communication: Communication) -> bool:
    """Tell whether a node or load balancer may have put its own address in place of the source's."""
    outside = communication.peer.sort is PeerSort.EXTERNAL or bool(communication.exposed)
    return outside and communication.key.direction is Direction.INGRESS
