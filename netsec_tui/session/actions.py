"""Everything that can be done to a session, as data: keys, mouse, flags and tests use the same actions."""

from __future__ import annotations

from dataclasses import dataclass

from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias, GeneralRule, ManualRule
from netsec_tui.model.identity import CommunicationKey, Direction, WorkloadRef
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.model.timespan import Timespan


@dataclass(frozen=True, slots=True)
class ChooseWorkload:
    """Look at another workload; decisions made for the one before are kept."""

    ref: WorkloadRef


@dataclass(frozen=True, slots=True)
class ChooseTimespan:
    """Look at another window."""

    timespan: Timespan


@dataclass(frozen=True, slots=True)
class SetTicks:
    """Tick or untick rows; rows that are not tickable stay as they are."""

    keys: tuple[CommunicationKey, ...]
    ticked: bool


@dataclass(frozen=True, slots=True)
class SetGeneralRule:
    """Choose the general rule of a direction."""

    direction: Direction
    rule: GeneralRule


@dataclass(frozen=True, slots=True)
class AddManualRule:
    """Add a CIDR rule; raises BadInputError when ``Session.check_manual`` refuses it."""

    rule: ManualRule


@dataclass(frozen=True, slots=True)
class RemoveManualRule:
    """Remove the n-th manual rule of a direction."""

    direction: Direction
    index: int


@dataclass(frozen=True, slots=True)
class SetAlias:
    """Create an alias or replace the one of the same name; ``old`` is its name so far when that changes."""

    alias: Alias
    old: str = ""


@dataclass(frozen=True, slots=True)
class RemoveAlias:
    """Forget an alias; its rows unfold again."""

    name: str


@dataclass(frozen=True, slots=True)
class Configure:
    """Put another configuration in force; nothing is written."""

    config: Config


@dataclass(frozen=True, slots=True)
class ConfigSaved:
    """Take over the configuration as it stands in the file: others may have edited it too.

    ``edited`` is what edits that are not saved make of it, None when there are none.
    """

    config: Config
    edited: Config | None = None


@dataclass(frozen=True, slots=True)
class LoadDecisions:
    """Decide as a file says; raises BadInputError when it is of another workload than the chosen one."""

    saved: SavedDecisions


@dataclass(frozen=True, slots=True)
class DecisionsSaved:
    """Take note that a file holds the decisions: what it knows is not new any more."""

    saved: SavedDecisions


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back the last decision of the workload, or the last change of an alias."""


Action = (
    ChooseWorkload
    | ChooseTimespan
    | SetTicks
    | SetGeneralRule
    | AddManualRule
    | RemoveManualRule
    | SetAlias
    | RemoveAlias
    | Configure
    | ConfigSaved
    | LoadDecisions
    | DecisionsSaved
    | Undo
)
