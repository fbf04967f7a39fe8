"""A packet that is refused counts once, though Cilium reports it twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from netsec_tui.model.flow import Endpoint, Flow
from netsec_tui.sources.recent import Recent

DROP, POLICY_VERDICT = 1, 5
"""Types of events (cilium, pkg/monitor/api, MessageTypeDrop and MessageTypePolicyVerdict)."""

TOGETHER_SECONDS = 0.5
"""How far apart the two reports of a packet may be. They leave the kernel by one buffer, one after the other,
and the agent stamps them as it reads them; a SYN is sent again after a second."""

_REMEMBERED = 10_000

_Key = tuple[Any, ...]
_Place = tuple[_Key, int]
"""Whose packets, and in which part of time, as long as two reports may be apart."""


class _Open(NamedTuple):
    """Hold what waits for its other half: verdicts where ``balance`` is above zero, drops below."""

    time: float
    balance: int


class Refusals:
    """Know which refused packets were told by one of their two reports, in bounded memory.

    The datapath reports the verdict of the policy and then the drop (cilium, bpf/lib/policy_log.h and
    drop.h). Whichever comes first counts and the other of the same node, ends and protocol does not, as many
    times as there are halves: several datagrams of one socket may be refused at once. Where one is switched
    off or was lost the other counts; so does a drop of which no policy gave a verdict. What a policy only
    audits is a verdict alone.
    """

    def __init__(self) -> None:
        self._open: Recent[_Place, _Open] = Recent(_REMEMBERED)

    def once(self, flow: Flow, event: object) -> Flow | None:
        """Return a flow that went no further with the packets that are news, None if none is.

        ``event`` is its type.
        """
        kind = event.get("type") if isinstance(event, Mapping) else None
        if kind not in (DROP, POLICY_VERDICT):
            return flow
        sign = 1 if kind == POLICY_VERDICT else -1
        key, slot, left = _key(flow), int(flow.time // TOGETHER_SECONDS), flow.count
        for place, other in self._near(key, slot, flow.time):
            halves = min(left, max(0, -sign * other.balance))
            if halves:
                self._open.put(place, _Open(other.time, other.balance + sign * halves))
                left -= halves
        if not left:
            return None
        own = self._open.get((key, slot))
        self._open.put((key, slot), _Open(flow.time, (own.balance if own else 0) + sign * left))
        return flow if left == flow.count else replace(flow, count=left)

    def _near(self, key: _Key, slot: int, time: float) -> list[tuple[_Place, _Open]]:
        """Return what was told together with a packet, the nearest first: reports come in any order."""
        places = ((key, near) for near in (slot - 1, slot, slot + 1))
        found = [(place, told) for place in places if (told := self._open.get(place))]
        near = [one for one in found if abs(one[1].time - time) <= TOGETHER_SECONDS]
        return sorted(near, key=lambda one: abs(one[1].time - time))


def _key(flow: Flow) -> _Key:
    ends = (*_name(flow.source), flow.source_port, *_name(flow.destination), flow.destination_port)
    return (flow.node, flow.verdict, flow.protocol, *ends)


def _name(end: Endpoint) -> tuple[str, str, str]:
    return (end.ip, "", "") if end.ip else ("", end.namespace, end.pod)
