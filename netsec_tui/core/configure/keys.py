"""Read and change a configuration by dotted keys: ``labels.workloads.exclude``, ``aliases.NAME.entries``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from netsec_tui.core.configure.entries import refuse_shared, remove_alias
from netsec_tui.core.configure.values import (
    checked_alias_name,
    checked_entry,
    checked_flag,
    checked_pattern,
    checked_pod_start,
    checked_range,
)
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Checked, Edited
from netsec_tui.model.decision import Alias

_Check = Callable[[str], Checked]


def _plain(check: Callable[[str], str]) -> _Check:
    return lambda text: Checked(check(text))


@dataclass(frozen=True, slots=True)
class _List:
    """Hold where a list stands in a Config and how its values are checked; ranges are kept in order."""

    path: tuple[str, ...]
    check: _Check
    in_order: bool = False


_PATTERN, _START = _plain(checked_pattern), _plain(checked_pod_start)
_LISTS = {
    "labels.workloads.include": _List(("labels", "workload", "include"), _PATTERN),
    "labels.workloads.exclude": _List(("labels", "workload", "exclude"), _PATTERN),
    "labels.namespaces.include": _List(("labels", "namespace", "include"), _PATTERN),
    "labels.namespaces.exclude": _List(("labels", "namespace", "exclude"), _PATTERN),
    "cidrs.pods": _List(("pod_cidrs",), checked_range, in_order=True),
    "cidrs.services": _List(("service_cidrs",), checked_range, in_order=True),
    "discovery.controlPlanePods": _List(("control_plane_pods",), _START),
}
LISTS = tuple(_LISTS)
"""The keys that hold a list, but for those of aliases, in the order of the file."""

_ALIASES = "aliases"
_ENTRIES, _ALLOWED = "entries", "allowed"
_ANY_ALIAS = (f"{_ALIASES}.NAME.{_ENTRIES}", f"{_ALIASES}.NAME.{_ALLOWED}")


def keys(config: Config | None = None) -> tuple[str, ...]:
    """Return all keys; those of aliases for the aliases of a configuration, with NAME without one."""
    of_aliases: tuple[str, ...] = _ANY_ALIAS
    if config:
        names = [alias.name for alias in config.aliases]
        of_aliases = tuple(f"{_ALIASES}.{name}.{field}" for name in names for field in (_ENTRIES, _ALLOWED))
    first, last = list(_LISTS)[:4], list(_LISTS)[4:]
    return (*first, *of_aliases, *last)


def get(config: Config, key: str) -> tuple[str, ...]:
    """Return the values at a key as text; a flag is ("true",) or ("false",).

    Raises:
        BadInputError: there is no such key or alias; the sentence names the nearest.
    """
    if key in _LISTS:
        return _read(config, _LISTS[key].path)
    _refuse_unknown_alias(config, key)
    name, field = _alias_key(config, key)
    alias = _known(config, name)
    return alias.entries if field == _ENTRIES else ("true" if alias.allowed else "false",)


def set_(config: Config, key: str, values: Iterable[str]) -> Edited:
    """Put values in place of those at a key; each value may hold several with commas between.

    Raises:
        BadInputError: there is no such key, or a value cannot be used.
    """
    if key in _LISTS:
        return _put(config, key, _split(values))
    name, field = _alias_key(config, key)
    if field == _ENTRIES:
        return _put_entries(config, name, _split(values))
    given = list(values)
    if len(given) != 1:
        raise BadInputError(f"{key} takes one value, true or false, not {len(given)}")
    changed = replace(_known(config, name), allowed=checked_flag(given[0]))
    return Edited(_with_alias(config, changed))


def add(config: Config, key: str, values: Iterable[str]) -> Edited:
    """Add values to the list at a key; those already there change nothing, an alias is created.

    Raises:
        BadInputError: there is no such list, or a value cannot be used.
    """
    if key in _LISTS:
        return _put(config, key, [*get(config, key), *_split(values)])
    name = _entries_key(config, key)
    before = config.alias_by_name.get(name)
    return _put_entries(config, name, [*(before.entries if before else ()), *_split(values)])


def remove(config: Config, key: str, values: Iterable[str]) -> Edited:
    """Remove values from the list at a key; an alias without entries goes.

    Raises:
        BadInputError: there is no such list, or a value is not in it.
    """
    listed = key in _LISTS
    name = "" if listed else _entries_key(config, key)
    check = _LISTS[key].check if listed else checked_entry
    held = get(config, key)
    gone = [value if value in held else check(value).value for value in _split(values)]
    missing = [value for value in gone if value not in held]
    if missing:
        raise BadInputError(f"{missing[0]} is not in {key}; it has {', '.join(held) or 'no values'}")
    left = [value for value in held if value not in gone]
    if listed:
        return _put(config, key, left)
    return _put_entries(config, name, left) if left else _without(config, name)


def unset(config: Config, key: str) -> Edited:
    """Put a key back to its default; ``aliases.NAME`` and its entries go with the alias.

    Raises:
        BadInputError: there is no such key or alias.
    """
    if key in _LISTS:
        path = _LISTS[key].path
        return Edited(_written(config, path, _read(Config(), path)))
    bare = key.removeprefix(f"{_ALIASES}.")
    name, _, field = bare.rpartition(".")
    of_field = field in (_ENTRIES, _ALLOWED) and name in config.alias_by_name
    if bare != key and bare in config.alias_by_name and not of_field:
        return _without(config, bare)
    _refuse_unknown_alias(config, key)
    name, field = _alias_key(config, key)
    alias = _known(config, name)
    if field == _ENTRIES:
        return _without(config, name)
    return Edited(_with_alias(config, replace(alias, allowed=False)))


def _refuse_unknown_alias(config: Config, key: str) -> None:
    """Refuse ``aliases.NAME`` without such an alias; a field of one, known or misspelt, is not meant."""
    bare = key.removeprefix(f"{_ALIASES}.")
    name, _, field = bare.rpartition(".")
    if bare not in (key, "") and field not in (_ENTRIES, _ALLOWED) and name not in config.alias_by_name:
        _known(config, bare)


def _without(config: Config, name: str) -> Edited:
    return Edited(remove_alias(config, name).config, (f"alias {name!r} is gone: no entry is left of it",))


def _split(values: Iterable[str]) -> list[str]:
    return [part.strip() for value in values if value.strip() for part in value.split(",")]


def _put(config: Config, key: str, values: Iterable[str]) -> Edited:
    checked = [_LISTS[key].check(value) for value in values]
    unique = dict.fromkeys(one.value for one in checked)
    kept = tuple(sorted(unique)) if _LISTS[key].in_order else tuple(unique)
    return Edited(_written(config, _LISTS[key].path, kept), _notes(checked))


def _put_entries(config: Config, name: str, values: Iterable[str]) -> Edited:
    checked = [checked_entry(value) for value in values]
    if not checked:
        raise BadInputError(
            f"alias {name!r} needs at least one IP address or CIDR; unset it to remove the alias"
        )
    before = config.alias_by_name.get(name)
    entries = tuple(sorted({one.value for one in checked}))
    alias = Alias(checked_alias_name(name), entries, bool(before and before.allowed))
    changed = _with_alias(config, alias)
    refuse_shared(changed.aliases)
    return Edited(changed, _notes(checked))


def _notes(checked: Iterable[Checked]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.note for one in checked if one.note))


def _with_alias(config: Config, alias: Alias) -> Config:
    others = (other for other in config.aliases if other.name != alias.name)
    return replace(config, aliases=tuple(sorted((*others, alias), key=lambda one: one.name)))


def _read(config: Config, path: tuple[str, ...]) -> tuple[str, ...]:
    value: Any = config
    for name in path:
        value = getattr(value, name)
    return tuple(value)


def _written(holder: Any, path: tuple[str, ...], values: tuple[str, ...]) -> Any:
    first, rest = path[0], path[1:]
    return replace(holder, **{first: _written(getattr(holder, first), rest, values) if rest else values})


def _alias_key(config: Config, key: str) -> tuple[str, str]:
    """Return name and field of an alias key, split at the first and the last dot: names may have dots."""
    start, _, rest = key.partition(".")
    name, _, field = rest.rpartition(".")
    if start != _ALIASES or field not in (_ENTRIES, _ALLOWED) or not name.strip():
        raise BadInputError(f"there is no key {key!r}; {_nearest(config, key)}")
    return name.strip(), field


def _entries_key(config: Config, key: str) -> str:
    name, field = _alias_key(config, key)
    if field != _ENTRIES:
        raise BadInputError(f"{key} is no list: set it to true or false")
    return name


def _known(config: Config, name: str) -> Alias:
    alias = config.alias_by_name.get(name)
    if alias is None:
        known = [one.name for one in config.aliases]
        near = get_close_matches(name, known, 3, 0.5)
        hint = (
            f"did you mean {' or '.join(map(repr, near))}?"
            if near
            else (f"{_ALIASES}.{name}.{_ENTRIES} creates it")
        )
        raise BadInputError(f"there is no alias {name!r}; {hint}")
    return alias


def _nearest(config: Config, key: str) -> str:
    known = dict.fromkeys((*keys(config), *_ANY_ALIAS))
    near = get_close_matches(key, known, 3, 0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"the keys are {', '.join(keys())}"
