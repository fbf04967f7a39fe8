"""What takes long is told while it lasts, and its end after it; never the other way round."""

from netsec_tui.sources import waits
from netsec_tui.sources.waits import waited_for, waits_told
from tests.sources.waiting import until


def test_a_wait_that_is_told_is_over_once_it_ends(monkeypatch):
    monkeypatch.setattr(waits, "LONG_SECONDS", 0.01)
    told = []
    with waits_told(told.append), waited_for("a server"):
        until(lambda: told)
    assert told == ["still waiting after 0.01 s for a server", ""]


def test_of_a_wait_that_is_over_nothing_is_told_any_more():
    """A timer may come to its end while the wait ends."""
    told = []
    wait = waits._Wait(told.append, "still waiting")
    wait.end()
    wait.last()
    assert told == []
