"""Aliases of unresolved IPs as lines: entries, width, whether they are allowed, where they were seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netsec_tui.core.cluster.addresses import Ranges, width_text
from netsec_tui.core.configure.alias_notes import alias_width, notes_of
from netsec_tui.core.words import listed
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias
from netsec_tui.model.identity import PeerSort
from netsec_tui.model.review import Review
from netsec_tui.render.setting_lines import Setting, head, rows, sentence
from netsec_tui.render.spans import Line, Role, SettingTarget

ALIASES = "aliases"
"""The group, as the keys of the configuration name it."""

_ENTRIES = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """Count what one alias stands for in the tables of the chosen workload."""

    rows: int = 0
    connections: int = 0


def seen_of(review: Review | None) -> dict[str, Seen]:
    """Return by alias how many rows it has in both tables, and how many connections they count."""
    found: dict[str, Seen] = {}
    for row in (*review.ingress.rows, *review.egress.rows) if review else ():
        peer = row.communication.peer
        if peer.sort is PeerSort.ALIAS:
            counts, before = row.communication.counts, found.get(peer.name, Seen())
            found[peer.name] = Seen(before.rows + 1, before.connections + sum(counts.verdicts))
    return found


def alias_lines(config: Config, ranges: Ranges, seen: Mapping[str, Seen], width: int) -> list[Line]:
    """Return the aliases and, below, what there is to say of their entries: problems first."""
    known = config.aliases
    lines = [head("Aliases of unresolved IPs", "in force cluster-wide, both directions", width, ALIASES)]
    if not known:
        return lines + sentence("There is none: add one here, or name an unresolved IP in a table.", width)
    lines += rows([_alias(alias, ranges, seen.get(alias.name, Seen())) for alias in known], width)
    of_entries = (note for note in notes_of(config, ranges) if note.entry)
    told = sorted(of_entries, key=lambda note: not note.problem)
    if told:
        lines += [Line(), head("Notes", "", width)]
    for note in told:
        role = Role.WARNING if note.problem else Role.DIM
        lines += sentence(f"{'! ' if note.problem else ''}{note.alias}: {note.text}", width, role)
    return lines


def _alias(alias: Alias, ranges: Ranges, seen: Seen) -> Setting:
    rows_seen = (
        f"{seen.rows} row{'s' if seen.rows != 1 else ''}, {seen.connections:,} seen" if seen.rows else ""
    )
    cells = (
        (alias.name, Role.PLAIN),
        ("[x] allowed" if alias.allowed else "[ ] allowed", Role.PLAIN if alias.allowed else Role.DIM),
        (width_text(alias_width(alias, ranges)), Role.DIM),
        (rows_seen, Role.DIM),
        (listed(alias.entries, _ENTRIES), Role.STRING),
    )
    return Setting(SettingTarget(ALIASES, alias.name), cells)
