"""What several live sources of one kind tell alike: one server reached two ways tells everything twice."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


class Twins:
    """Hold what each of several live sources of one kind has told, to count the most that one of them told.

    What they tell of the same edge and minute may be the same flows, or of a loss in the same minute the
    same loss: nothing says which. What only one of them tells is not lost by that.
    """

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._kinds: set[str] = set()
        self._told: dict[Hashable, dict[str, list[float]]] = {}

    def several(self, origin: str, teller: str) -> bool:
        """Tell whether more than one live source of a kind has told anything, ``teller`` included."""
        if self._first.setdefault(origin, teller) != teller:
            self._kinds.add(origin)
        return origin in self._kinds

    def fresh(
        self, key: Hashable, origin: str, teller: str, before: Sequence[float], more: Sequence[float]
    ) -> list[float]:
        """Return by how much what a source tells ``more`` of a key makes the most that one has told of it.

        ``before`` is what was counted of the key, which the first of them has told as long as it was alone.
        """
        nothing = [0.0] * len(more)
        told = self._told.setdefault(key, {self._first[origin]: [*before] or nothing})
        most = [max(column) for column in zip(*told.values(), strict=True)]
        mine = [had + came for had, came in zip(told.get(teller, nothing), more, strict=True)]
        told[teller] = mine
        return [max(0.0, now - had) for now, had in zip(mine, most, strict=True)]
