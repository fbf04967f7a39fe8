"""What an empty screen says: what is lacking and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.session.session import Session
from netsec_tui.sources.contract import SourceStatus
from netsec_tui.ui.keymap import key_of

COVERAGE_LIMITS = (
    "Not listed: workloads without recorded communications, and nodes.",
    "Host-network workloads are listed, but no policy can be made for them.",
)
"""The limits of the documents' "Coverage Limits", said wherever workloads are offered."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Hold a heading and the lines under it; ``error`` marks a failure rather than a next step."""

    heading: str = ""
    lines: tuple[str, ...] = ()
    error: bool = False


def settled(statuses: Iterable[SourceStatus]) -> bool:
    """Tell whether there are sources and none has anything left to read."""
    told = tuple(statuses)
    return bool(told) and all(status.settled for status in told)


def advise(
    session: Session,
    statuses: Iterable[SourceStatus],
    awaited: WorkloadRef | None = None,
    *,
    unchosen: bool = False,
) -> Advice:
    """Say what to do while no workload is chosen; ``awaited`` is the one that flags have named.

    ``unchosen`` tells that there are clusters to choose from and none was yet.
    """
    told = tuple(statuses)
    errors = tuple(dict.fromkeys(status.error for status in told if status.error))
    if awaited is not None and session.workloads() and not settled(told):
        return Advice(
            f"Waiting for {awaited} in {awaited.namespace}",
            (f"It was not seen yet. Press {key_of('scope')} to choose another workload.", "", *errors),
        )
    if session.workloads():
        return Advice(
            "Choose a workload",
            (
                f"Press {key_of('scope')} to choose namespace, kind, owner and timespan.",
                "",
                *COVERAGE_LIMITS,
                "",
                *errors,
            ),
        )
    if session.misdated:
        return Advice("No flow counts", (*session.misdated, "", *errors), error=True)
    if session.seen_before:
        return Advice(
            f"No communication in the {session.timespan.label}",
            (
                f"What was seen is older: {key_of('timespan')} chooses a longer timespan.",
                "",
                *_details(told),
                *errors,
            ),
        )
    if errors:
        heading = "No flows could be read" if session.inventory.known else "Nothing could be read"
        return Advice(heading, (*errors, "", *_how_to_get_flows(session)), error=True)
    if session.inventory.known and not settled(told) and any(status.live for status in told):
        return Advice("The cluster state is here, no communication was seen yet", _details(told))
    if session.inventory.known:
        return Advice("The cluster state is here, flows are lacking", _how_to_get_flows(session))
    if settled(told):
        return Advice("No flows were read", _how_to_get_flows(session))
    if unchosen and not told:
        return Advice(
            "No cluster is chosen", (f"None is contacted before. {key_of('cluster')} chooses one.",)
        )
    return Advice("Reading", _details(told) or ("Nothing has come in yet.",))


def _details(told: Iterable[SourceStatus]) -> tuple[str, ...]:
    return tuple(f"{status.source}: {status.detail}" for status in told if status.detail)


def _how_to_get_flows(session: Session) -> tuple[str, ...]:
    cluster = session.options.cluster
    context = f" --context {shlex.quote(cluster)}" if cluster else ""
    return (
        "Kubernetes knows which workloads exist, not who talks to whom.",
        "That takes observed flows. Which sources of them a cluster has, and what these lack:",
        "",
        f"  netsec-tui doctor{context}",
        "",
        "With Cilium and Hubble:",
        "",
        f"  hubble observe -f -o json | netsec-tui --flows -{context}",
        "",
        "From a recording:  netsec-tui --flows FILE --manifests FOLDER",
        "To look around:    netsec-tui demo",
    )
