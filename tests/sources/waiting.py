"""Waiting for what no message of a source tells."""

from __future__ import annotations

from collections.abc import Callable

from tests.cluster.harness import waiting

PATIENCE = 60
"""Seconds after which something that a test waits for is taken to never come."""


def until(check: Callable[[], object], what: str = "what the test waits for") -> None:
    """Return as soon as a check holds, which is asked again and again; fail when it never does."""
    waiting.until(check, PATIENCE, what, pause=0.005)
