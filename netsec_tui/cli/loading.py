"""Read all inputs once into a session, and tell what could not be read."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any

from netsec_tui.cli.configured import DEMO, Configured, configured
from netsec_tui.cli.decisions import decide, decisions_of, tell_changes
from netsec_tui.cli.exits import CANNOT_TELL, DONE, INTERRUPTED
from netsec_tui.cli.inputs import inputs_of, observed, options_of, reads_cluster
from netsec_tui.cli.listening import listened
from netsec_tui.cli.output import gap_told, left_out, note
from netsec_tui.cli.tty import piped_input
from netsec_tui.cli.values import Target
from netsec_tui.cli.way_out import Flags, flags_of, with_commands
from netsec_tui.cli.workloads import find
from netsec_tui.errors import BadInputError, NotFoundError, UsageError
from netsec_tui.model.config import Config
from netsec_tui.model.flow import Flow
from netsec_tui.model.review import Review
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.render.moments import utc
from netsec_tui.session.actions import ChooseWorkload
from netsec_tui.session.session import Session
from netsec_tui.sources.cluster.kubeconfig import Context, choose_context, kubeconfig_files
from netsec_tui.sources.contract import FlowsRead, observed_by
from netsec_tui.sources.feeds.feed import Reading, read_all

NOTHING_TO_READ = (
    "there is nothing to read: no kubeconfig was found; look around with netsec-tui demo (or --demo), "
    "or give flows with --flows, cluster state with --manifests, or a recording with --capture"
)
NO_STATE = (
    "no cluster state: owners come from labels, Services, DNS and applied policies are not known; "
    "add --manifests or --context"
)
"""The words of a review's warning: what is a problem of the input is told once."""

NO_FLOWS = "not a single flow was read, so nothing can be told"
GIVE_FLOWS = (
    f"{NO_FLOWS}; give flows with --flows, --capture or "
    "--source, for instance: hubble observe -o json | netsec-tui list --flows -; "
    "netsec-tui doctor tells which sources a cluster has"
)
LISTEN = f"{NO_FLOWS}; listen to the source for a while with --for, or for longer"

