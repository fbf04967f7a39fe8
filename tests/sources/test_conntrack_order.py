"""What is proven of who opened a connection is true, and no order of nodes and entries changes it."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.conntrack_lines import line
from tests.sources.conntrack_tables import Tables, proven

ROUNDS = 4
WORLD = st.lists(
    st.tuples(
        st.sampled_from(["everyday", "high", "low", "crossed"]),
        st.integers(0, 2),  # the server
        st.integers(0, ROUNDS - 1),  # the round in which it opens; 0 is before the first tables
        st.sampled_from(["plain", "opening", "translated"]),
        st.lists(st.sampled_from(["goes on", "forgotten", "asks", "answers"]), min_size=8, max_size=8),
    ),
    min_size=1,
    max_size=6,
)
PORTS = {
    "everyday": (40_000, 8080),
    "high": (40_000, 50_051),
    "low": (20_000, 8080),
    "crossed": (20_000, 50_051),
}


def entries_of(number, connection):
    """Yield round, node and line of one connection's entries: first as it opens, then as its nodes forget it.

    What a node has forgotten begins anew by the next packet, which comes from either end.
    """
    ports, server, opens, how, fates = connection
    client = f"10.244.1.{number + 20}:{PORTS[ports][0]}"
    listens = f"10.244.2.{server + 20}:{PORTS[ports][1]}"
    plain = line(client, listens)
    first = {
        "plain": plain,
        "opening": line(client, listens, state="SYN_RECV"),
        "translated": line(client, f"10.96.0.{server}:80", listens),
    }[how]
    holds = {"n1": first, "n2": plain}
    for turn in range(opens, ROUNDS):
        if turn > opens:
            packet = fates[2 * turn]  # one packet makes the entries of both nodes that have none
            for place, node in enumerate(("n1", "n2")):
                if fates[2 * turn + place - 1] == "forgotten":
                    holds[node] = ""
                elif not holds[node] and packet in ("asks", "answers"):
                    holds[node] = plain if packet == "asks" else line(listens, client)
                elif holds[node] == first:
                    holds[node] = first.replace("SYN_RECV", "ESTABLISHED")
        yield from ((turn, node, text) for node, text in holds.items() if text)


@settings(max_examples=300, deadline=None)
@given(WORLD, st.randoms(use_true_random=False))
def test_what_is_proven_is_true_and_the_order_of_nodes_and_entries_makes_no_difference(world, chance):
    tables = {(turn, node): [] for turn in range(ROUNDS) for node in ("n1", "n2")}
    truth = set()
    for number, connection in enumerate(world):
        ends = number + 20, PORTS[connection[0]][0], connection[1] + 20, PORTS[connection[0]][1]
        truth.add("10.244.1.{}:{} -> 10.244.2.{}:{}".format(*ends))
        for turn, node, text in entries_of(number, connection):
            tables[turn, node].append(text)
    told = [read_in_some_order(tables, random.Random(chance.random())) for _ in range(3)]
    assert told[0] == told[1] == told[2]
    assert {arrow for arrow in told[0] if "10.96" not in arrow} <= truth


def read_in_some_order(tables, chance):
    read, found = Tables(), set()
    for turn in range(ROUNDS):
        for node in chance.sample(["n1", "n2"], 2):
            lines = tables[turn, node]
            found |= proven(read.read(*chance.sample(lines, len(lines)), node=node, at=5 * turn))
    return found
