"""The first line of a capture, and what a file without it seems to be instead."""

from __future__ import annotations

import json
import re
from pathlib import Path

from netsec_tui.errors import BadInputError
from netsec_tui.sources.capture.lines import HEADER_KEY, HEADER_VALUE, VERSION

_LOOKS = (
    (
        re.compile(rb'"(flow|verdict|node_status|lost_events)"'),
        "looks like Hubble JSON lines: give it with --flows",
    ),
    (
        re.compile(rb"apiVersion|kind:|^---|^\s*\{\s*$"),
        "looks like Kubernetes objects: give it with --manifests",
    ),
    (re.compile(rb"^\x1f\x8b"), "is compressed: give it a name that ends in .gz"),
    (re.compile(rb"^\s*$"), "is empty"),
)


def check_header(path: Path, line: bytes) -> None:
    """Return when a file begins as a capture that can be read.

    Raises:
        BadInputError: it is none, or was written by a newer version.
    """
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get(HEADER_KEY) != HEADER_VALUE:
        looks = next((words for pattern, words in _LOOKS if pattern.search(line)), "has another first line")
        raise BadInputError(f"{path} is no capture of netsec-tui; it {looks}")
    version = header.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadInputError(f"{path}:1 names no version of the capture format")
    if version > VERSION:
        raise BadInputError(
            f"{path} was written by a newer netsec-tui (capture format {version}, this one reads {VERSION}); "
            "update netsec-tui or record again"
        )
