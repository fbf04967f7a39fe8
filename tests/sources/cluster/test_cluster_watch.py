"""A cluster is listed once and then watched, whatever happens to server, connection and rights meanwhile."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.sources.cluster import api as cluster_api
from netsec_tui.sources.cluster import ranges
from netsec_tui.sources.cluster import watch as cluster_watch
from netsec_tui.sources.cluster.access import ClusterAccess
from netsec_tui.sources.cluster.api import ClusterApi, Listing
from netsec_tui.sources.cluster.keeper import ClusterKeeper
from netsec_tui.sources.cluster.objects import ClusterObjects
from netsec_tui.sources.cluster.refusals import ExpiredError
from netsec_tui.sources.cluster.resources import RESOURCES, Groups, Resource
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.cluster.watch import ResourceWatch
from netsec_tui.sources.contract import ObjectsRead
from netsec_tui.sources.inventory.build import build_inventory
from tests.sources.api_server import PATHS, ApiServer, write_kubeconfig
from tests.sources.collected import following
from tests.sources.kube_objects import deployment, obj, pod
from tests.sources.running import running
from tests.sources.waiting import PATIENCE, until

pytestmark = pytest.mark.usefixtures("no_proxy_and_no_waiting")

WATCHED = [path.rpartition("/")[2] for path in PATHS]


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running(
        ApiServer([obj("Namespace", "shop", None), pod("web-1", ip="10.1.0.7"), deployment("web")])
    ) as started:
        yield started


def all_open(server: ApiServer) -> bool:
    return server.open == len(PATHS)


def lists(server: ApiServer) -> dict[str, int]:
    return {name: len(server.requests[name]) for name in WATCHED}


def add(server: ApiServer, *more: dict[str, Any]) -> None:
    server.objects = [*server.objects, *more]


def test_changes_are_told_without_listing_again(server: ApiServer, source: ClusterSource) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        add(server, pod("web-2"))
        found.wait_for(lambda: "web-2" in found.names)
        server.objects = [obj("Namespace", "shop", None, metadata={"labels": {"team": "a"}}), pod("web-1")]
        found.wait_for(lambda: sorted(found.names) == ["shop", "web-1"])
        found.wait_for(lambda: found.objects[0]["metadata"].get("labels") == {"team": "a"})
        assert lists(server) == dict.fromkeys(WATCHED, 1)
    assert {name: len(asked) for name, asked in server.watches.items()} == dict.fromkeys(WATCHED, 1)
    assert all(
        asked["allowWatchBookmarks"] == "true" and int(asked["timeoutSeconds"]) == cluster_api.WATCH_SECONDS
        for (asked,) in server.watches.values()
    )


def test_nothing_is_told_where_nothing_of_use_has_changed(server: ApiServer, source: ClusterSource) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        before = len(found.messages)
        busy = {**pod("web-1", ip="10.1.0.7"), "status": {"podIP": "10.1.0.7", "phase": "Running",
                "podIPs": [{"ip": "10.1.0.7"}], "conditions": [{"type": "Ready"}]}}  # fmt: skip
        versions = len(server.versions)
        server.objects = [busy if o["kind"] == "Pod" else o for o in server.objects]
        until(lambda: len(server.versions) > versions)
        pulses = len(server.requests["apis"])
        until(lambda: len(server.requests["apis"]) > pulses + 5)
        assert found.messages[before:] == []


def test_changes_that_come_together_are_told_together(server: ApiServer, source: ClusterSource) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        add(server, *(pod(f"many-{number}") for number in range(300)))
        found.wait_for(lambda: "many-299" in found.names)
        told = [message for message in found.messages if isinstance(message, ObjectsRead)]
        assert len(told) < 30


def test_following_ends_with_all_its_threads_though_nothing_comes(
    server: ApiServer, source: ClusterSource
) -> None:
    before = set(threading.enumerate())

    def own() -> set[str]:
        return {t.name for t in set(threading.enumerate()) - before if t.name.startswith(("watch", "pulse"))}

    with following(source):
        until(lambda: all_open(server))
        assert own() == {"pulse", *(f"watch {name}" for name in WATCHED)}
    until(lambda: not own())


def test_a_kind_that_comes_while_following_ends_is_not_watched(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = ClusterAccess("prod", str(write_kubeconfig(tmp_path / "config", server.url)))
    keeper = ClusterKeeper(access, ClusterObjects(5.0))
    keeper.list_all(threading.Event())
    keeper.watch()
    server.more = {"/apis/cilium.io/v2/ciliumnetworkpolicies": ("CiliumNetworkPolicy", "cilium.io/v2")}
    answered, go_on, groups = threading.Event(), threading.Event(), ClusterApi.groups

    def held(api: ClusterApi) -> Groups:
        found = groups(api)
        answered.set()
        go_on.wait(PATIENCE)
        return found

    monkeypatch.setattr(ClusterApi, "groups", held)
    monkeypatch.setattr(ranges, "EVERY", 1)
    beat = threading.Thread(target=keeper.beat, daemon=True)
    beat.start()
    assert answered.wait(PATIENCE)
    keeper.end()
    asked = len(server.asked)
    go_on.set()
    beat.join(PATIENCE)
    assert not [t.name for t in threading.enumerate() if t.name.startswith("watch cilium")]
    assert server.asked[asked:] == []


@pytest.mark.parametrize("late", [False, True])
def test_a_version_that_is_too_old_is_listed_again(
    server: ApiServer, source: ClusterSource, late: bool
) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        server.late = late
        server.expired |= {version for _, version in server.versions}
        server.objects = [obj("Namespace", "shop", None), pod("web-2")]
        server.cut()
        found.wait_for(lambda: sorted(found.names) == ["shop", "web-2"])
        until(lambda: all_open(server))
        add(server, pod("web-3"))
        found.wait_for(lambda: "web-3" in found.names)
        assert found.problems == ()
        assert not any(getattr(message, "error", "") for message in found.messages)


def test_a_watch_that_ends_goes_on_where_it_was(server: ApiServer, source: ClusterSource) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        for number in range(3):
            add(server, pod(f"more-{number}"))
            found.wait_for(lambda number=number: f"more-{number}" in found.names)  # type: ignore[misc]
            server.cut()
            until(lambda number=number: len(server.watches["pods"]) > number + 1)  # type: ignore[misc]
        assert len({asked["resourceVersion"] for asked in server.watches["pods"]}) >= 3
        assert lists(server)["pods"] == 1


def test_a_bookmark_moves_on_where_the_next_watch_begins(server: ApiServer, source: ClusterSource) -> None:
    mark = {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": "4711"}}
    server.bodies_watch["pods"] = [json.dumps({"type": "BOOKMARK", "object": mark}).encode()]
    with following(source) as found:
        until(lambda: len(server.watches["pods"]) > 1)
        assert server.watches["pods"][1]["resourceVersion"] == "4711"
        found.wait_for(lambda: found.names == ["shop", "web-1", "web"])


def test_a_defect_in_one_resource_is_said_and_takes_no_other_with_it(
    server: ApiServer, source: ClusterSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ResourceWatch._take

    def taken(self: ResourceWatch, line: bytes) -> None:
        if self.name == "watch pods":
            raise KeyError("x")
        take(self, line)

    with following(source) as found:
        until(lambda: all_open(server))
        with monkeypatch.context() as patch:
            patch.setattr(ResourceWatch, "_take", taken)
            add(server, pod("web-2"), obj("Namespace", "data", None))
            found.wait_for(lambda: "data" in found.names)
            found.wait_for(lambda: "watch pods met a defect of netsec-tui: KeyError" in found.status.error)
        found.wait_for(lambda: "web-2" in found.names and found.status.error == "")


def test_a_dead_connection_is_noticed_and_replaced(
    server: ApiServer, source: ClusterSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_api, "SILENCE", (60, 0.5))
    monkeypatch.setattr(cluster_watch, "SHORT", 0.0)
    with following(source) as found:
        until(lambda: len(server.watches["pods"]) > 3)
        add(server, pod("web-2"))
        found.wait_for(lambda: "web-2" in found.names)
        assert lists(server)["pods"] == 1


def test_a_server_that_hangs_is_said_and_forgotten_once_it_answers(
    server: ApiServer, source: ClusterSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_api, "PULSE", (5, 1.0))
    with following(source) as found:
        until(lambda: all_open(server))
        before = found.objects
        server.silent.set()
        found.wait_for(lambda: "does not answer within 1 s;" in found.status.error)
        assert "what was read before is kept" in found.status.error
        assert found.objects == before
        add(server, pod("web-2"))
        server.silent.clear()
        found.wait_for(lambda: found.status.error == "" and "web-2" in found.names)


def test_a_server_in_trouble_is_said_and_what_was_read_is_kept(
    server: ApiServer, source: ClusterSource
) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        before = found.objects
        server.refuse["pods"] = server.refuse_watch["pods"] = [503]
        server.cut()
        found.wait_for(lambda: "503" in found.status.error)
        assert found.objects == before
        server.refuse.clear()
        server.refuse_watch.clear()
        found.wait_for(lambda: found.status.error == "")


def test_a_version_of_which_no_watch_comes_about_is_not_believed_for_long(
    server: ApiServer, source: ClusterSource
) -> None:
    """As that of a server whose data was put back to what it was before."""
    server.refuse_watch["pods"] = [500]
    with following(source) as found:
        found.wait_for(lambda: "web-1" in found.names)
        add(server, pod("web-2"))
        found.wait_for(lambda: "web-2" in found.names)


def test_what_went_away_while_nobody_could_watch_went_no_earlier_than_the_watch_ended(
    server: ApiServer, source: ClusterSource
) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        listed = time.time()
        server.refuse["pods"] = server.refuse_watch["pods"] = [503]
        server.cut()
        until(lambda: lists(server)["pods"] > 1)  # from now on no watch would tell what has gone
        server.objects = [obj("Namespace", "shop", None)]
        server.refuse.clear()
        server.refuse_watch.clear()
        found.wait_for(lambda: "web-1" in found.gone)
        (pod_gone,) = [known for known in found.objects if known["metadata"]["name"] == "web-1"]
        assert pod_gone["deleted"] > listed


def test_what_may_not_be_listed_any_more_is_kept_until_it_may(
    server: ApiServer, source: ClusterSource
) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        before = found.objects
        server.refuse["pods"] = [403]
        server.expired |= {version for path, version in server.versions if path.endswith("pods")}
        server.cut()
        found.wait_for(lambda: found.problems != ())
        assert 'resources: ["pods"], verbs: ["list"]' in found.problems[0]
        assert found.objects == before
        server.refuse.clear()
        add(server, pod("web-2"))
        found.wait_for(lambda: found.problems == () and "web-2" in found.names)


def test_a_right_that_is_granted_later_is_found(server: ApiServer, source: ClusterSource) -> None:
    server.refuse["networkpolicies"] = [403]
    add(server, obj("NetworkPolicy", "deny", spec={"podSelector": {}}))
    with following(source) as found:
        found.wait_for(lambda: found.problems != ())
        assert "deny" not in found.names
        server.refuse.clear()
        found.wait_for(lambda: found.problems == () and "deny" in found.names)


def test_what_may_be_listed_but_not_watched_is_polled_and_the_missing_rules_are_said(
    server: ApiServer, source: ClusterSource
) -> None:
    server.refuse_watch = {name: [403] for name in ("pods", "nodes", "deployments")}
    with following(source) as found:
        rules = (
            'apiGroups: [""], resources: ["nodes", "pods"], verbs: ["watch"]',
            'apiGroups: ["apps"], resources: ["deployments"], verbs: ["watch"]',
        )
        found.wait_for(lambda: bool(found.problems) and all(rule in found.problems[0] for rule in rules))
        add(server, pod("web-2"))
        found.wait_for(lambda: "web-2" in found.names)
        assert found.problems[0].startswith("changes are seen only every 5 s")
        assert (len(found.problems), found.status.error) == (1, "")
        server.refuse_watch = {}
        found.wait_for(lambda: found.problems == ())


def test_what_cannot_be_watched_at_all_is_polled_without_a_word(
    server: ApiServer, source: ClusterSource
) -> None:
    server.refuse_watch = {"pods": [405]}
    with following(source) as found:
        until(lambda: lists(server)["pods"] > 3)
        add(server, pod("web-2"))
        found.wait_for(lambda: "web-2" in found.names)
        assert (found.problems, found.status.error) == ((), "")


def test_a_token_that_has_ended_is_read_anew(server: ApiServer, tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", server.url)
    with following(ClusterSource(None, str(config))) as found:
        until(lambda: all_open(server))
        write_kubeconfig(config, server.url, {"token": "another"})
        server.token = "another"
        server.cut()
        add(server, pod("web-2"))
        found.wait_for(lambda: "web-2" in found.names and found.status.error == "")
        server.token = "a third one"
        found.wait_for(lambda: "does not take the credentials" in found.status.error)
        assert "another" not in found.status.error


@pytest.mark.parametrize(
    "line", [b"[]", b"{", b'{"type": "ADDED"}', b'{"type": "ERROR", "object": {"code": 500}}', b"[" * 100_000]
)
def test_a_watch_that_tells_nonsense_is_listed_again(
    server: ApiServer, source: ClusterSource, line: bytes
) -> None:
    server.bodies_watch["pods"] = [line]
    with following(source) as found:
        until(lambda: lists(server)["pods"] > 1)
        add(server, pod("web-2"))
        found.wait_for(lambda: "web-2" in found.names and found.status.error == "")


def test_no_event_does_more_than_have_everything_listed_again(tmp_path: Path) -> None:
    """100,000 events with something changed, left out or cut off: taken, or the list is asked for again."""
    chance = random.Random(7)
    event = {"type": "MODIFIED", "object": {**pod("web-1", ip="10.1.0.7"), "spec": {"nodeName": "n1"}}}
    whole = json.dumps(event).encode()
    objects = ClusterObjects(5)
    watch = ResourceWatch([RESOURCES[2]], ClusterAccess(None, str(tmp_path / "none")), objects)
    refused = 0
    for _ in range(100_000):
        line = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(line))
            line[at : at + chance.randrange(3)] = chance.choice(
                [b"", b"{", b"}", b"[", b"1", b'"', b"\xff", b"null"]
            )
        try:
            watch._take(bytes(line))
        except ExpiredError:
            refused += 1
    assert 10_000 < refused < 100_000
    build_inventory(objects.snapshot().objects)


def test_what_is_deleted_is_kept_with_when(server: ApiServer, source: ClusterSource) -> None:
    with following(source) as found:
        until(lambda: all_open(server))
        server.objects = [obj("Namespace", "shop", None)]
        found.wait_for(lambda: sorted(found.gone) == ["web", "web-1"])
        until(lambda: found.status.detail.startswith("1 objects"))
        add(server, pod("web-1", ip="10.1.0.9"))
        found.wait_for(lambda: "web-1" in found.names)
        assert sorted(found.gone) == ["web", "web-1"]


def test_what_went_away_between_two_listings_is_kept_as_well(
    server: ApiServer, source: ClusterSource
) -> None:
    server.refuse_watch = {name: [403] for name in WATCHED}
    with following(source) as found:
        found.wait_for(lambda: "web-1" in found.names)
        server.objects = [obj("Namespace", "shop", None)]
        found.wait_for(lambda: sorted(found.gone) == ["web", "web-1"])


class Scripted:
    """Give what watches a resource one watch after the other, each some lines that come at once."""

    def __init__(self, *watches: bytes) -> None:
        self._watches, self._lines = list(watches), b""

    def api(self) -> Scripted:
        return self

    def listing(self, resource: Resource) -> Listing:
        return Listing([], "1")

    def watch(self, resource: Resource, version: str) -> Scripted:
        self._lines = self._watches.pop(0)
        return self

    def read1(self, size: int) -> bytes:
        lines, self._lines = self._lines, b""
        return lines

    def close(self) -> None:
        pass


BOOKMARK = b'{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "2"}}}\n'
SOON, LATER, AS_WITHOUT_WATCHING = 0.2, 1.0, 5.0


@pytest.mark.parametrize(
    ("watches", "pauses"),
    [
        ([b""] * 6, [SOON, LATER, 2 * LATER, 4 * LATER, AS_WITHOUT_WATCHING, AS_WITHOUT_WATCHING]),
        ([BOOKMARK] * 3, [SOON] * 3),
        ([b"", b"", BOOKMARK, b"", b""], [SOON, LATER, SOON, SOON, LATER]),
    ],
)
def test_a_server_that_ends_each_watch_at_once_is_asked_as_often_as_without_watching(
    monkeypatch: pytest.MonkeyPatch, watches: list[bytes], pauses: list[float]
) -> None:
    monkeypatch.setattr(cluster_watch, "FIRST_PAUSE", SOON)
    monkeypatch.setattr(cluster_watch, "PAUSE", LATER)
    monkeypatch.setattr(cluster_watch, "POLLED_SECONDS", AS_WITHOUT_WATCHING)
    monkeypatch.setattr(cluster_watch, "SHORT", 600.0)
    monkeypatch.setattr(random, "uniform", lambda low, high: (low + high) / 2)
    watch = ResourceWatch([RESOURCES[2]], Scripted(*watches), ClusterObjects(5))  # type: ignore[arg-type]
    assert [watch._step() for _ in watches] == pauses
