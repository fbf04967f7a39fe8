"""The configuration of a cluster in its file: read, tell whether it may be edited, put edits in."""

from __future__ import annotations

import os
from pathlib import Path

from netsec_tui.configuration.editing import edited
from netsec_tui.configuration.files import editing, why_not_writable
from netsec_tui.configuration.reading import Stored, read_stored, read_text
from netsec_tui.core.configure.merge import merged
from netsec_tui.errors import BadInputError, LockedError
from netsec_tui.files import PRIVATE, write_whole
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Reread

LOCK_VARIABLE = "NETSEC_TUI_LOCK_CONFIG"
_UNSET = ("", "0", "false", "no")


def locked_everywhere(flag: bool) -> str:
    """Return why no configuration must be edited, with or without a file; empty when it may."""
    if flag:
        return "the configuration is locked by --lock-config"
    if os.environ.get(LOCK_VARIABLE, "").strip().casefold() not in _UNSET:
        return f"the configuration is locked by {LOCK_VARIABLE}"
    return ""


class ConfigFile:
    """Keep the configuration of one cluster in a file; ``cluster`` is what a new file says it is for."""

    def __init__(self, path: Path | str, cluster: str = "") -> None:
        self._path = Path(path)
        self._cluster = cluster

    @property
    def path(self) -> str:
        """Return where the file is, or would be."""
        return str(self._path)

    @property
    def cluster(self) -> str:
        """Return the cluster that it is for, empty when none is named."""
        return self._cluster

    @property
    def exists(self) -> bool:
        """Tell whether there is such a file by now."""
        return self._path.exists()

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
        if everywhere := locked_everywhere(flag):
            return everywhere
        reason = why_not_writable(self._path)
        return f"the configuration is locked: {reason}" if reason else ""

    def read_again(self, base: Config, mine: Config) -> Reread:
        """Return what the file says by now, and what the edits from ``base`` to ``mine`` make of it.

        Raises:
            NetsecError: the file cannot be read, or not be understood.
        """
        text = read_text(self._path)
        theirs = base if text is None else read_stored(self.path, text).config
        both, conflicts = merged(base, mine, theirs)
        return Reread(theirs, both, conflicts)

    def write(self, base: Config, mine: Config) -> Config:
        """Put into the file what turns ``base`` into ``mine``, and return what stands there then.

        What others have put there since ``base`` was read stays, as do comments, order and quotes of all
        that does not change. The file is replaced whole, or not at all when nothing changes; one that is gone
        is written anew, with all that ``mine`` has.

        Raises:
            LockedError: the file must not be edited.
            BadInputError: the file is broken or newer, or somebody else has edited the same thing.
            CannotWriteError: the file or its folder cannot be written, or another process holds the lock.
        """
        if locked := self.locked(flag=False):
            raise LockedError(locked)
        with editing(self._path) as target:
            found = read_text(target)
            text = found or ""
            # That a file is not there any more, or not yet again, removes nothing that it had.
            theirs = base if found is None else read_stored(self.path, text).config
            both, conflicts = merged(base, mine, theirs)
            if conflicts:
                raise BadInputError("; ".join([*conflicts, f"nothing is saved: read {self.path} again"]))
            new = edited(self.path, text, both, self._cluster)
            if new != text:
                write_whole(target, new, mode=PRIVATE)
            return read_stored(self.path, new).config
