"""Values of a configuration: what is taken, how it is kept, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.labelling import matches_any
from netsec_tui.core.configure.values import (
    checked_alias_name,
    checked_entry,
    checked_flag,
    checked_pattern,
    checked_pod_start,
    checked_range,
)
from netsec_tui.errors import BadInputError

TAKEN = {
    "key": (checked_pattern, " app ", "app"),
    "prefix": (checked_pattern, "app.kubernetes.io/*", "app.kubernetes.io/*"),
    "any": (checked_pattern, "*", "*"),
    "one sign": (checked_pattern, "v?", "v?"),
    "name": (checked_alias_name, " the proxies (EU) ", "the proxies (EU)"),
    "name in another script": (checked_alias_name, "прокси", "прокси"),
    "longest name": (checked_alias_name, "n" * 253, "n" * 253),
    "pod": (checked_pod_start, "kube-apiserver", "kube-apiserver"),
    "pod elsewhere": (checked_pod_start, "my-ns/api-", "my-ns/api-"),
    "true": (checked_flag, "true", True),
    "false": (checked_flag, "false", False),
    "range": (checked_range, "10.244.0.0/16", ("10.244.0.0/16", "")),
    "IPv6 range": (checked_range, "FD00:0::/48", ("fd00::/48", "")),
    "address": (checked_entry, "203.0.113.7", ("203.0.113.7/32", "")),
    "IPv6 address": (checked_entry, "2001:DB8::1", ("2001:db8::1/128", "")),
}


@pytest.mark.parametrize(("check", "text", "kept"), TAKEN.values(), ids=TAKEN)
def test_taken(check, text, kept):
    assert check(text) == kept


NOTED = {
    "host bits of a range": (checked_range, "10.244.1.2/16", "10.244.0.0/16", "has host bits: 10.244.0.0/16"),
    "host bits of an entry": (checked_entry, "192.0.2.9/24", "192.0.2.0/24", "has host bits: 192.0.2.0/24"),
    "mapped": (checked_entry, "::ffff:192.0.2.1", "192.0.2.1/32", "IPv4 address written as IPv6"),
    "mapped range": (checked_range, "::ffff:10.0.0.0/104", "10.0.0.0/8", "IPv4 address written as IPv6"),
    "everything": (checked_entry, "0.0.0.0/0", "0.0.0.0/0", "4,294,967,296 addresses"),
    "all of IPv6": (checked_entry, "::/0", "::/0", "about 2^128 addresses"),
}


@pytest.mark.parametrize(("check", "text", "kept", "note"), NOTED.values(), ids=NOTED)
def test_taken_with_a_note(check, text, kept, note):
    checked = check(text)
    assert checked.value == kept
    assert note in checked.note


REFUSED = {
    "empty pattern": (checked_pattern, "  "),
    "sign": (checked_pattern, "app=web"),
    "space": (checked_pattern, "a b"),
    "two slashes": (checked_pattern, "a/b/c"),
    "newline": (checked_pattern, "a\nb"),
    "brackets": (checked_pattern, "[ab]"),
    "long pattern": (checked_pattern, "a" * 318),
    "empty name": (checked_alias_name, " "),
    "control character": (checked_alias_name, "a\x1b[31m"),
    "two lines": (checked_alias_name, "a\nb"),
    "direction": (checked_alias_name, "a\u202eb"),
    "long name": (checked_alias_name, "n" * 254),
    "empty pod": (checked_pod_start, ""),
    "pod sign": (checked_pod_start, "Kube_apiserver"),
    "two namespaces": (checked_pod_start, "a/b/c"),
    "only a namespace": (checked_pod_start, "kube-system/"),
    "no pod namespace": (checked_pod_start, "/api"),
    "flag": (checked_flag, "True!"),
    "address for a range": (checked_range, "10.0.0.1"),
    "every address": (checked_range, "0.0.0.0/0"),
    "every IPv6 address": (checked_range, "::/0"),
    "no range": (checked_range, "10.0.0.0/33"),
    "no entry": (checked_entry, "proxy"),
    "zone": (checked_entry, "fe80::1%eth0"),
    "mask 0.0.0.0": (checked_entry, "10.0.0.0/0.0.0.0"),
}


@pytest.mark.parametrize(("check", "text"), REFUSED.values(), ids=REFUSED)
def test_refused_in_one_line(check, text):
    with pytest.raises(BadInputError) as refused:
        check(text)
    assert str(refused.value).isprintable()


@given(st.text(max_size=20))
def test_any_text_is_taken_or_refused_and_what_is_taken_stays(text):
    for check in (checked_pattern, checked_alias_name, checked_pod_start, checked_range, checked_entry):
        try:
            kept = check(text)
        except BadInputError:
            continue
        again = check(kept if isinstance(kept, str) else kept.value)
        assert again == kept if isinstance(kept, str) else again.value == kept.value


@given(st.from_regex(r"\A[a-zA-Z0-9_.-]{1,63}\Z"))
def test_a_key_as_pattern_matches_that_key_alone(key):
    assert matches_any((checked_pattern(key),), key)
    assert not matches_any((checked_pattern(key),), key + "x")
