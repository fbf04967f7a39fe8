"""The kernel asked by packets what applied policies allow, and the evaluator held against its answers."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netsec_tui.model.connection import Outcome
from tests.cluster.harness.client import ClusterClient
from tests.cluster.harness.exchange import TIMEOUT
from tests.cluster.harness.forgetting import forget_all
from tests.cluster.harness.rest import Rest
from tests.cluster.harness.traffic import Answer, Probe
from tests.cluster.matrix.deviations import DEVIATIONS, Deviation
from tests.cluster.matrix.pods import HOST, NAMESPACES, Addresses, addresses, objects
from tests.cluster.matrix.random_states import random_states
from tests.cluster.matrix.states import State, vector_states
from tests.cluster.product.evaluation import Evaluation, Question, Reader
from tests.cluster.product.through import get_through

_POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"


def all_states(places: Addresses) -> Iterator[State]:
    """Return every state that the kernel is asked about."""
    yield from vector_states(places)
    yield from random_states(places)


def questions(state: State, places: Addresses) -> list[Question]:
    """Return every ordered pair of different pods with every port of a state."""
    pods = [pod for pod in places.pods if state.hosts or pod != HOST]
    ports = [port.split("/") for port in state.ports]
    return [
        Question(source, destination, protocol, int(number), state.family)
        for source, destination in itertools.permutations(pods, 2)
        for protocol, number in ports
    ]


class Difference(NamedTuple):
    """Hold a question that the kernel and the evaluator answer in different ways."""

    question: Question
    reached: bool
    outcome: Outcome

    def __str__(self) -> str:
        does = "gets through" if self.reached else "does not get through"
        return f"{self.question} {does}, and the evaluator says {self.outcome}"


@dataclass
class Comparison:
    """Hold what came of one state.

    ``undecided`` counts the questions that the API leaves to the enforcer; they are not asked. ``deviations``
    are those that it answers in a way of its own that is known, ``differences`` all others on which the
    kernel and the evaluator disagree. ``again`` counts what was asked more than once.
    """

    asked: int = 0
    denied: int = 0
    undecided: int = 0
    again: int = 0
    deviations: list[tuple[Deviation, Question]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{self.asked} asked, {self.denied} denied, {self.undecided} undecided, {self.again} again"
        return f"{counts}, {len(self.deviations)} deviations, {len(self.differences)} differences"


def compare(
    cluster: ClusterClient,
    evaluation: Evaluation,
    asked: Sequence[Question],
    doubted: Collection[Question] = (),
) -> Comparison:
    """Ask the kernel, and some times again what should get through and does not.

    ``doubted`` are questions of which the evaluation may be wrong in calling them denied: a loaded machine
    loses an answer now and then, so they are asked again as well.
    """
    outcomes = {question: evaluation.outcome(question) for question in asked}
    expected = {
        q: found is Outcome.ALLOWED for q, found in outcomes.items() if found is not Outcome.UNDECIDED
    }
    result = Comparison(len(expected), undecided=len(asked) - len(expected))
    result.denied = sum(not allowed for allowed in expected.values())

    def send(questions: Sequence[Question], timeout: float) -> list[bool]:
        return list(ask(cluster, evaluation, questions, timeout).values())

    may = {q: allowed or q in doubted for q, allowed in expected.items()}
    reached, result.again = get_through(may, send)
    for question in [q for q, got in reached.items() if got is not expected[q]]:
        known = _deviation(evaluation, question, reached[question])
        if known:
            result.deviations.append((known, question))
        else:
            result.differences.append(Difference(question, reached[question], outcomes[question]))
    return result


def ask(
    cluster: ClusterClient, evaluation: Evaluation, asked: Sequence[Question], timeout: float = TIMEOUT
) -> dict[Question, bool]:
    """Return of each question whether its packets reach the destination; all are sent at once."""
    probes = [Probe(q.source, evaluation.address(q.destination, q.family), q.port, q.protocol) for q in asked]
    answers = cluster.probe(probes, timeout) if probes else []
    return {q: answer is not Answer.SILENT for q, answer in zip(asked, answers, strict=True)}


def _deviation(evaluation: Evaluation, question: Question, reached: bool) -> Deviation | None:
    """Return the known deviation that makes the kernel answer so."""
    for deviation in DEVIATIONS:
        if (deviation.outcome(evaluation, question) is Outcome.ALLOWED) is reached:
            return deviation
    return None


class Ground:
    """A cluster with the pods of the matrix, where one state of policies after the other is in force."""

    def __init__(self, cluster: ClusterClient) -> None:
        """Make the pods, and wait until they serve."""
        self.cluster = cluster
        self.places = addresses(cluster.nodes)
        self._rest = Rest(cluster.kubeconfig)
        self._reader = Reader(cluster.context, cluster.kubeconfig)
        cluster.load(*objects(self.places))

    def enforce(self, state: State) -> Evaluation:
        """Put a state's policies in place of those before, and return how the product reads the cluster then.

        Raises:
            ApiError: the API server refuses a policy.
            TimeoutError: the policies do not get into force.
        """
        for namespace in NAMESPACES:
            self._rest.send("DELETE", _POLICIES.format(namespace))
        for policy in state.policies:
            self._rest.send("POST", _POLICIES.format(policy["metadata"]["namespace"]), policy)
        self.cluster.settle()
        # What was let through before would go on where a port comes up again.
        forget_all([node.path for node in self.cluster.nodes])
        return Evaluation(self._reader.read())

    def compare(self, state: State) -> Comparison:
        """Enforce a state, and hold the evaluator against the kernel on all its questions."""
        return compare(self.cluster, self.enforce(state), questions(state, self.places))
