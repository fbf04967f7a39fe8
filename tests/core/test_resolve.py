"""Both ends of a flow are lifted to their owners: by name, labels, identity or address."""

import pytest
import yaml

from netsec_tui.model.flow import Endpoint, Reserved
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.review import Standing
from tests.core.traffic import (
    IN,
    NOON,
    OUT,
    answer,
    end,
    exchange,
    inventory,
    line,
    listed,
    of,
    only,
    pod,
    request,
    review,
    session,
    table,
    workload,
)

WEB = of("web")


def peer_of(*flows, objects=()):
    """Return what web's only egress row says of the other end."""
    return line(only(session(flows, objects), "Workload/web", OUT)).removesuffix(" TCP 80")


def selector_of(made, text, namespace="shop"):
    found = review(made, text, namespace)
    return found.policies[0].pod_selector.match_labels if found.policies else found.subject.refusal


# Without cluster state


@pytest.mark.parametrize(
    ("labels", "name", "selector"),
    [
        ({"app.kubernetes.io/name": "a", "app": "b", "k8s-app": "c"}, "Workload/a", "app.kubernetes.io/name"),
        ({"app": "b", "k8s-app": "c"}, "Workload/b", "app"),
        ({"k8s-app": "c", "name": "d"}, "Workload/c", "k8s-app"),
        ({"app.kubernetes.io/name": "", "app": "b"}, "Workload/b", "app"),
        ({"App": "b", "name": "d"}, "Pod/p", None),
        ({"app": ""}, "Pod/p", None),
        ({}, "Pod/p", None),
    ],
)
def test_owner_comes_from_labels_else_the_pod(labels, name, selector):
    server = end("p", labels=labels)
    made = session(exchange(WEB, server, 80))
    assert table(made, "Workload/web", OUT) == [f"{name} TCP 80"]
    if selector:
        assert selector_of(made, name) == ((selector, name.partition("/")[2]),)


def test_workloads_told_by_a_flow_come_before_labels():
    server = end("p", labels={"app": "other"}, workloads=(("StatefulSet", "db"), ("Deployment", "no")))
    made = session(exchange(WEB, server, 80))
    assert table(made, "Workload/web", OUT) == ["StatefulSet/db TCP 80"]
    assert selector_of(made, "StatefulSet/db") == (("app", "other"),)


def test_policy_of_an_owner_known_from_flows_has_the_labels_that_all_its_pods_share():
    shared = {"app": "db", "tier": "data"}
    kind = (("StatefulSet", "db"),)
    pods = [end(f"db-{i}", labels={**shared, "slot": str(i)}, workloads=kind) for i in range(3)]
    made = session([flow for server in pods for flow in exchange(WEB, server, 80)])
    assert selector_of(made, "StatefulSet/db") == (("app", "db"), ("tier", "data"))


def test_pod_without_labels_is_listed_and_no_policy_is_made():
    made = session(exchange(WEB, end("lone"), 80))
    assert listed(made) == ["Pod/lone", "Workload/web"]
    assert selector_of(made, "Pod/lone") == "the labels of Pod/lone are not known"
    assert only(made, "Workload/web", OUT).reason == "the labels of Pod/lone are not known"


def test_one_name_told_by_two_labels_is_refused():
    flows = [
        *exchange(WEB, end("a", labels={"app": "x"}), 80),
        *exchange(WEB, end("b", labels={"k8s-app": "x"}), 80),
    ]
    made = session(flows)
    assert "different labels (app, k8s-app) name x" in selector_of(made, "Workload/x")


@pytest.mark.parametrize("first", [0, 1])
def test_pod_known_by_name_gets_its_labels_from_any_flow(first):
    # A real recording shows reserved:world on pods that exist.
    nameless = end("db-0", reserved=Reserved.WORLD)
    flows = [*exchange(WEB, nameless, 80), *exchange(of("job"), end("db-0", labels={"app": "db"}), 80)]
    made = session(flows[::-1] if first else flows)
    assert table(made, "Workload/web", OUT) == ["Workload/db TCP 80"]
    assert table(made, "Workload/db", IN) == ["Workload/job TCP 80", "Workload/web TCP 80"]


def test_pod_known_by_name_gets_its_owner_from_any_flow():
    told = end("db-0", workloads=(("StatefulSet", "db"),))
    flows = [*exchange(WEB, end("db-0"), 80), *exchange(of("job"), told, 81)]
    assert peer_of(*flows) == "StatefulSet/db"


