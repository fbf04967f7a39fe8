"""What all records of NetObserv tell of the nodes that reported, and of how many packets were looked at."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeVar

from netsec_tui.model.timespan import plausible
from netsec_tui.sources.fields import count, text

K = TypeVar("K")


class Reporters:
    """Take note of every record that was read, whether it told anything new or not."""

    def __init__(self) -> None:
        self._largest = 0
        self._told_by_all = True
        self._spans: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, fields: Mapping[str, Any], at: float, node: str) -> None:
        """Take note of a record, of a time in epoch seconds and of its ``reporter``."""
        sampling = count(fields.get("Sampling"))
        self._largest = max(self._largest, sampling)
        self._told_by_all = self._told_by_all and sampling > 0
        if plausible(at, time.time()):
            _widen(self._spans, (text(fields.get("AgentIP")), node), at, at)

    @property
    def sampling(self) -> int:
        """Return of how many packets one was looked at, the largest that a record told; 0 if not known.

        That it was every packet is known only where all records tell it.
        """
        return self._largest if self._largest > 1 or self._told_by_all else 0

    @property
    def nodes(self) -> dict[str, tuple[float, float]]:
        """Return when each node that reported has had its first and its last record, in epoch seconds.

        A node goes by its address where no record of its agent tells the name; it is empty for records that
        tell no agent.
        """
        names = {agent: name for agent, name in self._spans if agent != name}
        found: dict[str, tuple[float, float]] = {}
        for (agent, _), span in self._spans.items():
            _widen(found, names.get(agent, agent), *span)
        return found


def reporter(fields: Mapping[str, Any]) -> str:
    """Return the name of the node whose agent made a record, the agent's address where the record says none.

    It is told by the record alone, so that it does not depend on what was read before.
    """
    agent = text(fields.get("AgentIP"))
    for side in ("Src", "Dst"):
        name = text(fields.get(f"{side}K8S_HostName"))
        if agent and name and fields.get(f"{side}K8S_HostIP") == agent:
            return name
    return agent


def _widen(spans: dict[K, tuple[float, float]], key: K, first: float, last: float) -> None:
    before = spans.get(key, (first, last))
    spans[key] = min(first, before[0]), max(last, before[1])
