"""Flows from standard input and keys from the terminal at the same time, in a real pseudo-terminal."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import fcntl, os, sys, termios
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
from netsec_tui.cli.tty import piped_input_beside_keyboard, require_terminal
flows = piped_input_beside_keyboard()
require_terminal()
print("ready", file=sys.stderr, flush=True)
key = sys.stdin.readline()
print(repr((flows.read(), key, os.isatty(sys.__stdin__.fileno()))))
"""


def test_pipe_gives_flows_and_terminal_gives_keys():
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    with process:
        shown = b""
        while b"ready" not in shown:
            shown += os.read(master, 1000)
        os.write(master, b"q\n")
        out, _ = process.communicate(b"flow\nflow\n", timeout=60)
    os.close(master)
    assert eval(out) == (b"flow\nflow\n", "q\n", True)
