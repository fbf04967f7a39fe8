"""Merge the edits of two sides to one configuration, item by item."""

from __future__ import annotations

from netsec_tui.model.config import Config


def merged(base: Config, mine: Config, theirs: Config) -> tuple[Config, tuple[str, ...]]:
    """Return what two sides made of ``base``, and one sentence for each true conflict between them."""
    raise NotImplementedError
