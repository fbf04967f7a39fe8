"""One aggregated row: everything seen between the selected workload and one peer on one port."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from netsec_tui.model.flow import Verdict
from netsec_tui.model.identity import CommunicationKey, Peer


class Orientation(IntEnum):
    """Say how well it is known who opened the connection; a row keeps the best it has."""

    UNKNOWN = 0
    INFERRED = 1
    PROVEN = 2


class AddressCategory(StrEnum):
    """Name the four categories of unresolved IPs in the documents."""

    INTERNAL = "Internal"
    EXTERNAL = "External"
    ALIASED = "Aliased"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Counts:
    """Count events by verdict in the order of ``Verdict``, plus answers and refusals (TCP RST).

    Requests and answers are counted apart: ``verdicts`` holds requests only. ``arrived`` are those of the
    requests that both sides are known to have let through; no source tells it of all that did. ``proxied``
    are those of the requests that went to a proxy at the client, ``relayed`` the answers that nobody has seen
    leave the server: where there is such a proxy it may have given them itself, and they are no ``answers``.
    """

    verdicts: tuple[int, ...] = (0,) * len(Verdict)
    answers: int = 0
    refusals: int = 0
    arrived: int = 0
    proxied: int = 0
    relayed: int = 0

    @property
    def allowed(self) -> int:
        """Return how many requests went on."""
        return sum(self.verdicts[v] for v in Verdict if v.allowed)

    @property
    def denied(self) -> int:
        """Return how many requests were refused, audited ones included."""
        return sum(self.verdicts[v] for v in Verdict if v.denied)

    @property
    def audited(self) -> int:
        """Return how many requests went on although a policy denies them: it is audited, not enforced."""
        return self.verdicts[Verdict.AUDIT]

    @property
    def total(self) -> int:
        """Return all requests and answers."""
        return sum(self.verdicts) + self.answers + self.refusals

    def __add__(self, other: Counts) -> Counts:
        verdicts = tuple(a + b for a, b in zip(self.verdicts, other.verdicts, strict=True))
        return Counts(
            verdicts,
            self.answers + other.answers,
            self.refusals + other.refusals,
            self.arrived + other.arrived,
            self.proxied + other.proxied,
            self.relayed + other.relayed,
        )


@dataclass(frozen=True, slots=True)
class Via:
    """Name the Service that was dialled and the Service port."""

    namespace: str
    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Communication:
    """Hold one row of the Ingress or Egress table as observed, before any decision.

    Times are epoch seconds; both 0.0 when nothing was seen (the DNS row can exist unseen, and rows that
    were ticked by hand). ``addresses`` are the peer's IPs seen (where nothing was seen, those it is known
    by), ``pods`` its pod names seen, ``own_pods`` the selected workload's,
    ``names`` DNS names the source knew. ``folded`` are the keys of the rows that an alias, the DNS row or
    the row of external ingress has taken in. ``exposed`` are the Services that let the outside reach the
    port, for instance "web (NodePort)", on ingress rows of nodes and addresses. ``suspect`` marks one of
    many high ports of a peer that nobody declares. ``addressed`` is set on a row of somebody whose address is
    not told where other rows on the port have addresses that it may be. ``answerable`` is false where only
    sources have seen it that have told of no answers, ``answers_untold`` true where these never tell whether
    one came. ``arrival_told`` is true where a source has seen it that tells whatever was let in at its end.
    ``disputed`` are pods that had the address of one of the ends while its labels were told to be others; it
    is empty where anything was seen without such a doubt.
    ``rivals`` are pods, or "nobody", that had the address of one of the ends in the only minutes in which it
    was seen: how much of it is whose is not known.
    """

    key: CommunicationKey
    counts: Counts = Counts()
    first_seen: float = 0.0
    last_seen: float = 0.0
    orientation: Orientation = Orientation.PROVEN
    via: tuple[Via, ...] = ()
    addresses: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    own_pods: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    folded: tuple[CommunicationKey, ...] = ()
    exposed: tuple[str, ...] = ()
    suspect: bool = False
    addressed: bool = False
    answerable: bool = True
    answers_untold: bool = False
    arrival_told: bool = False
    disputed: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()

    @property
    def peer(self) -> Peer:
        """Return the other end."""
        return self.key.peer

    @property
    def seen(self) -> bool:
        """Tell whether anything was seen of it in the window."""
        return bool(self.last_seen or self.counts.total)