def test_pod_known_by_name_gets_its_labels_from_an_object():
    flows = exchange(WEB, end("db-0", reserved=Reserved.WORLD), 80)
    assert peer_of(*flows, objects=[pod("db-0", "db", owner=("StatefulSet", "db"))]) == "StatefulSet/db"


def test_labels_that_two_flows_tell_differently_are_not_used():
    flows = [
        *exchange(WEB, end("lone", labels={"tier": "a", "zone": "z"}), 80),
        *exchange(WEB, end("lone", labels={"tier": "b"}), 80),
    ]
    for order in (flows, flows[::-1]):
        assert selector_of(session(order), "Pod/lone") == (("zone", "z"),)


@pytest.mark.parametrize(
    ("workloads", "owner"), [(["red"], "Deployment/red"), (["red", "blue"], "Workload/db")]
)
def test_labels_lead_to_a_workload_that_flows_named_only_where_it_is_the_only_one(workloads, owner):
    labels = {"app": "db"}
    named = [end(f"{name}-0", labels=labels, workloads=(("Deployment", name),)) for name in workloads]
    elsewhere = end("db-7", labels=labels)
    told = [flow for server in named for flow in exchange(of("job"), server, 80)]
    assert peer_of(*told, *exchange(WEB, elsewhere, 80)) == owner


@pytest.mark.parametrize(
    ("flows", "wanted"),
    [
        ([], "Workload/db"),
        (
            exchange(of("job"), end("db-0", labels={"app": "db"}, workloads=(("StatefulSet", "sql"),)), 80),
            "StatefulSet/sql",
        ),
    ],
)
def test_proxied_identity_is_its_labels_and_never_its_foreign_address(flows, wanted):
    proxied = end(labels={"app": "db"}, ip="10.244.0.77")
    holder = exchange(of("job"), of("stranger", ip="10.244.0.77"), 81)
    assert peer_of(*exchange(WEB, proxied, 80), *flows, *holder) == wanted


def test_proxied_identity_lends_its_address_to_nobody():
    flows = [
        *exchange(WEB, end(labels={"app": "db"}, ip="10.244.0.77"), 80),
        *exchange(of("job"), Endpoint("10.244.0.77"), 81),
    ]
    made = session(flows)
    assert table(made, "Workload/job", OUT) == ["ip 10.244.0.77 TCP 81"]
    assert only(made, "Workload/web", OUT).communication.addresses == ()


@pytest.mark.parametrize("reserved", [Reserved.HOST, Reserved.REMOTE_NODE, Reserved.WORLD])
def test_link_local_address_is_no_node_and_no_service(reserved):
    # A DNS cache or a cloud's metadata: each node has its own behind the same address.
    server = Endpoint("169.254.20.10", reserved=reserved)
    assert peer_of(*exchange(WEB, server, 80)) == "ip 169.254.20.10"
    assert peer_of(*exchange(WEB, server, 80, service=("shop", "api"))) == "ip 169.254.20.10"


@pytest.mark.parametrize(
    ("labels", "holder", "after", "standing"),
    [
        pytest.param({"app": "api"}, {"app": "db"}, 0, Standing.OUT, id="another's"),
        pytest.param({"app": "api"}, {"app": "api", "tier": "x"}, 0, Standing.IN, id="its own"),
        pytest.param({"app": "api", "tier": "x"}, {"app": "api"}, 0, Standing.IN, id="less is known of it"),
        pytest.param(
            {"app": "api", "pod-template-hash": "1"},
            {"app": "api", "pod-template-hash": "2"},
            0,
            Standing.IN,
            id="before a rollout",
        ),
        pytest.param({"app": "api"}, {"app": "db"}, -600, Standing.IN, id="another's later"),
    ],
)
def test_labels_of_one_pod_at_the_address_of_another_start_out(labels, holder, after, standing):
    owner = ("Deployment", holder["app"])
    held = pod("held-0", ip="10.244.0.77", labels=holder, owner=owner, created="2023-11-15T00:00:00Z")
    server = end(labels=labels, ip="10.244.0.77")
    objects = [workload("Deployment", "api"), pod("api-0", "api", owner=("Deployment", "api")), held]
    made = session(exchange(WEB, server, 80, time=NOON + after), objects)
    row = only(made, "Workload/web", OUT)
    assert (line(row), row.standing) == ("Deployment/api TCP 80", standing)
    if standing is Standing.OUT:
        assert row.reason == "labels and address are of different pods: the address is that of shop/held-0"
        made.add_flows(exchange(WEB, end("api-0"), 80))
        assert only(made, "Workload/web", OUT).standing is Standing.IN


