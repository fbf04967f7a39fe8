"""Compare text with a golden file; NETSEC_UPDATE_GOLDEN=1 writes the file instead."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from netsec_tui.render.spans import Line

FOLDER = Path(__file__).resolve().parent.parent / "golden"


def texts(lines: Iterable[Line]) -> str:
    return "".join(f"{line.text.rstrip()}\n" for line in lines)


def assert_golden(name: str, sections: Iterable[tuple[str, str]]) -> None:
    """Compare titled sections with ``tests/golden/<name>.txt``."""
    text = "".join(f"== {title}\n{body}" for title, body in sections)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("NETSEC_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"{path.name} differs; NETSEC_UPDATE_GOLDEN=1 accepts it"
