"""Which dropped packets were denied, and which forwarded ones were let in, in JSON and in messages."""

from dataclasses import replace

import pytest

from netsec_tui.model.flow import Flow, Verdict
from netsec_tui.sources.hubble.decode import HubbleDecoder
from netsec_tui.sources.hubble.messages import HubbleMessageDecoder
from netsec_tui.sources.hubble.reasons import NOT_DENIED
from tests.core.traffic import IN, NOON, OUT, only, session
from tests.sources.hubble.hubble_replies import REASONS, reply_of

TIME = "2026-01-05T08:00:00Z"
DENIED, FAILED = Verdict.DROPPED, Verdict.ERROR
WEB = {"ID": 8, "identity": 300, "namespace": "shop", "pod_name": "web-1", "labels": ["k8s:app=web"]}
API = {"ID": 9, "identity": 301, "namespace": "shop", "pod_name": "api-1", "labels": ["k8s:app=api"]}
SYN = {"TCP": {"source_port": 40_000, "destination_port": 8080, "flags": {"SYN": True}}}
SYN_ACK = {"TCP": {"source_port": 8080, "destination_port": 40_000, "flags": {"SYN": True, "ACK": True}}}
BARE = {"TCP": {"source_port": 40_000, "destination_port": 8080, "flags": {"ACK": True}}}


def record(**more):
    flow = {
        "time": TIME,
        "verdict": "DROPPED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
        "l4": SYN,
        "source": WEB,
        "destination": API,
        "event_type": {"type": 1},
        "node_name": "n1",
        **more,
    }
    return {"flow": {key: value for key, value in flow.items() if value is not None}, "time": TIME}


def decoded(value):
    """Return the flow that both decoders agree on."""
    told = HubbleDecoder().decode(value)
    assert isinstance(told, Flow)
    assert HubbleMessageDecoder().decode(reply_of(value)) == told
    return told


def verdict(**fields):
    return decoded(record(**fields)).verdict


@pytest.mark.parametrize("number", sorted(REASONS))
def test_a_reason_means_the_same_as_a_name_a_number_and_in_the_old_field(number):
    expected = FAILED if number in NOT_DENIED else DENIED
    name = REASONS[number]
    assert verdict(drop_reason_desc=name, drop_reason=number) is expected
    assert verdict(drop_reason_desc=name) is expected
    assert verdict(drop_reason_desc=number) is expected
    assert verdict(drop_reason=number) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"drop_reason_desc": "POLICY_DENIED"}, DENIED),
        ({"drop_reason_desc": "POLICY_DENY"}, DENIED),
        ({"drop_reason_desc": "AUTH_REQUIRED"}, DENIED),
        ({"drop_reason_desc": "FORBIDDEN_ICMPV6_MESSAGE"}, DENIED),
        ({"drop_reason_desc": "DENIED_BY_LB_SRC_RANGE_CHECK"}, DENIED),
        ({"drop_reason_desc": "CT_MAP_INSERTION_FAILED"}, FAILED),
        ({"drop_reason_desc": "STALE_OR_UNROUTABLE_IP"}, FAILED),
        ({"drop_reason_desc": "UNSUPPORTED_L3_PROTOCOL"}, FAILED),
        ({"drop_reason_desc": "NO_EGRESS_GATEWAY"}, FAILED),
        ({"drop_reason_desc": "SNAT_NO_MAP_FOUND"}, FAILED),
        ({"drop_reason_desc": "REACHED_EDT_RATE_LIMITING_DROP_HORIZON"}, FAILED),
        ({"drop_reason_desc": "POLICY_DENIED", "drop_reason": 155}, DENIED),
        # No reason: a proxy's refusal, what Retina finds no word for, a field mask.
        ({}, DENIED),
        ({"drop_reason_desc": "DROP_REASON_UNKNOWN"}, DENIED),
        ({"drop_reason_desc": 0, "drop_reason": 0}, DENIED),
        ({"Type": "L7", "event_type": {"type": 129}, "l7": {"type": "REQUEST"}}, DENIED),
        # Of a newer Cilium: nothing says that no policy made it.
        ({"drop_reason_desc": 250}, DENIED),
        ({"drop_reason": 250}, DENIED),
        # The policy's own event has the reason of the drop that follows.
        ({"event_type": {"type": 5}, "drop_reason_desc": "POLICY_DENIED"}, DENIED),
        ({"event_type": {"type": 5}, "drop_reason_desc": "IP_FRAGMENTATION_NOT_SUPPORTED"}, FAILED),
        # Of what was not dropped no reason is read.
        ({"verdict": "FORWARDED", "drop_reason_desc": "CT_MAP_INSERTION_FAILED"}, Verdict.FORWARDED),
        ({"verdict": "AUDIT", "drop_reason_desc": "POLICY_DENIED"}, Verdict.AUDIT),
        ({"verdict": "ERROR"}, FAILED),
    ],
)
def test_only_what_was_refused_is_a_denial(fields, expected):
    assert verdict(**fields) is expected


