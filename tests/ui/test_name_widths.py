"""The column of the names takes what the names need, and does not move under the reader."""

from netsec_tui.model.communication import Communication
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import CommunicationKey, Direction, WorkloadRef, address_peer, owner_peer
from netsec_tui.model.review import Row, Standing
from netsec_tui.ui.name_widths import NameWidths

LONG = "a-workload-with-a-name-of-some-length"


def row(peer):
    return Row(Communication(CommunicationKey(Direction.EGRESS, peer, Protocol.TCP, 80)), Standing.IN)


def owner(name, namespace="shop"):
    return row(owner_peer(WorkloadRef("Deployment", namespace, name)))


def test_the_own_namespace_takes_no_room():
    assert NameWidths("shop").take((owner("web"),)) == (3, 3)
    assert NameWidths("data").take((owner("web"),)) == (8, 8)


def test_both_groups_are_alike_while_names_are_ordinary():
    assert NameWidths("shop").take((owner("web"), row(address_peer("198.51.100.9")))) == (12, 12)


def test_a_long_name_costs_the_other_group_nothing():
    address = row(address_peer("198.51.100.9"))
    assert NameWidths("shop").take((owner(LONG), address)) == (len(LONG), 12)


def test_it_grows_with_rows_that_come_and_stays_when_they_go():
    names = NameWidths("shop")
    few = (owner("web"),)
    assert names.take(few) == (3, 3)
    assert names.take((*few, owner("payments"))) == (8, 8)
    assert names.take(few) == (8, 8)
