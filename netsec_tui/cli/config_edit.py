"""``netsec-tui config set|add|remove|unset``: one edit of the file, with its effect first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netsec_tui.cli.config_target import Target
from netsec_tui.cli.config_words import change_text
from netsec_tui.cli.exits import DONE, NO
from netsec_tui.cli.output import note
from netsec_tui.core.cluster.known_ranges import range_config
from netsec_tui.core.cluster.world import World
from netsec_tui.core.configure import keys
from netsec_tui.core.configure.effect import label_effect
from netsec_tui.core.configure.ranges import range_notes
from netsec_tui.errors import BadInputError, UsageError
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Edited

_EFFECT_UNKNOWN = (
    "the effect on selectors was not looked at, for want of inputs; "
    "netsec-tui config check tells it with --live, --manifests or --capture"
)
_ALL_THE_SAME = "--yes writes it all the same"
_SHOWN = 20


def run(target: Target) -> int:
    """Edit one key and return the exit code; 1 when the effect has to be confirmed by ``--yes``.

    Raises:
        LockedError: the file must not be edited.
        UsageError: the key does not exist or a value cannot be used.
        NetsecError: the file is broken or cannot be written, or the inputs cannot be read.
    """
    target.require_unlocked()
    args, said = target.args, target.file.read()
    try:
        edited = _EDITS[args.action](said, args.key, args.values)
    except BadInputError as error:
        raise UsageError(str(error)) from error
    return accept(target, said, edited)


def accept(target: Target, said: Config, edited: Edited, world: World | None = None) -> int:
    """Write an edit unless its effect has to be confirmed and is not; return the exit code.

    ``world`` is the cluster under what the file said, None when it has not been read yet.

    Raises:
        NetsecError: as ``run``.
    """
    for sentence in edited.notes:
        note(sentence)
    if edited.config == said:
        note(f"nothing changes in {target.file.path}")
        return DONE
    refused = _refused(target, said, edited.config, world)
    if refused != DONE:
        return refused
    target.file.write(said, edited.config)
    note(f"wrote {target.file.path}")
    return DONE


def _refused(target: Target, said: Config, wanted: Config, world: World | None) -> int:
    """Tell the effect of other label filters and ranges; return 0 when they may be written, else the code."""
    relabels, ranges = wanted.labels != said.labels, range_config(wanted) != range_config(said)
    if not (relabels or (ranges and target.has_inputs)):
        return DONE
    if world is None:
        if not target.has_inputs:
            note(_EFFECT_UNKNOWN)
            return DONE
        loaded = target.load(said)
        if loaded.reading.failures and not target.args.yes:
            note(f"nothing is written: without all of the inputs the effect is not known; {_ALL_THE_SAME}")
            return loaded.exit_code
        world = loaded.session.cluster().world
    if ranges:
        _tell_ruled_out(world, said, wanted)
    return _confirmed(target, world, wanted) if relabels else DONE


def _tell_ruled_out(world: World, said: Config, wanted: Config) -> None:
    """Name the discovered ranges that counted and lie outside what is entered by hand now."""
    counted = {(line.kind, line.cidr) for line in range_notes(world.inventory, said) if line.in_force}
    for line in range_notes(world.inventory, wanted):
        if line.problem and not line.in_force and (line.kind, line.cidr) in counted:
            note(f"{line.note}; it does not count any longer")


def _confirmed(target: Target, world: World, wanted: Config) -> int:
    """Tell the effect of other label filters; return 1 when it has to be confirmed and is not."""
    effect = label_effect(world, wanted.labels)
    for change in effect.changes[:_SHOWN]:
        note(change_text(change))
    if len(effect.changes) > _SHOWN:
        note(f"{len(effect.changes) - _SHOWN} more selectors change")
    if not effect.changes:
        note(f"none of {effect.examined} selectors changes")
    if not effect.harmful or target.args.yes:
        return DONE
    note(
        f"nothing is written: {len(effect.harmful)} of {effect.examined} selectors would select others than "
        f"now, or nothing; {_ALL_THE_SAME}"
    )
    return NO


def _unset(config: Config, key: str, values: Iterable[str]) -> Edited:
    """Unset a key, or all keys under it."""
    under = [known for known in keys.keys(config) if known.startswith(f"{key}.") and known != key]
    if not under or key in (f"aliases.{alias.name}" for alias in config.aliases):
        return keys.unset(config, key)
    for alias in config.aliases if key == "aliases" else ():
        config = keys.unset(config, f"aliases.{alias.name}").config
    for known in under if key != "aliases" else ():
        config = keys.unset(config, known).config
    return Edited(config)


_EDITS: dict[str, Callable[[Config, str, Iterable[str]], Edited]] = {
    "set": keys.set_,
    "add": keys.add,
    "remove": keys.remove,
    "unset": _unset,
}
