"""Measure the time from start to first paint in a pseudo-terminal, beside a minimal Textual app.

Run as ``python tests/benchmarks/bench_startup.py [ROUNDS]``; prints a table, asserts nothing.
"""

from __future__ import annotations

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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("hello")
Minimal().run()
"""
PROGRAMS: tuple[tuple[str, Sequence[str]], ...] = (
    ("python -c pass", ("-c", "pass")),
    ("netsec-tui --version", ("-m", "netsec_tui", "--version")),
    ("minimal Textual app", ("-c", MINIMAL)),
    ("netsec-tui demo", ("-m", "netsec_tui", "demo")),
)
ALTERNATE_SCREEN = b"\x1b[?1049h"
PAINTED_BYTES = 200
"""More than the terminal queries that follow the switch to the alternate screen."""
QUIET_SECONDS, LIMIT_SECONDS = 0.7, 15.0


@dataclass(frozen=True, slots=True)
class Start:
    """Hold one start: seconds to the first paint and to the last output, bytes drawn, peak memory in MB.

    For a program that paints nothing and ends, both times are those of its end.
    """

    first: float
    settled: float
    size: int
    memory: float


def start_once(arguments: Sequence[str]) -> Start:
    """Start a program at 140x40, wait until it is quiet or ends, and end it."""
    begun = time.perf_counter()
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS="140", LINES="40")
        os.execv(sys.executable, [sys.executable, *arguments])
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    seen, first, last = b"", 0.0, begun
    while time.perf_counter() - begun < LIMIT_SECONDS:
        if not select.select([master], [], [], QUIET_SECONDS if seen else LIMIT_SECONDS)[0]:
            break
        try:
            piece = os.read(master, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        seen, last = seen + piece, time.perf_counter()
        painted = len(seen.partition(ALTERNATE_SCREEN)[2])
        if not first and painted > PAINTED_BYTES:
            first = last
    memory = _peak_memory(child)
    if (code := _end(child)) > 0:
        raise SystemExit(f"{arguments} ended with exit code {code}:\n{seen.decode(errors='replace')}")
    os.close(master)
    ended = time.perf_counter()
    return Start((first or ended) - begun, (last if first else ended) - begun, len(seen), memory)


def _peak_memory(process: int) -> float:
    """Return the high-water mark of resident memory in MB, 0 where /proc does not tell."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def _end(process: int) -> int:
    """Kill the process if it runs still; return its exit code, negative when it was killed here."""
    ended, status = os.waitpid(process, os.WNOHANG)
    if not ended:
        os.kill(process, signal.SIGKILL)
        ended, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def main(rounds: int) -> None:
    """Print the median of some rounds for each program."""
    print(f"Python {sys.version.split()[0]}, 140x40, median of {rounds}, {os.cpu_count()} cores")
    print(f"{'program':24}{'first paint':>12}{'settled':>12}{'drawn':>12}{'memory':>10}")
    for name, arguments in PROGRAMS:
        start_once(arguments)  # warms the file cache and the compiled modules
        starts = [start_once(arguments) for _ in range(rounds)]
        first, settled = (
            f"{statistics.median(getattr(s, what) for s in starts) * 1000:.0f} ms"
            for what in ("first", "settled")
        )
        drawn = f"{statistics.median(s.size for s in starts) / 1000:.1f} kB"
        memory = f"{statistics.median(s.memory for s in starts):.0f} MB" if starts[0].memory else "-"
        print(f"{name:24}{first:>12}{settled:>12}{drawn:>12}{memory:>10}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
