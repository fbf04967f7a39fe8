"""What a file without flows seems to be instead, and what to do with it."""

from __future__ import annotations

import re

_LOOKS = (
    (re.compile(rb"\A\s*\Z"), "is empty; hubble observe -o json writes flows, --last 1000 those just seen"),
    (
        re.compile(rb'\A\s*\{\s*"netsec-tui"\s*:\s*"capture"'),
        "looks like a capture of netsec-tui: give it with --capture",
    ),
    (
        re.compile(rb'^\s*"?apiVersion"?\s*:|"apiVersion"\s*:\s*"', re.MULTILINE),
        "looks like Kubernetes objects: give it with --manifests",
    ),
    (
        re.compile(rb"\A(?:\xff\xfe|\xfe\xff)"),
        "is UTF-16 text, as PowerShell redirects it: write it as UTF-8",
    ),
    (
        re.compile(rb"\A(?:\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x4d\x3c\xb2\xa1|\x0a\x0d\x0d\x0a)"),
        "looks like packets (pcap); expected are JSON lines as hubble observe -o json writes them",
    ),
    (
        re.compile(rb"\A\w{3} +\d+ [\d:.]+: .*->", re.MULTILINE),
        "looks like hubble's compact output: record it with hubble observe -o json",
    ),
    (
        re.compile(rb"\A[^\n]*\0"),
        "is not text; expected are JSON lines as hubble observe -o json writes them",
    ),
)


def looks_like(head: bytes) -> str:
    """Return half a sentence about the beginning of a file, empty when it looks like nothing known."""
    return next((words for pattern, words in _LOOKS if pattern.search(head)), "")
