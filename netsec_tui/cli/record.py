"""``netsec-tui record``: everything that the inputs give, in one capture file."""

from __future__ import annotations

import signal
import threading
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from netsec_tui.cli.exits import CANNOT_TELL, DONE
from netsec_tui.cli.inputs import Inputs, inputs_of
from netsec_tui.cli.output import gap_told, left_out, note
from netsec_tui.cli.tty import piped_input
from netsec_tui.errors import BadInputError, UsageError
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.sources.record import Recorded, record

STDOUT = "-"


def run(args: Namespace) -> int:
    """Record until the input ends or Ctrl-C, both of which leave a complete file; return the exit code.

    Raises:
        UsageError: the capture is to go to standard output.
    """
    if args.output == STDOUT:
        raise UsageError(
            "record writes a file, not standard output; name one, for instance -o monday.capture"
        )
    inputs = inputs_of(args, piped_input)
    stop = threading.Event()
    watch = _Watch(inputs, stop)
    with _ended_by_signals(stop):
        recorded = record(inputs.all, args.output, stop, report=watch)
    return _summary(recorded, args.output)


class _Watch:
    """Stop the recording when nothing but cluster state would follow, all of which has been read once."""

    def __init__(self, inputs: Inputs, stop: threading.Event) -> None:
        self._state = {source.name for source in inputs.state}
        self._waiting = Counter(source.name for source in inputs.all)
        self._stop = stop

    def __call__(self, status: SourceStatus) -> None:
        if status.ended or (status.source in self._state and status.settled):
            self._waiting[status.source] -= 1
        if not any(count > 0 for count in self._waiting.values()):
            self._stop.set()


@contextmanager
def _ended_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the recording in order, and a second one at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summary(recorded: Recorded, path: str) -> int:
    """Say what the capture holds and what it lacks; return the exit code."""
    for status in recorded.statuses.values():
        if status.error:
            note(status.error)
    for problem in dict.fromkeys(problem for told in recorded.problems.values() for problem in told):
        note(problem)
    for reason, lost in recorded.lost.items():
        note(gap_told(reason, lost))
    skipped = sum(status.skipped for status in recorded.statuses.values())
    if skipped:
        note(left_out(skipped))
    note(f"{path} holds {recorded.flows} flows and {sum(recorded.objects.values())} objects")
    if recorded.failures:
        return recorded.failures[0].exit_code
    if skipped:
        return BadInputError.exit_code
    return DONE if recorded.anything else CANNOT_TELL
