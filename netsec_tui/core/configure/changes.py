"""Say in few words what differs between two configurations."""

from __future__ import annotations

from netsec_tui.core.configure.keys import get, keys
from netsec_tui.model.config import Config


def changes_between(before: Config, after: Config) -> tuple[str, ...]:
    """Return a few words for each key with other values: ``aliases.proxies.entries +203.0.113.9/32``."""
    found = (_change(key, before, after) for key in dict.fromkeys((*keys(before), *keys(after))))
    return tuple(change for change in found if change)


def _change(key: str, before: Config, after: Config) -> str:
    old, new = _values(before, key), _values(after, key)
    if key.endswith(".allowed"):
        # Whether an alias that came or went is allowed matters only where it is.
        return f"{key} is {new[0]}" if new and new != (old or ("false",)) else ""
    gone = [f"-{value}" for value in old if value not in new]
    come = [f"+{value}" for value in new if value not in old]
    return f"{key} {' '.join([*gone, *come])}" if gone or come else ""


def _values(config: Config, key: str) -> tuple[str, ...]:
    return get(config, key) if key in keys(config) else ()
