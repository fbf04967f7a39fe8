"""What there is to say of the entries of an alias while they are typed; pure text."""

from __future__ import annotations

from collections.abc import Sequence

from netsec_tui.core.cluster.addresses import Ranges
from netsec_tui.core.configure.alias_notes import notes_of
from netsec_tui.core.configure.entries import put_alias
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config
from netsec_tui.model.decision import Alias

_UNNAMED = "it"


def entries_sentence(config: Config, name: str, typed: Sequence[str], old_name: str, ranges: Ranges) -> str:
    """Return width, cleared host bits, what moves from other aliases and overlaps; empty for bad entries."""
    named = name or _UNNAMED
    known = config.alias_by_name.get(named)
    joined = known.entries if known is not None and named != old_name else ()
    try:
        edited = put_alias(config, Alias(named, (*typed, *joined)), old_name)
    except BadInputError:
        return ""
    told = [note.text for note in notes_of(edited.config, ranges) if note.alias == named]
    return "; ".join([*told, *edited.notes])
