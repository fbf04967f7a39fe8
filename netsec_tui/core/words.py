"""How sentences name a few of many."""

from __future__ import annotations

from collections.abc import Iterable

FEW = 3
"""Names in a sentence before the rest is counted."""


def listed(names: Iterable[str], limit: int = FEW) -> str:
    """Return names with commas between them; more than ``limit`` end as in ``a, b and 37 more``."""
    texts = list(names)
    shown = ", ".join(texts[:limit])
    return f"{shown} and {len(texts) - limit} more" if len(texts) > limit else shown
