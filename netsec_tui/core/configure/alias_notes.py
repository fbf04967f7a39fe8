"""Say what there is to say of aliases: how wide they are, where they overlap, where they meet the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.core.cluster.addresses import Ranges, network, range_order, width_text
from netsec_tui.core.evaluate.addresses import Span, block_spans, cidr_span
from netsec_tui.core.words import listed
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Note
from netsec_tui.model.decision import Alias
from netsec_tui.model.policy import IPBlock


def notes_of(config: Config, ranges: Ranges) -> tuple[Note, ...]:
    """Return the width of each alias, overlaps, and entries that meet the cluster's ranges, by alias.

    Of overlapping entries the narrowest holds an address, by name of the alias where they are equal, as
    rows are folded.
    """
    notes = [note for alias in config.aliases for note in _notes_of_alias(alias, ranges)]
    notes += _overlaps(config.aliases)
    return tuple(
        sorted(notes, key=lambda note: (note.alias, bool(note.entry), _order(note.entry), note.text))
    )


def alias_width(alias: Alias, ranges: Ranges) -> int:
    """Return how many addresses the ipBlocks of an alias cover: each once, none of the cluster's ranges."""
    blocks = (IPBlock(e, ranges.excepts(e)) for e in alias.entries if not ranges.inside(e))
    spans = sorted(span for block in blocks for span in block_spans(block))
    total, reached = 0, (0, -1)
    for family, first, last in spans:
        start = max(first, reached[1] + 1) if reached[0] == family else first
        if last >= start:
            total += last - start + 1
            reached = (family, last)
    return total


def _order(entry: str) -> tuple[int, int, int]:
    return range_order(network(entry)) if entry else (0, 0, 0)


def _notes_of_alias(alias: Alias, ranges: Ranges) -> Iterator[Note]:
    covered = alias_width(alias, ranges)
    yield Note(
        alias.name, f"covers {width_text(covered)}" if covered else "covers no address outside the cluster"
    )
    for entry in alias.entries:
        inside = ranges.inside(entry)
        if inside:
            text = (
                f"{entry} is inside the {inside}: an ipBlock must not stand for pods, so no row of alias "
                f"{alias.name!r} can be ticked; remove the entry, or correct the range"
            )
            yield Note(alias.name, text, entry, problem=True)
        cut = ranges.excepts(entry)
        if cut:
            what = f"{listed(cut)}, {'a range' if len(cut) == 1 else 'ranges'} of the cluster"
            yield Note(alias.name, f"{entry} contains {what}: cut out of its ipBlock", entry)


def _overlaps(aliases: Iterable[Alias]) -> Iterator[Note]:
    """Yield a note for each entry that lies in another, of the same or of another alias.

    CIDRs either nest or are apart, so that in the order of their first addresses the ones around an entry
    stand on a stack.
    """
    entries = [(cidr_span(entry), alias, entry) for alias in aliases for entry in alias.entries]
    entries.sort(key=lambda one: (one[0].family, one[0].first, -one[0].last, one[1].name))
    around: list[tuple[Span, Alias, str]] = []
    for span, alias, entry in entries:
        while around and (around[-1][0].family, around[-1][0].last) < (span.family, span.last):
            around.pop()
        same = next((outer for _, other, outer in reversed(around) if other.name == alias.name), None)
        if same:
            yield Note(alias.name, f"{entry} is in {same} of the same alias already", entry)
        for _, other, outer in reversed(around):
            if other.name != alias.name:
                yield _shared(alias, entry, other, outer)
                break
        around.append((span, alias, entry))


def _shared(alias: Alias, entry: str, other: Alias, outer: str) -> Note:
    if entry == outer:
        text = f"{entry} is also in alias {other.name!r}, which has its rows: remove it from one of them"
        return Note(alias.name, text, entry, problem=True)
    text = (
        f"{entry} lies in {outer} of alias {other.name!r}: its rows are those of {alias.name!r}, the "
        f"narrower entry, but what is allowed for {other.name!r} lets it through too"
    )
    return Note(alias.name, text, entry, problem=other.allowed and not alias.allowed)
