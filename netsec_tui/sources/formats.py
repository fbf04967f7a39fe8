"""The formats that files of flows may have, each read by the decoder of the live source that speaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.conntrack.entry import Unread
from netsec_tui.sources.hubble.file import HubbleFileDecoder
from netsec_tui.sources.problem import Problem

Item = Flow | Gap | Problem | Unread | None
Decoded = Item | Sequence[Item]
Looks = Callable[[bytes], bool]

EXPECTED = "JSON lines as hubble observe -o json writes them, or another of the formats in docs/sources.md"


class Decoder(Protocol):
    """Turn one value of a file into what it tells; never raises.

    One that has to see more before it tells has a method ``finish`` too, which returns what is left. What
    else one may know of a file are attributes: see ``Heard.observed``.
    """

    def decode(self, value: Any, /) -> Decoded:
        """Return what a value tells."""


class Shape(Enum):
    """Say what the values of a format are: JSON documents, lines of text, or JSON in server-sent events."""

    JSON = "json"
    TEXT = "text"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Format:
    """Say how a file is read; ``decoder`` is given when the file was written, in epoch seconds.

    The decoder of a ``whole`` one takes arrays as they are, because their elements explain each other.
    """

    shape: Shape
    decoder: Callable[[float], Decoder]
    whole: bool = False


HUBBLE = Format(Shape.JSON, lambda at: HubbleFileDecoder())
"""What is taken for granted until something else is recognised."""

_EVENT_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b": ")
"""Beginnings of the lines of server-sent events (WHATWG HTML, 9.2)."""


def recognise(head: bytes) -> Format | None:
    """Return the format of a line or value that begins so, None when it is none of those known.

    Hubble's is looked for first, which spares the modules of all others.
    """
    if looks_like_hubble(head):
        return HUBBLE
    return next((form for looks, form in _others() if looks(head)), None)


def looks_like_hubble(head: bytes) -> bool:
    """Tell whether a value is a flow of Hubble or an event beside its flows."""
    if b'"lost_events"' in head or b'"node_status"' in head:
        return True
    return b'"verdict"' in head and b'"l4"' in head


def event_data(line: bytes) -> bytes:
    """Return the JSON in a line of server-sent events, nothing for a line that carries none."""
    if line.startswith(b"data:"):
        return line[len(b"data:") :]
    return b"" if line.startswith(_EVENT_FIELDS) else line


def _others() -> Iterator[tuple[Looks, Format]]:
    from netsec_tui.sources.antrea import csv as antrea_csv
    from netsec_tui.sources.antrea import decode as antrea_decode
    from netsec_tui.sources.antrea import theia_decode
    from netsec_tui.sources.calico import goldmane_decode, whisker_decode
    from netsec_tui.sources.conntrack import file as conntrack_file
    from netsec_tui.sources.netobserv import decode as netobserv_decode

    yield conntrack_file.looks, Format(Shape.TEXT, conntrack_file.ConntrackFileDecoder)
    yield goldmane_decode.looks, Format(Shape.JSON, lambda at: goldmane_decode.goldmane_decoder())
    yield _whiskers, Format(Shape.EVENTS, lambda at: whisker_decode.whisker_decoder())
    yield (
        netobserv_decode.looks,
        Format(Shape.JSON, lambda at: netobserv_decode.NetObservDecoder(), whole=True),
    )
    yield antrea_decode.looks, Format(Shape.JSON, lambda at: antrea_decode.AntreaDecoder())
    yield theia_decode.looks, Format(Shape.JSON, lambda at: theia_decode.TheiaDecoder())
    yield antrea_csv.looks, Format(Shape.TEXT, lambda at: antrea_csv.AntreaCsvDecoder())


def _whiskers(head: bytes) -> bool:
    """Tell whether a line is Whisker's, the only one that sends events."""
    from netsec_tui.sources.calico import whisker_decode

    return head.startswith(_EVENT_FIELDS) or whisker_decode.looks(head)
