"""Aliases and their entries: edits of them, and what there is to say about them."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.core.cluster.addresses import Ranges
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Edited, Note
from netsec_tui.model.decision import Alias


def notes_of(config: Config, ranges: Ranges) -> tuple[Note, ...]:
    """Return the width of each alias, overlaps, and entries that meet the cluster's ranges, by alias."""
    raise NotImplementedError


def put_alias(config: Config, alias: Alias, old_name: str = "") -> Edited:
    """Create an alias or replace the one of its name; the one named ``old_name`` goes.

    An entry belongs to one alias: it moves here from another, which goes when nothing is left of it.

    Raises:
        BadInputError: it has no usable name, no entries, or an entry that is no address or CIDR.
    """
    raise NotImplementedError


def remove_alias(config: Config, name: str) -> Edited:
    """Forget an alias.

    Raises:
        BadInputError: there is none of that name.
    """
    raise NotImplementedError


def import_aliases(config: Config, imported: Iterable[Alias]) -> Edited:
    """Add aliases by name: entries join those of an alias of the same name, ``allowed`` is taken over.

    Raises:
        BadInputError: an alias cannot be used, or an entry belongs to another alias; nothing is imported.
    """
    raise NotImplementedError
