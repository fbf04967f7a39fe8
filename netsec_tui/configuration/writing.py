"""The configuration of a cluster in its file: read, tell whether it may be edited, put edits in."""

from __future__ import annotations

from pathlib import Path

from netsec_tui.configuration.reading import Stored, read_stored, read_text
from netsec_tui.model.config import Config


class ConfigFile:
    """Keep the configuration of one cluster in a file; ``cluster`` is what a new file says it is for."""

    def __init__(self, path: Path | str, cluster: str = "") -> None:
        self._path = Path(path)
        self._cluster = cluster

    @property
    def path(self) -> str:
        """Return where the file is, or would be."""
        return str(self._path)

    def stored(self) -> Stored:
        """Return all that the file says: the configuration, and the cluster that it names.

        Raises:
            NetsecError: the file cannot be read, or not be understood.
        """
        text = read_text(self._path)
        return Stored() if text is None else read_stored(self.path, text)

    def read(self) -> Config:
        """Return the configuration; all defaults when there is no file.

        Raises:
            NetsecError: the file cannot be read, or not be understood.
        """
        return self.stored().config

    def locked(self, flag: bool) -> str:
        """Return why the configuration must not be edited, empty when it may; ``flag`` is --lock-config."""
        return "the configuration is locked by --lock-config" if flag else ""

    def write(self, base: Config, mine: Config) -> Config:
        """Put into the file what turns ``base`` into ``mine``, and return what stands there then.

        Raises:
            NetsecError: the file cannot be written, is broken, or somebody else has edited the same thing.
        """
        raise NotImplementedError
