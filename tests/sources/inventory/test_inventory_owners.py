from __future__ import annotations

from typing import Any

import pytest

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.objects.strip import strip
from tests.sources.kube_objects import controlled_by, deployment, obj, pod, template


def inventory_of(*objects: dict[str, Any]) -> Inventory:
    stripped = [kept for entry in objects if (kept := strip(entry)) is not None]
    inventory, problems = build_inventory(stripped)
    assert problems == ()
    return inventory


def replica_set(
    name: str, labels: dict[str, str], owner: tuple[str, str] | None = None, created: str = ""
) -> Any:
    metadata = {
        **(controlled_by(*owner) if owner else {}),
        **({"creationTimestamp": created} if created else {}),
    }
    spec = {"selector": {"matchLabels": labels}, "template": template(labels)}
    return obj("ReplicaSet", name, api="apps/v1", metadata=metadata, spec=spec)


def job(name: str, owner: tuple[str, str] | None = None) -> Any:
    labels = {"batch.kubernetes.io/controller-uid": "u", "job-name": name, "app": "report"}
    metadata = controlled_by(*owner) if owner else {}
    return obj("Job", name, api="batch/v1", metadata=metadata, spec={"template": template(labels)})


def cron_job(name: str) -> Any:
    spec = {"jobTemplate": {"spec": {"template": template({"app": "report"})}}}
    return obj("CronJob", name, api="batch/v1", spec=spec)


HASHED = {"app": "web", "pod-template-hash": "6d4cf56db6"}
ROLLED = {"app": "web", "rollouts-pod-template-hash": "6d4cf56db6"}
APP = {"app": "web"}
WEB_RS = "web-6d4cf56db6"

