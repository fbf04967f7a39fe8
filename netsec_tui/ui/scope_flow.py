"""Ask for the scope, one picker after the other; leaving a picker goes one step back.

A question that cannot be answered yet is not asked: the flow stops there and is taken up again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from textual.screen import Screen

from netsec_tui.errors import NotFoundError
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.timespan import Timespan
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.session import Session
from netsec_tui.ui import choices
from netsec_tui.ui.advice import COVERAGE_LIMITS
from netsec_tui.ui.choices import Choice
from netsec_tui.ui.screens.picker import Picker
from netsec_tui.ui.start import Clusters, StartScope

STEPS = ("cluster", "namespace", "kind", "owner", "timespan")
"""The questions in the order of the documents."""

NAMED = "named"
"""In place of the question for the owner: find the workload that flags have named."""


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

    def refresh_view(self) -> None:
        """Show what the session holds now."""


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


@dataclass
class Questions:
    """Hold what is asked: ``at`` is the present step, ``lacking`` why it cannot be asked yet.

    ``reason`` stands above the choices: why they are offered.
    """

    steps: Sequence[str]
    answers: Answers
    at: int = 0
    lacking: str = ""
    reason: str = ""

    @property
    def awaited(self) -> WorkloadRef | None:
        """Return the workload that flags have named."""
        return self.answers.workload if NAMED in self.steps else None


class Outcome(Enum):
    """Tell how far the questions came."""

    ANSWERED = auto()
    LEFT = auto()
    WAITING = auto()


def first_questions(start: StartScope, cluster: str = "") -> Questions:
    """Return what is asked at the start, with what flags have answered; ``cluster`` is the one they name."""
    answers = Answers(start.namespace, start.kind, timespan=start.timespan, name=start.name)
    answered = {step for step in STEPS if step != "cluster" and getattr(answers, step, None) is not None}
    answered |= {"cluster"} if cluster else set()
    steps = [step for step in STEPS if step not in answered]
    if start.kind and start.name:
        steps[steps.index("owner")] = NAMED
    return Questions(steps, answers)


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


def other_questions(questions: Questions, session: Session) -> Questions:
    """Return what is asked when what was named is not there: among what is, and why."""
    named, namespaces = questions.answers, {choice.ref.namespace for choice in session.workloads()}
    here = named.namespace in namespaces
    steps = questions_from("kind" if here else "namespace")
    if named.timespan is None and "timespan" in questions.steps:
        steps = (*steps, "timespan")
    answers = Answers(named.namespace if here else None, timespan=named.timespan)
    return Questions(steps, answers, reason=questions.lacking)


async def ask_scope(asker: Asker, questions: Questions) -> Outcome:
    """Ask the questions from the present one on."""
    forward = True
    while 0 <= questions.at < len(questions.steps):
        step = questions.steps[questions.at]
        questions.lacking = _lacking(asker.session, step, questions.answers)
        if questions.lacking:
            return Outcome.WAITING
        session = asker.session
        answered = await _ask_step(asker, step, questions)
        if asker.session is not session and asker.session.scope is not None:
            return Outcome.ANSWERED  # back where it was left: what was looked at is shown again
        if answered is not None:
            forward = answered
        questions.at += 1 if forward else -1
    return Outcome.LEFT if questions.at < 0 else Outcome.ANSWERED


def _lacking(session: Session, step: str, answers: Answers) -> str:
    """Return why a question cannot be asked now, or an empty string."""
    if step == NAMED and answers.workload is not None:
        try:
            session.apply(ChooseWorkload(answers.workload))
        except NotFoundError as error:
            return str(error)
    if step not in ("namespace", "kind"):
        return ""
    namespaces = sorted({choice.ref.namespace for choice in session.workloads()})
    if not namespaces:
        return "No workload with communications to choose from yet"
    if step == "kind" and answers.namespace not in namespaces:
        return (
            f"no workload with communications in namespace {answers.namespace!r}; "
            f"there are some in {', '.join(namespaces)}"
        )
    return ""


async def _ask_step(asker: Asker, step: str, questions: Questions) -> bool | None:
    """Ask one question; None means that there was nothing to ask."""
    if step == "cluster":
        return await _ask_cluster(asker)
    if step == NAMED:
        asker.refresh_view()
        return None
    answer = await asker.push_screen_wait(_picker(asker, step, questions))
    if answer is None:
        return False
    setattr(questions.answers, step, answer)
    return True


async def _ask_cluster(asker: Asker) -> bool | None:
    if await _begin_settled(asker):
        return True
    offered = await cluster_choices(asker.clusters)
    present = asker.session.options.cluster
    if all(choice.value == present for choice in offered):
        return None
    while True:
        picker = Picker("Cluster", lambda: offered, current=present, ascii_only=asker.ascii_only)
        answer = await asker.push_screen_wait(picker)
        if answer is None:
            return False
        if answer == present or await asker.connect(answer):
            return True


async def _begin_settled(asker: Asker) -> bool:
    """Change to the cluster that needs no question, if none is looked at yet and there is one."""
    if asker.clusters is None or asker.session.options.cluster:
        return False
    name = await asyncio.to_thread(asker.clusters.settled)
    return bool(name) and await asker.connect(name)


def _picker(asker: Asker, step: str, questions: Questions) -> Picker:
    session, answers = asker.session, questions.answers
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
        reason=questions.reason if step != "timespan" else "",
        empty="No workload with communications.",
        footnote=() if step == "timespan" else COVERAGE_LIMITS,
        ascii_only=asker.ascii_only,
    )