def test_pod_of_another_namespace_at_the_address_is_another_pod_whatever_its_labels():
    held = pod("api-0", "api", ip="10.244.0.77", namespace="other")
    objects = [workload("Deployment", "api"), pod("api-0", "api", owner=("Deployment", "api")), held]
    row = only(
        session(exchange(end(labels={"app": "api"}, ip="10.244.0.77"), WEB, 80), objects), "Workload/web", IN
    )
    assert (row.ticked, row.communication.disputed) == (False, ("other/api-0",))


def test_address_that_a_flow_gave_a_pod_names_the_pod_in_others():
    flows = [*exchange(WEB, Endpoint("10.244.0.5"), 80), *exchange(of("job"), of("db", ip="10.244.0.5"), 81)]
    assert peer_of(*flows) == "Workload/db"


def test_address_that_flows_gave_two_pods_is_nobodys():
    flows = [
        *exchange(WEB, Endpoint("10.244.0.5"), 80),
        *exchange(of("job"), of("db", 0, ip="10.244.0.5"), 81),
        *exchange(of("job"), of("api", 0, ip="10.244.0.5"), 81),
    ]
    assert peer_of(*flows) == "ip 10.244.0.5"


# With cluster state


@pytest.mark.parametrize(
    ("objects", "server", "wanted"),
    [
        pytest.param(
            [workload("CronJob", "backup"), workload("Job", "backup-28333333", owner=("CronJob", "backup"))],
            pod("b-1", "backup", owner=("Job", "backup-28333333")),
            "CronJob/backup",
            id="job of a cron job",
        ),
        pytest.param(
            [workload("CronJob", "backup")],
            pod("b-1", "backup", owner=("Job", "backup-28333333")),
            "CronJob/backup",
            id="job that is gone",
        ),
        pytest.param(
            [workload("Job", "migrate")],
            pod("m-1", "migrate", owner=("Job", "migrate")),
            "Job/migrate",
            id="job",
        ),
        pytest.param(
            [workload("CronJob", "backup"), workload("Job", "backup-now")],
            pod("b-1", "backup", owner=("Job", "backup-now")),
            "Job/backup-now",
            id="job started by hand",
        ),
        pytest.param(
            [workload("ReplicaSet", "old")],
            pod("o-1", "old", owner=("ReplicaSet", "old")),
            "ReplicaSet/old",
            id="bare replica set",
        ),
        pytest.param(
            [
                workload("Deployment", "api"),
                workload("ReplicaSet", "api-5d9f7c", "api", owner=("Deployment", "api")),
            ],
            pod("a-1", "api", owner=("ReplicaSet", "api-5d9f7c")),
            "Deployment/api",
            id="deployment",
        ),
        pytest.param(
            [workload("ReplicaSet", "roll-7c9b8", "roll", owner=("Rollout", "roll"))],
            pod("r-1", "roll", owner=("ReplicaSet", "roll-7c9b8")),
            "Rollout/roll",
            id="argo rollout",
        ),
        pytest.param([], pod("k-1", "kafka", owner=("Kafka", "bus")), "Kafka/bus", id="custom owner"),
        pytest.param([], pod("lone", "lone"), "Pod/lone", id="bare pod"),
        pytest.param([], pod("proxy-n1", "proxy", owner=("Node", "n1")), "Pod/proxy-n1", id="mirror pod"),
    ],
)
def test_pods_are_lifted_to_their_topmost_owner(objects, server, wanted):
    name = server["metadata"]["name"]
    made = session(exchange(WEB, end(name), 80), [*objects, server])
    assert table(made, "Workload/web", OUT) == [f"{wanted} TCP 80"]
    assert listed(made) == sorted([wanted, "Workload/web"])
    found = review(made, wanted)
    assert not found.subject.refusal
    assert table(made, wanted, IN) == ["Workload/web TCP 80"]


