"""Merge the edits of two sides to one configuration, item by item."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias

Values = tuple[str, ...]
Aliases = tuple[Alias, ...]


def merged(base: Config, mine: Config, theirs: Config) -> tuple[Config, tuple[str, ...]]:
    """Return what two sides made of ``base``, and one sentence for each true conflict between them.

    Each pattern, range, entry and flag is an item of its own: what one side alone changed counts. In a
    conflict nothing that a side has is dropped, an alias is not allowed rather than allowed, and an entry
    stays in the alias that ``theirs`` has it in.
    """
    aliases, conflicts = _aliases(base, mine, theirs)
    config = Config(
        LabelConfig(
            _filter(base.labels.workload, mine.labels.workload, theirs.labels.workload),
            _filter(base.labels.namespace, mine.labels.namespace, theirs.labels.namespace),
        ),
        aliases,
        _as_set(base.pod_cidrs, mine.pod_cidrs, theirs.pod_cidrs),
        _as_set(base.service_cidrs, mine.service_cidrs, theirs.service_cidrs),
        _as_list(base.control_plane_pods, mine.control_plane_pods, theirs.control_plane_pods),
    )
    return config, conflicts


def _filter(base: LabelFilter, mine: LabelFilter, theirs: LabelFilter) -> LabelFilter:
    return LabelFilter(
        _as_list(base.include, mine.include, theirs.include),
        _as_list(base.exclude, mine.exclude, theirs.exclude),
    )


def _as_list(base: Values, mine: Values, theirs: Values) -> Values:
    """Merge a list; its order means nothing, so where both sides changed it, additions are sorted."""
    if mine == theirs or theirs == base:
        return mine
    if mine == base:
        return theirs
    kept = tuple(item for item in base if item in mine and item in theirs)
    return (*kept, *sorted({*mine, *theirs} - {*base}))


def _as_set(base: Values, mine: Values, theirs: Values) -> Values:
    return tuple(sorted(_as_list(base, mine, theirs)))


def _aliases(base: Config, mine: Config, theirs: Config) -> tuple[Aliases, tuple[str, ...]]:
    of_base, of_mine, of_theirs = base.alias_by_name, mine.alias_by_name, theirs.alias_by_name
    found: dict[str, Alias] = {}
    conflicts: list[str] = []
    for name in sorted({*of_base, *of_mine, *of_theirs}):
        alias, conflict = _alias(of_base.get(name), of_mine.get(name), of_theirs.get(name))
        if alias:
            found[name] = alias
        if conflict:
            conflicts.append(conflict)
    return _apart(found, theirs, conflicts)


def _alias(base: Alias | None, mine: Alias | None, theirs: Alias | None) -> tuple[Alias | None, str]:
    if mine == theirs or theirs == base:
        return mine, ""
    if mine == base:
        return theirs, ""
    if mine is None or theirs is None:
        kept = mine or theirs
        assert kept is not None  # both None are equal
        removed, changed = ("here", "elsewhere") if mine is None else ("elsewhere", "here")
        return kept, f"alias {kept.name!r} was removed {removed} and changed {changed}: it is kept as changed"
    entries = _as_set(base.entries if base else (), mine.entries, theirs.entries)
    if not entries:
        return None, ""
    if mine.allowed == theirs.allowed:
        return replace(mine, entries=entries), ""
    if base:
        return replace(mine, entries=entries, allowed=not base.allowed), ""
    here, there = _ticked(mine), _ticked(theirs)
    conflict = f"alias {mine.name!r} was created {here} here and {there} elsewhere: it is not allowed"
    return replace(mine, entries=entries, allowed=False), conflict


def _ticked(alias: Alias) -> str:
    return "as allowed" if alias.allowed else "as not allowed"


def _apart(
    found: dict[str, Alias], theirs: Config, conflicts: Iterable[str]
) -> tuple[Aliases, tuple[str, ...]]:
    """Leave each entry in one alias only: two sides may have put it into different ones."""
    at = {entry: alias.name for alias in theirs.aliases for entry in alias.entries}
    holders: dict[str, list[str]] = {}
    for alias in found.values():
        for entry in alias.entries:
            holders.setdefault(entry, []).append(alias.name)
    sentences = list(conflicts)
    for entry, names in sorted(holders.items()):
        if len(names) == 1:
            continue
        stays = at.get(entry, names[0])
        for name in (name for name in names if name != stays):
            rest = tuple(other for other in found[name].entries if other != entry)
            found[name] = replace(found[name], entries=rest)
            sentences.append(
                f"{entry} is in alias {name!r} here and in {stays!r} elsewhere: it stays in {stays!r}"
            )
    return tuple(alias for _, alias in sorted(found.items()) if alias.entries), tuple(sentences)
