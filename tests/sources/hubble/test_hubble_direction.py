"""Who asked and who answered, told or derived; expected values are (is_reply, proven)."""

import pytest

from netsec_tui.model.flow import Flow
from netsec_tui.sources.hubble.decode import HubbleDecoder

REQUEST, ANSWER = (False, True), (True, True)
GUESSED, UNKNOWN = (False, False), (None, False)

HERE, THERE = {"ID": 77, "identity": 3000, "pod_name": "here"}, {"identity": 3001, "pod_name": "there"}
HERE_TOO = {"ID": 78, "identity": 3002, "pod_name": "here-too"}
RETINA = {"ID": 3003, "identity": 3003, "pod_name": "twin"}


def tcp(*flags, source_port=40000, port=8080):
    return {
        "TCP": {
            "source_port": source_port,
            "destination_port": port,
            "flags": dict.fromkeys(flags, True),
        }
    }


def direction(**fields):
    flow = HubbleDecoder().decode(
        {
            "time": "2021-06-16T16:52:13Z",
            "verdict": "FORWARDED",
            "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
            "l4": tcp("ACK"),
            "source": HERE,
            "destination": THERE,
            **fields,
        }
    )
    assert isinstance(flow, Flow), flow
    return flow.is_reply, flow.proven


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"is_reply": False}, REQUEST),
        ({"is_reply": True}, ANSWER),
        ({"reply": True}, ANSWER),
        ({"reply": True, "is_reply": True}, ANSWER),
        ({"is_reply": "false"}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_told(fields, expected):
    assert direction(**fields) == expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("SYN",), REQUEST),
        (("SYN", "ECE", "CWR"), REQUEST),
        (("SYN", "ACK"), ANSWER),
        (("ACK",), UNKNOWN),
        (("RST",), UNKNOWN),
        ((), UNKNOWN),
    ],
)
def test_the_handshake_proves_it(flags, expected):
    assert direction(l4=tcp(*flags), trace_observation_point="TO_OVERLAY") == expected


@pytest.mark.parametrize(
    ("seen", "source", "destination", "point", "expected"),
    [
        ("EGRESS", HERE, THERE, "TO_STACK", REQUEST),
        ("EGRESS", THERE, HERE, "TO_ENDPOINT", ANSWER),
        ("INGRESS", THERE, HERE, "TO_ENDPOINT", REQUEST),
        ("INGRESS", HERE, THERE, "TO_STACK", ANSWER),
        ("INGRESS", HERE, HERE_TOO, "TO_ENDPOINT", REQUEST),
        ("EGRESS", HERE, HERE_TOO, "TO_ENDPOINT", ANSWER),
        ("EGRESS", HERE, HERE_TOO, "TO_STACK", REQUEST),
        ("INGRESS", HERE, HERE_TOO, "TO_STACK", ANSWER),
        ("EGRESS", HERE, HERE_TOO, "TO_OVERLAY", REQUEST),
        ("EGRESS", HERE, HERE_TOO, "TO_HOST", REQUEST),
        ("EGRESS", HERE, HERE_TOO, "TO_PROXY", REQUEST),
        ("INGRESS", HERE, HERE_TOO, "TO_PROXY", UNKNOWN),
        ("EGRESS", HERE, HERE_TOO, "FROM_SOMEWHERE", UNKNOWN),
        ("INGRESS", HERE, HERE_TOO, None, UNKNOWN),
        ("INGRESS", THERE, THERE, "TO_ENDPOINT", UNKNOWN),
        ("TRAFFIC_DIRECTION_UNKNOWN", HERE, THERE, "TO_STACK", UNKNOWN),
    ],
)
def test_derived_from_the_direction_of_the_connection(seen, source, destination, point, expected):
    fields = {"trace_observation_point": point} if point else {}
    assert direction(traffic_direction=seen, source=source, destination=destination, **fields) == expected


@pytest.mark.parametrize("verdict", ["DROPPED", "ERROR"])
@pytest.mark.parametrize("fields", [{}, {"traffic_direction": "INGRESS"}, {"traffic_direction": "EGRESS"}])
def test_a_dropped_packet_is_taken_for_a_request_without_proof(verdict, fields):
    assert direction(verdict=verdict, **fields) == GUESSED


def test_a_dropped_packet_with_syn_is_proof():
    assert direction(verdict="DROPPED", l4=tcp("SYN")) == REQUEST


def test_an_audited_policy_verdict_is_made_for_a_first_packet():
    assert direction(verdict="AUDIT", event_type={"type": 5}) == REQUEST


WITHOUT_ID = {"identity": 3000, "pod_name": "here"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, GUESSED),
        ({"l4": tcp("SYN")}, REQUEST),
        ({"l4": tcp("SYN", "ACK")}, ANSWER),
        ({"is_reply": True}, ANSWER),
        ({"destination": {**THERE, "workloads": [{"name": "w", "kind": "Pod"}]}}, REQUEST),
        ({"destination": HERE_TOO}, REQUEST),
    ],
)
def test_without_ids_it_may_be_retinas_word_which_is_no_proof(fields, expected):
    assert direction(**{"is_reply": False, "source": WITHOUT_ID, **fields}) == expected


@pytest.mark.parametrize(("kind", "expected"), [("REQUEST", REQUEST), ("RESPONSE", ANSWER)])
@pytest.mark.parametrize("ends", [(HERE, THERE), (RETINA, THERE)])
def test_layer_7_tells_by_its_own_type(kind, expected, ends):
    source, destination = ends
    fields = {"l7": {"type": kind}, "event_type": {"type": 129}}
    assert direction(source=source, destination=destination, **fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"is_reply": False}, GUESSED),
        ({"is_reply": True}, ANSWER),
        ({"is_reply": False, "l4": tcp("SYN")}, REQUEST),
        ({"is_reply": False, "l4": tcp("SYN", "ACK")}, ANSWER),
        ({"is_reply": False, "source": {**RETINA, "workloads": [{"name": "w", "kind": "Pod"}]}}, REQUEST),
        ({"is_reply": False, "source": {"ID": 4, "identity": 4}}, REQUEST),
        ({"traffic_direction": "EGRESS"}, GUESSED),
        ({"verdict": "DROPPED"}, GUESSED),
    ],
)
def test_a_false_of_retina_is_no_proof(fields, expected):
    assert direction(**{"source": RETINA, **fields}) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Type": "SOCK"}, REQUEST),
        ({"event_type": {"type": 7}}, REQUEST),
        ({"verdict": "TRACED"}, REQUEST),
        ({"verdict": "TRANSLATED"}, REQUEST),
    ],
)
def test_a_socket_event_is_a_request(fields, expected):
    assert direction(l4=tcp(source_port=0), **fields) == expected


def test_a_socket_event_on_the_way_back_is_an_answer():
    assert direction(Type="SOCK", verdict="TRANSLATED", l4=tcp(source_port=53, port=0)) == ANSWER
