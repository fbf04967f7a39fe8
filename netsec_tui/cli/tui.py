"""The screen: put sources, session and the scope of the flags together and run it."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netsec_tui.cli.configured import Configured, configured, first_problem, lock_reason
from netsec_tui.cli.exits import DONE
from netsec_tui.cli.inputs import (
    STDIN,
    check_trust,
    has_files,
    inputs_of,
    observed,
    options_of,
    reads_cluster,
)
from netsec_tui.cli.loading import NOTHING_TO_READ
from netsec_tui.cli.overrides import check_settings
from netsec_tui.cli.tty import piped_input_beside_keyboard, require_terminal
from netsec_tui.decisions_file.reading import load_decisions
from netsec_tui.errors import BadInputError, NetsecError, NotFoundError, UsageError
from netsec_tui.session.session import Session
from netsec_tui.sources.cluster.kubeconfig import choose_context

if TYPE_CHECKING:
    from netsec_tui.ui.start import Connected, StartScope


class KubeconfigClusters:
    """Offer the contexts of the kubeconfig; the current one first."""

    def __init__(self, args: Namespace) -> None:
        self._args = args

    def settled(self) -> str:
        """Return the context to begin with unasked: the only one, or the current one of a scope in flags.

        Empty when there is something to choose. Only the kubeconfig is read, no cluster.

        Raises:
            NetsecError: the kubeconfig cannot be read or holds no context.
        """
        from netsec_tui.sources.cluster.kubeconfig import contexts

        offered = contexts(self._args.kubeconfig or None)
        scoped = self._args.namespace or self._args.target or self._args.decisions
        return next((c.name for c in offered if len(offered) == 1 or (scoped and c.current)), "")

    def names(self) -> Sequence[str]:
        """Return the contexts.

        Raises:
            NetsecError: the kubeconfig cannot be read or holds no context.
        """
        from netsec_tui.sources.cluster.kubeconfig import contexts

        offered = sorted(contexts(self._args.kubeconfig or None), key=lambda c: not c.current)
        return [context.name for context in offered]

    def connect(self, name: str) -> Connected:
        """Return what there is of a context, its feed not yet started.

        Raises:
            NetsecError: its configuration cannot be used; the sentence names the first thing that is wrong.
        """
        try:
            return _connect(Namespace(**{**vars(self._args), "context": name}), name)
        except BadInputError as error:
            raise BadInputError(first_problem(error)) from error


def run(args: Namespace) -> int:
    """Run the screen until it is left and return the exit code."""
    start = start_scope(args)
    connected, clusters = opening(args)
    require_terminal()
    from netsec_tui.ui.run import run_app

    code = run_app(
        connected.session,
        connected.feed,
        start=start,
        clusters=clusters,
        file=connected.file,
        theme=args.theme,
        mouse=not args.no_mouse,
        ascii_only=args.ascii,
    )
    return NetsecError.exit_code if code else DONE


def opening(args: Namespace) -> tuple[Connected, KubeconfigClusters | None]:
    """Return what the screen opens with, and the clusters it offers; none where the input is of one cluster.

    Raises:
        NetsecError: flags do not go together, or what they name cannot be used.
    """
    if args.context and not has_files(args):
        # A source at an address is of one cluster, and must not be read as another's.
        fixed = any(choice.address is not None for choice in observed(args))
        return _connect(args, args.context), None if fixed else KubeconfigClusters(args)
    if has_files(args) or not reads_cluster(args):
        return _connect(args, _context(args)), None
    _require_kubeconfig(args)
    return _unconnected(args), KubeconfigClusters(args)


def _context(args: Namespace) -> str:
    """Return the context that is read beside the files, empty when no cluster is."""
    if args.context or not reads_cluster(args):
        return str(args.context)
    return choose_context(None, args.kubeconfig or None).name


def _require_kubeconfig(args: Namespace) -> None:
    """Look for a kubeconfig without reading it: that waits until the screen is there."""
    from netsec_tui.sources.cluster.kubeconfig import kubeconfig_files

    try:
        kubeconfig_files(args.kubeconfig or None)
    except NotFoundError as error:
        if args.kubeconfig or observed(args):
            raise
        raise UsageError(NOTHING_TO_READ) from error


def _connect(args: Namespace, context: str) -> Connected:
    """Return a session, its feed and its file; with a context, that cluster is read too."""
    from netsec_tui.sources.feeds.feed import Feed
    from netsec_tui.ui.start import Connected

    known = configured(args, context)
    inputs = inputs_of(args, piped_input_beside_keyboard, context)
    return Connected(_session(args, context, known), Feed(inputs.all), known.file)


def _unconnected(args: Namespace) -> Connected:
    """Return an empty session, for choosing a cluster in the screen; its configuration is read then."""
    from netsec_tui.ui.start import Connected

    check_settings(args)
    check_trust(args)
    known = configured(args, "") if args.config else Configured(locked=lock_reason(args, None))
    return Connected(_session(args, "", known))


def _session(args: Namespace, cluster: str, known: Configured) -> Session:
    live = STDIN in args.flows or bool(observed(args)) or not has_files(args)
    return Session(options_of(args, cluster, known, live=live), time.time)


def start_scope(args: Namespace) -> StartScope:
    """Return what flags answer; a decisions file answers for the workload that it is for.

    Raises:
        NetsecError: the decisions file cannot be read or understood.
    """
    from netsec_tui.ui.start import StartScope

    saved = load_decisions(args.decisions) if args.decisions else None
    kind, name = args.target or (None, None)
    namespace = args.namespace or None
    if saved and kind is None:
        namespace, kind, name = namespace or saved.workload.namespace, *saved.workload[::2]
    return StartScope(namespace, kind, name, args.since, saved)
