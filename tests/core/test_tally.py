"""Counting only the rows that have changed gives what counting all of them gives."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.prove.tally import Tally, proof_of
from netsec_tui.model.communication import Communication
from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import EXTERNAL, CommunicationKey, Direction, Peer, address_peer, node_peer
from netsec_tui.model.proof import Opener, Reach
from netsec_tui.model.review import Row, Standing


def row(peer: Peer, standing: Standing, reach: Reach, opener: Opener, suspended: bool) -> Row:
    key = CommunicationKey(Direction.EGRESS, peer, Protocol.TCP, 443)
    seen = Communication(key, last_seen=1.0)
    return Row(seen, standing, "why", suspended=suspended, reach=reach, opener=opener)


ROWS = st.builds(
    row,
    st.sampled_from([address_peer("203.0.113.7"), node_peer("node-a"), EXTERNAL]),
    st.sampled_from(Standing),
    st.sampled_from(Reach),
    st.sampled_from(Opener),
    st.booleans(),
)
STEPS = st.tuples(
    st.sampled_from(GeneralRule),
    st.one_of(
        st.lists(ROWS, max_size=8),
        st.dictionaries(st.integers(0, 7), ROWS, max_size=3),
    ),
)


def after(rows: tuple[Row, ...], step: Any) -> tuple[Row, ...]:
    """Return other rows, or the same ones with a few in the place of others."""
    if isinstance(step, list):
        return tuple(step)
    return tuple(step.get(number, kept) for number, kept in enumerate(rows))


@given(st.lists(ROWS, max_size=8), st.lists(STEPS, min_size=1, max_size=6))
def test_following_rows_counts_them_as_if_they_were_new(first: list[Row], steps: list[Any]) -> None:
    tally, rows = Tally(), tuple(first)
    tally.follow(rows, GeneralRule.ROWS_DECIDE)
    for general, step in steps:
        rows = after(rows, step)
        tally.follow(rows, general)
        anew = Tally()
        anew.follow(rows, general)
        proof = proof_of([tally], ())
        assert proof == proof_of([anew], ())
        assert proof.included + proof.excluded + proof.beyond == len(rows)
