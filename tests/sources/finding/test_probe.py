"""Whether a source answers, and what it says of itself by then."""

import pytest

from netsec_tui.errors import UnreachableError
from netsec_tui.model.observed import Observed
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.sources.finding.probe import Answer, probe

WATCHES = Observed("conntrack", 1.0)


class Given:
    """A source that says some things, and goes on until it is asked to stop unless it fails."""

    name, live = "conntrack", True

    def __init__(self, *told, fails=False):
        self._told, self._fails = told, fails

    def follow(self, emit, stop):
        for detail, error in self._told:
            emit(SourceStatus(self.name, True, detail, error=error, observed=WATCHES))
        if self._fails:
            raise UnreachableError("no node gives its table")
        stop.wait(30)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (Given(("1 of 2 nodes; 1 not read yet", ""), ("2 of 2 nodes", "")), Answer(True, "2 of 2 nodes")),
        (Given(("1 of 2 nodes", ""), ("1 of 2 nodes", "node n2 gives none")), Answer(True, "1 of 2 nodes")),
        (Given(("0 of 2 nodes", "n1 gives none"), ("1 of 2 nodes", "")), Answer(True, "1 of 2 nodes")),
        (Given(("0 of 2 nodes", "n1 gives none")), Answer(False, "n1 gives none")),
        (Given(fails=True), Answer(False, "no node gives its table")),
    ],
)
def test_what_comes_shortly_after_the_first_word_counts(source, answer):
    assert probe(source) == answer
