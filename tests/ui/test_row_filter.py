"""Search and categories: which rows of a table are shown."""

import pytest

from netsec_tui.model.communication import AddressCategory, Communication
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, Direction, WorkloadRef, address_peer, owner_peer
from netsec_tui.model.review import Row, Standing
from netsec_tui.ui.row_filter import RowFilter

INTERNAL, EXTERNAL = AddressCategory.INTERNAL, AddressCategory.EXTERNAL
ALIASED, UNKNOWN = AddressCategory.ALIASED, AddressCategory.UNKNOWN


def row(peer, text, category=None):
    key = CommunicationKey(Direction.EGRESS, peer, Protocol.TCP, 443)
    return Row(Communication(key), Standing.OUT, category=category, text=text)


WEB = row(owner_peer(WorkloadRef("Deployment", "shop", "web")), "shop web deployment 443")
ROWS = (
    WEB,
    row(address_peer("10.0.0.1"), "10.0.0.1 443", INTERNAL),
    row(address_peer("203.0.113.7"), "203.0.113.7 443", EXTERNAL),
    row(address_peer("198.51.100.1"), "198.51.100.1 443 proxies", ALIASED),
    row(address_peer("100.64.0.1"), "100.64.0.1 443", UNKNOWN),
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", (0, 1, 2, 3, 4)),
        ("WEB", (0,)),
        ("113.7", (2,)),
        ("!443", ()),
        ("!web", (1, 2, 3, 4)),
        ("!", (0, 1, 2, 3, 4)),
        (" proxies ", (3,)),
        ("nothing", ()),
    ],
)
def test_text(text, kept):
    assert RowFilter(text).keep(ROWS) == tuple(ROWS[index] for index in kept)


@pytest.mark.parametrize(
    ("categories", "kept"),
    [
        ((), (0, 1, 2, 3, 4)),
        ((EXTERNAL,), (0, 2)),
        ((INTERNAL, UNKNOWN), (0, 1, 4)),
        (tuple(AddressCategory), (0, 1, 2, 3, 4)),
    ],
)
def test_categories_are_a_union_and_leave_in_cluster_rows(categories, kept):
    assert RowFilter("", frozenset(categories)).keep(ROWS) == tuple(ROWS[index] for index in kept)


def test_both_together():
    assert RowFilter("!proxies", frozenset({ALIASED, EXTERNAL})).keep(ROWS) == (WEB, ROWS[2])


@pytest.mark.parametrize(
    ("row_filter", "words"),
    [
        (RowFilter(), ""),
        (RowFilter("!"), ""),
        (RowFilter("!web"), "/!web"),
        (RowFilter("web", frozenset({UNKNOWN, INTERNAL})), "/web Internal Unknown"),
    ],
)
def test_a_filter_tells_what_it_hides(row_filter, words):
    assert str(row_filter) == words
    assert row_filter.active is bool(words)
