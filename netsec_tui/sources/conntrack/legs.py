"""A connection as its client, its server and a policy see it, from an entry of connection tracking."""

from __future__ import annotations

from netsec_tui.sources.conntrack.entry import Key

Leg = tuple[int, str, int, str, int, str]
"""A connection as one of its ends or a policy sees it, which two nodes tell alike.

The protocol's number, the client's address and port, the server's, and the tag of its key.
"""

DIRECT, DIALLED, AS_ARRIVED = 0, 1, 2
"""What a leg shows: client and server, what the client dialled, and as whom the server saw the client."""

_OVN_HOST_ZONES = frozenset(f" zone={number}" for number in range(64000, 64004))
_OVN_HOPS = frozenset(
    f"{net}{last}" for net in ("169.254.169.", "169.254.0.", "fd69::") for last in range(1, 6)
)
"""Zones and addresses by which OVN-Kubernetes leads traffic between a node and its pods.

They stand in its go-controller/pkg/config (ct zones, masquerade subnets); what passes there is in a zone
of the pod too, or of the gateway, with both real ends. The zones of the node show answers as requests.
"""


def is_left_out(key: Key) -> bool:
    """Tell whether an entry is of a node alone: of its loopback, or of OVN-Kubernetes' way to its pods."""
    _, source, _, destination, _, server, _, _, _, zone, _ = key
    if zone and zone in _OVN_HOST_ZONES:
        return True
    if (source in _OVN_HOPS or destination in _OVN_HOPS) and not legs(key):
        return True
    return any(ip.startswith("127.") or ip == "::1" for ip in (source, destination, server))


def is_translated(key: Key) -> bool:
    """Tell whether another address was dialled than the one that answered: what an answer never has.

    A translated source alone proves nothing: an answer to the outside is masqueraded too, once its
    connection is forgotten.
    """
    return key[3] != key[5] or key[4] != key[6]


def direct_leg(key: Key) -> Leg:
    """Return the client and who answered it."""
    return key[0], key[1], key[2], key[5], key[6], key[10]


def turned(leg: Leg) -> Leg:
    """Return a leg the other way round."""
    number, client, client_port, server, port, tag = leg
    return number, server, port, client, client_port, tag


def legs(key: Key, *, mirrored: bool = False) -> list[tuple[int, Leg]]:
    """Return a connection as its client and its server are seen: directly, as dialled, and as it arrives.

    The reply's source is who really answered; what was dialled differs when it was translated (a Service, a
    node port). The reply's destination is whom the server saw: with a translated destination, that
    is the node which masquerades the client; without, the connection leaves the cluster.
    """
    number, client, client_port, dialled, dialled_port, server, port, seen, seen_port, _, tag = key
    if mirrored:  # an answer is translated no more, once its connection is forgotten
        return [(DIRECT, (number, dialled, dialled_port, client, client_port, tag))]
    found = [(DIRECT, (number, client, client_port, server, port, tag))]
    if dialled != server or dialled_port != port:
        found.append((DIALLED, (number, client, client_port, dialled, dialled_port, tag)))
        if seen != client:
            found.append((AS_ARRIVED, (number, seen, seen_port, server, port, tag)))
    if client in _OVN_HOPS or server in _OVN_HOPS or dialled in _OVN_HOPS or seen in _OVN_HOPS:
        return [(what, leg) for what, leg in found if leg[1] not in _OVN_HOPS and leg[3] not in _OVN_HOPS]
    return found
