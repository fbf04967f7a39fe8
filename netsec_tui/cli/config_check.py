"""``netsec-tui config check``: whether the file can be used, and what it does to a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from netsec_tui.cli.config_target import Target
from netsec_tui.cli.config_words import change_text, effect_document
from netsec_tui.cli.configured import mismatch
from netsec_tui.cli.documents import Document
from netsec_tui.cli.exits import DONE, NO
from netsec_tui.cli.loading import Loaded
from netsec_tui.cli.output import note, put, put_json, put_table
from netsec_tui.cli.way_out import labels_settled, ranges_settled
from netsec_tui.configuration.reading import Stored
from netsec_tui.core.cluster.addresses import Ranges, ranges_of
from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.core.cluster.labelling import matches_any, namespace_selector
from netsec_tui.core.cluster.selectors import NAME_LABEL
from netsec_tui.core.configure.alias_notes import notes_of
from netsec_tui.core.configure.effect import label_effect
from netsec_tui.core.configure.ranges import range_notes
from netsec_tui.core.subnet import incomplete_kinds, subnet_warning
from netsec_tui.core.words import labels_needed, listed
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config, LabelConfig
from netsec_tui.model.configuring import NAMESPACE, LabelEffect
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Remark:
    """Say one thing; a ``finding`` is for the person to settle. ``about`` is a key or an object."""

    about: str
    sentence: str
    finding: bool = False


def run(target: Target) -> int:
    """Print what there is to say and return 0, 1 for findings, 65 for a file that cannot be used.

    Raises:
        NetsecError: the inputs cannot be read.
    """
    as_json = target.args.output == "json"
    try:
        stored = target.file.stored()
    except BadInputError as error:
        return _broken(target, str(error).split("\n"), as_json)
    loaded = target.load(stored.config) if target.has_inputs else None
    effect = _effect(loaded, stored.config)
    remarks = list(_remarks(target, stored, loaded, effect))
    if as_json:
        put_json(_document(target, remarks, [], loaded, effect))
    else:
        _put(target, remarks)
    if loaded and (loaded.reading.failures or loaded.skipped):
        return loaded.exit_code
    return NO if any(remark.finding for remark in remarks) else DONE


def _broken(target: Target, problems: list[str], as_json: bool) -> int:
    for problem in problems:
        note(problem)
    if as_json:
        put_json(_document(target, [], problems, None, None))
    return BadInputError.exit_code


def _effect(loaded: Loaded | None, config: Config) -> LabelEffect | None:
    """Return what the label filters of the file do, against none."""
    if loaded is None:
        return None
    world = loaded.session.cluster().world
    return label_effect(replace(world, labels=LabelConfig()), config.labels)


def _remarks(
    target: Target, stored: Stored, loaded: Loaded | None, effect: LabelEffect | None
) -> Iterator[Remark]:
    config = stored.config
    wrong = mismatch(target.file.path, stored.cluster, target.cluster)
    if wrong:
        yield Remark("cluster", wrong, finding=True)
    inventory = loaded.session.inventory if loaded else settled(Inventory(), config)
    ranges = ranges_of(inventory)
    for said in notes_of(config, ranges):
        yield Remark(f"aliases.{said.alias}", said.text, said.problem)
    yield from _of_ranges(inventory, config)
    if loaded is None or effect is None:
        return
    yield from _incomplete(inventory, ranges, config, target)
    for change in effect.changes:
        if change.ref.kind != NAMESPACE or change.after is not None:
            yield Remark("labels", change_text(change, "without filters", "with them"), change.harmful)
    yield from _by_name(loaded.session.inventory, config)
    unlabelled = _unlabelled(loaded.session.inventory, config)
    if unlabelled:
        sentence = labels_settled(labels_needed(unlabelled), config, target.flags)
        yield Remark("labels.namespaces", sentence, finding=True)


def _of_ranges(inventory: Inventory, config: Config) -> Iterator[Remark]:
    for line in range_notes(inventory, config):
        key = f"cidrs.{line.kind}s"
        where = "by hand" if line.by_hand else f"told by {line.origin}"
        text = f"{line.cidr} ({where})"
        if line.problem and not line.in_force:
            yield Remark(key, line.note, finding=True)  # the note names the range and its origin
        elif line.note:
            yield Remark(key, f"{text}: {line.note}", finding=line.problem)
        elif line.in_force:
            yield Remark(key, text)


def _incomplete(inventory: Inventory, ranges: Ranges, config: Config, target: Target) -> Iterator[Remark]:
    """Say what is missing of the ranges, as the listing of a workload does."""
    kinds = incomplete_kinds(inventory, ranges, config.aliases, ())
    for sentence in subnet_warning(inventory, ranges, config.aliases, ()):
        yield Remark("cidrs", ranges_settled(sentence, kinds, target.flags), finding=True)


def _by_name(inventory: Inventory, config: Config) -> Iterator[Remark]:
    """Name the namespaces that have no label which is asked for and are selected by their name even so."""
    keys = config.labels.namespace
    if not keys.include or matches_any(keys.include, NAME_LABEL):
        return
    names = [
        name
        for name, labels in sorted(inventory.namespaces.items())
        if namespace_selector(keys, name, labels) == LabelSelector(((NAME_LABEL, name),))
    ]
    if names:
        one = len(names) == 1
        have, selected = ("has", "it is selected by its") if one else ("have", "they are selected by their")
        told = f"{listed(names, _NAMED)} {have} no label that is included: {selected} name, {NAME_LABEL}"
        yield Remark("labels.namespaces", f"{told}, unless it is excluded")


def _unlabelled(inventory: Inventory, config: Config) -> tuple[str, ...]:
    """Return the namespaces that no policy could select."""
    return tuple(
        sorted(
            name
            for name, labels in inventory.namespaces.items()
            if namespace_selector(config.labels.namespace, name, labels) is None
        )
    )


def _put(target: Target, remarks: list[Remark]) -> None:
    state = "can be used" if os.path.exists(target.file.path) else "is not there yet: defaults count"
    put(f"{target.file.path} {state}\n")
    if remarks:
        put("\n")
        rows = [("finding" if r.finding else "note", r.about, r.sentence) for r in remarks]
        put_table(("", "ABOUT", "WHAT"), rows)
    if not target.has_inputs:
        note("only the file was looked at; --live, --manifests, --capture or --demo also tell what it does")


def _document(
    target: Target,
    remarks: list[Remark],
    problems: list[str],
    loaded: Loaded | None,
    effect: LabelEffect | None,
) -> Document:
    return {
        "file": target.file.path,
        "exists": os.path.exists(target.file.path),
        "cluster": target.cluster or None,
        "input": loaded.document() if loaded else None,
        "problems": problems,
        "findings": [_remark(remark) for remark in remarks if remark.finding],
        "notes": [_remark(remark) for remark in remarks if not remark.finding],
        "labels": effect_document(effect) if effect else None,
    }


def _remark(remark: Remark) -> Document:
    return {"about": remark.about, "sentence": remark.sentence}
