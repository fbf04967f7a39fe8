"""Standard input for flows and the terminal for keys, at the same time."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from netsec_tui.errors import UsageError

_TERMINAL = "/dev/tty"


def piped_input() -> BinaryIO:
    """Return standard input for reading flows.

    Raises:
        UsageError: standard input is a keyboard or closed, so no flows can come.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "--flows - reads flows from standard input; pipe them in: "
            "hubble observe -f -o json | netsec-tui --flows -"
        )
    return sys.stdin.buffer


def piped_input_beside_keyboard() -> BinaryIO:
    """Return standard input for reading flows, after putting the terminal in its place for the keyboard.

    The pipe moves to a new descriptor and /dev/tty to descriptor 0, where Textual reads keys.

    Raises:
        UsageError: there is nothing piped in, or no terminal.
    """
    piped_input()
    try:
        terminal = os.open(_TERMINAL, os.O_RDWR)
    except OSError as error:
        raise UsageError(
            f"there is no terminal for the keyboard ({_TERMINAL}: {error.strerror}); "
            'use "netsec-tui list" or "netsec-tui generate" instead'
        ) from error
    kept = os.fdopen(os.dup(0), "rb", buffering=0)
    os.dup2(terminal, 0)
    os.close(terminal)
    return kept


def require_terminal() -> None:
    """Make sure that a screen can be drawn and keys can be read.

    Raises:
        UsageError: it cannot; the sentence names the commands that need none.
    """
    without = 'without a terminal use "netsec-tui list" or "netsec-tui generate"'
    if not os.isatty(0):
        raise UsageError(f"standard input is no terminal; {without}, or give flows as --flows -")
    # Textual draws on standard error, so that standard output may be redirected.
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        raise UsageError(f"standard error is no terminal, and the screen is drawn there; {without}")
