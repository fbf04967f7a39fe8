"""What policies would make of recorded communications: the answers to "what if", by scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from netsec_tui.model.identity import CommunicationKey, Direction


class Scenario(StrEnum):
    """Name which policies are looked at; a draft replaces the applied policies of its name and namespace."""

    APPLIED = "applied"
    APPLIED_AND_DRAFT = "applied + draft"
    DRAFT_ALONE = "draft alone"


class WhatIfVerdict(StrEnum):
    """Say what becomes of a communication, all pods of both ends and both sides of each taken together."""

    ALLOWED = "allowed"
    WOULD_BE_DENIED = "would be denied"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Hold the verdict on a row, for instance "would be denied" for "1 of 3 pods".

    ``share`` is empty when the verdict is the same for all pods; ``why`` is a clause, empty for ALLOWED.
    """

    verdict: WhatIfVerdict
    why: str = ""
    share: str = ""

    @property
    def reason(self) -> str:
        """Return why the verdict is so, where the verdict itself is known."""
        return f"{self.share}: {self.why}" if self.share else self.why

    def sentence(self, scenario: Scenario) -> str:
        """Return the verdict in a scenario with its reason."""
        share = f" for {self.share}" if self.share else ""
        told = f"{self.verdict}{share} ({scenario})"
        return f"{told[0].upper()}{told[1:]}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True, slots=True)
class Unseen:
    """Hold connections that would be allowed and that no row shows.

    ``who`` names the pod owner, the addresses, or the many owners that the line stands for; ``links``
    counts them. ``ports`` is text such as ``TCP 8080`` or ``all ports``.
    """

    direction: Direction
    who: str
    ports: str
    links: int = 1


@dataclass(frozen=True)
class Outlook:
    """Hold the answers for one scenario.

    ``forecasts`` has every row; ``recorded`` are the keys of the rows with traffic, which alone are
    counted (a DNS row can be there unseen).
    """

    forecasts: Mapping[CommunicationKey, Forecast]
    recorded: frozenset[CommunicationKey]
    unseen: tuple[Unseen, ...] = ()

    def keys(self, verdict: WhatIfVerdict) -> frozenset[CommunicationKey]:
        """Return the recorded communications with a verdict."""
        return frozenset(key for key in self.recorded if self.forecasts[key].verdict is verdict)

    def count(self, verdict: WhatIfVerdict) -> int:
        """Return how many recorded communications have a verdict."""
        return sum(self.forecasts[key].verdict is verdict for key in self.recorded)

    @property
    def never_seen(self) -> int:
        """Return how many pod owners and address blocks could be talked to, but no row shows it."""
        return sum(line.links for line in self.unseen)


WhatIf = Mapping[Scenario, Outlook]
"""The answers for all scenarios."""
