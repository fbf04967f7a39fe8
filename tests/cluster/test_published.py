"""The page about published policies says what is computed, and what is known of both applications."""

import pytest

from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import WorkloadRef
from tests.cluster.applications.document import PAGE, findings_of, page
from tests.cluster.applications.graphs import applications
from tests.cluster.applications.published import (
    CLUSTER_DNS,
    Attempt,
    Fate,
    Group,
    attempts,
    recorded_attempts,
)


@pytest.fixture(scope="module")
def findings(shared_data):
    return {app.title: findings_of(app) for app in applications(shared_data)}


@pytest.fixture(scope="module", params=["Online Boutique", "Sock Shop"])
def found(findings, request):
    return findings[request.param]


def test_the_page_is_what_is_computed(shared_data):
    assert PAGE.read_text("utf-8") == page(shared_data), (
        "write it again: .venv/bin/python -m tests.cluster published"
    )


def test_generated_policies_let_through_what_was_recorded_and_look_ups_and_nothing_else(found):
    groups, fates = attempts(found.application), found.generated.fates
    assert {a for a, fate in fates.items() if fate is Fate.WORKS} == recorded_attempts(found.application)
    assert {groups[a] for a, fate in fates.items() if fate is Fate.OPEN} == {Group.LOOK_UP}
    assert [a for a, fate in fates.items() if fate is Fate.BLOCKED] == []


def test_every_workload_gets_one_policy_that_selects_it_alone(found):
    names = sorted((policy.namespace, policy.name) for policy in found.generated.policies)
    assert names == sorted((ref.namespace, f"deployment-{ref.name}") for ref in found.application.workloads)


def sock(name):
    return WorkloadRef("Deployment", "sock-shop", name)


def test_published_policies_of_sock_shop_cut_off_carts_and_sessions(findings):
    fates = findings["Sock Shop"].published.fates
    assert {a for a, fate in fates.items() if fate is Fate.BLOCKED} == {
        Attempt(sock("front-end"), sock("carts"), Protocol.TCP, 80),
        Attempt(sock("orders"), sock("carts"), Protocol.TCP, 80),
        Attempt(sock("carts"), sock("carts-db"), Protocol.TCP, 27017),
        Attempt(sock("front-end"), sock("session-db"), Protocol.TCP, 6379),
    }


def test_published_policies_of_boutique_block_nothing_and_open_every_way_out(findings):
    found = findings["Online Boutique"]
    groups, fates = attempts(found.application), found.published.fates
    assert Fate.BLOCKED not in fates.values()
    for group in (Group.TO_OUTSIDE, Group.TO_ELSEWHERE):
        assert {fates[a] for a, each in groups.items() if each is group} == {Fate.OPEN}


def test_who_dials_names_looks_them_up(found):
    asking = {a.client for a in recorded_attempts(found.application) if a.server == CLUSTER_DNS}
    assert asking == {call.client for call in found.application.calls if isinstance(call.client, WorkloadRef)}
