"""What differs between two configurations, in few words."""

from dataclasses import replace

import pytest
from hypothesis import given

from netsec_tui.core.configure.changes import changes_between
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias
from tests.core.configure.configs import configs

PX = Alias("px", ("203.0.113.7/32",))
WIDE = replace(PX, entries=("203.0.0.0/8", "203.0.113.7/32"))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (Config(), Config(), ()),
        (Config(aliases=(PX,)), Config(aliases=(WIDE,)), ("aliases.px.entries +203.0.0.0/8",)),
        (Config(aliases=(PX,)), Config(), ("aliases.px.entries -203.0.113.7/32",)),
        (Config(), Config(aliases=(PX,)), ("aliases.px.entries +203.0.113.7/32",)),
        (
            Config(),
            Config(aliases=(replace(PX, allowed=True),)),
            ("aliases.px.entries +203.0.113.7/32", "aliases.px.allowed is true"),
        ),
        (
            Config(aliases=(replace(PX, allowed=True),)),
            Config(aliases=(PX,)),
            ("aliases.px.allowed is false",),
        ),
        (
            Config(pod_cidrs=("10.0.0.0/8",)),
            Config(LabelConfig(LabelFilter(exclude=("chart",))), pod_cidrs=("10.1.0.0/16",)),
            ("labels.workloads.exclude +chart", "cidrs.pods -10.0.0.0/8 +10.1.0.0/16"),
        ),
    ],
)
def test_changes(before, after, told):
    assert changes_between(before, after) == told


@given(before=configs, after=configs)
def test_there_are_none_only_where_nothing_counts_differently(before, after):
    def counts(config):
        return {(alias.name, entry, alias.allowed) for alias in config.aliases for entry in alias.entries}

    if not changes_between(before, after):
        assert counts(before) == counts(after)
        assert set(before.pod_cidrs) == set(after.pod_cidrs)
