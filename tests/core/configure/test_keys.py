"""Dotted keys of a configuration: reading, setting, adding, removing, and the way out of mistakes."""

import pytest
from hypothesis import given

from netsec_tui.core.configure import keys
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import CONTROL_PLANE_PODS, Config
from netsec_tui.model.decision import Alias
from tests.core.configure.configs import configs

CONFIG = Config(
    aliases=(Alias("a.b c", ("192.0.2.0/24",), True), Alias("proxies", ("203.0.113.7/32",))),
    pod_cidrs=("10.244.0.0/16",),
)

SET = {
    "patterns keep their order": ("labels.workloads.include", ["tier,app"], ("tier", "app"), ()),
    "twice the same": ("labels.workloads.exclude", ["a", "a,b"], ("a", "b"), ()),
    "namespaces": ("labels.namespaces.exclude", ["kubernetes.io/metadata.name"], None, ()),
    "nothing": ("labels.namespaces.include", [""], (), ()),
    "ranges are sorted": ("cidrs.services", ["fd00::/108, 10.96.0.0/16"], ("10.96.0.0/16", "fd00::/108"), ()),
    "host bits": (
        "cidrs.pods",
        ["10.244.3.4/16"],
        ("10.244.0.0/16",),
        ("10.244.3.4/16 has host bits: 10.244.0.0/16 is used",),
    ),
    "pods": ("discovery.controlPlanePods", ["infra/api,kcm"], ("infra/api", "kcm"), ()),
    "entries": ("aliases.proxies.entries", ["203.0.113.9"], ("203.0.113.9/32",), ()),
    "an alias with dots and spaces": ("aliases.a.b c.allowed", ["false"], ("false",), ()),
    "a new alias": ("aliases.x.y.entries", ["2001:db8::1"], ("2001:db8::1/128",), ()),
}


@pytest.mark.parametrize(("key", "values", "expected", "notes"), SET.values(), ids=SET)
def test_what_is_set_can_be_read(key, values, expected, notes):
    edited = keys.set_(CONFIG, key, values)
    assert keys.get(edited.config, key) == (tuple(values) if expected is None else expected)
    assert edited.notes == notes


@given(configs)
def test_setting_what_is_there_changes_nothing(config):
    for key in keys.keys(config):
        assert keys.set_(config, key, keys.get(config, key)).config == config


@given(configs)
def test_every_key_rebuilds_the_configuration(config):
    made = Config()
    for key in keys.keys(config):
        made = keys.set_(made, key, keys.get(config, key)).config
    assert made == config


@given(configs)
def test_what_is_unset_is_the_default(config):
    for key in keys.keys(config):
        if not key.endswith(".allowed"):
            config = keys.unset(config, key).config
    assert config == Config()


def test_alias_stays_allowed_when_its_entries_are_set():
    edited = keys.set_(CONFIG, "aliases.a.b c.entries", ["192.0.2.1"])
    assert edited.config.aliases[0] == Alias("a.b c", ("192.0.2.1/32",), True)


def test_adding_and_removing():
    more = keys.add(CONFIG, "cidrs.pods", ["10.0.0.0/16", "10.244.0.0/16"]).config
    assert more.pod_cidrs == ("10.0.0.0/16", "10.244.0.0/16")
    assert keys.remove(more, "cidrs.pods", ["10.0.0.0/16"]).config == CONFIG
    entry = keys.add(CONFIG, "aliases.proxies.entries", ["192.0.3.1"]).config
    assert keys.get(entry, "aliases.proxies.entries") == ("192.0.3.1/32", "203.0.113.7/32")
    assert keys.remove(entry, "aliases.proxies.entries", ["192.0.3.1"]).config == CONFIG


def test_the_last_entry_takes_the_alias_along():
    edited = keys.remove(CONFIG, "aliases.proxies.entries", ["203.0.113.7"])
    assert [alias.name for alias in edited.config.aliases] == ["a.b c"]
    assert edited.notes == ("alias 'proxies' is gone: no entry is left of it",)


