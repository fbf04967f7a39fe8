"""What stands in the file after an edit: what was meant, and all else as it was."""

import difflib
import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netsec_tui.configuration.editing import edited
from netsec_tui.configuration.reading import read_config, read_stored
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias
from tests.configuration.configs import configs

HAND_MADE = """\
# Ours, kept in git

schema: 1   # version
cluster: 'prod'
labels:
    workloads:
        # what identifies
        include:
        - app   # everyone sets it
        # the team's own
        - 'team'

        - "tier"
    namespaces: {include: [], exclude: ["kubernetes.io/metadata.name"]}  # asked by security
aliases:
    # the proxies
    proxies:
        entries:
        - 203.0.113.7 # one
        # two
        - 198.51.100.0/24
        allowed: True
    # somebody else's
    other: {entries: [192.0.2.4, "::1"], allowed: false}
# as in Terraform
cidrs:
    pods: [10.244.0.0/16]
# the end
"""
READ = read_config("f.yaml", HAND_MADE)
OTHER, PROXIES = READ.aliases


def labels(include):
    return LabelConfig(LabelFilter(include), READ.labels.namespace)


def changes(before, after):
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize(
    ("meant", "changed"),
    [
        (replace(READ, pod_cidrs=("10.244.0.0/16", "10.9.0.0/16")),
         ["-     pods: [10.244.0.0/16]", "+     pods: [10.244.0.0/16, 10.9.0.0/16]"]),
        (replace(READ, pod_cidrs=()), ["- cidrs:", "-     pods: [10.244.0.0/16]"]),
        (replace(READ, service_cidrs=("10.96.0.0/12",)), ["+     services:", "+       - 10.96.0.0/12"]),
        (replace(READ, aliases=(OTHER, replace(PROXIES, allowed=False))),
         ["-         allowed: True", "+         allowed: false"]),
        (replace(READ, aliases=(OTHER, replace(PROXIES, entries=("192.0.2.9/32", *PROXIES.entries)))),
         ["+         - 192.0.2.9"]),
        (replace(READ, aliases=(OTHER, replace(PROXIES, entries=("198.51.100.0/24",)))),
         ["-         - 203.0.113.7 # one"]),
        (replace(READ, aliases=(replace(OTHER, entries=("::1/128",), allowed=True), PROXIES)),
         ['-     other: {entries: [192.0.2.4, "::1"], allowed: false}',
          '+     other: {entries: ["::1"], allowed: true}']),
        (replace(READ, aliases=(PROXIES,)), ['-     other: {entries: [192.0.2.4, "::1"], allowed: false}']),
        (replace(READ, aliases=(Alias("a: b", ("::/0",)), *READ.aliases)),
         ['+     "a: b":', "+       entries:", '+         - "::/0"']),
        (replace(READ, labels=labels(("app", "tier"))), ["-         - 'team'"]),
        (replace(READ, labels=labels(("app", "team", "tier", "*"))), ['+         - "*"']),
        (replace(READ, labels=LabelConfig(READ.labels.workload)),
         ['-     namespaces: {include: [], exclude: ["kubernetes.io/metadata.name"]}  # asked by security',
          "+     namespaces: {include: []}  # asked by security"]),
        (replace(READ, labels=LabelConfig(LabelFilter(), READ.labels.namespace)),
         ["-     workloads:", "-         include:", "-         - app   # everyone sets it",
          "-         - 'team'", '-         - "tier"']),
        (replace(READ, aliases=()),
         ["- aliases:", "-     proxies:", "-         entries:", "-         - 203.0.113.7 # one",
          "-         - 198.51.100.0/24", "-         allowed: True",
          '-     other: {entries: [192.0.2.4, "::1"], allowed: false}']),
        (replace(READ, control_plane_pods=()), ["+ discovery:", "+   controlPlanePods: []"]),
    ],
)  # fmt: skip
def test_only_what_changes_is_touched(meant, changed):
    after = edited("f.yaml", HAND_MADE, meant)
    assert [line for line in changes(HAND_MADE, after) if line[0] != "?"] == changed
    assert read_stored("f.yaml", after).cluster == "prod"


@pytest.mark.parametrize(
    ("text", "meant", "expected"),
    [
        ("{schema: 1, cidrs: {pods: [10.0.0.0/8]}, aliases: {x: {entries: [192.0.2.1]}},}\n", Config(),
         "{schema: 1, }\n"),
        ("{schema: 1, aliases: {x: {entries: [192.0.2.1]}}}\n", Config(), "{schema: 1}\n"),
        ("schema: 1\nlabels: {workloads: {include: [a], exclude: [b]}}\n",
         Config(LabelConfig(LabelFilter(("c",)))),
         "schema: 1\nlabels: {workloads: {include: [c]}}\n"),
        ("schema: 1\ncidrs:\n  pods:\n  - 10.0.0.0/8\n", Config(service_cidrs=("10.96.0.0/12",)),
         "schema: 1\ncidrs:\n  services:\n    - 10.96.0.0/12\n"),
    ],
)  # fmt: skip
def test_what_becomes_empty_goes_with_its_key(text, meant, expected):
    assert edited("f.yaml", text, meant) == expected


