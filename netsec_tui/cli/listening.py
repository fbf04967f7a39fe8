"""Listening to live sources for a while before the answer: ``--for DURATION``."""

from __future__ import annotations

import sys
import threading

from netsec_tui.cli.inputs import Inputs
from netsec_tui.cli.interrupts import ended_by_signals
from netsec_tui.cli.output import note
from netsec_tui.errors import UsageError
from netsec_tui.model.flow import Flow
from netsec_tui.sources.contract import FlowsRead
from netsec_tui.sources.feeds.feed import Reading
from netsec_tui.sources.feeds.listen import OnFlows, listen
from netsec_tui.sources.waits import waits_told

NOTHING_LIVE = "--for listens to live sources, and none is given: name one with --source, or leave --for out"


def listened(inputs: Inputs, seconds: int, on_flows: OnFlows) -> tuple[Reading, bool]:
    """Return what the sources told in so many seconds, and whether Ctrl-C ended it before.

    Raises:
        UsageError: no source is live, so that there is nothing to wait for.
    """
    if not any(source.live for source in inputs.flows):
        raise UsageError(NOTHING_LIVE)
    stop, progress = threading.Event(), Progress(seconds)

    def take(read: FlowsRead) -> None:
        progress.flows += sum(isinstance(flow, Flow) for flow in read.flows)
        on_flows(read)

    def tell_wait(sentence: str) -> None:
        if sentence:
            progress.erase()
            note(sentence)

    with ended_by_signals(stop) as interrupted, waits_told(tell_wait):
        reading = listen(inputs.state, inputs.flows, seconds, take, stop, progress)
    progress.erase()
    return reading, interrupted.is_set()


class Progress:
    """Show on standard error how long is left, where that is a terminal; the line is erased at the end."""

    def __init__(self, seconds: int) -> None:
        self.flows = 0
        self._seconds = seconds
        self._shown = -1
        self._terminal = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, elapsed: float) -> None:
        """Show how many seconds have passed, once a second."""
        if self._terminal and int(elapsed) != self._shown:
            self._shown = int(elapsed)
            told = f"listening: {self._shown} s of {self._seconds} s, {self.flows} flows; Ctrl-C answers now"
            self._write(f"\r{told}\x1b[K")

    def erase(self) -> None:
        """Leave the line empty for what comes next."""
        if self._shown >= 0:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
