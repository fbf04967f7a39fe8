"""The one small contract between a source and the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.observed import Observed

KubeObject = Mapping[str, Any]
"""A Kubernetes object as decoded JSON, stripped to the fields that the product needs."""


@dataclass(frozen=True, slots=True)
class FlowsRead:
    """Carry flows and gaps in the order in which they were read.

    ``recording`` names the file that tells them, empty for a live source. What one recording tells, for
    instance answers, another of the same kind need not. ``teller`` names the live source, whoever runs it
    puts that in: two of one kind may tell the same flows.
    """

    flows: tuple[Flow | Gap, ...]
    recording: str = ""
    teller: str = ""


@dataclass(frozen=True, slots=True)
class ObjectsRead:
    """Carry all Kubernetes objects of one source; replaces what that source said before.

    ``problems`` are sentences about what could not be read; everything else is kept. ``range_problems`` are
    those that matter only when the cluster's ranges turn out to be incomplete.
    """

    source: str
    objects: tuple[KubeObject, ...]
    problems: tuple[str, ...] = ()
    range_problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Tell how a source is doing; ``skipped`` counts lines or documents that could not be read.

    ``error`` is one sentence, empty when all is well; ``ended`` means that no more will come, ``read`` that
    everything there was has come, while changes to it still may. ``synthetic`` counts flows that nobody
    observed. ``observed`` says how well a source of flows has watched, None for what tells none;
    ``recorded`` what a recording says so of the sources that it was made from. ``read_to`` is until when all
    that there was has been read, 0.0 for a source that hears at once of what there is; from ``due`` on what
    came after it is overdue. Both are in epoch seconds.
    """

    source: str
    live: bool
    detail: str = ""
    skipped: int = 0
    error: str = ""
    ended: bool = False
    read: bool = False
    synthetic: int = 0
    observed: Observed | None = None
    recorded: tuple[Observed, ...] = ()
    read_to: float = 0.0
    due: float = 0.0

    @property
    def settled(self) -> bool:
        """Tell whether there is nothing to wait for."""
        return self.ended or self.read

    @property
    def behind(self) -> bool:
        """Tell whether it is still being read what there was before."""
        return bool(self.read_to) and not (self.due or self.ended or self.error)


def observed_by(statuses: Iterable[SourceStatus]) -> tuple[Observed, ...]:
    """Return what sources say of how they have watched, recorded or not."""
    told = ((status.observed, *status.recorded) for status in statuses)
    return tuple(one for several in told for one in several if one is not None)


Message = FlowsRead | ObjectsRead | SourceStatus
Emit = Callable[[Message], None]


class Source(Protocol):
    """Deliver flows, objects or both; both methods block and are called in a thread of their own."""

    name: str
    live: bool

    def read(self, emit: Emit) -> None:
        """Emit everything there is now and return.

        Raises:
            NetsecError: nothing at all could be read.
        """

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Emit everything there is now and go on until the end or until ``stop`` is set.

        Trouble after the first success is told as a SourceStatus with ``error`` and tried again.
        A status may be emitted again and again; who runs the source leaves out those that say nothing new.
        """
