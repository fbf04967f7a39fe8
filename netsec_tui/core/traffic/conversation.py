"""A conversation between owners: who opened, to whom, on which pod port, and the edges that show it."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from netsec_tui.core.traffic.edge import Edge
from netsec_tui.core.traffic.resolve import Party
from netsec_tui.core.traffic.turns import Turn
from netsec_tui.model.communication import Counts, Orientation, Via
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Peer
from netsec_tui.model.timespan import Window


class ConversationKey(NamedTuple):
    """Identify a conversation; ``port`` is the pod's listening port."""

    client: Peer
    server: Peer
    protocol: Protocol
    port: int


Place = tuple[Edge, Turn]
"""An edge in one of the turns that it was seen in."""


class Link(NamedTuple):
    """Hold one edge of a conversation with its two ends, for the time in which they are these.

    ``answer_shaped`` means that the edge, recorded without direction, went from server to client;
    ``guess`` is how well that is known. ``via`` names the Service that was dialled.
    """

    edge: Edge
    client: Party
    server: Party
    turn: Turn
    answer_shaped: bool = False
    guess: Orientation = Orientation.UNKNOWN
    via: Via | None = None

    @property
    def place(self) -> Place:
        """Return the edge and its turn, which no other link has."""
        return self.edge, self.turn

    @property
    def orientation(self) -> Orientation:
        """Return how well it is known who opened the connection, as of now."""
        return max(self.edge.orientation, self.guess)

    @property
    def ends(self) -> Hashable:
        """Return what all tellings of one connection have in common.

        A pod that is known by its labels alone may be any of its owner's: nothing is in common then.
        """
        known = [(party.ip, party.pod) for party in (self.client, self.server) if party.ip or party.pod]
        return tuple(known) if len(known) == 2 else self.edge.key

    @property
    def rivals(self) -> set[str]:
        """Return who else may have been one of the ends, as addresses changed hands within the minute."""
        return {*self.client.rivals, *self.server.rivals}

    def sum(self, window: Window) -> tuple[Counts, float, float] | None:
        """Return counts, first and last time of this link's share in a window; None when unseen."""
        summed = self.edge.sum(*_minutes(window), self.turn)
        if summed is None or not (self.client.rivals or self.server.rivals):
            return summed
        return summed[0], *self.turn.span(*summed[1:])

    def seen(self, window: Window) -> bool:
        """Tell whether anything was seen in a window."""
        return self.edge.seen(*_minutes(window), self.turn)


def _minutes(window: Window) -> tuple[float, float]:
    return window.start // 60, window.end // 60 if window.end < math.inf else math.inf


@dataclass(slots=True)
class Conversation:
    """Hold all edges between two parties on one port; one of thousands is found, and leaves, at once."""

    key: ConversationKey
    by_place: dict[Place, Link] = field(default_factory=dict)

    @property
    def links(self) -> Collection[Link]:
        """Return the edges with their ends."""
        return self.by_place.values()

    @property
    def via(self) -> set[Via]:
        """Return the Services that were dialled."""
        return {link.via for link in self.links if link.via}

    @property
    def real(self) -> bool:
        """Tell whether this is a conversation rather than a proxy's stray answers to a node address.

        An answer to a node whose request was never seen is what a proxy on that node sends back for a
        pod; the request carries the pod's identity and is a conversation of its own.
        """
        return any(link.edge.requested and not link.answer_shaped for link in self.links) or not all(
            link.client.node_like for link in self.links
        )

    def seen(self, window: Window) -> bool:
        """Tell whether anything was seen in a window."""
        return any(link.seen(window) for link in self.links)
