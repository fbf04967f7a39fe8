"""What a session is started with, and what it offers to choose from."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsec_tui.model.config import Config
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.timespan import TIMESPANS, Timespan


@dataclass(frozen=True, slots=True)
class Options:
    """Hold what flags decide for the whole session.

    ``two_objects`` writes the directions as two policies; ``config`` is the configuration at the start, that
    of the file and what flags lay over it. ``locked`` is one sentence why the configuration must not be
    edited, empty when it may.
    """

    cluster: str = ""
    live: bool = False
    two_objects: bool = False
    config: Config = field(default_factory=Config)
    locked: str = ""
    timespan: Timespan = TIMESPANS[-1]


@dataclass(frozen=True, slots=True)
class WorkloadChoice:
    """Hold one line of the owner picker: a workload with recorded communications."""

    ref: WorkloadRef
    ingress: int
    egress: int
    host_network: bool = False
