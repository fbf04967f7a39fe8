"""The demo as a source: a capture inside the package, recorded on a cluster of the tests (docs/demo.md)."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from netsec_tui.sources.capture.source import CaptureSource
from netsec_tui.sources.contract import Emit, Message, SourceStatus

CAPTURE = Path(__file__).resolve().parent / "shop.capture.jsonl"


class DemoSource:
    """Read the demo's capture once."""

    name = "demo"
    live = False

    def read(self, emit: Emit) -> None:
        """Emit the demo's cluster state and flows."""
        self.follow(emit, threading.Event())

    def follow(self, emit: Emit, stop: threading.Event) -> None:
        """Do what ``read`` does, since the demo does not grow; end early when ``stop`` is set."""

        def under_own_name(message: Message) -> None:
            emit(replace(message, source=self.name) if isinstance(message, SourceStatus) else message)

        CaptureSource(CAPTURE).follow(under_own_name, stop)