STATE = [workload("Deployment", "api"), workload("CronJob", "backup"), workload("StatefulSet", "db")]


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (("Deployment", "api"), "Deployment/api"),
        (("ReplicaSet", "api-5d9f7c86b4"), "Deployment/api"),
        (("ReplicaSet", "api-canary"), "ReplicaSet/api-canary"),
        (("ReplicaSet", "api-v2"), "ReplicaSet/api-v2"),
        (("Job", "backup-28333333"), "CronJob/backup"),
        (("Job", "backup-adhoc"), "Job/backup-adhoc"),
        (("Job", "backup-"), "Job/backup-"),
        (("StatefulSet", "db"), "StatefulSet/db"),
        (("ReplicaSet", "db-5d9f7c86b4"), "ReplicaSet/db-5d9f7c86b4"),
        (("Deployment", "gone"), "Deployment/gone"),
    ],
)
def test_owner_that_a_flow_names_is_lifted_only_where_a_controller_would_name_it_so(told, wanted):
    assert peer_of(*exchange(WEB, end("p", workloads=(told,)), 80), objects=STATE) == wanted


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({"app": "api", "pod-template-hash": "5d9f7c"}, "Deployment/api"),
        ({"app": "nobody"}, "Workload/nobody"),
        ({"tier": "x"}, "Pod/gone-1"),
        ({"app": "twin"}, "Workload/twin"),
    ],
)
def test_pod_that_is_gone_goes_to_the_only_owner_its_labels_fit(labels, wanted):
    twins = [
        workload("Deployment", "twin-a", labels={"app": "twin"}),
        workload("Deployment", "twin-b", labels={"app": "twin"}),
    ]
    flows = exchange(WEB, end("gone-1", labels=labels), 80)
    assert peer_of(*flows, objects=[*STATE, *twins]) == wanted


NAMED = [
    *STATE,
    workload("Deployment", "front"),
    workload("Rollout", "roll"),
    workload("DaemonSet", "proxy"),
    workload("DaemonSet", "front-56c7bd89f4"),
    workload("Job", "migrate"),
    workload("ReplicaSet", "bare"),
    workload("DaemonSet", "twin"),
    workload("Job", "twin"),
    workload("DaemonSet", "count"),
    workload("StatefulSet", "count"),
]


@pytest.mark.parametrize("labels", [{"app": "before"}, {"tier": "x"}, {}], ids=str)
@pytest.mark.parametrize(
    ("pod_name", "wanted"),
    [
        ("api-5d9f7c86b4-x2k9z", "Deployment/api"),
        ("api-5d9f7c86b4-x2k9z-0", ""),
        ("api-5d9f7c86b4", ""),
        ("api-v2-x2k9z", ""),
        ("api-canary-x2k9z", ""),
        ("api-5d9f7c86b4-hello", ""),
        ("api-5d9f7c86b4-x2k9", ""),
        ("API-5d9f7c86b4-x2k9z", ""),
        ("roll-7c9b8-8wq2m", "Rollout/roll"),
        ("proxy-x2k9z", "DaemonSet/proxy"),
        ("proxy-5d9f7c86b4-x2k9z", ""),
        ("front-56c7bd89f4-x2k9z", "DaemonSet/front-56c7bd89f4"),
        ("front-56c7bd89f5-x2k9z", "Deployment/front"),
        ("db-0", "StatefulSet/db"),
        ("db-12", "StatefulSet/db"),
        ("db-012", ""),
        ("db-x2k9z", ""),
        ("db-1\u0661", ""),
        ("backup-28333333-x2k9z", "CronJob/backup"),
        ("backup-adhoc-x2k9z", ""),
        ("backup-3-x2k9z", ""),
        ("migrate-x2k9z", "Job/migrate"),
        ("migrate-3-x2k9z", "Job/migrate"),
        ("bare-x2k9z", "ReplicaSet/bare"),
        ("twin-x2k9z", ""),
        ("count-45678", ""),
        ("count-3", "StatefulSet/count"),
        ("other-5d9f7c86b4-x2k9z", ""),
        ("-x2k9z", ""),
    ],
)
def test_pod_that_is_gone_goes_to_the_owner_whose_controller_names_pods_so(pod_name, labels, wanted):
    name = wanted or ("Workload/before" if "app" in labels else f"Pod/{pod_name}")
    assert peer_of(*exchange(WEB, end(pod_name, labels=labels), 80), objects=NAMED) == name
    elsewhere = end(pod_name, labels={"app": "before"}, namespace="other")
    assert peer_of(*exchange(WEB, elsewhere, 80), objects=NAMED) == "other/Workload/before"


def test_labels_that_fit_an_owner_come_before_the_name_of_a_pod():
    server = end("api-5d9f7c86b4-x2k9z", labels={"app": "db"})
    assert peer_of(*exchange(WEB, server, 80), objects=STATE) == "StatefulSet/db"


def test_owner_in_another_namespace_does_not_fit():
    flows = exchange(WEB, end("gone-1", labels={"app": "api"}, namespace="other"), 80)
    assert peer_of(*flows, objects=STATE) == "other/Workload/api"


