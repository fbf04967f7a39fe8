"""Read and change a configuration by dotted keys: ``labels.workloads.exclude``, ``aliases.NAME.entries``."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Edited


def keys(config: Config | None = None) -> tuple[str, ...]:
    """Return all keys; those of aliases for the aliases of a configuration, with NAME without one."""
    raise NotImplementedError


def get(config: Config, key: str) -> tuple[str, ...]:
    """Return the values at a key as text; a flag is ("true",) or ("false",).

    Raises:
        BadInputError: there is no such key or alias; the sentence names the nearest.
    """
    raise NotImplementedError


def set_(config: Config, key: str, values: Iterable[str]) -> Edited:
    """Put values in place of those at a key; each value may hold several with commas between.

    Raises:
        BadInputError: there is no such key, or a value cannot be used.
    """
    raise NotImplementedError


def add(config: Config, key: str, values: Iterable[str]) -> Edited:
    """Add values to the list at a key; those already there change nothing.

    Raises:
        BadInputError: there is no such list, or a value cannot be used.
    """
    raise NotImplementedError


def remove(config: Config, key: str, values: Iterable[str]) -> Edited:
    """Remove values from the list at a key.

    Raises:
        BadInputError: there is no such list, or a value is not in it.
    """
    raise NotImplementedError


def unset(config: Config, key: str) -> Edited:
    """Put a key back to its default; ``aliases.NAME`` and its entries go with the alias.

    Raises:
        BadInputError: there is no such key or alias.
    """
    raise NotImplementedError
