"""Lay out what applying a draft would change: first by meaning, then as YAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.model.difference import Difference, ObjectDifference, Turn
from netsec_tui.render.cells import wrap
from netsec_tui.render.diff_words import heading, sentence
from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, Span

_TURN_ROLES = {Turn.LOST: Role.REFUSED, Turn.GAINED: Role.GAINED}
_LINE_ROLES = {"-": Role.REFUSED, "+": Role.GAINED, "@": Role.DIM}


def diff_lines(difference: Difference, width: int) -> list[Line]:
    """Return everything there is to say, sentences wrapped to ``width`` cells; YAML lines are not."""
    return [
        *_wrapped(summary(difference), width, Role.HEADING),
        *_notes(difference, width),
        Line(),
        *_meaning(difference, width),
        Line(),
        *_objects(difference, width),
    ]


def summary(difference: Difference) -> str:
    """Return in one sentence whether anything differs."""
    if not difference.differs:
        return "The generated policy is applied as it is: nothing differs."
    if not difference.changes:
        return "The generated policy is written differently from what is applied and means the same."
    lost, gained = (difference.count(turn) for turn in Turn)
    return f"Applying it: {lost} pairs of pod owners or addresses lose connections, {gained} gain some."


def _notes(difference: Difference, width: int) -> Iterator[Line]:
    if difference.unknown:
        yield from _wrapped(f"{difference.unknown}.", width, Role.WARNING)
    for name in difference.staying:
        yield from _wrapped(f"{name} selects the same pods and stays as it is.", width)
    for note in difference.notes:
        yield from _wrapped(f"{note}.", width, Role.WARNING)


def _meaning(difference: Difference, width: int) -> Iterator[Line]:
    if not difference.changes:
        yield from _wrapped("no connection is lost or gained", width, Role.HEADING)
    for turn in Turn:
        found = difference.of(turn)
        if found:
            yield from _wrapped(heading(difference, turn), width, Role.HEADING)
        for change in found:
            yield from _hanging(sentence(change), width, _TURN_ROLES[turn])


def _objects(difference: Difference, width: int) -> Iterator[Line]:
    for entry in difference.objects:
        known = entry.applied or not difference.unknown
        text = _object_heading(entry) if known else f"{entry}, compared with nothing:"
        yield from _wrapped(text, width, Role.HEADING)
        for line in entry.lines:
            yield Line((Span(literal(line), _LINE_ROLES.get(line[:1], Role.PLAIN)),))


def _object_heading(entry: ObjectDifference) -> str:
    if not entry.applied:
        return f"{entry} is not applied yet; all of it is new:"
    return f"{entry} as YAML:" if entry.lines else f"{entry} is applied as it is"


def _wrapped(text: str, width: int, role: Role = Role.PLAIN) -> Iterable[Line]:
    return (Line((Span(part, role),)) for part in wrap(literal(text), max(width, 20)))


def _hanging(text: str, width: int, role: Role) -> Iterator[Line]:
    """Return a sentence that begins with its sign, further lines indented below the first word."""
    sign, _, words = text.partition(" ")
    for number, part in enumerate(wrap(words, max(width, 20) - 2)):
        yield Line((Span(f"{' ' if number else sign} {part}", role),))
