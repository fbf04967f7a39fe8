"""Make sources and options of the flags; no input is opened before it is read."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from netsec_tui.cli.configured import Configured
from netsec_tui.cli.values import NO_SOURCE, SourceChoice
from netsec_tui.errors import NotFoundError, UsageError
from netsec_tui.model.timespan import TIMESPANS
from netsec_tui.session.session import Options
from netsec_tui.sources.access import Access, TlsOptions
from netsec_tui.sources.contract import Source
from netsec_tui.sources.objects.strip import printable

STDIN = "-"
SCREEN = "tui"

_FLOWS_WANTED = ("list", "generate", "diff", "record", SCREEN)
"""Commands that are of no use without flows; for others a cluster is not looked at for a source."""


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
    """Tell whether a cluster is contacted: when it is named or observed, or when nothing else is given.

    A source at an address of its own is none of the cluster's: the cluster is read beside it where there is a
    kubeconfig and no file tells its state.
    """
    chosen = observed(args)
    if args.context or args.kubeconfig or any(choice.address is None for choice in chosen):
        return True
    return not has_files(args) and (not chosen or _has_kubeconfig())


def _has_kubeconfig() -> bool:
    from netsec_tui.sources.cluster.kubeconfig import kubeconfig_files

    try:
        return bool(kubeconfig_files())
    except NotFoundError:
        return False


def observed(args: Namespace) -> list[SourceChoice]:
    """Return the sources that ``--source`` names, each once."""
    return [choice for choice in dict.fromkeys(args.sources) if choice.name != NO_SOURCE]


def finds_source(args: Namespace) -> bool:
    """Tell whether a cluster is looked at for its sources of flows: when no flag says where flows are."""
    return not (args.sources or has_files(args)) and args.command in _FLOWS_WANTED


def inputs_of(args: Namespace, stdin: Callable[[], BinaryIO], context: str = "") -> Inputs:
    """Return the sources that the flags name; ``stdin`` is called for ``--flows -`` only.

    ``context`` is the one to read when the flags name none, empty for the current one.

    Raises:
        UsageError: flags do not go together, or nothing is piped in.
    """
    if args.demo and observed(args):
        raise UsageError("--demo shows a recorded cluster and --source observes a real one: give one of them")
    if observed(args) and len(observed(args)) < len(set(args.sources)):
        raise UsageError("--source none means that no source is observed: give no other one with it")
    if args.flows.count(STDIN) > 1:
        raise UsageError("--flows - can be given only once: there is one standard input")
    for flag, paths in (("--flows", args.flows), ("--capture", args.capture)):
        _require_different(flag, [path for path in paths if path != STDIN])
    check_trust(args)
    return Inputs(_state_sources(args, context), _flow_sources(args, stdin, context))


def _require_different(flag: str, paths: Iterable[str]) -> None:
    """Return when no two paths lead to one file, of which all would count twice."""
    known: dict[tuple[int, int], str] = {}
    for path in paths:
        try:
            found = os.stat(path)
        except (OSError, ValueError):  # who reads it says what is wrong with it
            continue
        file = found.st_dev, found.st_ino
        if other := known.get(file):
            names = path if other == path else f"{other} and {path}"
            raise UsageError(
                printable(f"{flag} {names}: one file is given twice, and would count twice", 400)
            )
        known[file] = path


def access_of(args: Namespace, context: str = "") -> Access:
    """Return how sources of a cluster are reached, by files for TLS that can be used.

    Raises:
        UsageError: a certificate is given without its key, or a key without its certificate; or TLS is
            switched off and described at once.
        NotFoundError: a file for TLS cannot be read.
        BadInputError: it is of no use.
    """
    tls = tls_of(args)
    if tls.ca_file or tls.cert_file:
        from netsec_tui.sources.grpc.tls import check_files

        check_files(tls)
    return Access(args.context or context or None, args.kubeconfig or None, tls=tls)


def tls_of(args: Namespace) -> TlsOptions:
    """Return what the flags say of TLS, of which no file has been looked at.

    Raises:
        UsageError: as ``access_of`` does.
    """
    if bool(args.source_cert) != bool(args.source_key):
        raise UsageError(
            "--source-cert and --source-key go together: a certificate and the key that is its own"
        )
    tls = TlsOptions(
        args.source_tls,
        args.source_ca or "",
        args.source_cert or "",
        args.source_key or "",
        args.source_server_name or "",
        args.source_insecure,
    )
    if tls.mode == "off" and replace(tls, mode="auto").secures(False):
        raise UsageError(
            "--source-tls off leaves the other --source-* flags without use: leave it or them out"
        )
    return tls


def tls_flags(tls: TlsOptions) -> Iterator[tuple[str, str]]:
    """Yield the flags about TLS that differ from what holds without them, with their values."""
    if tls.mode != "auto":
        yield "--source-tls", tls.mode
    for flag, value in (
        ("--source-ca", tls.ca_file),
        ("--source-cert", tls.cert_file),
        ("--source-key", tls.key_file),
        ("--source-server-name", tls.server_name),
    ):
        if value:
            yield flag, value
    if tls.insecure:
        yield "--source-insecure", ""


def check_trust(args: Namespace) -> None:
    """Return when the flags about TLS are of use to a source that is read, and the files are there.

    Raises:
        UsageError: they are to none.
        NetsecError: as ``access_of`` does.
    """
    flag = next((flag for flag, _ in tls_flags(tls_of(args))), "")
    if flag and not finds_source(args):
        from netsec_tui.sources.registry import SOURCES

        taking = [name for name, kind in SOURCES.items() if kind.tls != "never"]
        if not any(choice.name in taking for choice in observed(args)):
            raise UsageError(
                f"{flag} is of no use to anything that is read here: it is for the sources "
                f"{', '.join(taking[:-1])} and {taking[-1]}; leave it out, or name one of them with --source"
            )
    access_of(args)


def _state_sources(args: Namespace, context: str) -> list[Source]:
    sources: list[Source] = []
    if reads_cluster(args):
        from netsec_tui.sources.cluster.source import ClusterSource

        sources.append(ClusterSource(args.context or context or None, args.kubeconfig or None))
    if args.manifests:
        from netsec_tui.sources.manifests.source import ManifestSource

        sources.append(ManifestSource(args.manifests))
    return sources


def _flow_sources(args: Namespace, stdin: Callable[[], BinaryIO], context: str) -> list[Source]:
    from netsec_tui.sources.capture.source import CaptureSource
    from netsec_tui.sources.lines.source import FlowFileSource, FlowStreamSource

    sources: list[Source] = [CaptureSource(path) for path in args.capture]
    if args.demo:
        from netsec_tui.demo.source import DemoSource

        sources.append(DemoSource())
    sources += _observing(args, access_of(args, context))
    flows = (FlowStreamSource(stdin()) if path == STDIN else FlowFileSource(path) for path in args.flows)
    return [*sources, *flows]


def _observing(args: Namespace, access: Access) -> list[Source]:
    """Return the sources that observe a cluster."""
    if finds_source(args):
        from netsec_tui.sources.finding.auto import AutoSource

        return [AutoSource(access, patient=args.command == SCREEN)]
    from netsec_tui.sources.registry import make_source

    chosen = observed(args)
    return [make_source(choice.name, _access_to(choice, chosen, access)) for choice in chosen]


def _access_to(choice: SourceChoice, chosen: Iterable[SourceChoice], access: Access) -> Access:
    """Return how one of several sources is reached.

    What describes TLS may be meant for another of them. One in the cluster is then read as its Service says;
    of a server at an address nothing else is known, and it is not read over plaintext.
    """
    from netsec_tui.sources.registry import SOURCES

    another = any(SOURCES[other.name].tls == "always" for other in chosen if other != choice)
    tls = replace(access.tls, meant_for_another=another and choice.address is None)
    return replace(access, address=choice.address, tls=tls)


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
