"""Values of flags: what is accepted, what it means, and the sentence when it is wrong."""

from argparse import ArgumentTypeError

import pytest

from netsec_tui.cli import values
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.sources.access import Address


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h", 3600),
        ("12h", 43200),
        ("1d", 86400),
        ("7d", 604800),
        ("168h", 604800),
        ("90m", 5400),
        ("1d12h30m", 131400),
        ("1H", 3600),
        ("all", None),
        ("ALL", None),
    ],
)
def test_timespan_to_the_minute(text, seconds):
    assert values.timespan(text).seconds == seconds


@pytest.mark.parametrize("offered", TIMESPANS, ids=lambda t: t.label)
def test_timespan_equal_to_an_offered_one_is_that_one(offered):
    text = "all" if offered.seconds is None else f"{offered.seconds // 60}m"
    assert values.timespan(text) == offered


def test_timespan_in_between_is_labelled_in_words():
    assert values.timespan("1d12h30m").label == "last 1 d 12 h 30 min"


@pytest.mark.parametrize(
    "text", ["", "0m", "30s", "5", "h", "-1h", "1.5h", "1m1h", "1h 5m", "yesterday", "9" * 40 + "d", "٣m"]
)
def test_timespan_refused(text):
    with pytest.raises(ArgumentTypeError, match="5m, 1h, 12h, 1d, 7d or all"):
        values.timespan(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("deploy/web", "Deployment"),
        ("Deployments/web", "Deployment"),
        ("DEPLOYMENT/web", "Deployment"),
        ("deployments.apps/web", "Deployment"),
        ("deployment.v1.apps/web", "Deployment"),
        ("ds/web", "DaemonSet"),
        ("sts/web", "StatefulSet"),
        ("cj/web", "CronJob"),
        ("job/web", "Job"),
        ("svc/web", "Service"),
        ("rs/web", "ReplicaSet"),
        ("rc/web", "ReplicationController"),
        ("po/web", "Pod"),
        ("workload/web", "Workload"),
    ],
)
def test_target_kind_as_kubectl_has_it(text, kind):
    assert values.target(text) == (kind, "web")


@pytest.mark.parametrize("text", ["rollout/web", "Rollouts/web", "rollouts.argoproj.io/web"])
def test_target_of_a_custom_kind_matches_its_kind(text):
    assert values.target(text).matches_kind("Rollout")
    assert not values.target(text).matches_kind("Deployment")


@pytest.mark.parametrize("text", ["web", "/web", "deploy/", "a/b/c", ""])
def test_target_refused(text):
    with pytest.raises(ArgumentTypeError, match="not KIND/NAME"):
        values.target(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.244.0.0/16", ("10.244.0.0/16",)),
        ("10.244.0.0/16, fd00:0:0:10::/64", ("10.244.0.0/16", "fd00:0:0:10::/64")),
        ("10.0.0.1/32", ("10.0.0.1/32",)),
        ("FD00::/8", ("fd00::/8",)),
    ],
)
def test_ranges_are_canonical(text, canonical):
    assert values.ranges(text) == canonical


def test_ranges_with_host_bits_name_the_range_that_was_meant():
    with pytest.raises(
        ArgumentTypeError, match=r"'10\.244\.1\.0/16' has host bits set; the range is 10\.244\.0\.0/16"
    ):
        values.ranges("10.96.0.0/12,10.244.1.0/16")


@pytest.mark.parametrize("text", ["", "10.0.0.0", "10.0.0.0/33", "fe80::%eth0/64", "pods", "10.0.0.0/8,"])
def test_ranges_refused(text):
    with pytest.raises(ArgumentTypeError, match="not a range"):
        values.ranges(text)


SOURCES = {
    "conntrack": ("conntrack", None),
    "none": ("none", None),
    "netobserv": ("netobserv", None),
    "netobserv://loki.example:3100": ("netobserv", Address("loki.example", 3100)),
    "netobserv://10.0.0.5:1": ("netobserv", Address("10.0.0.5", 1)),
    "netobserv://[fd00::5]:65535": ("netobserv", Address("fd00::5", 65535)),
}


@pytest.mark.parametrize(("text", "choice"), SOURCES.items(), ids=SOURCES)
def test_source(text, choice):
    assert values.source(text) == choice
    if choice[1]:
        assert text == f"{choice[0]}://{choice[1]}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tcpdump", "there is no source 'tcpdump'; choose from .*conntrack.*none"),
        ("", "choose from"),
        ("Conntrack", "choose from"),
        ("none://a:1", "choose from"),
        ("evil\x1b[31m", "no source 'evil"),
        ("conntrack://10.0.0.5:1", "conntrack takes no address: it is read through the API server"),
        ("hubble-exec://10.0.0.5:1", "hubble-exec takes no address"),
        ("netobserv://", "not HOST:PORT"),
        ("netobserv://10.0.0.5", "not HOST:PORT"),
        ("netobserv://10.0.0.5:", "not HOST:PORT"),
        ("netobserv://:3100", "not HOST:PORT"),
        ("netobserv://a:0", "not HOST:PORT"),
        ("netobserv://a:65536", "not HOST:PORT"),
        ("netobserv://a:1/path", "not HOST:PORT"),
        ("netobserv://user:word@a:1", "HOST:PORT, without user and password"),
        ("user:word@a:1", "HOST:PORT, without user and password"),
        ("hubble:user:word@a:1", "HOST:PORT, without user and password"),
        ("netobserv://fd00::5:3100", r"netobserv://\[fd00::5\]:3100"),
        ("theia://clickhouse", "for instance theia://10.0.0.5:8123"),
        ("netobserv://[fd00:::5]:1", "not HOST:PORT"),
        ("netobserv://[10.0.0.5]:1", "not HOST:PORT"),
        ("netobserv://a b:1", "not HOST:PORT"),
    ],
)
def test_source_refused(text, words):
    with pytest.raises(ArgumentTypeError, match=words) as raised:
        values.source(text)
    assert "\x1b" not in str(raised.value)
    assert "user:" not in str(raised.value)
    assert "word@" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1M5S", 65),
        ("168h", 604800),
        ("7d", 604800),
        ("1d12h", 129600),
    ],
)
def test_duration(text, seconds):
    assert values.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "30", "s", "-5m", "1.5h", "5m1h", "h", "1w"])
def test_duration_refused(text):
    with pytest.raises(ArgumentTypeError, match="30s, 5m, 1h or 1h30m"):
        values.duration(text)


@pytest.mark.parametrize("text", ["8d", "169h", "7d1s", "9" * 40 + "s"])
def test_duration_that_is_too_long(text):
    with pytest.raises(ArgumentTypeError, match="at most a week"):
        values.duration(text)
