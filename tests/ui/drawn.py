"""What is drawn on the screen: its cells, the rows of tables, the lines of the topology."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.color import ColorTriplet
from textual.geometry import Region

from netsec_tui.model.identity import Direction


class Cell(NamedTuple):
    """Hold one character of the screen and the colour of its text."""

    character: str
    colour: ColorTriplet | None


@dataclass(frozen=True)
class Row:
    """Hold one row of a table as it is drawn: the checkbox, the peer, and what stands behind."""

    box: str
    peer: str
    rest: str

    @property
    def name(self) -> str:
        """Return the peer without its namespace."""
        return self.peer.rpartition("/")[2]

    @property
    def port(self) -> str:
        """Return the port with its protocol."""
        found = re.search(r"\b\d+/[A-Z+]+|\bICMP\b", self.rest)
        assert found, self
        return found[0]


@dataclass(frozen=True)
class Drawn:
    """Hold one line of the topology as it is drawn; ``name`` is the peer without namespace and kind."""

    direction: Direction
    name: str
    port: str
    strokes: str
    colour: ColorTriplet | None

    @property
    def black(self) -> bool:
        """Tell whether it is drawn as allowed, by its form."""
        return set(self.strokes) == set("─▶")

    @property
    def red(self) -> bool:
        """Tell whether it is drawn as not allowed, by its form."""
        return set(self.strokes) in (set("╌✗"), set("╌⊘"), set("╌?"))


@dataclass(frozen=True)
class Topology:
    """Hold a picture: its lines, its text, and the colours of its legend."""

    lines: list[Drawn]
    text: str
    black: ColorTriplet | None
    red: ColorTriplet | None


def cut(cells: list[list[Cell]], region: Region) -> list[list[Cell]]:
    """Return the part of a screen that a region shows."""
    return [line[region.x : region.right] for line in cells[region.y : region.bottom]]


def line_text(line: list[Cell]) -> str:
    """Return a line as it reads."""
    return "".join(cell.character for cell in line)


def text(cells: list[list[Cell]]) -> str:
    """Return lines as they read."""
    return "\n".join(map(line_text, cells))


def same(one: list[list[Cell]], other: list[list[Cell]]) -> bool:
    """Compare lines as they read; a scroll bar at their end is none of it."""
    return [line_text(line)[:-2] for line in one] == [line_text(line)[:-2] for line in other]


_LINE = re.compile(r"(──|╌╌) (\S(?:.*?\S)?) ([─╌]{3,}[▶✗⊘?]|[─╌]*[▶✗⊘?])")


def edges(picture: list[list[Cell]]) -> Iterator[Drawn]:
    """Find the lines of a picture: ingress stands above or left of the workload's box, egress elsewhere."""
    direction, names = Direction.INGRESS, {Direction.INGRESS: "", Direction.EGRESS: ""}
    for line in picture:
        said = line_text(line)
        if said.strip().startswith("EGRESS"):
            direction = Direction.EGRESS
        for match in _LINE.finditer(said):
            side = direction
            if "┃" in said:
                side = Direction.INGRESS if match.end() < said.index("┃") else Direction.EGRESS
            if side is Direction.INGRESS:
                name = re.split(r"\s{2,}", said[: match.start()].rstrip())[-1].strip()
            else:
                name = re.split(r"\s{2,}", said[match.end() :].lstrip("! "))[0].strip()
            names[side] = name = names[side] if name == '"' else name
            colours = {cell.colour for cell in line[match.start() : match.end()] if cell.character != " "}
            assert len(colours) == 1, f"one line, several colours: {said}"
            port = match[2].partition(" via ")[0]
            yield Drawn(side, name.rpartition("/")[2], port, match[1] + match[3], colours.pop())


def all_within(value: Any, key: str) -> list[Any]:
    """Return everything that stands under a key, at any depth."""
    if isinstance(value, dict):
        own = [value[key]] if key in value else []
        return own + [found for inner in value.values() for found in all_within(inner, key)]
    if isinstance(value, list):
        return [found for inner in value for found in all_within(inner, key)]
    return []


def lines_of(drawn: Iterable[Drawn], name: str) -> list[Drawn]:
    """Return the lines that are to a peer."""
    return [line for line in drawn if line.name == name]


def as_pairs(rows_or_lines: Iterable[Row | Drawn]) -> list[tuple[str, str]]:
    """Return peers with their ports, sorted."""
    return sorted((item.name, item.port) for item in rows_or_lines)


def black(drawn: Iterable[Drawn]) -> set[tuple[Direction, str, str]]:
    """Return the black lines as direction, peer and port; the cluster's DNS is two of them."""
    found = set()
    for line in drawn:
        if line.black and line.name == "cluster DNS":
            found |= {(line.direction, "coredns", "53/UDP"), (line.direction, "coredns", "53/TCP")}
        elif line.black:
            found.add((line.direction, line.name, line.port))
    return found
