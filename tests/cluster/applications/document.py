"""Write what was found out about published policies as a page for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from netsec_tui.model.connection import ConnectionVerdict
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.policy import LabelSelector
from tests.cluster.applications.graphs import Application, applications
from tests.cluster.applications.published import (
    CLUSTER_DNS,
    STRANGER,
    UNDECLARED,
    Attempt,
    Fate,
    Group,
    Place,
    Verdicts,
    attempts,
    idle_peers,
    idle_policies,
    judged,
    network_policies,
)
from tests.cluster.applications.standins import generated, inventory_of, recorded

PAGE = Path(__file__).resolve().parents[3] / "docs/published-policies.md"

_HEAD = """# Generated and published policies of two applications

Online Boutique and Sock Shop are published with NetworkPolicies. This page holds these, and the policies
that netsec-tui generates from the applications' traffic, against the same connections: what was recorded
must work, everything else should be refused.

`.venv/bin/python -m tests.cluster published` writes this page. The manifests are not part of the tree: they
are read from `../shared/data/manifests`, and where these are missing the tests of this page are skipped.

- **Recorded** is what the applications do. Who calls whom in Online Boutique is read from the environment of
  its containers; Sock Shop's calls are written down in `tests/cluster/workloads/sock-shop-calls.yaml`, since
  its manifests do not tell. Both have a load generator, and clients outside, by the node port of all Services
  of the type NodePort or LoadBalancer. Who dials a name looks it up first.
- **Asked** is every pair of different workloads, on every port that a container of the server declares and on
  TCP 9, which none does and which stands for all the others; the same from another namespace, to another
  namespace, from outside and to the outside. The ports are those of the pods, behind any Service. A pod's own
  node is left out: it always gets in.
- **Generated** are the policies of all workloads, as `generate --strict` prints them, with one decision made
  by hand: whoever comes in from outside by a node port or load balancer is let in. Every policy lets name
  look-ups through, over UDP and over TCP (for long answers), whether or not any were recorded.
- The answers are those of the product's own evaluator. `tests/cluster/test_applications.py` loads both
  applications into a cluster with a real API server, kube-proxy and NetworkPolicy enforcer, records the
  traffic from the kernel, and sends every one of these connections as packets: the kernel must say the same.