NONE_COUNTS = (
    "not one of the {flows} flows that were read counts, since none of their times can be: set the clock of "
    "the nodes or of this machine (it says {now}), and read again"
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Hold the session with everything that was read; ``namespace`` is empty for all of them.

    ``decisions`` are those of the file that the flags name; ``config_flags`` name the configuration's file,
    ``config_said`` is what it says. ``interrupted`` means that Ctrl-C ended --for before its time.
    """

    session: Session
    reading: Reading
    namespace: str
    flows: int
    decisions: SavedDecisions | None = None
    config_flags: Flags = ()
    config_said: Config = field(default_factory=Config)
    interrupted: bool = False

    @property
    def counts(self) -> bool:
        """Tell whether any flow counts: those whose time cannot be do not."""
        return bool(self.session.last_told)

    @property
    def skipped(self) -> int:
        """Return how many lines, documents and parts of objects could not be read."""
        return sum(status.skipped for status in self.reading.statuses) + len(self.reading.unclear)

    @property
    def exit_code(self) -> int:
        """Return the first failure's code, else 65 for skipped lines, 130 after Ctrl-C, 2 if none counts."""
        if self.reading.failures:
            return self.reading.failures[0].exit_code
        if self.skipped:
            return BadInputError.exit_code
        if self.interrupted:
            return INTERRUPTED
        return DONE if self.counts else CANNOT_TELL

    def problems(self) -> list[str]:
        """Return what failed and what is missing, a sentence each."""
        failed = [status.error for status in self.reading.statuses if status.error]
        inventory = self.reading.inventory
        return list(dict.fromkeys([*failed, *(inventory.missing if inventory.known else [NO_STATE])]))

    def gaps(self) -> dict[str, int]:
        """Return how many events each reason has cost."""
        return self.session.lost

    def document(self) -> dict[str, Any]:
        """Return all that as JSON."""
        return {
            "flows": self.flows,
            "skipped": self.skipped,
            "gaps": [{"lost": lost, "reason": reason} for reason, lost in self.gaps().items()],
            "problems": self.problems(),
            "sources": [{"name": status.source, "detail": status.detail} for status in self.reading.statuses],
        }


def load(args: Namespace) -> Loaded:
    """Read every input once, and say so when there is not a single flow in it that counts.

    Raises:
        NetsecError: nothing at all could be read, or there is nothing to read.
    """
    loaded = read(args)
    if not loaded.flows:
        note(_without_flows(args, loaded))
    elif not loaded.counts:
        note(NONE_COUNTS.format(flows=loaded.flows, now=utc(time.time())))
    return loaded


def _without_flows(args: Namespace, loaded: Loaded) -> str:
    """Say that there is no flow; how to give some only to those who named none."""
    found = any(status.live and status.observed for status in loaded.reading.statuses)
    watched = found or bool(observed(args))
    if not (watched or args.flows or args.capture):
        return GIVE_FLOWS
    return LISTEN if watched and not loaded.reading.failures else NO_FLOWS


def read(args: Namespace, known: Configured | None = None) -> Loaded:
    """Read every input once; what cannot be read is told on standard error, the rest is kept.

    ``known`` is the configuration that counts, None for the one that the flags mean.

    Raises:
        NetsecError: nothing at all could be read, or there is nothing to read.
    """
    decisions = decisions_of(args)
    context = _context(args)
    cluster = context.name if context else ""
    known = known or configured(args, cluster)
    for remark in known.remarks:
        note(remark)
    session = Session(options_of(args, cluster, known, live=False), time.time)
    flows = 0

    def add(read: FlowsRead) -> None:
        nonlocal flows
        flows += sum(isinstance(flow, Flow) for flow in read.flows)
        session.add_flows(read.flows, read.recording, read.teller)

    inputs = inputs_of(args, piped_input)
    reading, interrupted = (
        listened(inputs, args.listen, add) if args.listen else (read_all(inputs.all, add), False)
    )
    if reading.failures and not flows and not reading.inventory.known:
        raise reading.failures[0]
    session.set_inventory(reading.inventory)
    session.set_observed(observed_by(reading.statuses))
    said = known.file.said if known.file else Config()
    named = flags_of(args.config, cluster or (DEMO if args.demo else ""))
    loaded = Loaded(session, reading, _namespace(args, context), flows, decisions, named, said, interrupted)
    _tell(loaded)
    return loaded


def choose(loaded: Loaded, target: Target) -> Review:
    """Choose a workload and return its review; its warnings go to standard error.

    Decisions that the flags name count, and what differs from them is told. Warnings that the configuration
    settles end in the command that does.

    Raises:
        BadInputError: the decisions are for another workload.
        NotFoundError: there is no such workload.
        UsageError: several namespaces have one.
    """
    session = loaded.session
    session.apply(ChooseWorkload(find(session, target, loaded.namespace)))
    if loaded.decisions:
        decide(session, loaded.decisions)
    review = session.review()
    if review is None:
        raise NotFoundError(f"{target} has no review")
    review = with_commands(review, session, loaded.config_flags, loaded.config_said)
    told = loaded.problems()
    for warning in review.warnings:
        if warning not in told:
            note(warning)
    if loaded.decisions:
        tell_changes(review)
    return review


def _context(args: Namespace) -> Context | None:
    """Return the context that is read, None when no cluster is."""
    if not reads_cluster(args):
        return None
    try:
        kubeconfig_files(args.kubeconfig or None)
    except NotFoundError as error:
        if args.context or args.kubeconfig or observed(args):
            raise
        raise UsageError(NOTHING_TO_READ) from error
    return choose_context(args.context or None, args.kubeconfig or None)


def _namespace(args: Namespace, context: Context | None) -> str:
    """Return the namespace in scope; as for kubectl, the context's when none is named."""
    if args.all_namespaces:
        return ""
    if args.namespace or context is None or not context.namespace:
        return str(args.namespace)
    note(f"looking at namespace {context.namespace}, as the context {context.name} says; -A looks at all")
    return context.namespace


def _tell(loaded: Loaded) -> None:
    for status in loaded.reading.statuses:
        if status.live and status.observed is not None and status.detail:
            note(f"{status.source}: {status.detail}")
    for problem in loaded.problems():
        note(problem)
    for reason, lost in loaded.gaps().items():
        note(gap_told(reason, lost))
    if loaded.skipped:
        note(left_out(loaded.skipped))
    synthetic = sum(status.synthetic for status in loaded.reading.statuses)
    if synthetic:
        note(f"{synthetic} of {loaded.flows} flows are synthetic: made up, not observed")
