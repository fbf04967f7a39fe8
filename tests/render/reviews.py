"""Reviews built by hand for the tests of the text layouts; no core involved."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsec_tui.model.communication import AddressCategory, Communication, Counts, Orientation, Via
from netsec_tui.model.decision import GeneralRule, ManualRule, PortRange
from netsec_tui.model.flow import Labels, Protocol, Verdict
from netsec_tui.model.identity import (
    API_SERVER,
    DNS,
    CommunicationKey,
    Direction,
    Peer,
    WorkloadRef,
    address_peer,
    alias_peer,
    node_peer,
    owner_peer,
    service_peer,
)
from netsec_tui.model.policy import LabelSelector
from netsec_tui.model.proof import Reach
from netsec_tui.model.review import DirectionReview, PeerFacts, Review, Row, Standing, Subject
from netsec_tui.model.timespan import TIMESPANS, Coverage

NEWEST = 1_790_000_000.0
CHECKOUT = WorkloadRef("Deployment", "shop", "checkout")
IN, OUT = Direction.INGRESS, Direction.EGRESS


def deployment(name: str, namespace: str = "shop") -> Peer:
    return owner_peer(WorkloadRef("Deployment", namespace, name))


def counts(allowed: int = 0, denied: int = 0, answers: int = 0, refusals: int = 0) -> Counts:
    numbers = [0] * len(Verdict)
    numbers[Verdict.FORWARDED], numbers[Verdict.DROPPED] = allowed, denied
    return Counts(tuple(numbers), answers, refusals)


def row(
    direction: Direction,
    peer: Peer,
    port: int = 8080,
    protocol: Protocol = Protocol.TCP,
    *,
    standing: Standing = Standing.IN,
    seen: Counts | None = None,
    via: tuple[Via, ...] = (),
    reason: str = "",
    allowed_by: str = "",
    suspended: bool = False,
    applied: tuple[str, ...] = (),
    category: AddressCategory | None = None,
    orientation: Orientation = Orientation.PROVEN,
    **about: tuple[str, ...],
) -> Row:
    communication = Communication(
        key=CommunicationKey(direction, peer, protocol, port),
        counts=counts(120, answers=118) if seen is None else seen,
        first_seen=NEWEST - 7200,
        last_seen=NEWEST - 60,
        orientation=orientation,
        via=via,
        **about,  # type: ignore[arg-type]
    )
    let_through = allowed_by or (standing is Standing.IN and not suspended)
    reach = Reach.ALLOWED if let_through else Reach.DENIED
    return Row(communication, standing, reason, allowed_by, suspended, category, applied, reach=reach)


@dataclass
class Builder:
    """Collect rows and facts, then make a Review of them."""

    ref: WorkloadRef = CHECKOUT
    labels: Labels = (("app", "checkout"),)
    owners: tuple[WorkloadRef, ...] = ()
    refusal: str = ""
    rows: list[Row] = field(default_factory=list)
    facts: dict[Peer, PeerFacts] = field(default_factory=dict)
    manual: list[ManualRule] = field(default_factory=list)
    general: dict[Direction, GeneralRule] = field(default_factory=dict)
    notes: dict[Direction, str] = field(default_factory=dict)

    def add(self, *rows: Row) -> Builder:
        self.rows += rows
        return self

    def know(self, peer: Peer, **facts: object) -> Builder:
        self.facts[peer] = PeerFacts(peer, **facts)  # type: ignore[arg-type]
        return self

    def side(self, direction: Direction) -> DirectionReview:
        return DirectionReview(
            direction,
            self.general.get(direction, GeneralRule.ROWS_DECIDE),
            tuple(row for row in self.rows if row.key.direction is direction),
            tuple(rule for rule in self.manual if rule.direction is direction),
            self.notes.get(direction, ""),
        )

    def review(self) -> Review:
        subject = Subject(
            self.ref, LabelSelector(self.labels), self.owners or (self.ref,), self.labels, self.refusal
        )
        return Review(
            subject=subject,
            coverage=Coverage(TIMESPANS[2], 11_400.0, NEWEST),
            ingress=self.side(IN),
            egress=self.side(OUT),
            policies=(),
            yaml="",
            facts=self.facts,
        )


def shop() -> Review:
    """Return a small shop: every standing, an alias, DNS, the API server, a node, a manual rule."""
    out, never = Standing.OUT, Standing.NOT_EXPRESSIBLE
    web = Via("shop", "checkout", 80)
    built = Builder()
    built.add(
        row(IN, deployment("frontend"), via=(web,)),
        row(IN, deployment("frontend"), 9090),
        row(IN, deployment("prometheus", "monitoring"), 9090),
        row(
            IN,
            owner_peer(WorkloadRef("CronJob", "batch", "nightly-report")),
            seen=counts(denied=7),
            standing=out,
            reason="denied only",
            applied=("allow-batch",),
            via=(web,),
        ),
        row(IN, node_peer("worker-1"), standing=never, reason="a node cannot be named in a NetworkPolicy"),
        row(
            IN,
            address_peer("203.0.113.77"),
            standing=out,
            reason="unresolved IP",
            category=AddressCategory.EXTERNAL,
        ),
        row(OUT, deployment("payment"), 50051, via=(Via("shop", "payment", 443),)),
        row(OUT, owner_peer(WorkloadRef("StatefulSet", "data", "orders-postgres-primary")), 5432),
        row(OUT, service_peer("shop", "ledger"), 7000, Protocol.SCTP, standing=out, reason="never answered"),
        row(OUT, DNS, 53, Protocol.UDP),
        row(OUT, API_SERVER, 6443),
        row(OUT, alias_peer("card network"), 443, category=AddressCategory.ALIASED),
        row(
            OUT,
            address_peer("198.51.100.9"),
            443,
            standing=out,
            reason="unresolved IP",
            category=AddressCategory.UNKNOWN,
            names=("api.example.com",),
        ),
        row(
            OUT,
            address_peer("198.51.100.10"),
            0,
            Protocol.ICMP,
            standing=never,
            reason="ICMP",
            category=AddressCategory.UNKNOWN,
        ),
        row(
            OUT,
            address_peer("192.0.2.10"),
            8443,
            standing=out,
            reason="unresolved IP",
            allowed_by="192.0.2.0/24 443,8000-9000/TCP",
            category=AddressCategory.INTERNAL,
        ),
    )
    built.manual.append(
        ManualRule(OUT, "192.0.2.0/24", Protocol.TCP, (PortRange(443, 443), PortRange(8000, 9000)))
    )
    built.know(
        deployment("checkout"),
        labels=(("app", "checkout"), ("tier", "backend")),
        services=("checkout",),
        ports=("8080/TCP", "9090/TCP"),
    )
    built.know(deployment("frontend"), labels=(("app", "frontend"),), services=("frontend",))
    built.know(deployment("payment"), labels=(("app", "payment"),), services=("payment",))
    return built.review()


def crowd(peers: int = 300) -> Review:
    """Return many clients in few namespaces, many addresses and one backend."""
    built = Builder()
    for number in range(peers):
        standing = Standing.OUT if number % 10 == 3 else Standing.IN
        built.add(
            row(
                IN,
                deployment(f"client-{number:03}", f"team-{number % 7}"),
                8000 + number % 3,
                standing=standing,
            )
        )
        if number % 4 == 0:
            built.add(
                row(OUT, address_peer(f"198.51.{number % 3}.{number % 250}"), 443, standing=Standing.OUT)
            )
    return built.add(row(OUT, deployment("backend"))).review()


def service_with_owners() -> Review:
    """Return a Service in front of two Deployments, one of which calls the other and itself."""
    ref = WorkloadRef("Service", "shop", "web")
    blue, green = (
        WorkloadRef("Deployment", "shop", "web-blue"),
        WorkloadRef("Deployment", "shop", "web-green"),
    )
    built = Builder(ref, (("app", "web"),), (blue, green))
    return built.add(
        row(IN, owner_peer(blue)), row(OUT, owner_peer(green)), row(OUT, deployment("cart"))
    ).review()


def silent() -> Review:
    """Return a workload that answers nobody and calls one peer."""
    built = Builder()
    built.notes[IN] = "nothing seen in 3 h 10 min: all ingress will be refused"
    return built.add(row(OUT, deployment("payment"))).review()