@settings(max_examples=100)
@given(configs())
@example(Config())
def test_comments_outside_of_what_goes_survive_any_edit(config):
    kept = set(re.findall(r"# .*", HAND_MADE)) - {"# everyone sets it", "# one", "# two"}
    assert len(kept) == 9
    after = edited("f.yaml", HAND_MADE, config)
    assert {comment for comment in kept if comment not in after} == set()


def test_single_addresses_keep_their_length_where_it_is_a_range():
    before, after = (Config(pod_cidrs=(f"203.0.113.{n}/32",)) for n in (8, 9))
    text = edited("f.yaml", edited("f.yaml", "", before), after)
    assert read_config("f.yaml", text) == after


def test_the_order_of_patterns_can_be_changed():
    after = edited("f.yaml", HAND_MADE, replace(READ, labels=labels(("tier", "app"))))
    assert read_config("f.yaml", after).labels.workload.include == ("tier", "app")


@pytest.mark.parametrize(
    "text",
    ["", "# a note", "# a note\n", "---\n# a note\n", "schema: 1", "---\nschema: 1\n...\n# a note",
     "{schema: 1}",     "schema: 1\n? cidrs\n:\n  {}\n",
     "schema: 1\ncidrs: {\n # a note\n}\naliases: ~ # a note\nlabels:  # a note"],
)  # fmt: skip
def test_a_file_with_little_in_it_takes_a_configuration(text):
    after = edited("f.yaml", text, READ, "prod")
    assert read_config("f.yaml", after) == READ
    assert after.count("# a note") == text.count("# a note")


@pytest.mark.parametrize(
    "text",
    ["null", "schema: 1\n? cidrs\n", "schema: 1\ncidrs:\n  pods:\n  -\n    10.0.0.0/8\n  - 11.0.0.0/8\n"],
)
def test_what_cannot_be_edited_in_place_is_refused_and_not_spoilt(text):
    with pytest.raises(BadInputError, match=r"^nothing is saved: f\.yaml is written in a way that cannot be"):
        edited("f.yaml", text, Config(pod_cidrs=("10.96.0.0/12",)))


@pytest.mark.parametrize(
    ("meant", "problem"),
    [
        (Config(pod_cidrs=("10.0.0.1/8",)), "10.0.0.1/8 has host bits"),
        (Config(aliases=(Alias(" x", ("::/0",)),)), "has spaces around it"),
        (Config(aliases=(Alias("x", ()),)), "has no entries"),
        (Config(LabelConfig(LabelFilter(("a b",)))), "'a b' is no pattern of label keys"),
    ],
)
def test_what_no_file_may_hold_is_not_written(meant, problem):
    with pytest.raises(BadInputError, match=problem):
        edited("f.yaml", HAND_MADE, meant)


def test_a_new_file_says_for_which_cluster_it_is_and_what_differs_from_the_defaults():
    text = edited("f.yaml", "", replace(Config(), pod_cidrs=("10.0.0.0/8",)), "arn:aws:eks/prod")
    assert text.splitlines()[1:] == [
        "schema: 1", 'cluster: "arn:aws:eks/prod"', "cidrs:", "  pods:", "    - 10.0.0.0/8"
    ]  # fmt: skip


def test_line_ends_stay_what_they_are():
    text = HAND_MADE.replace("\n", "\r\n")
    after = edited("f.yaml", text, replace(READ, service_cidrs=("10.96.0.0/12",)))
    assert after.count("\n") == after.count("\r\n") == text.count("\n") + 2


@settings(max_examples=150)
@given(configs())
def test_what_is_written_reads_as_it_was_meant(config):
    assert read_config("f.yaml", edited("f.yaml", "", config, "prod")) == config


@settings(max_examples=200)
@given(
    configs(), configs(), st.sampled_from(["", HAND_MADE, "{schema: 1, aliases: {}, cidrs: {pods: ~,},}\n"])
)
def test_any_edit_of_any_file_means_what_was_meant(first, second, text):
    between = edited("f.yaml", text, first)
    after = edited("f.yaml", between, second)
    assert read_config("f.yaml", between) == first
    assert read_config("f.yaml", after) == second


@settings(max_examples=100)
@given(configs())
def test_an_edit_that_changes_nothing_leaves_the_text_alone(config):
    text = edited("f.yaml", HAND_MADE, config)
    assert edited("f.yaml", text, config) == text
