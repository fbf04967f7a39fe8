"""Hubble Relay with TLS and with certificates of clients: what opens it, and what is said where one lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.harness.calls import Call
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.hubble import Hubble
from tests.cluster.product.running import Done, run
from tests.cluster.product.tracked import OUTSIDE, tracked_cluster


@pytest.fixture(scope="module")
def own_cluster(binaries) -> Iterator[Cluster]:
    """Return a cluster of this module alone: there is one Hubble in a cluster."""
    with tracked_cluster() as started:
        yield started


@pytest.fixture(scope="module", params=["tls", "mtls"])
def secured(own_cluster, request) -> Iterator[Hubble]:
    with Hubble.up(own_cluster, tls=request.param) as started:
        own_cluster.drive([Call("tracked/deploy/client", f"{OUTSIDE}:443")])
        started.settle()
        yield started


def listed(cluster: Cluster, *flags: str | Path) -> Done:
    return run(
        cluster.kubeconfig,
        "list",
        "-n",
        "tracked",
        "deploy/client",
        "-o",
        "json",
        "--source",
        "hubble",
        *flags,
    )


def own(hubble: Hubble) -> list[str | Path]:
    """Return the flags with which a client proves itself."""
    assert hubble.files is not None
    return ["--source-cert", hubble.files.client.certificate, "--source-key", hubble.files.client.key]


def test_the_authority_and_a_certificate_open_it(own_cluster, secured):
    done = listed(own_cluster, "--source-ca", secured.files.authority, *own(secured))
    assert done.code == 0, done.said
    peers = {row["peer"]["name"] for row in json.loads(done.out)["rows"]}
    assert OUTSIDE in peers


def test_any_certificate_is_taken_where_that_is_asked_for(own_cluster, secured):
    done = listed(own_cluster, "--source-insecure", *own(secured))
    assert done.code == 0, done.said


def test_without_the_authority_the_flag_is_named(own_cluster, secured):
    done = listed(own_cluster, *own(secured))
    assert done.code == 69
    assert any("--source-ca" in line for line in done.said), done.said


def test_another_name_is_refused(own_cluster, secured):
    flags = ("--source-ca", secured.files.authority, "--source-server-name", "relay.example.org")
    done = listed(own_cluster, *flags, *own(secured))
    assert done.code == 69
    assert any("--source-server-name" in line for line in done.said), done.said


def test_without_tls_the_flag_is_named(own_cluster, secured):
    done = listed(own_cluster, "--source-tls", "off")
    assert done.code == 69
    assert any("--source-tls" in line for line in done.said), done.said


def test_without_a_certificate_of_its_own_the_flags_are_named(own_cluster, secured):
    done = listed(own_cluster, "--source-ca", secured.files.authority)
    if secured.tls == "mtls":
        assert done.code == 69
        assert any("--source-cert" in line and "--source-key" in line for line in done.said), done.said
    else:
        assert done.code == 0, done.said
