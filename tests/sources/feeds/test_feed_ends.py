"""Until when a source has watched that ends by an error."""

import threading
import time

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.model.observed import Observed
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.sources.feeds.thread import SourceThread
from tests.sources.feeds.test_feed import Scripted


@pytest.mark.parametrize("until", [0.0, 500.0])
def test_a_source_that_breaks_off_watched_until_it_said_or_else_until_then(until):
    told, before = [], time.time()
    status = SourceStatus("a", True, observed=Observed("hubble", 100.0, until))
    SourceThread(Scripted("a", status, error=UnreachableError("away")), told.append, threading.Event()).run()
    last = told[-1]
    assert (last.ended, last.error, last.observed.since) == (True, "away", 100.0)
    assert last.observed.until == until if until else before <= last.observed.until <= time.time()
