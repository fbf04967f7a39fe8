"""What the timeout of an entry tells of when its last packet passed, by what the kernel sets."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from netsec_tui.sources.conntrack.entry import Entry
from netsec_tui.sources.conntrack.known import MEMORY, OPEN

_TCP, _UDP, _SCTP = 6, 17, 132

_OPEN_DEFAULTS = (86_400, 432_000)
"""What nf_conntrack_tcp_timeout_established is by kube-proxy's and by the kernel's default."""

_NEAR = 120
"""Seconds by which the longest timeout of an open connection is below the one that is set, at most."""

_DEFAULTS = {
    (_TCP, "SYN_SENT"): (120,),
    (_TCP, "SYN_SENT2"): (120,),
    (_TCP, "SYN_RECV"): (60,),
    (_TCP, "FIN_WAIT"): (120,),
    (_TCP, "CLOSE_WAIT"): (60, 3600),
    (_TCP, "LAST_ACK"): (30,),
    (_TCP, "TIME_WAIT"): (120,),
    (_TCP, "CLOSE"): (10,),
    (_SCTP, "CLOSED"): (10,),
    (_SCTP, "COOKIE_WAIT"): (3,),
    (_SCTP, "COOKIE_ECHOED"): (3,),
    (_SCTP, "SHUTDOWN_SENT"): (3,),
    (_SCTP, "SHUTDOWN_RECD"): (3,),
    (_SCTP, "SHUTDOWN_ACK_SENT"): (3,),
    (_SCTP, "HEARTBEAT_SENT"): (30,),
    (_SCTP, "DATA_SENT"): (30,),
    (1, ""): (30,),
    (58, ""): (30,),
}
"""Seconds that the kernel sets after a packet by protocol and state, ascending (nf_conntrack_proto_*.c).

CLOSE_WAIT has kube-proxy's too (conntrack.tcpCloseWaitTimeout). All of them are sysctls that may be changed.
"""

_UDP_ASKED, _UDP_ANSWERED = (30,), (120, 180)
"""Of UDP without an answer, and of a stream by newer and older kernels (nf_conntrack_proto_udp.c).

An answer that came at once makes no stream yet.
"""

_UNACKNOWLEDGED = 300
"""The timeout at most while data waits to be acknowledged (nf_conntrack_tcp_timeout_unacknowledged)."""

_EVEN = 2
"""Seconds that are no idleness: timeouts are whole, and readings take time."""

_STEP = 10
"""Doubts are rounded up to as many seconds: addresses are kept apart by them."""

Kind = tuple[int, str, bool | None]
"""Protocol's number, state and whether there was an answer: what a timeout is set by."""


class Idle(NamedTuple):
    """Hold for how many ``seconds`` no packet has passed; by ``doubt`` of them it may be fewer.

    A doubt of 0 means that nothing was taken from a timeout.
    """

    seconds: float = 0.0
    doubt: float = 0.0


def longest_timeouts(entries: Iterable[Entry]) -> dict[Kind, int]:
    """Map kinds to the longest timeout in seconds that is seen: no table says how it is set, but no lower."""
    longest: dict[Kind, int] = {}
    for entry in entries:
        kind = entry.key[0], entry.state, entry.answered
        if entry.timeout > longest.get(kind, 0):
            longest[kind] = entry.timeout
    return longest


def idle(entry: Entry, longest: dict[Kind, int]) -> Idle:
    """Return since when no packet has passed, by the defaults as far as the longest timeouts allow for them.

    Nothing tells it where the network card or the flow table has taken an open connection over.
    """
    number, left = entry.key[0], entry.timeout
    if left < 0:
        known = entry.state == OPEN or (entry.answered is not None and not entry.state)
        longest_ago = () if known else _defaults(entry)[:1]
        return Idle(*longest_ago, *longest_ago)
    seen = max(left, longest.get((number, entry.state, entry.answered), 0))
    most = _configured(entry, seen)
    if entry.state == OPEN and left <= _UNACKNOWLEDGED < most:
        most = seen = _UNACKNOWLEDGED
    if number == _UDP and entry.answered is not False and left <= _UDP_ASKED[0]:
        seen = min(seen, _UDP_ASKED[0])
    if most - left <= _EVEN:
        return Idle(most - left)
    return Idle(most - left, _STEP * max(1, math.ceil((most - seen) / _STEP)))


def ended(entry: Entry) -> Idle:
    """Return since when no packet has passed of an entry that is removed now, mostly as its timeout ran out.

    Older kernels tell neither what is left of it nor the state (ctnetlink_conntrack_event).
    """
    if entry.timeout > 0:
        return idle(entry, {})
    longest = max(_defaults(entry), default=MEMORY)
    return Idle(longest, longest)


def _configured(entry: Entry, seen: int) -> int:
    if entry.state == OPEN:
        return next((most for most in _OPEN_DEFAULTS if most - _NEAR <= seen <= most), seen)
    return next((most for most in _defaults(entry) if most >= seen), seen)


def _defaults(entry: Entry) -> tuple[int, ...]:
    number = entry.key[0]
    if number == _UDP:
        return _UDP_ASKED if entry.answered is False else _UDP_ANSWERED
    return _DEFAULTS.get((number, entry.state), ())