"""


@dataclass(frozen=True)
class Findings:
    """Hold what both sets of policies make of an application."""

    application: Application
    inventory: Inventory
    generated: Verdicts
    published: Verdicts


def findings_of(application: Application) -> Findings:
    """Return what both sets of policies make of an application, without a cluster."""
    inventory = inventory_of(application)
    made = generated(application, inventory, recorded(application, inventory))
    return Findings(
        application,
        inventory,
        judged(application, inventory, made),
        judged(application, inventory, network_policies(application.published)),
    )


def page(data: Path) -> str:
    """Return the whole page; ``data`` is the folder of real data."""
    parts = [_HEAD, *(line for app in applications(data) for line in _section(findings_of(app)))]
    return "\n".join(parts) + "\n"


def _section(found: Findings) -> Iterator[str]:
    app = found.application
    yield f"## {app.title}\n"
    yield (
        f"{app.origin}: {len(app.workloads)} workloads, {len(app.calls)} calls; policies: "
        f"{len(found.generated.policies)} generated, {len(found.published.policies)} published.\n"
    )
    yield from _summary(found)
    yield "\n### What the published policies block\n"
    yield from _blocked(found) or ["Nothing that was recorded."]
    yield "\n### What the published policies leave open\n"
    yield from _left_open(found, found.published) or ["Nothing."]
    yield "\n### What the generated policies leave open\n"
    yield from _left_open(found, found.generated) or ["Nothing."]
    yield "\n### Published policies that do not do what they seem to\n"
    yield from _idle(found) or ["None."]
    yield "\n### What was changed to load it\n"
    yield from [f"- {sentence}" for sentence in app.changes] or ["Nothing: the API server takes it as it is."]
    yield ""


def _summary(found: Findings) -> Iterator[str]:
    groups = attempts(found.application)
    yield "| connections | asked | policies | " + " | ".join(Fate) + " |"
    yield "|---|--:|---|" + "--:|" * len(Fate)
    for group in Group:
        asked = sum(each is group for each in groups.values())
        for name, verdicts in (("generated", found.generated), ("published", found.published)):
            counts = [len(verdicts.of(fate, group, groups)) for fate in Fate]
            first = (str(group), str(asked)) if name == "generated" else ("", "")
            yield f"| {' | '.join((*first, name, *map(str, counts)))} |"
    for name, verdicts in (("generated", found.generated), ("published", found.published)):
        counted = Counter(verdicts.fates.values())
        first = ("**all**", str(len(groups))) if name == "generated" else ("", "")
        yield f"| {' | '.join((*first, name, *(f'**{counted[fate]}**' for fate in Fate)))} |"


def _blocked(found: Findings) -> list[str]:
    blocked = [a for a, fate in found.published.fates.items() if fate is Fate.BLOCKED]
    words = _Words(found.application)
    return [
        f"- from {words.place(a.client)} to {words.place(a.server)}, {words.port(a)}: "
        f"{_refused_by(found.published.answers[a])}"
        for a in sorted(blocked, key=str)
    ]


def _refused_by(verdict: ConnectionVerdict) -> str:
    sides = [side for side in (verdict.egress, verdict.ingress) if not side.allowed_by and side.isolated_by]
    names = sorted({f"`{ref.policy}`" for side in sides for ref in side.isolated_by})
    return f"selected by {_joined(names)}, of which no rule lets it through"


def _left_open(found: Findings, verdicts: Verdicts) -> list[str]:
    """Return a line for each server and port, with all clients that it is left open to."""
    groups = attempts(found.application)
    words = _Words(found.application)
    lines = []
    for group in Group:
        clients: dict[tuple[str, str], list[Place]] = {}
        for attempt in verdicts.of(Fate.OPEN, group, groups):
            clients.setdefault((words.place(attempt.server), words.port(attempt)), []).append(attempt.client)
        by_ends: dict[tuple[str, str], list[str]] = {}
        for (server, port), places in clients.items():
            by_ends.setdefault((server, words.places(places, server)), []).append(port)
        lines += [
            f"- from {places} to {server}, {' and '.join(ports)}"
            for (server, places), ports in by_ends.items()
        ]
    return lines


def _idle(found: Findings) -> list[str]:
    policies = found.published.policies
    lines = [
        f"- `{policy.name}` selects {_selector(policy.pod_selector)}, which no pod has: it does nothing."
        for policy in idle_policies(found.inventory, policies)
    ]
    lines += [
        f"- `{policy.name}` lets in {_selector(selector)}, which no pod has."
        for policy, selector in idle_peers(found.inventory, policies)
    ]
    lines += [
        f"- `{policy.name}` selects every pod, so it isolates all of them."
        for policy in policies
        if policy.pod_selector == LabelSelector() and any(policy.rules(d) for d in Direction)
    ]
    others = [d for d in found.application.published if d["kind"] != "NetworkPolicy"]
    for document in others:
        notes = ", ".join(f"`{key}`" for key in document["metadata"].get("annotations", {}))
        lines.append(
            f"- {document['kind']} `{document['metadata']['name']}` with the annotation {notes} is no "
            "NetworkPolicy: Kubernetes has not read that annotation since 1.7."
        )
    return lines


def _selector(selector: LabelSelector) -> str:
    return _joined([f"`{key}={value}`" for key, value in selector.match_labels])


class _Words:
    """Names of ends and ports, as short as the application allows."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def place(self, place: Place) -> str:
        """Return the name of an end."""
        match place:
            case str():
                return "the outside"
            case WorkloadRef() if place in (CLUSTER_DNS, STRANGER):
                return "the cluster DNS" if place == CLUSTER_DNS else "another namespace"
            case WorkloadRef(_, namespace, name):
                return f"`{name}`" if namespace == self._application.home else f"`{namespace}/{name}`"

    def places(self, places: Iterable[Place], server: str) -> str:
        """Return the names of clients, or that they are all the workloads there are (but the server)."""
        names = [self.place(place) for place in places]
        everyone = [self.place(ref) for ref in self._application.workloads]
        others = [name for name in everyone if name != server]
        if names == others:
            return (
                f"all {len(names)} workloads" if others == everyone else f"all {len(names)} other workloads"
            )
        return _joined(names)

    @staticmethod
    def port(attempt: Attempt) -> str:
        """Return the protocol and port of an attempt."""
        if (attempt.protocol, attempt.port) == UNDECLARED[:2]:
            return "any other port"
        return f"{attempt.protocol} {attempt.port}"


def _joined(names: list[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)


def write(data: Path) -> Path:
    """Write the page anew and return where; raises FileNotFoundError without the folder of real data."""
    if not data.is_dir():
        raise FileNotFoundError(f"{data} is not there: name the folder that has manifests/ with --data")
    PAGE.write_text(page(data), "utf-8")
    return PAGE
