"""What evaluating the generated policy has shown: how far it does what was decided, and what else it does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from netsec_tui.model.identity import CommunicationKey, Direction


class Reach(StrEnum):
    """Say what a policy makes of a row, over all pods of its two ends."""

    ALLOWED = "allowed"
    DENIED = "denied"
    PARTLY = "allowed in part"
    UNKNOWN = "cannot tell"


class Opener(StrEnum):
    """Name what lets a row through that brings no rule of its own.

    GENERAL is the general rule. RANGE is a manual rule, or the row of an alias or of external ingress:
    something decided for a whole range. ROW is another row, whose peer's labels cannot be told apart.
    """

    NOTHING = ""
    GENERAL = "general rule"
    RANGE = "range"
    ROW = "row"


class Breach(StrEnum):
    """Name what a policy can do other than what was decided; the value heads its list."""

    NOT_ALLOWED = "included, but not allowed"
    NOT_TOLD = "included, but whether it is allowed cannot be told"
    NOT_DENIED = "excluded, but not denied"
    CUT = "seen to get in, but denied though nobody decided so"
    POD_OPENED = "pods opened that no row shows"
    ADDRESSES_OPENED = "addresses opened that no row shows"
    ISOLATED = "pods of other workloads isolated by accident"
    NOT_SELECTED = "pods of the workload that the policy does not select"


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold one thing that is not as decided: ``who`` names a row, pod or block, ``sentence`` tells it.

    ``count`` is the number of addresses for ADDRESSES_OPENED, else 1. ``key`` is set for a row.
    """

    breach: Breach
    who: str
    sentence: str
    direction: Direction | None = None
    ports: str = ""
    count: int = 1
    key: CommunicationKey | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """Hold the proof line of a generated policy and the findings behind it.

    ``included`` rows are to be allowed and ``allowed`` of them are; ``excluded`` are to be denied and
    ``denied`` of them are. ``named`` of the excluded are let through by a wider decision that their row
    names (a general rule, a manual rule, an alias); of ``undecided`` ones that depends on the CNI or on what
    is not known. ``beyond`` rows cannot be written in a NetworkPolicy. Any other row has a finding.
    """

    included: int = 0
    allowed: int = 0
    excluded: int = 0
    denied: int = 0
    named: int = 0
    undecided: int = 0
    beyond: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def clean(self) -> bool:
        """Tell whether the policy does what was decided and nothing else."""
        return not self.findings

    def count(self, *breaches: Breach) -> int:
        """Return how many findings of some sorts there are, addresses one by one."""
        return sum(finding.count for finding in self.findings if finding.breach in breaches)
