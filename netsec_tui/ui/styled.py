"""Turn lines of spans into what Textual draws; roles become colours of the theme, with a twin each."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

from netsec_tui.render.literal import literal
from netsec_tui.render.spans import Line, Role, Span

ROLE_STYLES = {
    Role.PLAIN: "",
    Role.DIM: "$muted",
    Role.HEADING: "bold",
    Role.ALLOWED: "",
    Role.REFUSED: "bold $text-error",
    Role.GAINED: "$text-success",
    Role.SELECTED: "bold $text-primary",
    Role.ENTITY: "",
    Role.WARNING: "$text-warning",
    Role.KEY: "$text-primary",
    Role.STRING: "$text-success",
    Role.NUMBER: "$text-warning",
}


def content_of(spans: Iterable[Span]) -> Content:
    """Return spans as content; no text in them is read as markup."""
    return Content.assemble(*((span.text, ROLE_STYLES[span.role]) for span in spans))


def content_of_lines(lines: Iterable[Line]) -> Content:
    """Return several lines as content."""
    return Content("\n").join(content_of(line.spans) for line in lines)


def plain(text: str, style: str = "") -> Content:
    """Return text from anywhere as content that shows literally, newlines kept."""
    shown = "\n".join(literal(part) for part in text.split("\n"))
    return Content.assemble((shown, style))
