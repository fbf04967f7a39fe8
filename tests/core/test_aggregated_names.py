"""Ends that a source tells without an address: all pods of a controller at once, networks, nodes by name."""

from dataclasses import replace

import pytest

from netsec_tui.core.decide.express import _ADDRESSED, _NO_ADDRESS
from netsec_tui.core.traffic.aggregated import AggregatedNames
from netsec_tui.model.decision import Alias
from netsec_tui.model.flow import Endpoint, Reserved
from netsec_tui.model.identity import PRIVATE_NETWORK, PUBLIC_NETWORK, WorkloadRef
from netsec_tui.model.inventory import Inventory, Pod
from netsec_tui.model.review import Standing
from netsec_tui.session.actions import SetAlias
from tests.core.scene import Scene, shop
from tests.core.traffic import (
    IN,
    OUT,
    cluster_node,
    end,
    exchange,
    line,
    of,
    only,
    pod,
    request,
    review,
    service,
    session,
    table,
    workload,
)

WEB = of("web")
PUBLIC = Endpoint(reserved=Reserved.WORLD)
PRIVATE = Endpoint(reserved=Reserved.PRIVATE_NETWORK)


def network_set(name):
    return Endpoint(reserved=Reserved.NETWORK_SET, names=(name,))


def peer_of(server, objects=(), **told):
    """Return what web's only egress row says of the other end."""
    made = session([request(WEB, server, 80, **told)], objects)
    return line(only(made, "Workload/web", OUT)).removesuffix(" TCP 80")


# All pods of one controller


@pytest.mark.parametrize(
    ("name", "objects", "peer"),
    [
        ("api-6b687c8dcb-*", [workload("Deployment", "api")], "Deployment/api"),
        ("db-*", [workload("StatefulSet", "db")], "StatefulSet/db"),
        ("fluentd-*", [workload("DaemonSet", "fluentd")], "DaemonSet/fluentd"),
        ("backup-28400000-*", [workload("CronJob", "backup")], "CronJob/backup"),
        ("migrate-*", [workload("Job", "migrate")], "Job/migrate"),
        ("migrate-0-*", [workload("Job", "migrate")], "Job/migrate"),
        ("rs-*", [workload("ReplicaSet", "rs")], "ReplicaSet/rs"),
        # The pods there are decide before the forms of names do.
        ("db-*", [workload("StatefulSet", "db"), pod("db-x7k2p", owner=("DaemonSet", "db"))], "DaemonSet/db"),
        ("odd-name-*", [pod("odd-name-q9", owner=("CloneSet", "odd"))], "CloneSet/odd"),
        # A name that is its own ReplicaSet's, not a hash of "api".
        (
            "api-6b687c8dcb-*",
            [workload("Deployment", "api"), workload("DaemonSet", "api-6b687c8dcb")],
            "DaemonSet/api-6b687c8dcb",
        ),
        ("api-6b687c8dcb-*", [workload("Deployment", "api", namespace="other")], "Workload/api"),
        ("api-6b687c8dcb-*", [], "Workload/api"),
        ("db-*", [workload("StatefulSet", "db"), workload("DaemonSet", "db")], "Workload/db"),
        ("db-0", [workload("StatefulSet", "db")], "StatefulSet/db"),
        ("odd-*", [pod("odd-1", "odd")], "Workload/odd"),
    ],
)
def test_name_leads_to_the_owner(name, objects, peer):
    assert peer_of(end(name), objects) == peer


@pytest.mark.parametrize(
    ("labels", "peer"),
    [
        ({"app": "b", "tier": "x"}, "Deployment/b"),
        ({"app": "b"}, "Workload/b"),  # a label that is not told is not one that is not there
        ({"app": "nobody"}, "Workload/nobody"),
    ],
)
def test_labels_decide_where_the_name_says_nothing(labels, peer):
    owners = [workload("Deployment", "b", labels={"app": "b", "tier": "x"}), workload("Deployment", "c")]
    assert peer_of(end("odd-*", labels=labels), owners) == peer


