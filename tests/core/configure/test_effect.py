"""The effect of other label filters, before they are accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.core.cluster.labelling import used_selector
from netsec_tui.core.configure.effect import label_effect
from netsec_tui.core.evaluate.match import selector_matches
from netsec_tui.model.config import LabelConfig, LabelFilter
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.policy import LabelSelector
from tests.core.configure.worlds import excluding, namespaces, world
from tests.core.scene import SHOP, namespace, owner, pod, service

WEB, CART, DNS = (
    WorkloadRef("Deployment", "shop", "web"),
    WorkloadRef("Deployment", "shop", "cart"),
    WorkloadRef("Service", "kube-system", "kube-dns"),
)
TIERS = (
    namespace("shop", team="a"),
    namespace("data", team="a"),
    namespace("bare"),
    owner("web", labels={"app": "web", "tier": "front"}),
    owner("cart", labels={"app": "cart", "tier": "front"}),
    owner("db", "data", labels={"app": "db", "tier": "front"}),
    service("web", "10.96.0.11"),
)


def change(effect, name, kind="Deployment", ns="shop"):
    return next(c for c in effect.changes if c.ref == WorkloadRef(kind, ns, name))


def test_nothing_changes_under_the_same_filters():
    effect = label_effect(world(*TIERS), LabelConfig())
    assert effect.changes == ()
    assert effect.examined == 3 + 1 + 3


def test_a_key_that_only_qualifies_can_go():
    effect = label_effect(world(*TIERS), excluding("tier"))
    assert effect.harmful == ()
    found = change(effect, "web")
    assert found.before == LabelSelector((("app", "web"), ("tier", "front")))
    assert found.after == LabelSelector((("app", "web"),))
    assert {c.ref.name for c in effect.changes} == {"web", "cart", "db"}


def test_without_what_identifies_others_of_the_namespace_are_selected():
    effect = label_effect(world(*TIERS), excluding("app"))
    assert change(effect, "web").also == (CART,)
    assert change(effect, "cart").also == (WEB,)
    alone = change(effect, "db", ns="data")
    assert alone.also == ()
    assert not alone.harmful


def test_without_any_label_nothing_is_selected():
    effect = label_effect(world(*TIERS), excluding("app", "tier"))
    found = change(effect, "web")
    assert (found.after, found.harmful) == (None, True)
    assert found.why == (
        "Deployment/web has no label that the label configuration uses; let it use app, tier"
    )


def test_services_and_the_dns_change_too():
    effect = label_effect(world(*TIERS, *SHOP[3:]), excluding("app", "k8s-app"))
    assert change(effect, "web", "Service").after is None
    dns = change(effect, *reversed(DNS[::2]), DNS.namespace)
    assert dns.dns
    assert dns.harmful
    assert [c.ref for c in effect.changes if c.dns] == [DNS]
    assert effect.changes[0] == dns


def test_a_service_of_one_pod_selects_its_siblings_when_the_name_goes():
    key = "statefulset.kubernetes.io/pod-name"
    objects = (
        owner("db", "data", "StatefulSet"),
        *(
            pod(f"db-{n}", f"10.244.1.{n}", "db", "data", "StatefulSet", {"app": "db", key: f"db-{n}"})
            for n in range(2)
        ),
        service("primary", "10.96.0.20", ns="data", selector={"app": "db", key: "db-0"}),
    )
    effect = label_effect(world(*objects), excluding(key))
    assert change(effect, "primary", "Service", "data").also == (WorkloadRef("StatefulSet", "data", "db"),)


def versioned(live: dict[str, str] | None, template: str = "v2"):
    """Return web, whose selector is of ``app`` alone, with a template and pods of some version."""
    web = owner("web")
    web["spec"]["template"]["metadata"]["labels"] = {"app": "web", "version": template}
    pods = () if live is None else (pod("web-1", "10.244.0.11", "web", labels={"app": "web", **live}),)
    return (namespace("shop"), web, *pods)


LEFT_OUT = "it does not select all pods that Deployment/web has or would make"


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        (versioned({}), LEFT_OUT),
        (versioned({"version": "v1"}), LEFT_OUT),
        (
            (
                *versioned({"version": "v1"}),
                pod("web-2", "10.244.0.12", "web", labels={"app": "web", "version": "v2"}),
            ),
            LEFT_OUT,
        ),
        (versioned({"version": "v2"}), ""),
        (versioned(None), ""),
    ],
    ids=["without it", "of another version", "some", "of the template's", "none yet"],
)
@pytest.mark.parametrize("before", [LabelConfig(), excluding("app")], ids=["selected", "not selected"])
def test_a_selector_that_leaves_out_pods_of_its_owner_is_harmful(objects, why, before):
    only_version = LabelConfig(LabelFilter(include=("version",)))
    found = change(label_effect(world(*objects, labels=before), only_version), "web")
    assert found.after == LabelSelector((("version", "v2"),))
    assert (found.why, found.harmful) == (why, bool(why))


def test_coming_back_to_all_labels_harms_nobody_and_tells_whom_it_leaves():
    effect = label_effect(world(*TIERS, labels=excluding("app")), LabelConfig())
    assert effect.harmful == ()
    assert change(effect, "web").no_longer == (CART,)


NAMESPACES = {
    "only the name, by default": (namespaces(include=("kubernetes.io/*",)), {}),
    "a label that two share": (namespaces(include=("team",)), {"shop": ("data",), "data": ("shop",)}),
    "name and label": (namespaces(include=("team", "kubernetes.io/*")), {"shop": (), "data": ()}),
    "no name": (
        namespaces(exclude=("kubernetes.io/metadata.name",)),
        {"shop": ("data",), "data": ("shop",), "bare": None},
    ),
}


@pytest.mark.parametrize(("labels", "expected"), NAMESPACES.values(), ids=NAMESPACES)
def test_namespaces(labels, expected):
    effect = label_effect(world(*TIERS), labels)
    found = {
        c.ref.name: None if c.after is None else tuple(ref.name for ref in c.also) for c in effect.changes
    }
    assert found == expected


def test_a_namespace_that_nothing_selects_names_the_way_out():
    effect = label_effect(world(*TIERS), namespaces(exclude=("*",)))
    assert change(effect, "bare", "Namespace", "").why == "you need to assign labels to this namespace: bare"


@pytest.mark.parametrize(
    ("labels", "idle"),
    [
        (excluding("tier", "helm.sh/*", "ap?"), ("helm.sh/*",)),
        (namespaces(include=("team", "env"), exclude=("kubernetes.io/*",)), ("env",)),
        (LabelConfig(), ()),
    ],
)
def test_patterns_that_match_no_key_of_the_cluster_are_told(labels, idle):
    assert label_effect(world(*TIERS), labels).idle == idle


def test_owners_on_the_host_network_have_no_selector_to_change():
    effect = label_effect(world(*SHOP), excluding("*"))
    assert not [c for c in effect.changes if c.ref.name == "agent"]


def test_harmful_changes_come_first():
    effect = label_effect(world(*TIERS), excluding("app"))
    harmful = [c.harmful for c in effect.changes]
    assert harmful == sorted(harmful, reverse=True)
    assert set(harmful) == {True, False}
    assert effect.harmful == effect.changes[: sum(harmful)]


KEYS, VALUES = ("app", "tier", "release"), ("a", "b")
_labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), min_size=1)
_filters = st.sets(st.sampled_from(KEYS)).map(lambda found: LabelFilter(exclude=tuple(sorted(found))))


@given(st.lists(_labels, min_size=1, max_size=4), _filters, _filters)
def test_changes_are_those_that_asking_each_owner_alone_shows(owners, before, after):
    refs = [WorkloadRef("Deployment", "shop", f"o{number}") for number in range(len(owners))]
    objects = [owner(ref.name, labels=labels) for ref, labels in zip(refs, owners, strict=True)]
    effect = label_effect(world(*objects, labels=LabelConfig(before)), LabelConfig(after))

    def selected(keys, labels):
        selector = used_selector(keys, LabelSelector(tuple(sorted(labels.items()))))
        others = zip(refs, owners, strict=True)
        return selector, {r for r, of in others if selector and selector_matches(selector, of)}

    expected = {}
    for ref, labels in zip(refs, owners, strict=True):
        (old, had), (new, has) = selected(before, labels), selected(after, labels)
        if old != new:
            expected[ref] = (new is None, has - had - {ref}, had - has - {ref})
    assert {c.ref: (c.after is None, set(c.also), set(c.no_longer)) for c in effect.changes} == expected
