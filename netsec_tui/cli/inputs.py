"""Make sources and options of the flags; no input is opened before it is read."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from netsec_tui.cli.configured import Configured
from netsec_tui.errors import UsageError
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.session import Options
from netsec_tui.sources.contract import Source

STDIN = "-"
CONNTRACK = "conntrack"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Hold the sources that tell cluster state only, which never end by themselves, and the others."""

    state: list[Source] = field(default_factory=list)
    flows: list[Source] = field(default_factory=list)

    @property
    def all(self) -> list[Source]:
        """Return all sources, cluster state first, so that it is known when the first flow comes."""
        return [*self.state, *self.flows]


def has_files(args: Namespace) -> bool:
    """Tell whether any input other than a cluster is given."""
    return bool(args.flows or args.manifests or args.capture or args.demo)


def reads_cluster(args: Namespace) -> bool:
    """Tell whether a cluster is contacted: when it is named or observed, or when nothing else is given."""
    return bool(args.context or args.kubeconfig or args.sources) or not has_files(args)


def inputs_of(args: Namespace, stdin: Callable[[], BinaryIO], context: str = "") -> Inputs:
    """Return the sources that the flags name; ``stdin`` is called for ``--flows -`` only.

    ``context`` is the one to read when the flags name none, empty for the current one.

    Raises:
        UsageError: ``-`` is given more than once, nothing is piped in, or the demo is to be observed live.
    """
    if args.demo and args.sources:
        raise UsageError("--demo shows a recorded cluster and --source observes a real one: give one of them")
    if args.flows.count(STDIN) > 1:
        raise UsageError("--flows - can be given only once: there is one standard input")
    return Inputs(_state_sources(args, context), _flow_sources(args, stdin, context))


def _state_sources(args: Namespace, context: str) -> list[Source]:
    sources: list[Source] = []
    if reads_cluster(args):
        from netsec_tui.sources.cluster import ClusterSource

        sources.append(ClusterSource(args.context or context or None, args.kubeconfig or None))
    if args.manifests:
        from netsec_tui.sources.manifests import ManifestSource

        sources.append(ManifestSource(args.manifests))
    return sources


def _flow_sources(args: Namespace, stdin: Callable[[], BinaryIO], context: str) -> list[Source]:
    from netsec_tui.sources.capture import CaptureSource
    from netsec_tui.sources.lines import FlowFileSource, FlowStreamSource

    sources: list[Source] = [CaptureSource(path) for path in args.capture]
    if args.demo:
        from netsec_tui.demo.source import DemoSource

        sources.append(DemoSource())
    if CONNTRACK in args.sources:
        from netsec_tui.sources.conntrack import ConntrackSource

        sources.append(ConntrackSource(args.context or context or None, args.kubeconfig or None))
    flows = (FlowStreamSource(stdin()) if path == STDIN else FlowFileSource(path) for path in args.flows)
    return [*sources, *flows]


def options_of(args: Namespace, cluster: str, known: Configured, *, live: bool) -> Options:
    """Return the options of a session; ``live`` tells whether its timespan ends now."""
    return Options(
        cluster=cluster,
        live=live,
        two_objects=args.two_objects,
        config=known.config,
        locked=known.locked,
        timespan=args.since or TIMESPANS[-1],
    )
