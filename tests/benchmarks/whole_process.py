"""Run a command to its end and tell what it cost."""

from __future__ import annotations

import resource
import subprocess
import time
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """Hold seconds of a finished process: by the clock, and of processor time, all its threads together."""

    wall: float
    processor: float


def run(command: list[str], output: Path | None = None) -> Cost:
    """Run a command, its output into a file or nowhere; raises CalledProcessError when it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (output or Path("/dev/null")).open("wb") as file:
        subprocess.run(command, check=True, stdout=file)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
