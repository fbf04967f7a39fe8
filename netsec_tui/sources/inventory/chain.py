"""The chain from a pod to its topmost owner: Deployment rather than ReplicaSet, CronJob rather than Job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netsec_tui.model.flow import Labels
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.sources.inventory.memo import Memo
from netsec_tui.sources.objects.fields import Fields
from netsec_tui.sources.objects.strip import object_key

REPLICA_KINDS = ("ReplicaSet", "ReplicationController")
_LIFTED = {"pod-template-hash": "Deployment", "rollouts-pod-template-hash": "Rollout"}
_RUN_SUFFIX = re.compile(r"-\d{8,10}$")
"""What the CronJob controller adds to a Job's name: the planned time in minutes, before 1.21 in seconds."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Hold who controls each ReplicaSet and Job that was read (None: nobody), and the CronJobs read."""

    parents: Mapping[WorkloadRef, WorkloadRef | None]
    cron_jobs: frozenset[WorkloadRef]

    def topmost(self, pod: WorkloadRef, labels: Labels, controller: WorkloadRef | None) -> WorkloadRef:
        """Return a pod's topmost owner; a mirror pod, whose controller is its Node, stands for itself."""
        if controller is None or controller.kind == "Node":
            return pod
        if controller.kind in REPLICA_KINDS and controller not in self.parents:
            return _lift(controller, labels)
        return self.above(controller)

    def above(self, ref: WorkloadRef) -> WorkloadRef:
        """Return the topmost owner of an object that controls pods: the object itself or its controller.

        A Deployment, StatefulSet or Job that an operator made stays what it is: the documents' kinds.
        """
        if ref.kind in REPLICA_KINDS:
            return self.parents.get(ref) or ref
        return self._above_job(ref) if ref.kind == "Job" else ref

    def _above_job(self, job: WorkloadRef) -> WorkloadRef:
        if job in self.parents:
            parent = self.parents[job]
            return parent if parent and parent.kind == "CronJob" else job
        # The Job is gone. Its name alone proves nothing; a CronJob of that name does.
        cron_job = WorkloadRef("CronJob", job.namespace, _RUN_SUFFIX.sub("", job.name))
        return cron_job if cron_job in self.cron_jobs and cron_job.name != job.name else job


def _lift(replica_set: WorkloadRef, labels: Labels) -> WorkloadRef:
    """Return the owner of a ReplicaSet that was not read, if the pod's hash label gives it away.

    A Deployment names its ReplicaSets after itself and the value of ``pod-template-hash``, an Argo
    Rollout after itself and ``rollouts-pod-template-hash``.
    """
    told = dict(labels)
    for label, kind in _LIFTED.items():
        base = replica_set.name.removesuffix(f"-{told.get(label)}")
        if told.get(label) and base and base != replica_set.name:
            return WorkloadRef(kind, replica_set.namespace, base)
    return replica_set


def ref_of(fields: Fields) -> WorkloadRef:
    """Return an object's kind, namespace and name."""
    return WorkloadRef(*object_key(fields.data))


def controller_of(fields: Fields) -> WorkloadRef | None:
    """Return the one owner reference marked as controller (meta/v1 OwnerReference)."""
    namespace = ref_of(fields).namespace
    for reference in fields.child("metadata").children("ownerReferences"):
        kind, name = reference.text("kind"), reference.text("name")
        if reference.flag("controller") and kind and name:
            return WorkloadRef(kind, namespace, name)
    return None


def read_chain(objects: Iterable[Fields], memo: Memo) -> Chain:
    """Return the chain that the ReplicaSets, Jobs and CronJobs among the objects tell."""
    parents: dict[WorkloadRef, WorkloadRef | None] = {}
    cron_jobs: set[WorkloadRef] = set()
    for fields in objects:
        ref = memo.once(fields, ref_of)
        if ref.kind == "Job" or ref.kind in REPLICA_KINDS:
            parents[ref] = memo.once(fields, controller_of)
        elif ref.kind == "CronJob":
            cron_jobs.add(ref)
    return Chain(parents, frozenset(cron_jobs))
