"""Which ports are kept of flows without direction: one of the two listens, the other changes each time."""

from __future__ import annotations

from netsec_tui.model.flow import Protocol

PARTNERS = 8
"""Ports that are kept at the other end of one port; one with more of them is where something listens."""

Ends = tuple[int, int, Protocol]
"""Two endpoints by number, as sent, and the protocol between them."""


class Ports:
    """Know the ports between two endpoints; thousands of clients' ports are one, at either end.

    The first few are kept all the same: something may listen there, and cluster state tell so. A connection
    between two ports that both have many partners counts at the one which had them first: there, and
    nowhere else, the order of flows may make a difference.
    """

    def __init__(self) -> None:
        self._partners: dict[tuple[Ends, bool, int], set[int]] = {}
        self._many: set[tuple[Ends, bool, int]] = set()

    def keep(self, ends: Ends, source: int, destination: int) -> tuple[int, int]:
        """Return the ports of a flow, 0 for one that is not kept since its partner has so many."""
        of_source, of_destination = (ends, False, source), (ends, True, destination)
        partners = self._partners.get(of_source, ()), self._partners.get(of_destination, ())
        if destination in partners[0]:
            return source, destination
        many = [len(ports) >= PARTNERS for ports in partners]
        if not any(many):
            self._partners.setdefault(of_source, set()).add(destination)
            self._partners.setdefault(of_destination, set()).add(source)
            return source, destination
        if many[0] and (source < destination or not many[1]):
            self._many.add(of_source)
            return source, 0
        self._many.add(of_destination)
        return 0, destination

    def many(self, ends: Ends, source: int, destination: int) -> tuple[bool, bool]:
        """Tell of either port whether it had more partners than are kept: then something listens there."""
        return (ends, False, source) in self._many, (ends, True, destination) in self._many
