"""Suggest which label keys to leave out of selectors: those that do not identify and will change."""

from __future__ import annotations

from netsec_tui.core.decide.express import World
from netsec_tui.model.configuring import LabelSuggestion


def suggested_labels(world: World) -> LabelSuggestion:
    """Return label filters that drop Helm's keys and hashes, and harm no selector."""
    raise NotImplementedError
