"""The column of the names takes what the names need, and does not move under the reader."""

from netsec_tui.model.communication import Communication
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import (
    CommunicationKey,
    Direction,
    WorkloadRef,
    address_peer,
    alias_peer,
    owner_peer,
)
from netsec_tui.model.review import Row, Standing
from netsec_tui.ui.name_widths import NameWidths

LONG = "a-workload-with-a-name-of-some-length"


def row(peer):
    return Row(Communication(CommunicationKey(Direction.EGRESS, peer, Protocol.TCP, 80)), Standing.IN)


def owner(name, namespace="shop", kind="Deployment"):
    return row(owner_peer(WorkloadRef(kind, namespace, name)))


def taken(home, *rows):
    return NameWidths(home).take(rows)


def test_the_own_namespace_takes_no_room():
    assert taken("shop", owner("web")) == ((3, 3), (3, 3))
    assert taken("data", owner("web")) == ((8, 8), (8, 8))


def test_the_kind_goes_with_the_name_where_it_has_no_column():
    assert taken("shop", owner("web", kind="StatefulSet")) == ((3, 7), (3, 3))
    assert taken("shop", row(alias_peer("web"))) == ((9, 9), (9, 9))


def test_both_groups_are_alike_while_names_are_ordinary():
    assert taken("shop", owner("web"), row(address_peer("198.51.100.9"))) == ((12, 12), (12, 12))


def test_a_long_name_costs_the_other_group_nothing():
    address = row(address_peer("198.51.100.9"))
    assert taken("shop", owner(LONG), address) == ((len(LONG), len(LONG)), (12, 12))


def test_it_grows_with_rows_that_come_and_stays_when_they_go():
    names = NameWidths("shop")
    few = (owner("web"),)
    assert names.take(few)[0] == (3, 3)
    assert names.take((*few, owner("payments")))[0] == (8, 8)
    assert names.take(few)[0] == (8, 8)