def test_unset():
    changed = keys.set_(CONFIG, "discovery.controlPlanePods", ["api"]).config
    assert keys.unset(changed, "discovery.controlPlanePods").config.control_plane_pods == CONTROL_PLANE_PODS
    assert keys.unset(CONFIG, "aliases.a.b c.allowed").config.aliases[0].allowed is False
    for key in ("aliases.a.b c", "aliases.a.b c.entries"):
        assert [a.name for a in keys.unset(CONFIG, key).config.aliases] == ["proxies"]


def test_an_alias_named_like_a_key_is_not_taken_for_another():
    config = Config(
        aliases=(
            Alias("a", ("192.0.2.1/32",)),
            Alias("a.b", ("192.0.2.3/32",)),
            Alias("a.entries", ("192.0.2.2/32",)),
        )
    )
    assert keys.get(config, "aliases.a.entries") == ("192.0.2.1/32",)
    assert keys.get(config, "aliases.a.entries.entries") == ("192.0.2.2/32",)
    assert [a.name for a in keys.unset(config, "aliases.a.entries").config.aliases] == ["a.b", "a.entries"]
    assert [a.name for a in keys.unset(config, "aliases.a.entries.entries").config.aliases] == ["a", "a.b"]
    assert [a.name for a in keys.unset(config, "aliases.a.b").config.aliases] == ["a", "a.entries"]


def test_keys_of_no_configuration_name_a_placeholder():
    assert {"aliases.NAME.entries", "aliases.NAME.allowed"} <= set(keys.keys())
    of_aliases = [key for key in keys.keys(CONFIG) if key.startswith("aliases.")]
    assert of_aliases == [f"aliases.{n}.{f}" for n in ("a.b c", "proxies") for f in ("entries", "allowed")]


MISTAKES = {
    "near a key": (keys.get, ("labels.workload.include",), "did you mean labels.workloads.include"),
    "near no key": (keys.get, ("zzz",), "the keys are labels.workloads.include, "),
    "no field of an alias": (keys.get, ("aliases.proxies.entry",), "did you mean aliases.proxies.entries"),
    "no name": (keys.get, ("aliases..entries",), "there is no key 'aliases..entries'"),
    "unknown alias": (
        keys.get,
        ("aliases.proxys.entries",),
        "there is no alias 'proxys'; did you mean 'proxies'?",
    ),
    "allowed before entries": (
        keys.set_,
        ("aliases.new.allowed", ["true"]),
        "there is no alias 'new'; aliases.new.entries creates it",
    ),
    "no flag": (keys.set_, ("aliases.proxies.allowed", ["yes"]), "'yes' is neither true nor false"),
    "two flags": (keys.set_, ("aliases.proxies.allowed", ["true", "false"]), "takes one value"),
    "no entries": (keys.set_, ("aliases.proxies.entries", [""]), "needs at least one IP address or CIDR"),
    "no address": (keys.set_, ("aliases.proxies.entries", ["proxy"]), "'proxy' is not an IP address or CIDR"),
    "another's entry": (
        keys.add,
        ("aliases.proxies.entries", ["192.0.2.0/24"]),
        "192.0.2.0/24 in 'a.b c' and 'proxies'",
    ),
    "no list": (keys.add, ("aliases.proxies.allowed", ["true"]), "aliases.proxies.allowed is no list"),
    "not in it": (
        keys.remove,
        ("cidrs.pods", ["10.0.0.0/8"]),
        "10.0.0.0/8 is not in cidrs.pods; it has 10.244.0.0/16",
    ),
    "a hole in a list": (keys.set_, ("labels.workloads.include", ["a,,b"]), "a label pattern is empty"),
    "unset nothing": (keys.unset, ("aliases.gone",), "there is no alias 'gone'"),
}


@pytest.mark.parametrize(("do", "arguments", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_name_the_way_out(do, arguments, sentence):
    with pytest.raises(BadInputError) as refused:
        do(CONFIG, *arguments)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
