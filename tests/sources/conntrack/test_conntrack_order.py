"""What is proven of who opened a connection is true, and no order of nodes and entries changes a row."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.model.communication import Orientation
from tests.core.traffic import IN, OUT, pod, review, session, workload
from tests.core.traffic import line as row_line
from tests.sources.conntrack.conntrack_lines import line
from tests.sources.conntrack.conntrack_tables import NOW, Tables, arrows, proven

ROUNDS = 4
WORLD = st.lists(
    st.tuples(
        st.sampled_from(["everyday", "high", "low", "crossed"]),
        st.integers(0, 2),  # the server
        st.integers(0, ROUNDS - 1),  # the round in which it is first seen; 0 is before the first tables
        st.sampled_from(["plain", "opening", "translated", "answers", "n1 answers", "n2 answers", "half"]),
        st.lists(st.sampled_from(["goes on", "forgotten", "asks", "answers"]), min_size=8, max_size=8),
        st.booleans(),  # whether db opens it rather than web
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
APPS = {False: "web", True: "db"}


def ends_of(number, connection):
    """Return the client's and the server's address and port; no pod is both."""
    ports, server, *_, turned = connection
    client_net, server_net = ("10.244.4", "10.244.3") if turned else ("10.244.1", "10.244.2")
    return f"{client_net}.{number + 20}:{PORTS[ports][0]}", f"{server_net}.{server + 20}:{PORTS[ports][1]}"


def entries_of(number, connection):
    """Yield round, node and line of one connection's entries: as it is first seen, then as nodes forget it.

    It may be older than that, and have an entry by its server's packet at either node or at both. What a node
    has forgotten begins anew by the next packet, which comes from either end.
    """
    _, server, opens, how, fates, _ = connection
    client, listens = ends_of(number, connection)
    plain, answer = line(client, listens), line(listens, client)
    holds = {
        "plain": {"n1": plain, "n2": plain},
        "opening": {"n1": line(client, listens, state="SYN_RECV"), "n2": plain},
        "translated": {"n1": line(client, f"10.96.0.{server}:80", listens), "n2": plain},
        "answers": {"n1": answer, "n2": answer},
        "n1 answers": {"n1": answer, "n2": plain},
        "n2 answers": {"n1": plain, "n2": answer},
        "half": {  # each node has seen the packets of one end
            "n1": line(listens, client, answered=False, timeout=299),
            "n2": line(client, listens, answered=False, timeout=299),
        },
    }[how]
    for turn in range(opens, ROUNDS):
        if turn > opens:
            packet = fates[2 * turn]  # one packet makes the entries of both nodes that have none
            for place, node in enumerate(("n1", "n2")):
                if fates[2 * turn + place - 1] == "forgotten":
                    holds[node] = ""
                elif not holds[node] and packet in ("asks", "answers"):
                    holds[node] = plain if packet == "asks" else answer
                else:
                    holds[node] = holds[node].replace("SYN_RECV", "ESTABLISHED")
        yield from ((turn, node, text) for node, text in holds.items() if text)


@settings(max_examples=200)
@given(WORLD, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_no_order_of_nodes_and_entries_changes_a_row_and_what_is_proven_is_true(
    world, watched, declared, chance
):
    tables = {(turn, node): [] for turn in range(ROUNDS) for node in ("n1", "n2")}
    truth, ways = set(), set()
    for number, connection in enumerate(world):
        client, listens = ends_of(number, connection)
        truth.add(f"{client} -> {listens}")
        asks, serves = APPS[connection[-1]], APPS[not connection[-1]]
        port = int(listens.rsplit(":", 1)[1])
        ways |= {(asks, OUT, serves, port), (serves, IN, asks, port)}
        for turn, node, text in entries_of(number, connection):
            tables[turn, node].append(text)
    objects = pods_of(world, ports={"grpc": 50_051} if declared else None)
    told = [read_in_some_order(tables, random.Random(chance.random()), watched=watched) for _ in range(3)]
    assert {arrow for flows in told for arrow in proven(flows) if "10.96" not in arrow} <= truth
    rows = [rows_of(flows, objects) for flows in told]
    assert rows[0] == rows[1] == rows[2]
    assert {row[:4] for row in rows[0] if row[4] is Orientation.PROVEN} <= ways


def read_in_some_order(tables, chance, *, watched):
    read, found = Tables(), []
    if watched:  # then all that follows comes while tables are read
        found += [flow for node in ("n1", "n2") for flow in read.read(node=node, at=-5)]
    for turn in range(ROUNDS):
        for node in chance.sample(["n1", "n2"], 2):
            lines = tables[turn, node]
            found += read.read(*chance.sample(lines, len(lines)), node=node, at=5 * turn)
    return found


def pods_of(world, ports):
    addresses = {end.rsplit(":", 1)[0] for number, one in enumerate(world) for end in ends_of(number, one)}
    objects = [workload("StatefulSet", app, ports=ports) for app in APPS.values()]
    for ip in sorted(addresses):
        app = "web" if ip.split(".")[2] in ("1", "3") else "db"
        name = f"{app}-{ip.replace('.', '-')}"
        objects.append(pod(name, app, ip=ip, owner=("StatefulSet", app), ports=ports))
    return objects


def rows_of(flows, objects):
    """Return the rows between both workloads: whose, which way, to whom, port, orientation, standing."""
    made, found = session(flows, objects, now=NOW + 60), set()
    for app, other in (("web", "db"), ("db", "web")):
        shown = review(made, f"StatefulSet/{app}")
        for way in (IN, OUT):
            found |= {
                (app, way, other, row.key.port, row.communication.orientation, row.standing)
                for row in shown.of(way).rows
                if f"StatefulSet/{other}" in row_line(row)
            }
    return found


# Within one table, where ends both listen and call

ENDS = [f"10.244.1.{host}:{port}" for host in (5, 6) for port in (8080, 20_000, 50_051)]
ENTRY = st.tuples(
    st.sampled_from([(one, other) for one in ENDS for other in ENDS if one[:10] != other[:10]]),
    st.sampled_from(["plain", "opening", "translated", "asked", "zone", "refused"]),
)


def key_of(entry):
    ends, how = entry
    return ends, how if how in ("zone", "translated") else ""


def line_of(entry):
    (client, listens), how = entry
    match how:
        case "opening":
            return line(client, listens, state="SYN_RECV")
        case "translated":
            return line(client, "10.96.0.7:80", listens)
        case "asked":
            return line(client, listens, answered=False, state="SYN_SENT", timeout=119)
        case "zone":
            return line(client, listens).replace("zone=0", "zone=7")
        case "refused":
            return line(client, listens, state="CLOSE", timeout=9)
    return line(client, listens)


@settings(max_examples=300)
@given(
    st.lists(st.lists(ENTRY, max_size=8, unique_by=key_of), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_order_of_entries_within_a_table_proves_and_counts_nothing(readings, chance):
    told = []
    for _ in range(3):
        read, found = Tables(), []
        for turn, table in enumerate(readings):
            lines = [line_of(entry) for entry in chance.sample(table, len(table))]
            found.append(sorted(map(as_told, read.read(*lines, at=5 * turn))))
        told.append(found)
    assert told[0] == told[1] == told[2]


def as_told(flow):
    """Return what a flow tells; which of two ends an unproven one names first means nothing."""
    ends = sorted([f"{flow.source.ip}:{flow.source_port}", f"{flow.destination.ip}:{flow.destination_port}"])
    (arrow,) = arrows([flow]) if flow.proven else [" - ".join(ends)]
    return arrow, flow.count, flow.verdict
