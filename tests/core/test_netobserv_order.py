"""Records of NetObserv come in any order and in any pieces: what starts allowed, and why, is the same."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.model.flow import Verdict
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.sources.netobserv.decode import NetObservDecoder
from tests.core.traffic import NOON, inventory, pod, service, session, workload

ADDRESSES = {"web": "10.244.0.1", "db": "10.244.0.2", "job": "10.244.0.3"}
STATE = inventory(
    *(workload("Deployment", name) for name in ADDRESSES),
    *(pod(f"{name}-0", name, ip=ip) for name, ip in ADDRESSES.items()),
    service("db", [(80, 5432)], ip="10.96.0.2"),
)
SERVICE = {"K8S_Type": "Service", "K8S_Namespace": "shop", "K8S_Name": "db"}
PORTS = [5432, 8080, 40000, 40001]

PODS = st.tuples(st.sampled_from([*ADDRESSES.values()]), st.sampled_from(PORTS))
TOLD = st.fixed_dictionaries(
    {
        "Proto": st.sampled_from([6, 6, 6, 17]),
        "TimeFlowEndMs": st.sampled_from([0, 30, 58, 61, 100, 170, 400]).map(
            lambda after: int((NOON + after) * 1000)
        ),
        "AgentIP": st.sampled_from(["192.0.2.1", "192.0.2.2"]),
        "Flags": st.sampled_from([0x02, 0x10, 0x12, 0x1A, 0x14, 0x04, 0x100, 0x110, 0x212, 0x400, 0x410]),
        "Packets": st.just(2),
    },
    optional={
        "PktDropPackets": st.sampled_from([1, 2]),
        "PktDropLatestDropCause": st.sampled_from(["OVS_DROP_EXPLICIT", "SKB_DROP_REASON_QDISC_DROP"]),
        "NetworkEvents": st.sampled_from(
            [
                [{"Action": action, "Direction": way}]
                for action in ("allow", "drop")
                for way in ("Ingress", "Egress")
            ]
        ),
        "DnsId": st.just(7),
        "DnsFlags": st.sampled_from([0x0100, 0x8180]),
    },
)


@st.composite
def conversations(draw):
    """Return records between two ends, in both directions, now and then with the Service before the one."""
    client, server = draw(PODS), draw(PODS)
    made = []
    for told in draw(st.lists(TOLD, min_size=1, max_size=4)):
        there, dialled = draw(st.booleans()), draw(st.integers(0, 3)) == 0
        other, behind = (("10.96.0.2", 80), SERVICE) if dialled else (server, {})
        named = {f"{'Dst' if there else 'Src'}{key}": value for key, value in behind.items()}
        source, destination = (client, other) if there else (other, client)
        ends = {"SrcAddr": source[0], "SrcPort": source[1], "DstAddr": destination[0]}
        made.append({**told, **named, **ends, "DstPort": destination[1]})
    return made


@st.composite
def readings(draw):
    """Return records in the order of their time one by one, and in any order and any pieces."""
    records = [record for one in draw(st.lists(conversations(), min_size=1, max_size=4)) for record in one]
    mixed = draw(st.permutations(records))
    cuts = sorted(draw(st.sets(st.integers(1, len(mixed)), max_size=4)) | {0, len(mixed)})
    pieces = [mixed[low:high] for low, high in pairwise(cuts)]
    return sorted(records, key=lambda record: record["TimeFlowEndMs"]), pieces


def shown(values):
    """Return what starts how and why, and all that is counted but for attempts that came to something."""
    decoder, made = NetObservDecoder(), session((), STATE)
    for value in values:
        made.add_flows(decoder.decode(value))
    found = {}
    for choice in made.workloads():
        made.apply(ChooseWorkload(choice.ref))
        review = made.review()
        for row in (*review.ingress.rows, *review.egress.rows):
            seen = row.communication
            counts, known = seen.counts, [verdict for verdict in Verdict if verdict is not Verdict.UNKNOWN]
            found[choice.ref, row.key] = (
                row.standing, row.reason, row.reach, row.cut, row.now, seen.orientation, seen.via,
                seen.addresses, seen.answerable, counts.answers, counts.refusals,
                [counts.verdicts[verdict] for verdict in known],
            )  # fmt: skip
    return found, decoder.nodes, decoder.sampling


@settings(max_examples=300, deadline=None)
@given(readings())
def test_neither_order_nor_pieces_make_a_difference(reading):
    in_order, pieces = reading
    assert shown(pieces) == shown(in_order)
