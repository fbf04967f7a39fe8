"""Online Boutique and Sock Shop in a real cluster: recorded, held to what was recorded, by packets."""

import json

import pytest
import yaml

from netsec_tui.model.connection import Outcome
from tests.cluster.applications.document import findings_of
from tests.cluster.applications.graphs import online_boutique, sock_shop
from tests.cluster.applications.published import Fate, attempt_of, network_policies
from tests.cluster.applications.trial import Trial
from tests.cluster.harness.cluster import Cluster

_APPLICATIONS = {"online-boutique": online_boutique, "sock-shop": sock_shop}


@pytest.fixture(scope="module")
def own_cluster(binaries):
    """Return a cluster of this module alone: the applications bring a DNS of their own."""
    with Cluster.up(enforce=True) as started:
        yield started


@pytest.fixture(scope="module", params=_APPLICATIONS)
def page(request, shared_data):
    """Return what the page about published policies says of one application."""
    return findings_of(_APPLICATIONS[request.param](shared_data / "manifests" / request.param))


@pytest.fixture(scope="module")
def trial(own_cluster, page):
    made = Trial(own_cluster, page.application)
    yield made
    made.end()


@pytest.fixture(scope="module")
def capture(trial, tmp_path_factory):
    path = tmp_path_factory.mktemp("recorded") / "application.capture"
    trial.record(path)
    return path


@pytest.fixture(scope="module")
def generated(trial, capture, tmp_path_factory):
    return trial.generate(capture, tmp_path_factory.mktemp("decisions"))


@pytest.fixture
def under_generated(own_cluster, generated, trial):
    own_cluster.apply_policies(generated)
    yield trial
    own_cluster.delete_policies()


@pytest.fixture
def under_published(own_cluster, page, trial):
    own_cluster.apply_policies("\n---\n".join(map(json.dumps, page.application.published)))
    yield trial
    own_cluster.delete_policies()


def allowed(verdicts):
    return {attempt: told.outcome is Outcome.ALLOWED for attempt, told in verdicts.answers.items()}


def test_what_is_generated_from_the_kernels_record_is_what_the_page_is_about(generated, page):
    made = network_policies(yaml.safe_load_all(generated))
    assert sorted(made, key=str) == sorted(page.generated.policies, key=str)


@pytest.mark.usefixtures("capture")  # What is tried stands in the kernel's tables: it is recorded before.
def test_without_policies_everything_answers(trial, page):
    assert trial.differing(dict.fromkeys(page.generated.answers, True)) == set()
    assert trial.failed() == set()


def test_under_generated_policies_every_call_still_works(under_generated):
    assert under_generated.failed() == set()


def test_under_generated_policies_the_kernel_says_what_the_page_says(under_generated, page):
    assert under_generated.differing(allowed(page.generated)) == set()


def test_under_published_policies_the_kernel_says_what_the_page_says(under_published, page):
    assert under_published.differing(allowed(page.published)) == set()


def test_under_published_policies_the_calls_fail_that_the_page_names(under_published, page):
    fates = page.published.fates
    blocked = {call for call in page.application.calls if fates[attempt_of(call)] is Fate.BLOCKED}
    assert under_published.failed() == blocked
