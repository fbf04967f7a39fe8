"""The demo's made-up cluster as a source: a capture inside the package (docs/demo.md).

IPv4 ranges are complete, so addresses outside are External: pods by the nodes' podCIDRs, Services by a
ServiceCIDR. No IPv6 range of Services is known, so the IPv6 address is Unknown.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from netsec_tui.sources.capture import CaptureSource
from netsec_tui.sources.contract import Emit, Message, SourceStatus

CAPTURE = Path(__file__).resolve().parent.parent / "demo" / "shop.capture.jsonl"


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
