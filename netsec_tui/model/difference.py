"""What applying a draft would change: connections gained and lost, and the objects as text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from netsec_tui.model.identity import Direction, WorkloadRef


class Turn(StrEnum):
    """Say which way a connection turns; the value is the sign of a line."""

    LOST = "-"
    GAINED = "+"


class Ports(NamedTuple):
    """Hold the ports of one protocol from ``first`` to ``last``, both included."""

    protocol: str
    first: int
    last: int


class Addresses(NamedTuple):
    """Hold the addresses of one family from ``first`` to ``last`` as text, both included."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Group:
    """Hold ends that share a change: pod owners and addresses that are no pod's.

    ``others`` are the pod owners of the cluster that are not among ``owners``, ``spaces`` the namespaces
    that are there with all their pod owners, ``beyond`` the addresses that are not among ``addresses``.
    ``remaining`` tells that the changes that follow for the same other end name all of ``others``.
    """

    owners: tuple[WorkloadRef, ...] = ()
    others: tuple[WorkloadRef, ...] = ()
    spaces: tuple[str, ...] = ()
    addresses: tuple[Addresses, ...] = ()
    beyond: tuple[Addresses, ...] = ()
    remaining: bool = False

    @property
    def size(self) -> int:
        """Return how many ends these are; all addresses count as one."""
        return len(self.owners) + bool(self.addresses)

    @property
    def ends(self) -> tuple[WorkloadRef | None, ...]:
        """Return the pod owners, and None for all addresses if there are any."""
        return (*self.owners, None) if self.addresses else self.owners


@dataclass(frozen=True, slots=True)
class Change:
    """Hold connections that come about, or no longer do, on the same ports.

    ``own`` are the pod owners that the policies in question select, on the side that ``direction`` names:
    destinations for ingress, sources for egress. ``ports`` turn between all pairs of pods of the two, or,
    if ``partial``, between some of them; ``rest`` are all others. ``family`` is 4 or 6 where they turn over
    that IP family only, although pods of both ends have addresses of the other too.
    """

    turn: Turn
    direction: Direction
    own: Group
    peers: Group
    ports: tuple[Ports, ...]
    rest: tuple[Ports, ...]
    partial: bool = False
    family: int | None = None

    @property
    def source(self) -> Group:
        """Return who opens the connection."""
        return self.peers if self.direction is Direction.INGRESS else self.own

    @property
    def destination(self) -> Group:
        """Return who listens."""
        return self.own if self.direction is Direction.INGRESS else self.peers


@dataclass(frozen=True, slots=True)
class ObjectDifference:
    """Hold one object of the draft: ``lines`` is a unified diff, empty when it is applied as it is.

    ``applied`` tells whether an object of its name is there.
    """

    namespace: str
    name: str
    applied: bool
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold what applying a draft would change.

    ``staying`` names applied policies of other names that select the same pods; ``notes`` are sentences on
    what the comparison rests on. ``unknown`` is empty, or one sentence why what is applied is not known;
    the comparison then is one with what could be read.
    """

    changes: tuple[Change, ...] = ()
    objects: tuple[ObjectDifference, ...] = ()
    staying: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: str = ""

    @property
    def differs(self) -> bool:
        """Tell whether any object differs from what is applied."""
        return any(entry.lines for entry in self.objects)

    def of(self, turn: Turn) -> tuple[Change, ...]:
        """Return what is gained, or what is lost."""
        return tuple(change for change in self.changes if change.turn is turn)

    def count(self, turn: Turn) -> int:
        """Return how many pairs of ends gain or lose anything; all addresses count as one end."""
        pairs = {
            (change.direction, own, peer)
            for change in self.of(turn)
            for own in change.own.owners
            for peer in change.peers.ends
        }
        return len(pairs)
