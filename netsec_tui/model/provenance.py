"""Where the rules of a generated policy come from: rows, manual rules, general rules, with their flows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from netsec_tui.model.communication import Counts
from netsec_tui.model.identity import Direction
from netsec_tui.model.review import Inclusion, Row


class RulePlace(NamedTuple):
    """Point into the generated policies: at a direction, a rule of it, or a peer or port of that rule.

    All numbers are indexes from 0, ``policy`` one into ``Review.policies``; None means the whole.
    """

    policy: int
    direction: Direction
    rule: int | None = None
    peer: int | None = None
    port: int | None = None


@dataclass(frozen=True)
class Origins:
    """Hold what stands behind a place of the generated policy.

    ``inclusions`` are what it was made of, ``rows`` those of them that rows bring. ``covered`` are rows that
    bring nothing of their own, but that this place lets through. ``name`` is the policy's.
    """

    place: RulePlace
    name: str
    inclusions: tuple[Inclusion, ...] = ()
    rows: tuple[Row, ...] = ()
    covered: tuple[Row, ...] = ()

    @property
    def decisions(self) -> tuple[str, ...]:
        """Return the manual rules and general rules behind the place."""
        return tuple(dict.fromkeys(one.origin for one in self.inclusions if one.key is None))

    @cached_property
    def counts(self) -> Counts:
        """Return the flows of the rows behind the place, summed."""
        return summed(self.rows)


@dataclass(frozen=True, slots=True)
class RowRules:
    """Hold the rules that let a row through.

    ``rules`` are the rules, in the order of the policy, ``lines`` their peers and ports that concern the
    row. ``own`` tells whether the row brought them; else other inclusions did. Without any, ``reason`` says
    why.
    """

    rules: tuple[RulePlace, ...] = ()
    lines: tuple[RulePlace, ...] = ()
    own: bool = False
    reason: str = ""


def summed(rows: Iterable[Row]) -> Counts:
    """Return the flows of some rows together."""
    return sum((row.communication.counts for row in rows), Counts())
