"""The file that a ``config`` command is about, and the cluster that its inputs tell of."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from netsec_tui.cli.configured import Configured, chosen_cluster, file_of, lock_reason, require_file
from netsec_tui.cli.inputs import has_files
from netsec_tui.cli.loading import Loaded, read
from netsec_tui.configuration.writing import ConfigFile
from netsec_tui.errors import LockedError, UsageError
from netsec_tui.model.config import Config
from netsec_tui.sources.cluster.kubeconfig import choose_context

_ONLY_READ = ("get", "check", "export")


@dataclass(frozen=True, slots=True)
class Target:
    """Hold the file of a cluster; ``cluster`` is empty when only a file was named."""

    args: Namespace
    cluster: str
    file: ConfigFile

    @property
    def has_inputs(self) -> bool:
        """Tell whether there is anything to tell an effect of."""
        return bool(self.args.live or has_files(self.args))

    @property
    def flags(self) -> tuple[str, str]:
        """Return the flag that names this file again, with its value."""
        return ("--config", self.args.config) if self.args.config else ("--context", self.cluster)

    def require_unlocked(self) -> None:
        """Make sure that the file may be edited.

        Raises:
            LockedError: it must not; the sentence says why.
        """
        reason = lock_reason(self.args, self.file)
        if reason:
            raise LockedError(f"nothing is written to {self.file.path}: {reason}")

    def load(self, config: Config) -> Loaded:
        """Read the inputs under a configuration; what cannot be read is told on standard error.

        Raises:
            NetsecError: nothing could be read.
        """
        return read(self._reading(), Configured(config))

    def _reading(self) -> Namespace:
        """Return the flags for reading: here ``--context`` names a file, and only ``--live`` a cluster."""
        given = vars(self.args)
        if not self.args.live:
            return Namespace(**{**given, "context": "", "kubeconfig": ""})
        context = self.args.context or choose_context(None, self.args.kubeconfig or None).name
        return Namespace(**{**given, "context": context})


def target_of(args: Namespace) -> Target:
    """Return what a command is about.

    Raises:
        UsageError: no cluster and no file is named, and no context is current.
        NotFoundError: a file is named that is not there, and is only read.
    """
    cluster = chosen_cluster(args)
    file = file_of(args, cluster)
    if file is None:
        raise UsageError("name a context with --context or a file with --config")
    if args.config and args.action in _ONLY_READ:
        require_file(args.config)
    return Target(args, cluster, file)
