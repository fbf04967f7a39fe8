"""The decisions of one workload as a file keeps them, and how rows compare with such a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netsec_tui.model.decision import Decisions
from netsec_tui.model.identity import CommunicationKey, WorkloadRef


@dataclass(frozen=True, slots=True)
class SavedDecisions:
    """Hold what was decided for a workload.

    Of each direction ``reviewed`` are all rows known then: those with a tick, set or not, of the general rule
    in force, and those ``held``. ``aliases`` are the entries, canonical and sorted, that the aliases
    of all ticks had, under whatever general rule: the aliases themselves stay in the configuration.
    """

    workload: WorkloadRef
    decisions: Decisions
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """Hold which rows a decisions file did not know, and which ticked ones were not seen or are gone.

    ``not_seen`` may come back; the peer of a row that is ``gone`` is not in the cluster state, or not in the
    configuration. Of the new rows ``ticked`` were decided since, and ``let_through`` are not ticked but pass
    all the same, with what lets them. ``held`` lacked a namespace label, have one now, and are out.
    ``altered`` are ticked, open more by now than when they were, and are out; no other sort has them too.
    """

    new: tuple[CommunicationKey, ...] = ()
    not_seen: tuple[CommunicationKey, ...] = ()
    gone: tuple[CommunicationKey, ...] = ()
    ticked: tuple[CommunicationKey, ...] = ()
    let_through: Mapping[CommunicationKey, str] = field(default_factory=dict)
    held: tuple[CommunicationKey, ...] = ()
    altered: tuple[CommunicationKey, ...] = ()

    @property
    def left_out(self) -> tuple[CommunicationKey, ...]:
        """Return the new rows that are out."""
        return tuple(key for key in self.new if key not in self.let_through and key not in self.ticked)

    def __bool__(self) -> bool:
        return bool(self.new or self.not_seen or self.gone or self.held or self.altered)
