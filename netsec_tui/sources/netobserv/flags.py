"""Who opened the connection, as one record of NetObserv proves it: TCP flags, DNS, ICMP, Services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsec_tui.model.flow import Protocol
from netsec_tui.sources.fields import count, whole

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
SYN_ACK, FIN_ACK, RST_ACK = 0x100, 0x200, 0x400
"""The agent sets these for packets that have both, and not the two single ones (flows-format.adoc)."""

_BY_NAME = {
    "FIN": FIN, "SYN": SYN, "RST": RST, "PSH": PSH, "ACK": ACK,
    "SYN_ACK": SYN_ACK, "FIN_ACK": FIN_ACK, "RST_ACK": RST_ACK,
}  # fmt: skip
_DNS_RESPONSE = 0x8000
_ICMP_REQUESTS, _ICMP_REPLIES = frozenset({8, 128}), frozenset({0, 129})
"""Echo and echo reply of ICMP (RFC 792) and of ICMPv6 (RFC 4443)."""


def flags_of(fields: Mapping[str, Any]) -> int:
    """Return the TCP flags of all packets of a record, joined by or; newer pipelines write their names."""
    raw = fields.get("Flags")
    if type(raw) is list:
        flags = 0
        for name in raw:
            flags |= _BY_NAME.get(name, 0) if type(name) is str else 0
        return flags
    return count(raw)


def _tells_pairs(flags: int) -> bool:
    """Tell whether the agent that made a record is known to tell SYN+ACK from SYN and ACK.

    Only the record itself shows it: an agent's records of before its upgrade have the same address, and the
    pipeline writes the names of flags whichever agent they are of.
    """
    return flags >= SYN_ACK


def is_reply(fields: Mapping[str, Any], protocol: Protocol, flags: int) -> bool | None:
    """Tell whether the source of a record answers, None when the record does not prove it.

    A Service never opens a connection, nor does an address that its answers are translated to. The flags are
    those of all packets of the record: where the agent may be one that does not tell SYN+ACK apart,
    SYN and ACK together are either the client's handshake or the server's.
    """
    if fields.get("SrcK8S_Type") == "Service" or fields.get("XlatSrcK8S_Type") == "Service":
        return True
    if fields.get("DstK8S_Type") == "Service":
        return False
    if protocol is Protocol.TCP:
        return _by_handshake(flags)
    if protocol is Protocol.ICMP:
        kind = whole(fields.get("IcmpType"))
        return False if kind in _ICMP_REQUESTS else True if kind in _ICMP_REPLIES else None
    if "DnsFlags" in fields and whole(fields.get("DnsId")):
        return bool(count(fields["DnsFlags"]) & _DNS_RESPONSE)
    return None


def _by_handshake(flags: int) -> bool | None:
    syn, answered = bool(flags & SYN), bool(flags & SYN_ACK)
    if syn == answered:  # neither, or a port used for two connections at once
        return None
    if answered:
        return True
    return None if flags & ACK and not _tells_pairs(flags) else False


def is_refusal(flags: int) -> bool:
    """Tell whether an answer is nothing but a reset, as far as is known: RST and ACK may be one packet."""
    went_on = FIN | PSH | SYN | SYN_ACK | FIN_ACK | (ACK if _tells_pairs(flags) else 0)
    return bool(flags & (RST | RST_ACK)) and not flags & went_on
