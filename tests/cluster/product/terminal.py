"""The app in a pseudo-terminal, with what a person would see there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import pyte

from tests.cluster.harness.client import without_proxies
from tests.cluster.product.running import ROOT

_COLUMNS, _LINES = 140, 40
_PATIENCE = 60.0


class Terminal:
    """Run ``netsec-tui`` with some flags; leaving the block ends it."""

    def __init__(self, *arguments: str) -> None:
        self._screen = pyte.Screen(_COLUMNS, _LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
        self._running = subprocess.Popen(
            [sys.executable, "-m", "netsec_tui", *arguments],
            cwd=ROOT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            # A size that the environment hands down (readline sets one) is believed before the terminal.
            env={
                **without_proxies(),
                "TERM": "xterm-256color",
                "COLUMNS": str(_COLUMNS),
                "LINES": str(_LINES),
            },
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        self._running.kill()
        self._running.wait()
        os.close(self._ours)

    def text(self) -> str:
        """Return what stands on the screen, as if nothing were broken into lines."""
        return " ".join(" ".join(self._screen.display).split())

    def press(self, key: str) -> None:
        """Send a key."""
        os.write(self._ours, key.encode())

    def until(self, words: str, seconds: float = _PATIENCE) -> None:
        """Wait until words stand on the screen."""
        self._wait(words, True, seconds)

    def until_not(self, words: str, seconds: float = _PATIENCE) -> None:
        """Wait until words are gone from the screen."""
        self._wait(words, False, seconds)

    def exit_code(self, seconds: float = _PATIENCE) -> int:
        """Return with what the program ends."""
        deadline = time.monotonic() + seconds
        while self._running.poll() is None:
            assert time.monotonic() < deadline, "\n".join(self._screen.display)
            self._read()
        return self._running.returncode

    def _wait(self, words: str, there: bool, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (words in self.text()) is not there:
            shown = "\n".join(self._screen.display)
            assert time.monotonic() < deadline, f"{words!r} {'never comes' if there else 'stays'}\n{shown}"
            assert self._running.poll() is None, f"ended with {self._running.returncode}\n{shown}"
            self._read()

    def _read(self) -> None:
        if select.select([self._ours], [], [], 0.1)[0]:
            try:
                self._stream.feed(os.read(self._ours, 65536))
            except OSError:  # the program has closed its end
                time.sleep(0.05)
