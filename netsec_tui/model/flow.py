"""One observed record of traffic, as a flow source tells it, before anything is resolved."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

EPHEMERAL = 32768
"""Linux hands out client ports from here on (net.ipv4.ip_local_port_range)."""


class Protocol(StrEnum):
    """Name a transport protocol; only TCP, UDP and SCTP can stand in a NetworkPolicy."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"
    OTHER = "OTHER"

    @property
    def expressible(self) -> bool:
        """Tell whether a NetworkPolicy port can name this protocol (NetworkPolicyPort.protocol)."""
        return self in _EXPRESSIBLE


_EXPRESSIBLE = frozenset({Protocol.TCP, Protocol.UDP, Protocol.SCTP})


class Verdict(IntEnum):
    """Say what the dataplane did with a flow; the numbers are Hubble's (flow.proto, Verdict)."""

    UNKNOWN = 0
    FORWARDED = 1
    DROPPED = 2
    ERROR = 3
    AUDIT = 4
    REDIRECTED = 5
    TRACED = 6
    TRANSLATED = 7

    @property
    def allowed(self) -> bool:
        """Tell whether the packet went on; REDIRECTED went on through a proxy."""
        return self in (Verdict.FORWARDED, Verdict.REDIRECTED)

    @property
    def denied(self) -> bool:
        """Tell whether the packet was refused; AUDIT would be, were the policy enforced."""
        return self in (Verdict.DROPPED, Verdict.AUDIT)

    @property
    def stopped(self) -> bool:
        """Tell whether the packet went no further, or would not: as an answer it shows nothing.

        ERROR is dropped for a reason that is nobody's refusal.
        """
        return self.denied or self is Verdict.ERROR


class Reserved(StrEnum):
    """Name what a source knows of an endpoint that is no pod (Cilium's reserved identities, Calico's types).

    An endpoint without an address that is WORLD, PRIVATE_NETWORK or NETWORK_SET (a NetworkSet of Calico, with
    its name in ``Endpoint.names``) is somebody there: which address that is was not told. A NETWORK_SET with
    a namespace of its own is the pod of that name where there is one: the source does not tell which it is.
    """

    NONE = ""
    HOST = "host"
    REMOTE_NODE = "remote-node"
    KUBE_APISERVER = "kube-apiserver"
    HEALTH = "health"
    INGRESS = "ingress"
    WORLD = "world"
    PRIVATE_NETWORK = "private-network"
    NETWORK_SET = "network-set"
    OTHER = "other"

    @property
    def is_node(self) -> bool:
        """Tell whether the endpoint is a cluster node itself."""
        return self in (Reserved.HOST, Reserved.REMOTE_NODE)


Labels = tuple[tuple[str, str], ...]
"""Label pairs sorted by key: hashable, unlike a dict."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Hold one end of a flow with everything the source told of it.

    An empty string or tuple means "not told", never "none". ``labels`` are pod labels only: what a CNI
    adds (``io.cilium.*``, ``io.kubernetes.pod.namespace``) has been removed by the decoder, the latter
    after filling ``namespace``. ``workloads`` are (kind, name) pairs of the pod's owners. A ``pod`` that ends
    in ``-*`` stands for all pods that share what comes before (their generateName); ``labels`` are then those
    that all of them have. ``names`` are DNS names, of a node without an address the node's.
    ``doubt`` are the seconds by which it may have been later than flows say: whose the address was is only
    known where it was one pod's all that while.
    """

    ip: str = ""
    namespace: str = ""
    pod: str = ""
    labels: Labels = ()
    workloads: tuple[tuple[str, str], ...] = ()
    reserved: Reserved = Reserved.NONE
    names: tuple[str, ...] = ()
    doubt: float = 0.0


@dataclass(frozen=True, slots=True)
class Flow:
    """Hold one observed record; ``source`` sent the packet, which may be an answer.

    ``time`` is seconds since the epoch (UTC). ``is_reply`` is tri-state: None means the source did not
    say. ``proven`` tells whether ``is_reply`` rests on connection tracking rather than on a guess.
    ``syn``/``ack``/``rst`` are the TCP flags. ``service`` is (namespace, name) of the Service that the
    source saw dialled, ``service_port`` its port where that is not the one of the server's end, else 0.
    ``count`` is the number of events the record stands for, 0 for one that only proves the direction of what
    was told before. ``node`` reported it.
    ``synthetic`` records were made up and added to what was observed. ``origin`` names the kind of source
    that observed it ("hubble", "conntrack"), empty when that is not known: several may see one connection.
    ``arrived`` tells that both sides let the packet through, by the word of the destination's; the one that
    it left may not say so. On a REDIRECTED request it tells that the proxy is at the destination, on an
    answer that it is known to come from the server, not from a proxy at the client. It is false where nobody
    tells.
    """

    time: float
    source: Endpoint
    destination: Endpoint
    protocol: Protocol
    source_port: int = 0
    destination_port: int = 0
    verdict: Verdict = Verdict.UNKNOWN
    is_reply: bool | None = None
    proven: bool = True
    syn: bool = False
    ack: bool = False
    rst: bool = False
    service: tuple[str, str] | None = None
    node: str = ""
    count: int = 1
    synthetic: bool = False
    origin: str = ""
    arrived: bool = False
    service_port: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Report what a source could not deliver: lost events, an unreadable line, a node out of reach.

    ``lost`` counts events or lines; ``reason`` is one sentence for a person. ``origin`` is as in ``Flow``,
    empty where no other source may tell of the same. What was lost lies between ``time`` and ``until``, both
    in epoch seconds; ``until`` is 0.0 where only a moment is known, ``time`` where nothing is.
    """

    time: float
    lost: int
    reason: str
    node: str = ""
    origin: str = ""
    until: float = 0.0

    @property
    def last(self) -> float:
        """Return the last time at which something may have been lost."""
        return max(self.time, self.until)
