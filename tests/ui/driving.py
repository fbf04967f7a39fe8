"""The hands of whoever sits before the app, and the eyes: keys go in, and only the drawn screen is read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from netsec_tui.ui.app import NetsecApp
from tests.ui.drawn import Cell, Drawn, Row, Topology, cut, edges, line_text, lines_of, same, text

WIDE, NARROW = (140, 40), (80, 24)

_PATIENCE, _PAGES = 60.0, 40
"""How many seconds to wait for what is to come, and how often to turn a page, at most."""

_PAUSE = 0.05
"""How many seconds to wait before another look: each takes the machine longer than the app takes to draw."""


class Operator:
    """Press keys and read the screen."""

    def __init__(self, app: NetsecApp, pilot: Any) -> None:
        self.app = app
        self.pilot = pilot

    # Hands

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = _PATIENCE) -> None:
        """Wait until the screen shows something."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"in vain: {what}\n{self.screen()}")
            await self.pilot.pause(_PAUSE)

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until the screen is at rest."""
        await self.pilot.press(*keys)
        deadline = time.monotonic() + _PATIENCE
        before = ""
        while time.monotonic() < deadline:
            await self.pilot.pause()
            # The questions of the scope are one worker that lasts as long as a picker is open.
            busy = any(not worker.is_finished for worker in self.app.workers if worker.group != "scope")
            now = "" if busy else self.screen()
            if now and now == before:  # one that has just opened shows nothing yet
                return
            before = now
        raise AssertionError(f"the screen does not come to rest after {keys}\n{self.screen()}")

    async def type(self, text: str) -> None:
        """Type into what has the keyboard."""
        await self.press(*("space" if character == " " else character for character in text))

    async def answer(self, title: str, typed: str) -> None:
        """Answer a question by typing."""
        await self.until(lambda: f"─ {title} ─" in self.screen(), f"the question {title!r}")
        await self.type(typed)
        await self.press("enter")

    async def choose(self, namespace: str, kind: str, owner: str, timespan: str = "all") -> None:
        """Answer the questions of the scope."""
        await self.answer("Namespace", namespace)
        await self.answer(f"Kind in {namespace}", kind)
        await self.answer(f"{kind} in {namespace}", owner)
        await self.answer("Timespan", timespan)
        # A narrow screen cuts the way to it, never the workload.
        chosen = f" \u203a {kind}/{owner} "
        await self.until(lambda: chosen in self.screen().splitlines()[0], f"{owner} is chosen")
        await self.press()

    async def go_to(self, pane: str, name: str) -> Row:
        """Open a table and move to the row of a peer by the arrow key."""
        await self.press("1" if pane == "ingress" else "2", "home")
        rows = self.rows(pane)
        (index,) = [index for index, row in enumerate(rows) if row.name == name]
        await self.press(*["down"] * index)
        return rows[index]

    async def save(self, path: Path) -> dict[str, Any]:
        """Save the policy with the dialog and return what the file says; the folder is the present one."""
        assert path.parent == Path.cwd()
        await self.press("S")
        assert "Save the generated policy" in self.screen()
        await self.press("ctrl+u")
        await self.type(path.name)
        await self.press("enter")
        await self.until(path.exists, f"{path} is written")
        await self.press()
        return yaml.safe_load(path.read_text(encoding="utf-8"))

    # Eyes

    def screen(self) -> str:
        """Return the text of the whole screen."""
        return "\n".join(self._texts())

    def status(self) -> str:
        """Return the line above the keys."""
        return self.screen().splitlines()[-2].strip()

    def pane(self, name: str) -> str:
        """Return the text of a pane, frame included."""
        region = self.app.screen.query_one(f"#{name}").region
        return "\n".join(line[region.x : region.right] for line in self._texts()[region.y : region.bottom])

    def rows(self, pane: str) -> list[Row]:
        """Return the rows of a table that are in view."""
        found, end = [], 0
        for line in self.pane(pane).splitlines():
            if header := re.search(r" Peer +", line):
                end = header.end()
            elif box := re.match(r"│? ([\[(].[\])]) ", line):
                found.append(Row(box[1], line[box.end() : end].strip(), line[end:].strip("│ ")))
        return found

    async def picture(self) -> list[list[Cell]]:
        """Open the topology, give it the whole screen, and read it from top to bottom."""
        await self.press("3", "z", "home")
        lines = self._picture_in_view()
        for _ in range(_PAGES):
            if any("(blue)" in line_text(line) for line in lines):  # the legend ends the picture
                await self.press("z")
                return lines
            await self.press("pagedown")
            more = self._picture_in_view()
            shared = max(n for n in range(len(more) + 1) if not n or same(lines[-n:], more[:n]))
            assert shared, "a page was skipped"
            lines += more[shared:]
        raise AssertionError(f"the picture has no end\n{text(lines)}")

    async def lines(self) -> list[Drawn]:
        """Return the lines of the topology, whose colours are those of the legend; and red is red."""
        picture = await self.drawn()
        assert picture.red.red > max(picture.red.green, picture.red.blue)
        assert picture.black != picture.red
        for line in picture.lines:
            assert line.black != line.red
            assert line.colour == (picture.black if line.black else picture.red)
        return picture.lines

    async def lines_to(self, name: str) -> list[Drawn]:
        """Return the lines of the topology to a peer."""
        return lines_of(await self.lines(), name)

    async def drawn(self) -> Topology:
        """Return every communication that the topology draws, and the colours that its legend explains."""
        picture = await self.picture()
        colours = {}
        for word in ("black", "red"):
            (line,) = [line for line in picture if f"({word})" in line_text(line)]
            colours[word] = line[line_text(line).index(f"({word})")].colour
        return Topology(list(edges(picture)), text(picture), **colours)

    def _picture_in_view(self) -> list[list[Cell]]:
        region = self.app.screen.query_one("#topology LineView").content_region
        return cut(self._cells(), region)

    def _texts(self) -> list[str]:
        """Return the lines of the screen as they read: far less work than all cells with their colours."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    def _cells(self) -> list[list[Cell]]:
        return [
            [
                Cell(
                    character, segment.style.color.triplet if segment.style and segment.style.color else None
                )
                for segment in strip
                for character in segment.text
            ]
            for strip in self.app.screen._compositor.render_strips()
        ]
