"""Write an object of the cluster as YAML for View Policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def raw_yaml(raw: Mapping[str, Any]) -> str:
    """Return the object as block YAML, keys in the order read."""
    import yaml  # not before the first paint

    return yaml.safe_dump(_plain(raw), sort_keys=False, allow_unicode=True, default_flow_style=False)


def _plain(value: Any) -> Any:
    """Return mappings and sequences as dicts and lists, which is all that safe_dump knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
