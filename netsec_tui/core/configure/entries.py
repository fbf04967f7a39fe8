"""Edit aliases: an entry belongs to one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netsec_tui.core.configure.values import checked_alias_name, checked_entry
from netsec_tui.core.words import listed
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Edited
from netsec_tui.model.decision import Alias


def put_alias(config: Config, alias: Alias, old_name: str = "") -> Edited:
    """Create an alias or replace the one of its name; the one named ``old_name`` goes.

    An entry belongs to one alias: it moves here from another, which goes when nothing is left of it.

    Raises:
        BadInputError: it has no usable name, no entries, or an entry that is no address or CIDR.
    """
    alias, notes = checked_alias(alias)
    kept: list[Alias] = [alias]
    for other in config.aliases:
        rest = tuple(entry for entry in other.entries if entry not in alias.entries)
        if other.name in (alias.name, old_name):
            if other.name != old_name and old_name and rest:
                notes.append(f"alias {other.name!r} of before is replaced: it held {listed(rest)}")
            continue
        moved = [entry for entry in other.entries if entry in alias.entries]
        if moved:
            notes.append(f"{listed(moved)} moved to alias {alias.name!r} from {other.name!r}")
        if rest:
            kept.append(replace(other, entries=rest) if moved else other)
        else:
            notes.append(f"alias {other.name!r} is gone: nothing is left of it")
    return Edited(_with_aliases(config, kept), tuple(notes))


def remove_alias(config: Config, name: str) -> Edited:
    """Forget an alias.

    Raises:
        BadInputError: there is none of that name.
    """
    if name not in config.alias_by_name:
        raise BadInputError(f"there is no alias {name!r}; {_there_are(config)}")
    return Edited(_with_aliases(config, (alias for alias in config.aliases if alias.name != name)))


def _there_are(config: Config) -> str:
    names = [repr(alias.name) for alias in config.aliases]
    return f"the aliases are {listed(names, 10)}" if names else "there are no aliases"


def import_aliases(config: Config, imported: Iterable[Alias]) -> Edited:
    """Add aliases by name: entries join those of an alias of the same name, ``allowed`` is taken over.

    Raises:
        BadInputError: an alias cannot be used, or an entry belongs to another alias; nothing is imported.
    """
    known = config.alias_by_name
    notes: list[str] = []
    for one in imported:
        alias, said = checked_alias(one)
        notes += said
        before = known.get(alias.name)
        if before:
            alias = replace(alias, entries=tuple(sorted({*before.entries, *alias.entries})))
        known[alias.name] = alias
        if alias != before:
            notes.append(_imported(alias, before))
    refuse_shared(known.values())
    return Edited(_with_aliases(config, known.values()), tuple(notes))


def _imported(alias: Alias, before: Alias | None) -> str:
    allowed = "allowed" if alias.allowed else "not allowed"
    if before is None:
        return f"alias {alias.name!r} is new, {allowed}: {listed(alias.entries)}"
    said = []
    added = [entry for entry in alias.entries if entry not in before.entries]
    if added:
        said.append(f"gets {listed(added)}")
    if alias.allowed != before.allowed:
        said.append(f"is {allowed} now")
    return f"alias {alias.name!r} {' and '.join(said)}"


def checked_alias(alias: Alias) -> tuple[Alias, list[str]]:
    """Return an alias as it is kept, with the notes on its entries.

    Raises:
        BadInputError: it has no usable name, no entries, or an entry that is no address or CIDR.
    """
    if not alias.name.strip() or not alias.entries:
        raise BadInputError("an alias needs a name and at least one IP address or CIDR")
    checked = [checked_entry(entry) for entry in alias.entries]
    entries = tuple(sorted({one.value for one in checked}))
    notes = [one.note for one in checked if one.note]
    return Alias(checked_alias_name(alias.name), entries, alias.allowed), notes


def refuse_shared(aliases: Iterable[Alias]) -> None:
    """Make sure that each entry is in one alias.

    Raises:
        BadInputError: some are in two; the sentence names the entries and both aliases.
    """
    holder: dict[str, str] = {}
    shared = []
    for alias in sorted(aliases, key=lambda alias: alias.name):
        for entry in alias.entries:
            other = holder.setdefault(entry, alias.name)
            if other != alias.name:
                shared.append(f"{entry} in {other!r} and {alias.name!r}")
    if shared:
        raise BadInputError(
            f"an entry belongs to one alias: {listed(shared, 10)}; remove it from one of them"
        )


def _with_aliases(config: Config, aliases: Iterable[Alias]) -> Config:
    return replace(config, aliases=tuple(sorted(aliases, key=lambda alias: alias.name)))
