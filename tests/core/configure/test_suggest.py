"""Suggested label filters: they drop what does not identify and harm nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.labelling import is_used
from netsec_tui.core.cluster.selectors import NAME_LABEL
from netsec_tui.core.configure.effect import label_effect
from netsec_tui.core.configure.suggest import suggested_labels
from netsec_tui.model.config import LabelConfig, LabelFilter
from tests.core.configure.worlds import excluding, world
from tests.core.scene import SHOP, namespace, owner, pod, service

HELM = {
    "app.kubernetes.io/name": "web",
    "app.kubernetes.io/instance": "prod",
    "app.kubernetes.io/managed-by": "Helm",
    "app.kubernetes.io/version": "1.2.3",
    "helm.sh/chart": "web-0.4.1",
}


def patterns(suggestion):
    return [key.pattern for key in suggestion.keys]


def test_a_chart_keeps_what_identifies():
    suggestion = suggested_labels(world(owner("web", labels=HELM)))
    assert patterns(suggestion) == ["helm.sh/*", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"]
    assert suggestion.labels.workload == LabelFilter(exclude=tuple(patterns(suggestion)))
    used = [key for key in HELM if is_used(suggestion.labels.workload, key)]
    assert used == ["app.kubernetes.io/name", "app.kubernetes.io/instance"]
    assert [key.owners for key in suggestion.keys] == [1, 1, 1]
    assert all(key.reason for key in suggestion.keys)


def test_a_cluster_without_such_keys_gets_no_suggestion():
    suggestion = suggested_labels(world(*SHOP))
    assert suggestion.labels == LabelConfig()
    assert (suggestion.keys, suggestion.kept) == ((), ())


def test_a_release_that_tells_two_owners_apart_stays():
    two = [
        owner(f"web-{r}", labels={"app": "web", "release": r, "heritage": "Helm"}) for r in ("blue", "green")
    ]
    suggestion = suggested_labels(world(*two))
    assert patterns(suggestion) == ["heritage"]
    (kept,) = suggestion.kept
    assert kept.pattern == "release"
    assert kept.reason == (
        "it identifies: without it the selector of Deployment/web-blue would select Deployment/web-green too"
    )


def test_a_release_that_identifies_nobody_goes():
    suggestion = suggested_labels(world(owner("web", labels={"app": "web", "release": "prod"})))
    assert patterns(suggestion) == ["release"]


def test_two_keys_of_which_one_must_stay():
    labels = {"heritage": "Helm", "release": "prod"}
    suggestion = suggested_labels(world(owner("web", labels=labels)))
    assert patterns(suggestion) == ["heritage"]
    assert [key.pattern for key in suggestion.kept] == ["release"]
    assert suggestion.kept[0].reason == "it identifies: without it Deployment/web could not be selected"


def test_of_a_prefix_the_keys_that_do_not_identify():
    objects = [
        owner(name, labels={"app": "x", "helm.sh/chart": "c-1", "helm.sh/part": name}) for name in ("a", "b")
    ]
    suggestion = suggested_labels(world(*objects))
    assert patterns(suggestion) == ["helm.sh/chart"]
    assert [key.pattern for key in suggestion.kept] == ["helm.sh/part"]


def test_a_service_that_selects_by_the_version_keeps_it():
    key = "app.kubernetes.io/version"
    objects = [
        *(owner(f"web-{v}", labels={"app": f"web-{v}", "site": "w", key: v}) for v in ("v1", "v2")),
        service("web", "10.96.0.1", selector={"site": "w", key: "v1"}),
    ]
    suggestion = suggested_labels(world(*objects))
    assert patterns(suggestion) == []
    assert "the selector of Service/web would select Deployment/web-v2 too" in suggestion.kept[0].reason


HASHES = {
    "template hash": ("6d4b75cb6d", True),
    "git revision": ("9fceb02d0ae598e95dc970b74767f19372d61af8", True),
    "uuid": ("3f2504e0-4f89-41d3-9a0c-0305e82c3301", True),
    "a word": ("frontend", False),
    "a number": ("20240101", False),
    "a version": ("v1.2.3", False),
}


@pytest.mark.parametrize(("value", "expected"), HASHES.values(), ids=HASHES)
def test_values_that_look_like_hashes(value, expected):
    suggestion = suggested_labels(world(owner("web", labels={"app": "web", "build": value})))
    assert (patterns(suggestion) == ["build"]) is expected
    if expected:
        assert suggestion.keys[0].reason == f"its values look like hashes, such as {value}"


def test_a_key_that_changes_per_pod():
    pods = [
        pod(f"web-{n}", f"10.244.0.{n}", "web", labels={"app": "web", "shard": f"s{n}"}) for n in range(2)
    ]
    web = owner("web")
    web["spec"]["selector"]["matchExpressions"] = [{"key": "shard", "operator": "Exists"}]
    suggestion = suggested_labels(world(web, *pods))
    assert patterns(suggestion) == ["shard"]
    assert suggestion.keys[0].reason == "its value differs between pods of Deployment/web"


def test_a_key_that_no_selector_uses_is_not_suggested_but_named():
    web = owner("web", labels={"app": "web", "build": "6d4b75cb6d", **HELM})
    web["spec"]["selector"] = {"matchLabels": {"app": "web", "heritage": "Helm"}}
    web["spec"]["template"]["metadata"]["labels"]["heritage"] = "Helm"
    suggestion = suggested_labels(world(web))
    assert patterns(suggestion) == ["heritage"]
    unused = {"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version", "build"}
    assert set(suggestion.unused) == unused
    assert suggestion.labels.workload.exclude == ("heritage",)


def test_what_is_excluded_already_is_not_suggested_again_and_filters_in_force_stay():
    labels = LabelConfig(LabelFilter(exclude=("helm.sh/*", "x")), LabelFilter(include=("team",)))
    suggestion = suggested_labels(
        world(owner("web", labels=HELM), namespace("shop", team="a"), labels=labels)
    )
    assert patterns(suggestion) == ["app.kubernetes.io/managed-by", "app.kubernetes.io/version"]
    assert suggestion.labels.workload.exclude[:2] == ("helm.sh/*", "x")
    assert suggestion.labels.namespace == labels.namespace


_KEYS = ("app", "release", "chart", "helm.sh/a", "helm.sh/b", "build")
_owners = st.lists(
    st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(("a", "6d4b75cb6d")), min_size=1), max_size=4
)


@given(_owners, st.sets(st.sampled_from(("release", "app"))))
def test_a_suggestion_never_harms(owners, excluded):
    objects = [owner(f"o{number}", labels=labels) for number, labels in enumerate(owners)]
    before = world(*objects, namespace("shop"), labels=excluding(*sorted(excluded)))
    suggestion = suggested_labels(before)
    assert label_effect(before, suggestion.labels).harmful == ()
    assert is_used(suggestion.labels.namespace, NAME_LABEL)
