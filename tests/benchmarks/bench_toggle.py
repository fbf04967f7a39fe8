"""Toggle one row among 10,000 in a pseudo-terminal: milliseconds to the last byte, and bytes written.

Run ``python tests/benchmarks/bench_toggle.py``; ``--rows`` and ``--times`` change the size. The second line
is Textual's stock DataTable doing the same. Times depend on the machine, bytes do not.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 120, 40
QUIET = 0.4
"""Seconds without output after which the screen counts as painted."""
START = 60.0
KEYS = {"toggle": b" ", "down": b"\x1b[B", "page down": b"\x1b[6~"}


class Measured(NamedTuple):
    """Hold medians over all presses of a key: milliseconds to the last byte, bytes, and the worst time."""

    milliseconds: float
    written: float
    worst: float


# -- the apps, each in a child process ------------------------------------------------------------------


def run_own(count: int) -> None:
    """Run the product's table; the host does what the app does: a new tuple of rows for each toggle."""
    from dataclasses import replace

    from textual.app import App, ComposeResult

    from netsec_tui.model.communication import AddressCategory, Communication, Counts
    from netsec_tui.model.flow import Protocol
    from netsec_tui.model.identity import (
        CommunicationKey,
        Direction,
        WorkloadRef,
        address_peer,
        owner_peer,
    )
    from netsec_tui.model.proof import Reach
    from netsec_tui.model.review import Row, Standing
    from netsec_tui.ui.stylesheets import styles_dir
    from netsec_tui.ui.themes import DARK
    from netsec_tui.ui.widgets.communication_table import CommunicationTable

    def row(index: int) -> Row:
        inside = index < count // 2
        ref = WorkloadRef("Deployment", f"ns{index % 9}", f"client-{index}")
        peer = owner_peer(ref) if inside else address_peer(f"203.0.{index // 250 % 250}.{index % 250}")
        key = CommunicationKey(Direction.INGRESS, peer, Protocol.TCP, 1024 + index)
        communication = Communication(key, Counts((0, index, 0, 0, 0, 0, 0, 0)), 1_000.0, 2_000.0)
        if inside:
            return Row(communication, Standing.IN, reach=Reach.ALLOWED)
        return Row(communication, Standing.OUT, "unresolved IP", category=AddressCategory.UNKNOWN)

    class Host(App[None]):
        CSS_PATH = [styles_dir() / name for name in ("line_scroll.tcss", "communication_table.tcss")]

        def compose(self) -> ComposeResult:
            yield CommunicationTable()

        def on_mount(self) -> None:
            self.register_theme(DARK)
            self.theme = DARK.name
            self.rows = [row(index) for index in range(count)]
            self.query_one(CommunicationTable).set_rows(self.rows)

        def on_communication_table_toggled(self, event: CommunicationTable.Toggled) -> None:
            standing = Standing.IN if event.ticked else Standing.OUT
            keys = set(event.keys)
            self.rows = [replace(r, standing=standing) if r.key in keys else r for r in self.rows]
            event.table.set_rows(self.rows)

    Host().run()


def run_stock(count: int) -> None:
    """Run Textual's DataTable with the same columns."""
    from textual.app import App, ComposeResult
    from textual.binding import Binding
    from textual.widgets import DataTable

    class Host(App[None]):
        BINDINGS = [Binding("space", "toggle", priority=True)]

        def compose(self) -> ComposeResult:
            yield DataTable(cursor_type="row")

        def on_mount(self) -> None:
            table = self.query_one(DataTable)
            table.add_columns("", "Peer", "Namespace", "Port", "Seen", "Reason")
            for index in range(count):
                table.add_row("[x]", f"client-{index}", f"ns{index % 9}", f"{1024 + index}/TCP", "1 m", "-")

        def action_toggle(self) -> None:
            table = self.query_one(DataTable)
            place = table.cursor_coordinate
            ticked = table.get_cell_at((place.row, 0)) == "[x]"
            table.update_cell_at((place.row, 0), "[ ]" if ticked else "[x]")

    Host().run()


APPS = {"netsec-tui": run_own, "DataTable": run_stock}


# -- the terminal ----------------------------------------------------------------------------------------


def measure(app: str, rows: int, times: int) -> dict[str, Measured]:
    """Start one app in a pseudo-terminal, press each key ``times`` times and measure."""
    child, terminal = pty.fork()
    if child == 0:
        sys.path.insert(0, str(ROOT))
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.environ.pop("NO_COLOR", None)
        APPS[app](rows)
        os._exit(0)
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        painted = b"".join(piece for _, piece in _output(terminal, START))
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            raise SystemExit(f"{app} ended at once and wrote:\n{painted.decode(errors='replace')}")
        return {name: _press(terminal, key, times) for name, key in KEYS.items()}
    finally:
        os.close(terminal)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _press(terminal: int, key: bytes, times: int) -> Measured:
    spans, sizes = [], []
    for _ in range(times):
        start = time.perf_counter()
        os.write(terminal, key)
        chunks = list(_output(terminal, 5.0))
        spans.append(1000 * (chunks[-1][0] - start) if chunks else float("nan"))
        sizes.append(sum(len(piece) for _, piece in chunks))
    return Measured(statistics.median(spans), statistics.median(sizes), max(spans))


def _output(terminal: int, patience: float) -> Iterator[tuple[float, bytes]]:
    """Yield each piece of output with its time until it is quiet; wait ``patience`` s for the first."""
    wait = patience
    while select.select([terminal], [], [], wait)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the app has ended
            return
        yield time.perf_counter(), piece
        wait = max(QUIET, 2.0 if patience == START else 0.0)


def main() -> None:
    """Measure both tables and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=15, help="presses of each key")
    options = parser.parse_args()
    print(f"{options.rows} rows, {WIDTH}x{HEIGHT}, median of {options.times} (worst)")
    print(f"{'':12}" + "".join(f"{name:>32}" for name in KEYS))
    for app in APPS:
        measured = measure(app, options.rows, options.times)
        cells = (f"{m.milliseconds:.1f} ms ({m.worst:.0f}), {m.written:.0f} B" for m in measured.values())
        print(f"{app:12}" + "".join(f"{cell:>32}" for cell in cells))


if __name__ == "__main__":
    main()
