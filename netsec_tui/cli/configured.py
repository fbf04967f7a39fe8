"""Find the configuration that counts for a command line: its file, what flags lay over it, its lock."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass, field

from netsec_tui.cli.overrides import FileUnderOverrides, laid_over
from netsec_tui.configuration.paths import config_path
from netsec_tui.configuration.writing import ConfigFile, locked_everywhere
from netsec_tui.errors import NetsecError, NotFoundError, UsageError
from netsec_tui.model.config import Config
from netsec_tui.sources.cluster.kubeconfig import choose_context

DEMO = "demo"
"""The cluster that the demo's configuration belongs to."""

_WHOSE = (
    "it is not clear whose configuration is meant; name a context with --context, or a file with --config"
)


@dataclass(frozen=True, slots=True)
class Configured:
    """Hold what counts in a run; ``file`` is None for inputs whose configuration is kept nowhere.

    ``locked`` is one sentence why the configuration must not be edited, empty when it may; ``remarks`` are
    sentences about values that are not as they were written, and a file that is for another cluster.
    """

    config: Config = field(default_factory=Config)
    file: FileUnderOverrides | None = None
    locked: str = ""
    remarks: tuple[str, ...] = ()


def configured(args: Namespace, context: str) -> Configured:
    """Return what counts for a context that is read, empty when none is.

    Raises:
        NotFoundError: ``--config`` names a file that does not exist.
        BadInputError: the file is broken; all that is wrong is told, a line each.
        UsageError: a value of the flags cannot be used.
    """
    cluster = context or (DEMO if args.demo else "")
    file = file_of(args, cluster)
    if args.config and args.command != "tui":  # the screen may write a new one
        require_file(args.config)
    locked = lock_reason(args, file)
    if file is None:
        config, remarks = laid_over(Config(), args)
        return Configured(config, None, locked, remarks)
    stored = file.stored()
    config, remarks = laid_over(stored.config, args)
    wrong = mismatch(file.path, stored.cluster, cluster)
    kept = FileUnderOverrides(file, stored.config)
    return Configured(config, kept, locked, (*remarks, wrong) if wrong else remarks)


def require_file(path: str) -> None:
    """Make sure that a file that is named is there: a mistyped name must not stand for the defaults.

    Raises:
        NotFoundError: it is not.
    """
    if not os.path.lexists(path):
        raise NotFoundError(f"there is no configuration file {path}; netsec-tui config set makes one")


def mismatch(path: str, named: str, cluster: str) -> str:
    """Return what there is to say when a file names another cluster than the one it is used for."""
    if not cluster or named in ("", cluster):
        return ""
    return f"{path} says that it is for the cluster {named}, and it is used for {cluster}"


def file_of(args: Namespace, cluster: str) -> ConfigFile | None:
    """Return the file that is named, else that of a cluster, else None."""
    if args.config:
        return ConfigFile(args.config, cluster)
    return ConfigFile(config_path(cluster), cluster) if cluster else None


def chosen_cluster(args: Namespace) -> str:
    """Return whose configuration a command is about that reads no cluster; empty when a file is named.

    Raises:
        UsageError: nothing is named and no context is current.
    """
    if args.context or args.config:
        return str(args.context)
    if args.demo:
        return DEMO
    try:
        return choose_context(None, args.kubeconfig or None).name
    except NotFoundError as error:
        if args.kubeconfig:
            raise
        raise UsageError(_WHOSE) from error


def lock_reason(args: Namespace, file: ConfigFile | None) -> str:
    """Return why the configuration must not be edited, empty when it may."""
    return file.locked(args.lock_config) if file else locked_everywhere(args.lock_config)


def first_problem(error: NetsecError) -> str:
    """Return one sentence of an error that has several, and how many more there are."""
    first, *more = str(error).split("\n")
    return f"{first}; {len(more)} more, which netsec-tui config check names" if more else first
