"""What is wrong in a file, collected so that it is told at once, each with its line."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsec_tui.errors import BadInputError

_MOST = 20


@dataclass
class Problems:
    """Collect sentences about the lines of a file."""

    path: str
    _found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, sentence: str) -> None:
        """Note what is wrong in a line; the first is 1."""
        self._found.append((line, sentence))

    def raise_if_any(self) -> None:
        """Tell what was found, by line.

        Raises:
            BadInputError: anything was found.
        """
        if not self._found:
            return
        told = [f"{self.path}:{line}: {sentence}" for line, sentence in sorted(set(self._found))]
        more = [f"{self.path}: {len(told) - _MOST} more are not shown"] if len(told) > _MOST else []
        raise BadInputError("\n".join(told[:_MOST] + more))
