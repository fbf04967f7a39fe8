"""Say with which command a message about the configuration is settled, as the screen names its key."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import replace

from netsec_tui.core.cluster.labelling import matches_any
from netsec_tui.core.cluster.selectors import NAME_LABEL
from netsec_tui.core.subnet import incomplete_kinds
from netsec_tui.model.config import Config, ConfigPart, RangeKind
from netsec_tui.model.review import Review, Row
from netsec_tui.session.session import Session

Flags = tuple[str, ...]
"""What names the file of a configuration to ``netsec-tui config``; empty when it is kept nowhere."""


def flags_of(config: str, cluster: str) -> Flags:
    """Return the flags for the file that was named, else for that of a cluster."""
    if config:
        return ("--config", config)
    return ("--context", cluster) if cluster else ()


def with_commands(review: Review, session: Session, flags: Flags, said: Config) -> Review:
    """Return a review of which the warnings that the configuration settles end in the command that does.

    ``said`` is what the file says: what ``--set`` lays over it no command can take back.
    """
    world, rows = session.cluster().world, (*review.ingress.rows, *review.egress.rows)
    seen = (row.communication for row in rows)
    kinds = incomplete_kinds(world.inventory, world.ranges, world.aliases.values(), seen)
    told = {
        warning: ranges_settled(warning, kinds, flags)
        if part is ConfigPart.RANGES
        else _labels_settled(warning, said, flags, rows, world.inventory.namespaces)
        for warning, part in review.settled_in.items()
    }
    return replace(
        review,
        warnings=tuple(told.get(warning, warning) for warning in review.warnings),
        settled_in={told[warning]: part for warning, part in review.settled_in.items()},
    )


def ranges_settled(sentence: str, kinds: Iterable[RangeKind], flags: Flags) -> str:
    """Add to a sentence about ranges that are missing the commands that enter them."""
    commands = [_command("add", f"cidrs.{kind}s", ["CIDR"], flags) for kind in kinds]
    if flags:
        return f"{sentence}: {' and '.join(commands)}"
    given = " and ".join(f"{_FLAGS[kind]} CIDR" for kind in kinds)
    return f"{sentence}: {given} for this run; to keep it {' and '.join(commands)}, read with --config FILE"


def labels_settled(sentence: str, config: Config, flags: Flags) -> str:
    """Add to a sentence about labels the command that lets the names of namespaces be used, if one does."""
    hiding = [pattern for pattern in config.labels.namespace.exclude if matches_any((pattern,), NAME_LABEL)]
    if not (hiding and flags):
        return sentence
    command = _command("remove", "labels.namespaces.exclude", hiding, flags)
    return f"{sentence}; or let policies select namespaces by name: {command}"


def _labels_settled(
    warning: str, config: Config, flags: Flags, rows: Iterable[Row], known: Collection[str]
) -> str:
    """Add the command unless no namespace of the rows is in the cluster state: it would settle nothing."""
    found = not known or any(row.unlabelled in known for row in rows)
    return labels_settled(warning, config, flags) if found else warning


_FLAGS = {RangeKind.POD: "--cluster-cidr", RangeKind.SERVICE: "--service-cidr"}


def _command(action: str, key: str, values: Iterable[str], flags: Flags) -> str:
    return shlex.join(["netsec-tui", "config", action, key, *values, *(flags or ("--config", "FILE"))])