def test_name_comes_before_labels_that_only_all_pods_have():
    # The pods of "wide" alone are labelled so; those of "api" share only that label since one was relabelled.
    owners = [
        workload("Deployment", "wide", labels={"app": "x"}),
        workload("Deployment", "api", labels={"app": "x", "tier": "api"}),
    ]
    assert peer_of(end("api-6b687c8dcb-*", labels={"app": "x"}), owners) == "Deployment/api"


def test_pods_that_are_gone_name_their_owner_where_none_is_there():
    gone = Pod("shop", "odd-name-q9", (), WorkloadRef("CloneSet", "shop", "odd"), deleted=1.0)
    names = AggregatedNames(Inventory(gone_pods=(gone,)))
    assert names.owner("shop", "odd-name-*") == gone.owner
    there = replace(gone, owner=WorkloadRef("CloneSet", "shop", "new"), deleted=0.0)
    names = AggregatedNames(Inventory(pods=(there,), gone_pods=(gone,)))
    assert names.owner("shop", "odd-name-*") == there.owner


def test_an_address_that_is_told_of_all_pods_stays_the_one_pods_that_has_it():
    ip = "10.244.0.7"
    flows = [request(WEB, end(name, ip=ip), 80) for name in ("api-6b687c8dcb-x7k2p", "api-6b687c8dcb-*")]
    made = session([*flows, request(WEB, Endpoint(ip), 9090)], [workload("Deployment", "api")])
    assert table(made, "Workload/web", OUT) == ["Deployment/api TCP 80", "Deployment/api TCP 9090"]


def test_pods_before_and_after_a_rollout_are_one_row():
    flows = [request(WEB, end(f"api-{hash_}-*"), 80) for hash_ in ("6b687c8dcb", "78cb8f69c8")]
    made = session(flows, [workload("Deployment", "api")])
    assert table(made, "Workload/web", OUT) == ["Deployment/api TCP 80"]


def test_aggregated_end_is_the_selected_workload_of_a_service_too():
    # The Service's selector asks for a label that the flow does not tell.
    objects = [
        workload("Deployment", "api", labels={"app": "api", "tier": "back"}),
        service("api", [(80, 8080)], selector={"app": "api", "tier": "back"}),
    ]
    server = end("api-6b687c8dcb-*", labels={"app": "api"})
    made = session([request(WEB, server, 8080)], objects)
    assert table(made, "Service/api", IN) == ["Workload/web TCP 8080"]


def test_owner_without_labels_says_what_would_help():
    made = session([request(WEB, end("api-6b687c8dcb-*"), 80)])
    assert only(made, "Workload/web", OUT).reason == (
        "the labels of Workload/api are not known; cluster state would tell"
    )


def test_labels_of_a_set_of_pods_make_no_selector_of_their_own():
    made = session([request(WEB, end("api-6b687c8dcb-*", labels={"tier": "x"}), 80)])
    assert review(made, "Workload/api").policies == ()


# Networks


@pytest.mark.parametrize(
    ("server", "peer"),
    [
        (PUBLIC, "public network"),
        (PRIVATE, "private network"),
        (network_set("partners"), "network set partners"),
        (network_set("shop/partners"), "network set shop/partners"),
    ],
)
def test_network_is_a_row_that_no_policy_can_express(server, peer):
    made = session([request(WEB, server, 443)])
    row = only(made, "Workload/web", OUT)
    assert (row.key.peer.name, row.standing) == (peer, Standing.NOT_EXPRESSIBLE)
    assert row.reason == _NO_ADDRESS
    assert "ipBlock" not in review(made, "Workload/web").yaml


def test_networks_stay_apart_from_each_other_and_from_addresses():
    servers = (PUBLIC, PRIVATE, network_set("a"), network_set("b"), Endpoint("8.8.8.8"))
    web = Endpoint("10.244.0.11", "shop", "web-1")
    scene = shop().sees([request(web, server, 443) for server in servers])
    names = scene.chooses().names(OUT)
    assert sorted(set(names) - {"cluster DNS"}) == [
        "8.8.8.8",
        "network set a",
        "network set b",
        "private network",
        "public network",
    ]


