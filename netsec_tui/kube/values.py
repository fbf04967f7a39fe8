"""Values of decoded objects, each taken as the type that the API demands or refused by its field's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from netsec_tui.errors import BadInputError

_T = TypeVar("_T")
_LONGEST = 60


def each(value: Any, at: str, parse: Callable[[Any, str], _T]) -> tuple[_T, ...]:
    """Return the entries of a list, parsed; none when it is absent.

    Raises:
        BadInputError: it is no list, or ``parse`` refuses an entry.
    """
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise BadInputError(f"{at} must be a list")
    return tuple(parse(item, f"{at}[{index}]") for index, item in enumerate(value))


def optional(value: Any, at: str) -> Mapping[str, Any]:
    """Return a mapping, empty when absent; raises BadInputError for anything else."""
    return {} if value is None else mapping(value, at)


def mapping(value: Any, at: str) -> Mapping[str, Any]:
    """Return a mapping; raises BadInputError for anything else."""
    if not isinstance(value, Mapping):
        raise BadInputError(f"{at} must be an object, not {type(value).__name__}")
    return value


def text(value: Any, at: str, *, empty: bool = False) -> str:
    """Return text; raises BadInputError for anything else, and for empty text unless it may be."""
    if not isinstance(value, str) or not (value or empty):
        raise BadInputError(f"{at} must be text, not {shown(value)}")
    return value


def shown(value: Any) -> str:
    """Return a foreign value for a sentence: not endless."""
    found = repr(value)
    return found if len(found) <= _LONGEST else f"{found[: _LONGEST - 1]}…"
