"""Make sources and options of the flags; no input is opened before it is read."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import BinaryIO

from netsec_tui.errors import UsageError
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.session import Options
from netsec_tui.sources.contract import Source

STDIN = "-"


def names_cluster(args: Namespace) -> bool:
    """Tell whether a cluster is named, which is what allows contacting it beside other inputs."""
    return bool(args.context or args.kubeconfig)


def has_files(args: Namespace) -> bool:
    """Tell whether any input other than a cluster is given."""
    return bool(args.flows or args.manifests or args.capture or args.demo)


def reads_cluster(args: Namespace) -> bool:
    """Tell whether a cluster is contacted: when it is named, or when there is nothing else to read."""
    return names_cluster(args) or not has_files(args)


def options_of(args: Namespace, cluster: str, *, live: bool) -> Options:
    """Return the options of a session; ``live`` tells whether its timespan ends now."""
    return Options(
        cluster=cluster,
        live=live,
        two_objects=args.two_objects,
        pod_cidrs=tuple(dict.fromkeys(args.cluster_cidr)),
        service_cidrs=tuple(dict.fromkeys(args.service_cidr)),
        timespan=args.since or TIMESPANS[-1],
    )


def file_sources(args: Namespace, stdin: Callable[[], BinaryIO]) -> list[Source]:
    """Return the sources that are no cluster; ``stdin`` is called for ``--flows -`` only.

    Raises:
        UsageError: ``-`` is given more than once, or nothing is piped in.
    """
    from netsec_tui.sources.capture import CaptureSource
    from netsec_tui.sources.lines import FlowFileSource, FlowStreamSource
    from netsec_tui.sources.manifests import ManifestSource

    if args.flows.count(STDIN) > 1:
        raise UsageError("--flows - can be given only once: there is one standard input")
    sources: list[Source] = [CaptureSource(path) for path in args.capture]
    if args.demo:
        from netsec_tui.sources.demo import DemoSource

        sources.append(DemoSource())
    if args.manifests:
        sources.append(ManifestSource(args.manifests))
    flows = (FlowStreamSource(stdin()) if path == STDIN else FlowFileSource(path) for path in args.flows)
    return [*sources, *flows]


def cluster_source(args: Namespace, context: str) -> Source:
    """Return the source of one context's cluster state."""
    from netsec_tui.sources.cluster import ClusterSource

    return ClusterSource(context or None, args.kubeconfig or None)
