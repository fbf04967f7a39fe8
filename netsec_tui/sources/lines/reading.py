"""Turning the lines of a file of flows into messages, whatever some of them hold."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from netsec_tui.errors import BadInputError
from netsec_tui.model.flow import Flow, Gap
from netsec_tui.model.timespan import OLDEST, plausible
from netsec_tui.sources.contract import Emit, FlowsRead, SourceStatus
from netsec_tui.sources.counted import counted
from netsec_tui.sources.formats import EXPECTED, HUBBLE, Shape, event_data, recognise
from netsec_tui.sources.lines import documents
from netsec_tui.sources.lines.documents import Documents, Unreadable
from netsec_tui.sources.lines.heard import Heard
from netsec_tui.sources.lines.hint import looks_like
from netsec_tui.sources.objects.strip import printable

_HEAD = 65_536
_LAST_SECOND = 253_402_300_799.0
"""The end of the year 9999."""

_MOST_LOOKS = 40
"""Looks at lines and at values that may tell no known format before the first that does."""


class LineReading:
    """Hold what the bytes read so far have told; ``name`` stands before the number of a line that is told.

    The first line or value of a known format decides how all are read. ``at`` is when the lines were
    written, in epoch seconds, for formats that tell no time; None means that nobody knows: then they count
    as of now, and that is said. What is dated by a time that cannot be counts nowhere, and is told as lines
    that cannot be read.
    """

    def __init__(self, name: str, source: str, *, live: bool, at: float | None = None) -> None:
        self.flows = 0
        self.skipped = 0
        self._name = name
        self._source = source
        self._live = live
        self._assumes = at is None
        self._written = time.time() if at is None else at
        self._at = self._written if plausible(self._written, time.time()) else 0.0
        self._form = HUBBLE
        self._decoder = HUBBLE.decoder(self._at)
        self._looks_left = _MOST_LOOKS
        self._documents = Documents()
        self._head = b""
        self._rest: list[bytes] = []
        self._length = 0
        self._overlong = False
        self._batch: list[Flow | Gap] = []
        self._lost: dict[tuple[str, str, float], Gap] = {}
        self._trouble = ""
        self._told = 0
        self._newest = 0.0
        self._heard = Heard()

    @property
    def pending(self) -> bool:
        """Tell whether ``flush`` has something to emit."""
        return bool(self._batch or self._lost or self.skipped > self._told)

    def feed(self, chunk: bytes) -> None:
        """Take in the next bytes; what stands after the last newline waits for its end."""
        if len(self._head) < _HEAD:
            self._head += chunk[: _HEAD - len(self._head)]
        first, newline, more = chunk.partition(b"\n")
        self._gather(first)
        if not newline:
            return
        if self._overlong:
            self._documents.line += 1
        else:
            self._take(b"".join(self._rest))
        lines = more.split(b"\n")
        rest = lines.pop()
        for line in lines:
            self._take(line)
        self._rest, self._length, self._overlong = [], 0, False
        self._gather(rest)

    def _gather(self, piece: bytes) -> None:
        """Keep a piece of a line that has no end yet, unless the line is longer than any that tells flows."""
        if self._overlong:
            return
        self._rest.append(piece)
        self._length += len(piece)
        if self._length > documents.LONGEST:
            self._rest, self._overlong = [], True
            self.skip(self._documents.line + 1, f"a line is longer than {documents.LONGEST >> 20} MiB")

    def finish(self) -> None:
        """Take in what stands after the last newline: there will be no more bytes."""
        rest, self._rest = b"".join(self._rest), []
        if rest:
            self._take(rest, last=True)
        try:
            self._documents.finish()
        except Unreadable as unreadable:
            self._leave_out(unreadable)
        finish = getattr(self._decoder, "finish", None)
        if finish:
            self._keep(finish())
        undated = getattr(self._decoder, "undated", 0)
        if undated:
            self._leave_undated(undated)

    def cut_off(self, reason: str) -> None:
        """Count the line that can be read no further, for instance in a damaged file."""
        self._rest = []
        self.skip(self._documents.line + 1, reason)

    def skip(self, line: int, reason: str) -> None:
        """Count a line that cannot be read; the first one is told with its number."""
        self.skipped += 1
        self._trouble = self._trouble or printable(f"{self._name}:{line}: {reason}", 400)

    def flush(self, emit: Emit, *, ended: bool = False) -> None:
        """Emit what has come in since the last time, then how the source is doing."""
        batch = [*self._batch, *self._lost.values(), *self._skipped_since(), *self._assumed()]
        self._batch, self._lost = [], {}
        if batch:
            emit(FlowsRead(tuple(batch), self._name))
        detail = self._trouble or (counted(self.flows, "flow") if self.flows else "no flow yet")
        # What a file tells is known when all of it has been read; of a pipe, that is what has come so far.
        told = self._heard.observed(self._decoder, self._at) if ended or self._live else ()
        emit(SourceStatus(self._source, self._live, detail, self.skipped, ended=ended, recorded=told))

    def require_flows(self) -> None:
        """Return when at least one flow was read.

        Raises:
            BadInputError: there was none; the sentence says what the input looks like, or what is wrong with
                its time.
        """
        if self.flows:
            return
        if undated := getattr(self._decoder, "undated", 0):
            raise BadInputError(self._misdated(undated))
        if idle := getattr(self._decoder, "idle", 0):
            raise BadInputError(
                f"{self._name} holds no flow: of connections that are open ({idle}) it does not tell that a "
                "packet passed lately; give the node's whole table (that of Open vSwitch by -m)"
            )
        looks = looks_like(self._head)
        if looks:
            raise BadInputError(f"{self._name} holds no flow: it {looks}")
        trouble = f" ({self._trouble})" if self._trouble else ""
        raise BadInputError(f"{self._name} holds no flow{trouble}: expected are {EXPECTED}")

    def _leave_undated(self, undated: int) -> None:
        reason = self._misdated(undated)
        self._batch.append(Gap(0.0, undated, reason))
        self._trouble = self._trouble or reason
        self.skipped += undated
        self._told += undated

    def _misdated(self, undated: int) -> str:
        """Say that the time of the file cannot be, by which lines without one are dated."""
        if self._written < OLDEST:
            when, clock = "before the year 2000", ""
        else:
            moment = datetime.fromtimestamp(min(self._written, _LAST_SECOND), UTC)
            when = f"after now ({moment:%Y-%m-%d %H:%M} UTC)"
            clock = ", or set this machine's clock if it is behind"
        lines = f"{undated} lines" if undated > 1 else "1 line"
        return printable(
            f"{self._name} was last changed {when}, which cannot be the time of {lines} without one: give "
            f"the file the time at which it was written, for instance with touch -d '10 minutes ago'{clock}",
            400,
        )

    def _take(self, line: bytes, *, last: bool = False) -> None:
        if self._looks_left and line and not self._documents.open:
            self._look(line)
        try:
            for value in self._values(line, last):
                if type(value) is list:
                    self._use_array(value)
                else:
                    self._use(value)
        except Unreadable as unreadable:
            self._leave_out(unreadable)

    def _values(self, line: bytes, last: bool) -> Sequence[Any]:
        if self._form.shape is Shape.JSON:
            return self._documents.take(line, last=last)
        if self._form.shape is Shape.EVENTS:
            return self._documents.take(event_data(line), last=last)
        return self._documents.text(line)

    def _look(self, head: bytes) -> None:
        """Go from now on by the format of a line or value, if it is known."""
        self._looks_left -= 1
        form = recognise(head[:_HEAD])
        if form is None:
            return
        self._looks_left = 0
        if form is not HUBBLE:
            self._form, self._decoder = form, form.decoder(self._at)

    def _leave_out(self, unreadable: Unreadable) -> None:
        self.skip(unreadable.line, str(unreadable))
        for value in unreadable.values:
            self._use(value)

    def _use_array(self, values: list[Any]) -> None:
        """Use the elements of an array, all at once where they explain each other."""
        if self._looks_left:
            self._look(json.dumps(values[:1]).encode())
        if self._form.whole:
            self._use(values)
            return
        for value in values:
            self._use(value)

    def _use(self, value: Any) -> None:
        if self._looks_left:  # no line has told the format of a value over several
            self._look(json.dumps(value).encode())
        decoded = self._decoder.decode(value)
        if type(decoded) is Flow:
            self._take_flow(decoded)
        elif decoded is not None:
            self._keep(decoded)

    def _keep(self, decoded: Any) -> None:
        """Keep what a value tells beside a single flow."""
        if isinstance(decoded, Sequence):
            for item in decoded:
                self._keep(item)
        elif isinstance(decoded, Flow):
            self._take_flow(decoded)
        elif isinstance(decoded, Gap):
            self._lose(decoded)
        elif decoded is not None:
            self.skip(self._documents.line, decoded.reason)

    def _take_flow(self, flow: Flow) -> None:
        self.flows += 1
        self._newest = max(self._newest, flow.time)
        self._heard.take(flow)
        self._batch.append(flow)

    def _lose(self, gap: Gap) -> None:
        """Add up what was lost in a minute: servers may report events one by one, thousands a second."""
        gap = replace(gap, time=gap.time or self._undated)
        key = gap.reason, gap.node, gap.time // 60
        same = self._lost.get(key)
        if same:
            until = max(gap.until, same.until)
            gap = replace(gap, time=min(gap.time, same.time), lost=gap.lost + same.lost, until=until)
        self._lost[key] = gap

    @property
    def _undated(self) -> float:
        """Return when something may have been that tells no time; the lines of a file may be in any order."""
        return self._newest if self._live else 0.0

    def _assumed(self) -> list[Gap]:
        """Say once that lines are dated by now because nobody knows their time."""
        if not self._assumes or not getattr(self._decoder, "timeless", False):
            return []
        self._assumes = False
        began = f"{datetime.fromtimestamp(self._written, UTC):%Y-%m-%d %H:%M:%S} UTC"
        sentence = (
            f"{self._name} holds connections without a time, and what is piped has none: they count as of "
            f"when reading began ({began}); if they are older, give the file that they were written to"
        )
        return [Gap(self._at, 0, printable(sentence, 400))]

    def _skipped_since(self) -> list[Gap]:
        fresh, first = self.skipped - self._told, not self._told
        self._told = self.skipped
        if not fresh:
            return []
        if not first:
            return [Gap(self._undated, fresh, f"{self._name}: more lines that cannot be read")]
        more = f" (and {fresh - 1} more lines that cannot be read)" if fresh > 1 else ""
        return [Gap(self._undated, fresh, self._trouble + more)]
