"""``netsec-tui record``: everything that the inputs give, in one capture file."""

from __future__ import annotations

import threading
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from netsec_tui.cli.exits import CANNOT_TELL, DONE, INTERRUPTED
from netsec_tui.cli.inputs import Inputs, inputs_of, observed
from netsec_tui.cli.interrupts import ended_by_signals
from netsec_tui.cli.listening import NOTHING_LIVE
from netsec_tui.cli.output import gap_told, left_out, note
from netsec_tui.cli.tty import piped_input
from netsec_tui.errors import BadInputError, UsageError
from netsec_tui.model.origins import told_as
from netsec_tui.sources.capture.record import Recorded, record
from netsec_tui.sources.contract import SourceStatus

STDOUT = "-"


def run(args: Namespace) -> int:
    """Record until the input ends, the time of --for is over or Ctrl-C; each leaves a complete file.

    Returns the exit code, which tells when --for was cut short.

    Raises:
        UsageError: the capture is to go to standard output, --for has nothing to wait for, or two sources
            are of one kind.
    """
    if args.output == STDOUT:
        raise UsageError(
            "record writes a file, not standard output; name one, for instance -o monday.capture"
        )
    inputs = inputs_of(args, piped_input)
    names = [choice.name for choice in observed(args)]
    kinds = Counter(map(told_as, names))
    if twice := [name for name in names if kinds[told_as(name)] > 1]:
        told = ", ".join(dict.fromkeys(twice))
        raise UsageError(
            f"a capture does not keep apart what two sources of one kind tell ({told}): what both tell would "
            "count twice in it; record one of them"
        )
    if args.listen and not any(source.live for source in inputs.flows):
        raise UsageError(NOTHING_LIVE)
    stop = threading.Event()
    watch = _Watch(inputs, stop)
    with ended_by_signals(stop) as interrupted, _ended_after(args.listen, stop):
        recorded = record(inputs.all, args.output, stop, report=watch)
    code = _summary(recorded, args.output)
    return INTERRUPTED if code == DONE and args.listen and interrupted.is_set() else code


@contextmanager
def _ended_after(seconds: int | None, stop: threading.Event) -> Iterator[None]:
    """Set ``stop`` after so many seconds, never for None."""
    clock = threading.Timer(seconds or 0, stop.set)
    clock.daemon = True
    if seconds:
        clock.start()
    try:
        yield
    finally:
        clock.cancel()


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


def _summary(recorded: Recorded, path: str) -> int:
    """Say what the capture holds and what it lacks; return the exit code."""
    for status in recorded.statuses.values():
        if status.error:
            note(status.error)
    for problem in dict.fromkeys(problem for told in recorded.problems.values() for problem in told):
        note(problem)
    for reason, lost in recorded.losses.by_reason.items():
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
