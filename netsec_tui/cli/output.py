"""Write results to standard output and notes to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from netsec_tui.errors import CannotWriteError
from netsec_tui.render.cells import cell_width, pad
from netsec_tui.render.literal import literal

SCHEMA_VERSION = 1


def note(sentence: str) -> None:
    """Tell the person something on standard error, which never mixes with the result."""
    print(f"netsec-tui: {literal(sentence)}", file=sys.stderr)


def left_out(count: int) -> str:
    """Return the sentence that sums up what could not be read."""
    parts = "line, document or part of an object" if count == 1 else "lines, documents or parts of objects"
    return f"{count} {parts} could not be read and {'was' if count == 1 else 'were'} left out"


def gap_told(reason: str, lost: int) -> str:
    """Return the sentence for what a source could not deliver; ``lost`` is 0 where nobody counted it."""
    return f"{reason} ({lost} lost)" if lost else reason


def put(text: str) -> None:
    """Write a result to standard output as UTF-8, whatever the locale.

    Raises:
        BrokenPipeError: the reader has gone.
        CannotWriteError: standard output is closed or full.
    """
    if sys.stdout is None:
        raise CannotWriteError("standard output is closed; redirect it to a file or a pipe")
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWriteError(f"standard output cannot be written: {error.strerror or error}") from error


def put_json(document: dict[str, Any]) -> None:
    """Write one JSON document, ``schemaVersion`` first, indented for people, keys in a fixed order."""
    put(json.dumps({"schemaVersion": SCHEMA_VERSION, **document}, indent=2) + "\n")


def put_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write aligned columns; control characters in cells are written out, never obeyed."""
    shown = [tuple(headings), *(tuple(literal(cell) for cell in row) for row in rows)]
    widths = [max(map(cell_width, column)) for column in zip(*shown, strict=True)]
    lines = ("   ".join(map(pad, row, widths)).rstrip() for row in shown)
    put("\n".join(lines) + "\n")
