"""What the timeout of an entry tells of when its last packet passed, by what the kernel sets."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from netsec_tui.sources.conntrack.entry import Entry
from netsec_tui.sources.conntrack.known import MEMORY, OPEN

_TCP, _UDP, _SCTP = 6, 17, 132

_NEAR = 120
"""Seconds by which the longest timeout is below the default that it is taken for, at most, and a fifth."""

_DEFAULTS = {
    (_TCP, OPEN): (86_400, 432_000),
    (_SCTP, OPEN): (210, 432_000),
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

ESTABLISHED and CLOSE_WAIT of TCP have kube-proxy's too (conntrack.tcpEstablishedTimeout and
tcpCloseWaitTimeout), ESTABLISHED of SCTP that of older kernels. All are sysctls that may be changed.
"""

_UDP_ASKED, _UDP_ANSWERED = (30,), (120, 180)
"""Of UDP without an answer, and of a stream by newer and older kernels (nf_conntrack_proto_udp.c).

An answer that came at once makes no stream yet.
"""

_UNACKNOWLEDGED = 300
"""The timeout at most while data waits to be acknowledged (nf_conntrack_tcp_timeout_unacknowledged).

It does so for moments: what is less by more than ``_EVEN`` may as well have run down from what is set.
"""

_EVEN = 2
"""Seconds that are no idleness: timeouts are whole, and readings take time."""

_STEP = 10
"""Doubts are rounded up to as many seconds: addresses are kept apart by them."""

_AGREEING = 3
"""Pairs of addresses whose open connections show together what the timeout is set to.

They have no address in common: all that one pod has left behind is idle since one moment.
"""

_BEYOND = 30
"""Seconds by which what is set may be beyond what several show to within ``_STEP``."""

Kind = tuple[int, str, bool | None]
"""Protocol's number, state and whether there was an answer: what a timeout is set by."""


class Idle(NamedTuple):
    """Hold for how many ``seconds`` no packet has passed; by ``doubt`` of them it may be fewer.

    A doubt of 0 means that nothing was taken from a timeout.
    """

    seconds: float = 0.0
    doubt: float = 0.0


class Timeouts(NamedTuple):
    """Hold the ``longest`` timeout of each kind that a table shows, in seconds: it is set to no less.

    Of ``agreed`` kinds it is set to hardly more.
    """

    longest: Mapping[Kind, int]
    agreed: Collection[Kind] = ()


def timeouts_of(entries: Collection[Entry]) -> Timeouts:
    """Return what a table shows of how timeouts are set, which none says."""
    longest: dict[Kind, int] = {}
    for entry in entries:
        kind = _kind(entry)
        if entry.timeout > longest.get(kind, 0):
            longest[kind] = entry.timeout
    return Timeouts(longest, _agreed(entries, longest))


def _agreed(entries: Iterable[Entry], longest: Mapping[Kind, int]) -> set[Kind]:
    """Return the kinds of open connections of which several have had a packet just now, as it seems."""
    pairs: dict[Kind, set[frozenset[str]]] = {}
    for entry in entries:
        kind = _kind(entry)
        if entry.state == OPEN and entry.timeout >= longest.get(kind, 0) - _STEP:
            pairs.setdefault(kind, set()).add(frozenset((entry.key[1], entry.key[5])))
    return {
        kind
        for kind, found in pairs.items()
        if len(found) >= _AGREEING and not frozenset.intersection(*found)
        if kind[0] != _TCP or longest[kind] > _UNACKNOWLEDGED
    }


def _kind(entry: Entry) -> Kind:
    return entry.key[0], entry.state, entry.answered


def idle(entry: Entry, shown: Timeouts) -> Idle:
    """Return for how long at most no packet has passed, by the defaults or by what a table has ``shown``.

    Nothing tells it where the network card or the flow table has taken a connection over: it counts as used.
    """
    number, left = entry.key[0], entry.timeout
    if left < 0:
        taken_over = not entry.state and entry.answered is not None
        most = 0 if taken_over else _configured(entry, 0)
        return Idle(most, most)
    seen = max(left, shown.longest.get(_kind(entry), 0))
    most = _configured(entry, seen, agreed=_kind(entry) in shown.agreed)
    if (number, entry.state) == (_TCP, OPEN) and _UNACKNOWLEDGED - _EVEN <= left <= _UNACKNOWLEDGED < most:
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
        return idle(entry, Timeouts({}))
    longest = max(_defaults(entry), default=MEMORY)
    return Idle(longest, longest)


def _configured(entry: Entry, seen: int, *, agreed: bool = False) -> int:
    """Return what the timeout is set to at most, where ``seen`` is the longest that is seen of its kind.

    It is the default that is hardly more, else what several have ``agreed`` on, else the longest default.
    Those of UDP are too close to each other to matter: what they leave open is as short as pods are told
    apart by.
    """
    higher = [most for most in _defaults(entry) if most >= seen]
    if entry.key[0] == _UDP:
        return next(iter(higher), seen)
    near = (most for most in higher if most - seen <= min(_NEAR, most // 5))
    return next(near, seen + _BEYOND if agreed else max(higher, default=seen))


def _defaults(entry: Entry) -> tuple[int, ...]:
    number = entry.key[0]
    if number == _UDP:
        return _UDP_ASKED if entry.answered is False else _UDP_ANSWERED
    return _DEFAULTS.get((number, entry.state), ())
