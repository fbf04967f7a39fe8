"""Start netsec-tui: the screen or a headless command; every failure becomes one sentence and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from netsec_tui.cli.exits import BROKEN_PIPE, INTERRUPTED, as_diff_has_them
from netsec_tui.cli.flags import command_of, parse
from netsec_tui.errors import NetsecError
from netsec_tui.sources.secret import hidden
from netsec_tui.sources.waits import waits_told

_SCREENS = ("tui", "demo")
"""The commands that tell on the screen what is waited for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code (docs/headless.md)."""
    given = sys.argv[1:] if argv is None else argv
    code = _run(given)
    return as_diff_has_them(code) if command_of(given) == "diff" else code


def _run(argv: Sequence[str]) -> int:
    try:
        args = parse(argv)
        with nullcontext() if args.command in _SCREENS else waits_told(_tell_wait):
            return _command(args.command)(args)
    except NetsecError as error:
        from netsec_tui.cli.output import note

        for sentence in str(error).split("\n"):
            note(sentence)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return BROKEN_PIPE
    except Exception:
        # Left to the interpreter this would exit with 1, which means "no".
        print(hidden(traceback.format_exc()), end="", file=sys.stderr)
        print(
            "netsec-tui: this is a defect of netsec-tui; please report it with the lines above",
            file=sys.stderr,
        )
        return NetsecError.exit_code


def _tell_wait(sentence: str) -> None:
    """Say what is waited for, where no screen does."""
    from netsec_tui.cli.output import note

    if sentence:
        note(sentence)


def _command(name: str) -> Callable[[Namespace], int]:
    """Import only what the command needs: the headless ones never load the screen."""
    match name:
        case "list":
            from netsec_tui.cli import listing

            return listing.run
        case "generate":
            from netsec_tui.cli import generate

            return generate.run
        case "applied":
            from netsec_tui.cli import applied

            return applied.run
        case "record":
            from netsec_tui.cli import record

            return record.run
        case "diff":
            from netsec_tui.cli import diff

            return diff.run
        case "check":
            from netsec_tui.cli import check

            return check.run
        case "doctor":
            from netsec_tui.cli import doctor

            return doctor.run
        case "reader":
            from netsec_tui.cli import reader

            return reader.run
        case "config":
            from netsec_tui.cli import config

            return config.run
        case "info":
            from netsec_tui.cli import info

            return info.run
    from netsec_tui.cli import tui

    return tui.run


def _silence_stdout() -> None:
    """Keep the interpreter from complaining about the closed pipe when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