@pytest.mark.parametrize("reason", ["SOMETHING_NEW", "", [], {}, True, 1.5, None])
def test_a_reason_that_nobody_knows_stays_a_denial(reason):
    told = HubbleDecoder().decode(record(drop_reason_desc=reason))
    assert told.verdict is DENIED


def test_a_packet_that_failed_is_reported_twice_and_counts_once():
    reason = {"drop_reason_desc": "IP_FRAGMENTATION_NOT_SUPPORTED"}
    both = [record(event_type={"type": kind}, **reason) for kind in (5, 1)]
    for decoder, form in ((HubbleDecoder(), dict), (HubbleMessageDecoder(), reply_of)):
        assert [told and told.verdict for told in (decoder.decode(form(one)) for one in both)] == [
            FAILED,
            None,
        ]


def test_what_failed_and_what_was_denied_are_different_packets():
    decoder = HubbleDecoder()
    reports = [record(event_type={"type": 5}, drop_reason_desc="POLICY_DENIED"),
               record(drop_reason_desc="CT_MAP_INSERTION_FAILED"),
               record(drop_reason_desc="POLICY_DENIED")]  # fmt: skip
    assert [told and told.verdict for told in map(decoder.decode, reports)] == [DENIED, FAILED, None]


TRACE, POLICY = {"event_type": {"type": 4}, "is_reply": False}, {"event_type": {"type": 5}, "is_reply": False}
AT_PROXY = {"traffic_direction": "EGRESS", "trace_observation_point": "TO_PROXY"}


def logged(**layer7):
    """Return the fields of an answer in the log of a proxy at the client."""
    fields = {"event_type": {"type": 129}, "is_reply": True, "traffic_direction": "EGRESS"}
    return {**fields, "l7": {"type": "RESPONSE", **layer7}}


AT_ENDPOINT = {**TRACE, "trace_observation_point": "TO_ENDPOINT"}
RETINA = {"source": {**WEB, "ID": 300}, "destination": {**API, "ID": 301}}
WITHOUT_IDS = {"source": {"pod_name": "web-1"}, "destination": {"pod_name": "api-1"}}


@pytest.mark.parametrize(
    ("fields", "arrived"),
    [
        (AT_ENDPOINT, True),
        ({**AT_ENDPOINT, "is_reply": None}, True),
        ({**AT_ENDPOINT, "source": {"pod_name": "web-1"}}, True),
        ({**AT_ENDPOINT, "destination": {**API, "workloads": [{"name": "api", "kind": "Deployment"}]}}, True),
        ({**POLICY, "traffic_direction": "INGRESS"}, True),
        # It has only left.
        *(({**TRACE, "trace_observation_point": f"TO_{at}"}, False)
          for at in ("STACK", "OVERLAY", "NETWORK", "HOST", "PROXY")),
        *(({**TRACE, "trace_observation_point": f"FROM_{at}"}, False)
          for at in ("ENDPOINT", "PROXY", "HOST", "STACK", "OVERLAY", "NETWORK")),
        (TRACE, False),
        ({**TRACE, "traffic_direction": "INGRESS"}, False),
        ({**POLICY, "traffic_direction": "EGRESS"}, False),
        (POLICY, False),
        # To a proxy, which may refuse it yet: told is whose it is.
        ({**POLICY, "traffic_direction": "INGRESS", "verdict": "REDIRECTED"}, True),
        ({**POLICY, "traffic_direction": "EGRESS", "verdict": "REDIRECTED"}, False),
        ({**POLICY, "verdict": "REDIRECTED", "destination": {**API, "ID": 0}}, False),
        ({**POLICY, "verdict": "REDIRECTED", "source": {**WEB, "ID": 0}}, True),
        ({**POLICY, "verdict": "REDIRECTED"}, False),
        # Not let through, or only as long as nobody enforces it.
        ({**POLICY, "traffic_direction": "INGRESS", "verdict": "AUDIT"}, False),
        ({**POLICY, "traffic_direction": "INGRESS", "verdict": "DROPPED"}, False),
        ({**AT_ENDPOINT, "verdict": "UNKNOWN"}, False),
        ({**AT_ENDPOINT, "verdict": "TRACED"}, False),
        # An answer at the client may be that of a proxy there.
        ({**AT_ENDPOINT, "is_reply": True}, False),
        ({**AT_ENDPOINT, "is_reply": True, "traffic_direction": "EGRESS"}, False),
        ({**AT_ENDPOINT, "is_reply": True, "traffic_direction": "EGRESS", "source": {**WEB, "ID": 0}}, False),
        ({**AT_ENDPOINT, "is_reply": None, "l4": SYN_ACK}, False),
        # One that leaves its server, or comes back to the proxy, is the server's.
        ({**TRACE, "is_reply": True, "traffic_direction": "INGRESS"}, True),
        ({**TRACE, "is_reply": True, "destination": {**API, "ID": 0}}, True),
        ({**TRACE, **AT_PROXY, "is_reply": True}, True),
        # What a proxy logs is the server's where the proxy would not say it by itself.
        (logged(http={"code": 200, "protocol": "HTTP/1.1"}), True),
        (logged(http={"code": 404, "protocol": "HTTP/1.1"}), False),
        (logged(http={"code": 503, "protocol": "HTTP/1.1"}), False),
        (logged(http={"code": 200, "protocol": "HTTP/2"}), False),
        (logged(http={"code": 200}), False),
        (logged(http={"code": 500, "headers": [{"key": "X-Envoy-Upstream-Service-Time"}]}), True),
        (logged(dns={"query": "a."}), True),
        (logged(dns={"query": "a.", "rcode": 3}), True),
        (logged(dns={"query": "a.", "rcode": 5}), False),
        (logged(kafka={}), False),
        # Of Retina, or of what cannot be told from it.
        ({**AT_ENDPOINT, **RETINA}, False),
        ({**AT_ENDPOINT, **WITHOUT_IDS}, False),
    ],
)  # fmt: skip
def test_what_the_servers_side_says_so_of(fields, arrived):
    assert decoded(record(**{"verdict": "FORWARDED", **fields})).arrived is arrived


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        (AT_PROXY, "REDIRECTED"),
        ({"l7": {"type": "REQUEST"}, "traffic_direction": "EGRESS"}, "REDIRECTED"),
        ({"trace_observation_point": "TO_PROXY", "traffic_direction": "INGRESS"}, "FORWARDED"),
        ({"l7": {"type": "REQUEST"}, "traffic_direction": "INGRESS"}, "FORWARDED"),
        ({"trace_observation_point": "TO_STACK", "traffic_direction": "EGRESS"}, "FORWARDED"),
        ({**AT_PROXY, "is_reply": True}, "FORWARDED"),
        ({**AT_PROXY, "verdict": "DROPPED"}, "DROPPED"),
        ({"l7": {"type": "REQUEST"}, "traffic_direction": "EGRESS", **RETINA}, "FORWARDED"),
    ],
)  # fmt: skip
def test_a_request_at_a_proxy_of_the_client_went_to_the_proxy(fields, verdict):
    assert decoded(record(**{**TRACE, "verdict": "FORWARDED", **fields})).verdict.name == verdict