@pytest.mark.parametrize(
    ("address", "port", "public", "private"),
    [
        ("8.8.8.8", 443, _ADDRESSED, _NO_ADDRESS),
        ("2001:db8::1", 443, _ADDRESSED, _NO_ADDRESS),
        ("172.20.0.1", 443, _NO_ADDRESS, _ADDRESSED),
        ("172.32.0.1", 443, _ADDRESSED, _NO_ADDRESS),
        ("8.8.8.8", 80, _NO_ADDRESS, _NO_ADDRESS),
    ],
)
def test_row_says_where_another_source_tells_addresses(address, port, public, private):
    web = Endpoint("10.244.0.11", "shop", "web-1")
    scene = shop().sees([request(web, server, 443) for server in (PUBLIC, PRIVATE)])
    scene.sees([request(web, Endpoint(address), port)]).chooses()
    assert scene.row(OUT, PUBLIC_NETWORK.name).reason == public
    assert scene.row(OUT, PRIVATE_NETWORK.name).reason == private
    # Whoever calls in on the port is somebody else.
    assert scene.names(IN) == []


def test_no_alias_takes_a_network_in():
    web = Endpoint("10.244.0.11", "shop", "web-1")
    scene = shop().sees([request(web, PUBLIC, 443)]).chooses()
    scene.does(SetAlias(Alias("everything", ("0.0.0.0/0",))))
    assert scene.row(OUT, PUBLIC_NETWORK.name).standing is Standing.NOT_EXPRESSIBLE


# Nodes and Services


@pytest.mark.parametrize(
    ("server", "peer"),
    [
        (Endpoint(reserved=Reserved.HOST, names=("node-a",)), "node node-a"),
        (Endpoint(reserved=Reserved.HOST, names=("node-z",)), "node node-z"),
        (network_set("node-a"), "node node-a"),  # Whisker does not tell which of the two it is
    ],
)
def test_host_is_the_node_of_that_name(server, peer):
    assert peer_of(server, [cluster_node("node-a", "172.18.0.2")]) == peer


def test_node_named_without_address_is_not_expressed():
    made = session([request(WEB, Endpoint(reserved=Reserved.HOST, names=("node-a",)), 80)])
    assert only(made, "Workload/web", OUT).reason == "its address is not known"


@pytest.mark.parametrize("server", [PRIVATE, Endpoint(reserved=Reserved.HOST, names=("node-a",))])
def test_api_server_is_known_by_the_service_that_was_dialled(server):
    scene = shop().sees(
        [request(Endpoint("10.244.0.11", "shop", "web-1"), server, 443, service=("default", "kubernetes"))]
    )
    row = scene.chooses(WorkloadRef("Deployment", "shop", "web")).row(OUT, "kubernetes")
    assert (str(row.key.peer.sort), row.key.port, row.standing) == ("api-server", 6443, Standing.IN)


def test_scene_without_cluster_state_has_a_row_too():
    scene = Scene().sees([request(WEB, PUBLIC, 443)]).chooses(WorkloadRef("Workload", "shop", "web"))
    assert scene.names(OUT) == ["public network"]


# Sources that tell no answers beside one that does


@pytest.mark.parametrize(
    ("origins", "ticked"),
    [(("whisker",), True), (("conntrack",), False), (("whisker", "conntrack"), False)],
)
def test_answers_are_asked_of_sources_alone_that_tell_them(origins, ticked):
    web, cart = Endpoint("10.244.0.11", "shop", "web-1"), Endpoint("10.244.0.12", "shop", "cart-1")
    scene = shop().sees([request(web, cart, 8080, origin=origin) for origin in origins])
    scene.sees(exchange(web, Endpoint("8.8.8.8"), 443, origin="conntrack")).chooses()
    row = scene.row(OUT, "cart")
    assert (row.ticked, row.reason) == (ticked, "" if ticked else "never answered")
