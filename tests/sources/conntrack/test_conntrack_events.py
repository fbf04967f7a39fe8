"""What the events of a file tell beyond their flows: a refusal, and a clock that was set back."""

import pytest

from netsec_tui.model.flow import Gap
from netsec_tui.sources.conntrack.file import ConntrackFileDecoder

AT = 1_795_172_270.0
PAIR = (
    "src=10.244.1.5 dst=10.244.1.8 sport={0} dport=8080 [UNREPLIED] "
    "src=10.244.1.8 dst=10.244.1.5 sport=8080 dport={0}"
)
OPENING = "ipv4     2 tcp      6 120 SYN_SENT " + PAIR
RESET = "ipv4     2 tcp      6 10 CLOSE " + PAIR
GIVEN_UP = "ipv4     2 tcp      6 0 SYN_SENT " + PAIR


def told(*events):
    """Return all that events tell: each is its second, kind and entry."""
    decoder = ConntrackFileDecoder(AT)
    lines = (f"[{AT + second}] [{kind}] {entry.format(40_000)}" for second, kind, entry in events)
    return [one for line in lines for one in decoder.decode(line)]


@pytest.mark.parametrize(
    ("events", "refused"),
    [
        ([(0, "NEW", OPENING), (0.1, "DESTROY", RESET)], [0.1]),
        ([(0, "NEW", OPENING), (120, "DESTROY", GIVEN_UP)], []),
        # Nobody saw it open: it may have been picked up as it was reset.
        ([(0, "DESTROY", RESET)], []),
    ],
)
def test_what_was_reset_before_any_answer_was_refused(events, refused):
    resets = [flow for flow in told(*events) if flow.rst]
    assert [flow.time - AT for flow in resets] == pytest.approx(refused, abs=1e-3)
    assert all(flow.is_reply and flow.source_port == 8080 and flow.proven for flow in resets)


@pytest.mark.parametrize(
    ("seconds", "back"),
    [((0, 1, 3600), []), ((3600, 3599), []), ((3600, 0, 1), [0]), ((7200, 3600, 0), [3600, 0])],
)
def test_a_clock_that_was_set_back_is_said(seconds, back):
    found = told(*((second, "NEW", OPENING) for second in seconds))
    gaps = [one for one in found if isinstance(one, Gap)]
    assert [gap.time - AT for gap in gaps] == back
    assert all(gap.lost == 0 and "a clock was set" in gap.reason for gap in gaps)
