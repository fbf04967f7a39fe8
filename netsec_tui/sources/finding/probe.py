"""Whether a source answers: it is followed until it has told something, for a few seconds at most."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from functools import partial

from netsec_tui.model.flow import Flow
from netsec_tui.sources.contract import FlowsRead, Message, Source, SourceStatus
from netsec_tui.sources.feeds.thread import SourceThread, put_all

PROBE_SECONDS = 5.0

_SECOND_WORD = 1.0
"""Seconds in which more may come after a first word: of other nodes, whether one answered or complained."""

_ROOM = 16
_PATIENCE = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """Say whether a source answered; ``detail`` is what its status said, or why it did not."""

    answered: bool
    detail: str = ""


def probe(source: Source, seconds: float = PROBE_SECONDS) -> Answer:
    """Follow a source until flows come, it says that it watches, or it complains; so many seconds at most."""
    stop = threading.Event()
    messages: queue.Queue[Message] = queue.Queue(_ROOM)
    thread = SourceThread(source, partial(put_all, messages, closed=stop), stop)
    thread.start()
    try:
        return _heard(messages, seconds)
    finally:
        stop.set()


def _heard(messages: queue.Queue[Message], seconds: float) -> Answer:
    deadline = time.monotonic() + seconds
    answered, first, detail, complaint = False, False, "", ""
    while time.monotonic() < deadline:
        try:
            message = messages.get(timeout=_PATIENCE)
        except queue.Empty:
            continue
        if isinstance(message, FlowsRead):
            answered = answered or any(isinstance(flow, Flow) for flow in message.flows)
        elif isinstance(message, SourceStatus):
            detail = message.detail or detail
            answered = answered or (message.observed is not None and not message.error)
            complaint = complaint or message.error
            if message.ended:
                break
        if (answered or complaint) and not first:
            first, deadline = True, min(deadline, time.monotonic() + _SECOND_WORD)
    if answered:
        return Answer(True, detail)
    return Answer(False, complaint or f"it has told nothing within {seconds:g} s")