@pytest.mark.parametrize(
    "layer7",
    [
        {"http": {"code": "200", "protocol": [], "headers": "x"}},
        {"http": {"headers": [None, {}, {"key": ["x-envoy-upstream-service-time"]}]}},
        {"http": 200},
        {"dns": {"rcode": []}},
        {"dns": "NOERROR", "http": None},
    ],
)
def test_a_log_that_is_not_as_the_protocol_says_shows_nothing(layer7):
    told = HubbleDecoder().decode(record(**{"verdict": "FORWARDED", **logged(**layer7)}))
    assert isinstance(told, Flow)
    assert not told.arrived


def test_a_socket_dials_and_nothing_has_arrived():
    fields = {"verdict": "TRANSLATED", "Type": "SOCK", "event_type": {"type": 7}, "l4": BARE}
    assert decoded(record(**fields)).arrived is False


LEFT = {**TRACE, "verdict": "FORWARDED", "trace_observation_point": "TO_OVERLAY"}
CAME = {**AT_ENDPOINT, "verdict": "FORWARDED", "node_name": "n2"}
BACK = {
    "IP": {"source": "10.0.0.2", "destination": "10.0.0.1"},
    "l4": SYN_ACK,
    "source": API,
    "destination": WEB,
}
REFUSED = {"drop_reason_desc": "POLICY_DENIED", "node_name": "n2"}
LOST = {"drop_reason_desc": "CT_MAP_INSERTION_FAILED", "node_name": "n2"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([LEFT, CAME, REFUSED], (True, "denied once, let in once")),
        ([LEFT, REFUSED], (False, "denied once, and whether anything answered is not told")),
        ([LEFT, CAME, LOST], (True, "")),
        ([LEFT, LOST], (True, "dropped once, not by a policy")),
        ([LOST], (False, "never answered (dropped once, not by a policy)")),
        ([REFUSED], (False, "denied only (once)")),
        # A refused answer is none, and does not make a source one that tells of answers.
        ([LEFT, CAME, {**REFUSED, **BACK}], (True, "denied once, let in once")),
    ],
)
def test_how_rows_of_recordings_without_answers_start(fields, expected):
    made = session([replace(decoded(record(**more)), time=NOON) for more in fields])
    for owner, direction in (("Workload/api", IN), ("Workload/web", OUT)):
        row = only(made, owner, direction)
        assert (row.ticked, row.reason) == expected
