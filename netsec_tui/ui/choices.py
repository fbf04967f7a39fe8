"""The lines of the pickers, in the order of the documents: cluster, namespace, kind, owner, timespan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from netsec_tui.model.decision import GeneralRule
from netsec_tui.model.identity import KINDS, Direction
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.session import WorkloadChoice


@dataclass(frozen=True, slots=True)
class Choice:
    """Hold one line of a picker: ``value`` is returned, ``note`` stands dimmed behind the label.

    ``words`` are further words to find the line by.
    """

    value: Any
    label: str
    note: str = ""
    words: str = ""


def matching(choices: Iterable[Choice], typed: str) -> list[Choice]:
    """Return the choices that contain every typed word; labels that start with the text come first.

    A colon in front is the habit of k9s and says nothing.
    """
    wanted = typed.strip().removeprefix(":").strip().casefold()
    words = wanted.split()

    def rank(choice: Choice) -> int:
        label = choice.label.casefold()
        if wanted == label or wanted in choice.words.split():
            return 0
        return 1 if label.startswith(wanted) else 2 if words[0] in label else 3

    found = [c for c in choices if all(w in f"{c.label} {c.note} {c.words}".casefold() for w in words)]
    return sorted(found, key=rank) if words else found


def namespaces(workloads: Iterable[WorkloadChoice]) -> list[Choice]:
    """Return the namespaces that have workloads with communications."""
    counted = Counter(choice.ref.namespace for choice in workloads)
    return [Choice(name, name, _count(number, "workload")) for name, number in sorted(counted.items())]


def kinds(workloads: Iterable[WorkloadChoice], namespace: str) -> list[Choice]:
    """Return the kinds in a namespace: those of the documents in their order, then the others by name."""
    counted = Counter(choice.ref.kind for choice in workloads if choice.ref.namespace == namespace)
    order = [kind for kind in KINDS if kind in counted] + sorted(set(counted) - set(KINDS))
    return [Choice(kind, kind, _count(counted[kind], "workload")) for kind in order]


def owners(workloads: Iterable[WorkloadChoice], namespace: str, kind: str) -> list[Choice]:
    """Return the owners of one kind, host-network ones marked."""
    chosen = [w for w in workloads if w.ref.kind == kind and w.ref.namespace == namespace]
    return [Choice(w.ref, w.ref.name, _traffic(w)) for w in sorted(chosen, key=lambda w: w.ref)]


def timespans() -> list[Choice]:
    """Return the timespans on offer."""
    return [Choice(timespan, timespan.label) for timespan in TIMESPANS]


_RULE_NOTES = {
    GeneralRule.ROWS_DECIDE: "ticked rows, IP masks, aliases, DNS",
    GeneralRule.BLOCK_ALL: "nothing, not even DNS; ticks are kept",
    GeneralRule.INSIDE_NAMESPACE: "the whole namespace; ticked rows on top",
    GeneralRule.ALLOW_ALL: "no restriction in this direction",
}


RULE_FOOTNOTE = (
    "Each general rule keeps ticks of its own.",
    f"Under {GeneralRule.INSIDE_NAMESPACE} all rows but DNS start unticked: "
    "tick those of other namespaces and addresses that are to be allowed too.",
)


def general_rules(direction: Direction, current: GeneralRule) -> list[Choice]:
    """Return the general rules of a direction, the present one marked."""
    return [
        Choice(rule, rule.value, f"{_RULE_NOTES[rule]}{' (now)' if rule is current else ''}", direction.value)
        for rule in GeneralRule
    ]


def _traffic(workload: WorkloadChoice) -> str:
    marks = ["host network: no policy possible"] if workload.host_network else []
    return ", ".join([f"{workload.ingress} in", f"{workload.egress} out", *marks])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
