"""What editing a configuration shows: notes on entries and ranges, and the effect of other label filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from netsec_tui.model.config import Config, LabelConfig, RangeKind
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.policy import LabelSelector

NAMESPACE = "Namespace"
"""The kind by which a namespace stands among owners and Services."""


class Checked(NamedTuple):
    """Hold a value as it is kept; ``note`` is one sentence when that is not as it was written, else empty."""

    value: str
    note: str = ""


class Edited(NamedTuple):
    """Hold a configuration after an edit, and what the person should know of it, a sentence each."""

    config: Config
    notes: tuple[str, ...] = ()


class Reread(NamedTuple):
    """Hold what a file says by now, what unsaved edits make of it, and a sentence for each conflict.

    Where somebody else has edited the same thing, the edit gives way.
    """

    stands: Config
    edited: Config
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Say one thing about an alias, or about one entry of it when ``entry`` is not empty.

    A ``problem`` is for the person to settle; the others only inform.
    """

    alias: str
    text: str
    entry: str = ""
    problem: bool = False


@dataclass(frozen=True, slots=True)
class RangeLine:
    """Hold one pod or service range, entered by hand or discovered; ``family`` is 4 or 6.

    ``origin`` says where it comes from, empty when by hand. ``note`` is one sentence: why it is not in
    force, or what does not fit; empty when there is nothing to say. A ``problem`` is for the person to
    settle.
    """

    kind: RangeKind
    family: int
    cidr: str
    origin: str = ""
    by_hand: bool = False
    in_force: bool = True
    note: str = ""
    problem: bool = False


@dataclass(frozen=True, slots=True)
class SelectorChange:
    """Hold how one selector changes; ``before`` and ``after`` are None where nothing can be selected.

    ``ref`` is an owner, a Service, or a namespace (kind ``Namespace``, its namespace empty). ``also`` are
    the owners or namespaces that it selects now and did not before, ``no_longer`` those that it did; ``dns``
    marks the cluster DNS. ``why`` says in one sentence why there is no selector, or that it leaves out
    pods of the owner itself, empty when all is well.
    """

    ref: WorkloadRef
    before: LabelSelector | None
    after: LabelSelector | None
    also: tuple[WorkloadRef, ...] = ()
    no_longer: tuple[WorkloadRef, ...] = ()
    why: str = ""
    dns: bool = False

    @property
    def harmful(self) -> bool:
        """Tell whether it selects others than before, nothing any more, or less of the owner itself."""
        return bool(self.also) or self.after is None or bool(self.why)


@dataclass(frozen=True, slots=True)
class LabelEffect:
    """Hold the selectors that other label filters change, harmful ones first, of ``examined`` in all.

    ``idle`` are the patterns that match no label key of the cluster, those of workloads before those of
    namespaces.
    """

    changes: tuple[SelectorChange, ...] = ()
    examined: int = 0
    idle: tuple[str, ...] = ()

    @property
    def harmful(self) -> tuple[SelectorChange, ...]:
        """Return the changes that need to be confirmed."""
        return tuple(change for change in self.changes if change.harmful)


@dataclass(frozen=True, slots=True)
class SuggestedKey:
    """Hold one pattern that is suggested to be excluded from workloads' selectors, and why, in words.

    ``owners`` counts the owners of which a template or live pod has such a key.
    """

    pattern: str
    reason: str
    owners: int = 0


@dataclass(frozen=True, slots=True)
class LabelSuggestion:
    """Hold a suggested label configuration with a reason for each pattern that it adds.

    ``kept`` are patterns that look alike but identify, each with the reason why they stay; ``unused`` are
    keys that look alike and that no selector uses.
    """

    labels: LabelConfig
    keys: tuple[SuggestedKey, ...] = ()
    kept: tuple[SuggestedKey, ...] = ()
    unused: tuple[str, ...] = ()
