"""What a row would write into a policy, or why it cannot write anything."""

from __future__ import annotations

from dataclasses import dataclass

from netsec_tui.model.policy import PolicyPeer, PolicyPort, PolicyRule


@dataclass(frozen=True, slots=True)
class Expression:
    """Hold the peers and ports of a row; ``obstacle`` is set instead when there can be none.

    ``caveat`` names whom else the peers let in. ``unlabelled`` is the namespace that no selector can be
    written for, when that is the obstacle.
    """

    peers: tuple[PolicyPeer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()
    obstacle: str = ""
    caveat: str = ""
    unlabelled: str = ""

    @property
    def rule(self) -> PolicyRule:
        """Return the expression as a rule of its own.

        Raises:
            ValueError: there are no peers; such a rule would let everybody through.
        """
        if not self.peers:
            raise ValueError("a rule without peers would allow any peer")
        return PolicyRule(self.peers, self.ports)
