"""``netsec-tui config suggest``: which label keys to leave out of selectors in the cluster that is read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from netsec_tui.cli.config_edit import accept
from netsec_tui.cli.config_target import Target
from netsec_tui.cli.config_words import config_document
from netsec_tui.cli.documents import Document
from netsec_tui.cli.exits import DONE
from netsec_tui.cli.output import note, put, put_json
from netsec_tui.core.configure import keys
from netsec_tui.core.configure.suggest import suggested_labels
from netsec_tui.core.words import listed
from netsec_tui.errors import UsageError
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Edited, LabelSuggestion, SuggestedKey
from netsec_tui.render.literal import literal
from netsec_tui.render.names import plural

_LABEL_KEYS = tuple(
    f"labels.{objects}.{part}" for objects in ("workloads", "namespaces") for part in ("include", "exclude")
)

_NAMED = 5


def run(target: Target) -> int:
    """Print the suggestion and the commands that accept it, or write it with ``--apply``.

    Raises:
        UsageError: there is no input to tell labels of.
        NetsecError: the file is broken or locked, or nothing could be read.
    """
    args = target.args
    if not target.has_inputs:
        raise UsageError("suggest looks at a cluster; give --live, --manifests, --capture or --demo")
    if args.apply:
        target.require_unlocked()
    said = target.file.read()
    world = target.load(said).session.cluster().world
    found = suggested_labels(world)
    wanted = replace(said, labels=found.labels)
    if args.output == "json":
        put_json({"file": target.file.path, **_document(said, wanted, found, target)})
    else:
        put("".join(f"{literal(line)}\n" for line in _lines(said, wanted, found, target)))
    if wanted == said:
        note("nothing is suggested: the labels that selectors use identify")
        return DONE
    return accept(target, said, Edited(wanted), world) if args.apply else DONE


def _commands(said: Config, wanted: Config, target: Target) -> Iterator[str]:
    for key in _LABEL_KEYS:
        before, after = keys.get(said, key), keys.get(wanted, key)
        for action, values in (
            ("remove", [value for value in before if value not in after]),
            ("add", [value for value in after if value not in before]),
        ):
            if values:
                yield shlex.join(["netsec-tui", "config", action, *target.flags, key, *values])


def _lines(said: Config, wanted: Config, found: LabelSuggestion, target: Target) -> Iterator[str]:
    for title, told in (("leave out", found.keys), ("keep", found.kept)):
        for one in told:
            yield f"# {title} {one.pattern} ({plural(one.owners, 'owner')}): {one.reason}"
    if found.unused:
        yield f"# {plural(len(found.unused), 'key')} that no selector uses: {listed(found.unused, _NAMED)}"
    yield from _commands(said, wanted, target)


def _document(said: Config, wanted: Config, found: LabelSuggestion, target: Target) -> Document:
    return {
        "labels": config_document(wanted)["labels"],
        "leaveOut": [_key(one) for one in found.keys],
        "keep": [_key(one) for one in found.kept],
        "unused": list(found.unused),
        "commands": list(_commands(said, wanted, target)),
    }


def _key(one: SuggestedKey) -> Document:
    return {"pattern": one.pattern, "owners": one.owners, "reason": one.reason}