CHAINS = [
    ("deployment", [deployment("web"), replica_set(WEB_RS, HASHED, ("Deployment", "web"))], HASHED,
     ("ReplicaSet", WEB_RS), "Deployment/web"),
    ("deployment not read", [replica_set(WEB_RS, HASHED, ("Deployment", "web"))], HASHED,
     ("ReplicaSet", WEB_RS), "Deployment/web"),
    ("replica set not read", [deployment("web")], HASHED, ("ReplicaSet", WEB_RS), "Deployment/web"),
    ("only the pod was read", [], HASHED, ("ReplicaSet", WEB_RS), "Deployment/web"),
    ("rollout by its replica set", [replica_set(WEB_RS, ROLLED, ("Rollout", "web"))], ROLLED,
     ("ReplicaSet", WEB_RS), "Rollout/web"),
    ("rollout by the label alone", [], ROLLED, ("ReplicaSet", WEB_RS), "Rollout/web"),
    ("unknown owner of a replica set", [replica_set("web-x", APP, ("Gadget", "web"))], APP,
     ("ReplicaSet", "web-x"), "Gadget/web"),
    ("bare replica set", [replica_set("web-x", APP)], APP, ("ReplicaSet", "web-x"), "ReplicaSet/web-x"),
    ("orphaned replica set keeps its hash", [replica_set(WEB_RS, HASHED)], HASHED, ("ReplicaSet", WEB_RS),
     f"ReplicaSet/{WEB_RS}"),
    ("hash is not the name's end", [], {"pod-template-hash": "zzz"}, ("ReplicaSet", WEB_RS),
     f"ReplicaSet/{WEB_RS}"),
    ("hash is the whole name", [], {"pod-template-hash": "abc"}, ("ReplicaSet", "-abc"), "ReplicaSet/-abc"),
    ("replica set without labels", [], {}, ("ReplicaSet", WEB_RS), f"ReplicaSet/{WEB_RS}"),
    ("cron job", [cron_job("report"), job("report-28012345", ("CronJob", "report"))], {},
     ("Job", "report-28012345"), "CronJob/report"),
    ("cron job not read", [job("report-28012345", ("CronJob", "report"))], {}, ("Job", "report-28012345"),
     "CronJob/report"),
    ("job by hand", [job("report-28012345")], {}, ("Job", "report-28012345"), "Job/report-28012345"),
    ("a name is no proof", [], {}, ("Job", "report-1234567890"), "Job/report-1234567890"),
    ("a name and a cron job are", [cron_job("report")], {}, ("Job", "report-28012345"), "CronJob/report"),
    ("job read, cron job of that name", [cron_job("report"), job("report-28012345")], {},
     ("Job", "report-28012345"), "Job/report-28012345"),
    ("job of an operator", [job("flow-1", ("Workflow", "flow"))], {}, ("Job", "flow-1"), "Job/flow-1"),
    ("stateful set", [], {}, ("StatefulSet", "db"), "StatefulSet/db"),
    ("custom owner of pods", [], {}, ("CloneSet", "web"), "CloneSet/web"),
    ("static pod", [], {}, ("Node", "n1"), "Pod/p"),
    ("bare pod", [], {}, None, "Pod/p"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("objects", "labels", "owner", "expected"), [c[1:] for c in CHAINS], ids=[c[0] for c in CHAINS]
)
def test_a_pod_belongs_to_its_topmost_owner(objects: Any, labels: Any, owner: Any, expected: str) -> None:
    inventory = inventory_of(*objects, pod("p", labels, owner))
    (found,) = inventory.pods
    assert str(found.owner) == expected
    assert found.owner.namespace == "shop"
    assert found.owner in inventory.owner_by_ref


def test_only_the_controller_counts_among_owner_references() -> None:
    shared = pod("p")
    shared["metadata"]["ownerReferences"] = [
        {"kind": "Gadget", "name": "not-me"},
        {"kind": "Gadget", "name": "nor-me", "controller": False},
        {"kind": "DaemonSet", "name": "agent", "controller": True},
    ]
    assert [str(o.ref) for o in inventory_of(shared).owners] == ["DaemonSet/agent"]


def test_intermediate_owners_are_not_listed() -> None:
    inventory = inventory_of(
        deployment("web"),
        replica_set(WEB_RS, HASHED, ("Deployment", "web")),
        cron_job("report"),
        job("report-28012345", ("CronJob", "report")),
        pod("p", HASHED, ("ReplicaSet", WEB_RS)),
    )
    assert [str(o.ref) for o in inventory.owners] == ["CronJob/report", "Deployment/web"]


def test_jobs_cron_jobs_and_pods_have_no_selector_but_labels() -> None:
    inventory = inventory_of(cron_job("report"), job("once"), pod("p", {"app": "p"}))
    assert {str(o.ref): (o.selector, dict(o.template_labels).get("app")) for o in inventory.owners} == {
        "CronJob/report": (None, "report"),
        "Job/once": (None, "report"),
        "Pod/p": (None, "p"),
    }


def test_an_owner_that_was_not_read_is_made_up_from_its_newest_replica_set() -> None:
    old = replica_set(
        "web-1", {"app": "old", "rollouts-pod-template-hash": "1"}, ("Rollout", "web"), "2024-01-01T00:00:00Z"
    )
    new = replica_set(
        "web-2", {"app": "new", "rollouts-pod-template-hash": "2"}, ("Rollout", "web"), "2024-06-01T00:00:00Z"
    )
    for order in ([old, new], [new, old]):
        (owner,) = inventory_of(*order).owners
        assert owner.ref == WorkloadRef("Rollout", "shop", "web")
        assert owner.selector == LabelSelector((("app", "new"),))
        assert owner.template_labels == (("app", "new"),)
        assert [port.port for port in owner.ports] == [8080]


def test_an_owner_known_from_pods_alone_has_their_common_labels_and_no_selector() -> None:
    common = {"app": "web", "pod-template-hash": "6d4cf56db6"}
    inventory = inventory_of(
        pod("a", {**common, "shard": "1"}, ("ReplicaSet", WEB_RS)),
        pod("b", {**common, "shard": "2"}, ("ReplicaSet", WEB_RS)),
    )
    (owner,) = inventory.owners
    assert (str(owner.ref), owner.selector, owner.template_labels) == (
        "Deployment/web",
        None,
        (("app", "web"),),
    )


def test_a_replication_controller_of_a_deployment_config_loses_its_own_name() -> None:
    labels = {"app": "web", "deployment": "web-1", "deploymentconfig": "web"}
    controller = obj("ReplicationController", "web-1", metadata=controlled_by("DeploymentConfig", "web"),
                     spec={"selector": labels, "template": template(labels)})  # fmt: skip
    (owner,) = inventory_of(controller).owners
    assert owner.ref.kind == "DeploymentConfig"
    assert owner.selector == LabelSelector((("app", "web"), ("deploymentconfig", "web")))


def test_host_network_is_known_of_owners_and_pods() -> None:
    agent = deployment("agent", kind="DaemonSet")
    agent["spec"]["template"]["spec"]["hostNetwork"] = True
    inventory = inventory_of(
        agent, pod("agent-1", {}, ("DaemonSet", "agent"), hostNetwork=True, ip="10.0.0.1")
    )
    assert inventory.owners[0].host_network
    assert inventory.pods[0].host_network
    assert inventory.pods_by_ip == {}