def test_runs_of_a_cron_job_are_one_row_and_one_policy():
    flows = []
    for run in (28333333, 28333334, 28333335):
        runner = end(
            f"backup-{run}-x",
            labels={"job-name": f"backup-{run}", "app": "backup"},
            workloads=(("Job", f"backup-{run}"),),
        )
        flows += exchange(runner, of("db"), 5432)
    made = session(flows, STATE)
    assert listed(made) == ["CronJob/backup", "StatefulSet/db"]
    assert table(made, "StatefulSet/db", IN) == ["CronJob/backup TCP 5432"]
    assert selector_of(made, "CronJob/backup") == (("app", "backup"),)


@pytest.mark.parametrize(
    ("created", "after", "wanted"),
    [
        ("2023-11-15T00:00:00Z", 0, "Pod/db"),
        ("2023-11-15T00:10:00Z", 0, "ip 10.244.0.5"),
        ("2023-11-15T00:10:00Z", 600, "Pod/db"),
        ("", 0, "Pod/db"),
    ],
)
def test_pod_created_after_the_flow_does_not_own_its_address(created, after, wanted):
    flows = exchange(WEB, Endpoint("10.244.0.5"), 80, time=NOON + after)
    assert peer_of(*flows, objects=[pod("db", "db", ip="10.244.0.5", created=created)]) == wanted


def test_pod_on_the_host_network_does_not_own_its_nodes_address():
    objects = [pod("agent", "agent", ip="172.18.0.2", host=True)]
    assert peer_of(*exchange(WEB, Endpoint("172.18.0.2"), 80), objects=objects) == "ip 172.18.0.2"


def test_both_addresses_of_a_dual_stack_pod_are_its_own():
    both = pod("db", "db", ip="10.244.0.5")
    both["status"]["podIPs"] = [{"ip": "10.244.0.5"}, {"ip": "fd00:0:0::5"}]
    flows = [*exchange(WEB, Endpoint("10.244.0.5"), 80), *exchange(WEB, Endpoint("fd00::5"), 80)]
    assert peer_of(*flows, objects=[both]) == "Pod/db"


# Hostile labels


HOSTILE = ["[red]x[/red]", "\x1b[31mx", "a\nb: c", "a b", "x" * 64, "-x", "x.", "ü", "\u202e", "null\x00"]


@pytest.mark.parametrize("value", HOSTILE)
def test_label_value_that_no_api_server_takes_gives_no_policy(value):
    made = session(exchange(WEB, end("p", labels={"app": value}), 80))
    assert WorkloadRef("Workload", "shop", value) in [c.ref for c in made.workloads()]
    found = review(made, f"Workload/{value}")
    assert found.subject.refusal == f"the API server would not accept the labels of Workload/{value}"
    assert (found.policies, found.yaml) == ((), "")
    row = only(made, "Workload/web", OUT)
    assert not row.tickable
    assert row.reason == found.subject.refusal


@pytest.mark.parametrize("key", [*HOSTILE, "a/b/c", "/x", "UPPER/x", "x" * 254 + "/y", ""])
def test_label_key_that_no_api_server_takes_gives_no_policy(key):
    server = end("p", labels={key: "x"}, workloads=(("Deployment", "db"),))
    made = session(exchange(WEB, server, 80))
    assert selector_of(made, "Deployment/db") == "the API server would not accept the labels of Deployment/db"
    assert not only(made, "Workload/web", OUT).tickable


@pytest.mark.parametrize("value", ["yes", "0x1F", "1e3", "null", "2023-01-01", "012", "1_000", "Off"])
def test_label_values_that_yaml_reads_otherwise_come_back_as_text(value):
    made = session(exchange(WEB, end("p", labels={"app": value}), 80))
    document = yaml.safe_load(review(made, f"Workload/{value}").yaml)
    assert document["spec"]["podSelector"] == {"matchLabels": {"app": value}}


def test_namespaces_keep_workloads_of_one_name_apart():
    flows = [*exchange(WEB, of("db"), 80), *exchange(WEB, of("db", namespace="other"), 80)]
    assert table(session(flows), "Workload/web", OUT) == ["Workload/db TCP 80", "other/Workload/db TCP 80"]


def test_new_cluster_state_lifts_what_was_known_by_labels():
    made = session(exchange(WEB, of("db"), 80))
    assert table(made, "Workload/web", OUT) == ["Workload/db TCP 80"]
    made.set_inventory(inventory(*STATE))
    assert table(made, "Workload/web", OUT) == ["StatefulSet/db TCP 80"]


def test_answers_resolve_like_requests():
    made = session([answer(WEB, of("db"), 80), request(WEB, of("db"), 80)])
    assert only(made, "Workload/web", OUT).communication.counts.answers == 1
