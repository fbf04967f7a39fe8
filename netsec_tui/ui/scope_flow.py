"""Ask for the scope, one picker after the other; leaving a picker goes one step back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from textual.screen import Screen

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.timespan import Timespan
from netsec_tui.session.session import Session
from netsec_tui.ui import choices
from netsec_tui.ui.advice import COVERAGE_LIMITS, advise
from netsec_tui.ui.choices import Choice
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.start import Clusters, StartScope

STEPS = ("cluster", "namespace", "kind", "owner", "timespan")
"""The questions in the order of the documents."""


class Asker(Protocol):
    """What the flow needs of the app."""

    @property
    def session(self) -> Session:
        """Return the present session; another one after ``connect``."""

    @property
    def ascii_only(self) -> bool:
        """Tell whether to draw with ASCII only."""

    async def push_screen_wait(self, screen: Screen[Any]) -> Any:
        """Show a dialog and return its answer."""

    @property
    def clusters(self) -> Clusters | None:
        """Return the clusters on offer, None when flags have settled it."""

    async def connect(self, cluster: str) -> bool:
        """Change to another cluster; False when that failed, which has been said."""


@dataclass
class Answers:
    """Hold the answers so far."""

    namespace: str | None = None
    kind: str | None = None
    owner: WorkloadRef | None = None
    timespan: Timespan | None = None
    name: str | None = None

    @property
    def workload(self) -> WorkloadRef | None:
        """Return the workload that was picked, or named by kind and name."""
        if self.owner is None and self.namespace and self.kind and self.name:
            return WorkloadRef(self.kind, self.namespace, self.name)
        return self.owner


def first_questions(start: StartScope) -> tuple[tuple[str, ...], Answers]:
    """Return what is asked at the start, and what flags have answered."""
    answers = Answers(start.namespace, start.kind, timespan=start.timespan, name=start.name)
    answered = {step for step in STEPS if step != "cluster" and getattr(answers, step, None) is not None}
    if start.kind and start.name:
        answered.add("owner")
    return tuple(step for step in STEPS if step not in answered), answers


def questions_from(first: str) -> tuple[str, ...]:
    """Return what a key asks: ``all``, or one question and those that hang on it."""
    if first == "all":
        return STEPS
    return ("timespan",) if first == "timespan" else STEPS[STEPS.index(first) : 4]


async def cluster_choices(clusters: Clusters | None) -> list[Choice]:
    """Return the kubeconfig's contexts; none when flags have settled where data comes from.

    Raises:
        NetsecError: the kubeconfig cannot be read.
    """
    if clusters is None:
        return []
    return [Choice(name, name) for name in await asyncio.to_thread(clusters.names)]


async def ask_scope(asker: Asker, steps: Sequence[str], answers: Answers) -> bool:
    """Ask the questions; True when all were answered."""
    at = 0
    forward = True
    while 0 <= at < len(steps):
        answered = await _ask_step(asker, steps[at], answers)
        if answered is not None:
            forward = answered
        at += 1 if forward else -1
    return at == len(steps)


async def _ask_step(asker: Asker, step: str, answers: Answers) -> bool | None:
    """Ask one question; None means that there was nothing to ask."""
    if step == "cluster":
        return await _ask_cluster(asker)
    picker = _picker(asker, step, answers)
    answer = await asker.push_screen_wait(picker)
    if answer is None:
        return False
    setattr(answers, step, answer)
    return True


async def _ask_cluster(asker: Asker) -> bool | None:
    offered = await cluster_choices(asker.clusters)
    if not offered:
        return None
    while True:
        present = asker.session.options.cluster
        picker = Picker("Cluster", lambda: offered, current=present, ascii_only=asker.ascii_only)
        answer = await asker.push_screen_wait(picker)
        if answer is None:
            return False
        if answer == present or await asker.connect(answer):
            return True


def _picker(asker: Asker, step: str, answers: Answers) -> Picker:
    session = asker.session
    scope = session.scope
    namespace, kind = answers.namespace or "", answers.kind or ""
    offers: dict[str, tuple[str, Callable[[], Sequence[Choice]], object]] = {
        "namespace": (
            "Namespace",
            lambda: choices.namespaces(session.workloads()),
            scope.namespace if scope else None,
        ),
        "kind": (
            f"Kind in {namespace}",
            lambda: choices.kinds(session.workloads(), namespace),
            scope.kind if scope else None,
        ),
        "owner": (
            f"{kind} in {namespace}",
            lambda: choices.owners(session.workloads(), namespace, kind),
            scope,
        ),
        "timespan": ("Timespan", choices.timespans, session.timespan),
    }
    title, offered, current = offers[step]
    return Picker(
        title,
        offered,
        current=current,
        empty=_nothing_yet(session),
        footnote=() if step == "timespan" else COVERAGE_LIMITS,
        ascii_only=asker.ascii_only,
    )


def _nothing_yet(session: Session) -> str:
    advice = advise(session, ())
    lines = "\n".join(advice.lines)
    return f"No workload with communications yet.\n\n{lines}".rstrip()
