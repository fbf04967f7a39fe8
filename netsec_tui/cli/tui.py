"""The screen: put sources, session and the scope of the flags together and run it."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netsec_tui.cli.exits import DONE
from netsec_tui.cli.inputs import STDIN, has_files, inputs_of, options_of
from netsec_tui.cli.loading import NOTHING_TO_READ
from netsec_tui.cli.tty import piped_input_beside_keyboard, require_terminal
from netsec_tui.errors import NetsecError, NotFoundError, UsageError
from netsec_tui.session.session import Session

if TYPE_CHECKING:
    from netsec_tui.sources.feed import Feed
    from netsec_tui.ui.start import StartScope


class KubeconfigClusters:
    """Offer the contexts of the kubeconfig; the current one first."""

    def __init__(self, args: Namespace) -> None:
        self._args = args

    def names(self) -> Sequence[str]:
        """Return the contexts.

        Raises:
            NetsecError: the kubeconfig cannot be read or holds no context.
        """
        from netsec_tui.sources.kubeconfig import contexts

        offered = sorted(contexts(self._args.kubeconfig or None), key=lambda c: not c.current)
        return [context.name for context in offered]

    def connect(self, name: str) -> tuple[Session, Feed]:
        """Return a session and a feed, not yet started, for a context."""
        return _connect(self._args, name)


def run(args: Namespace) -> int:
    """Run the screen until it is left and return the exit code."""
    clusters: KubeconfigClusters | None = None
    feed: Feed | None = None
    if has_files(args) or args.context:
        session, feed = _connect(args, args.context)
    else:
        _require_kubeconfig(args)
        session, clusters = _session(args, ""), KubeconfigClusters(args)
    require_terminal()
    from netsec_tui.ui.run import run_app

    code = run_app(
        session,
        feed,
        start=_start_scope(args),
        clusters=clusters,
        theme=args.theme,
        mouse=not args.no_mouse,
        ascii_only=args.ascii,
    )
    return NetsecError.exit_code if code else DONE


def _require_kubeconfig(args: Namespace) -> None:
    """Look for a kubeconfig without reading it: that waits until the screen is there."""
    from netsec_tui.sources.kubeconfig import kubeconfig_files

    try:
        kubeconfig_files(args.kubeconfig or None)
    except NotFoundError as error:
        if args.kubeconfig:
            raise
        raise UsageError(NOTHING_TO_READ) from error


def _connect(args: Namespace, context: str) -> tuple[Session, Feed]:
    """Return a session and its feed; with a context, or a cluster named by flags, it is read too."""
    from netsec_tui.sources.feed import Feed

    inputs = inputs_of(args, piped_input_beside_keyboard, context)
    return _session(args, context), Feed(inputs.all)


def _session(args: Namespace, cluster: str) -> Session:
    live = STDIN in args.flows or not has_files(args)
    return Session(options_of(args, cluster, live=live), time.time)


def _start_scope(args: Namespace) -> StartScope:
    from netsec_tui.ui.start import StartScope

    kind, name = args.target or (None, None)
    return StartScope(args.namespace or None, kind, name, args.since)
