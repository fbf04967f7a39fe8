"""What flags lay over a configuration file for one run, and how such a file is saved without it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from netsec_tui.core.configure import keys
from netsec_tui.core.configure.merge import merged
from netsec_tui.errors import BadInputError, UsageError
from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Edited, Reread
from netsec_tui.model.decision import Alias

if TYPE_CHECKING:
    from netsec_tui.ui.start import ConfigFileLike


def laid_over(said: Config, args: Namespace) -> Edited:
    """Return what a file says with ``--set`` laid over it, then ``--cluster-cidr`` and ``--service-cidr``.

    Raises:
        UsageError: a key does not exist or a value cannot be used.
    """
    config, notes = said, list[str]()
    for key, value in args.settings:
        try:
            edited = keys.set_(config, key, [value])
        except BadInputError as error:
            raise UsageError(f"--set {key}={value}: {error}") from error
        config = edited.config
        notes += edited.notes
    if args.cluster_cidr:
        config = replace(config, pod_cidrs=tuple(sorted(set(args.cluster_cidr))))
    if args.service_cidr:
        config = replace(config, service_cidrs=tuple(sorted(set(args.service_cidr))))
    return Edited(config, tuple(notes))


def check_settings(args: Namespace) -> None:
    """Refuse what ``--set`` cannot be, before it is known what it is laid over.

    Raises:
        UsageError: a key does not exist or a value cannot be used.
    """
    # Whether an alias may be allowed shows only where the alias is.
    told = [(key, value) for key, value in args.settings if not _allows(key)]
    laid_over(Config(), Namespace(**{**vars(args), "settings": told}))


def _allows(key: str) -> bool:
    return key.startswith("aliases.") and key.endswith(".allowed")


class FileUnderOverrides:
    """Save the edits of a session whose configuration is that of a file with something laid over it.

    What is laid over is never written, unless the same item is edited; an edit then stands in its place.
    ``said`` is what the file said when it was read.
    """

    def __init__(self, store: ConfigFileLike, said: Config) -> None:
        self._store = store
        self._said = said

    @property
    def path(self) -> str:
        """Return where the file is."""
        return self._store.path

    @property
    def said(self) -> Config:
        """Return what the file said, without what is laid over it."""
        return self._said

    @property
    def cluster(self) -> str:
        """Return the cluster that it is for, empty when none is named."""
        return self._store.cluster

    @property
    def exists(self) -> bool:
        """Tell whether there is such a file by now."""
        return self._store.exists

    def locked(self, flag: bool) -> str:
        """Return why the configuration must not be edited now, empty when it may."""
        return self._store.locked(flag)

    def write(self, base: Config, mine: Config) -> Config:
        """Put into the file what turns ``base`` into ``mine``; return what then counts, overrides included.

        Raises:
            NetsecError: as the file's own ``write``.
        """
        edited = _rebased(base, mine, self._said)
        stands = self._store.write(self._said, edited)
        counts, _ = merged(edited, stands, mine)
        self._said = stands
        return counts

    def read_again(self, base: Config, mine: Config) -> Reread:
        """Return what the file says now, overrides included, and what the edits from ``base`` make of it.

        Raises:
            NetsecError: as the file's own ``read``.
        """
        edited = _rebased(base, mine, self._said)
        stands, both, conflicts = self._store.read_again(self._said, edited)
        counts, _ = merged(self._said, stands, base)
        kept, _ = merged(edited, both, mine)
        self._said = stands
        return Reread(counts, kept, conflicts)


def _rebased(base: Config, mine: Config, said: Config) -> Config:
    """Return what the edits from ``base`` to ``mine`` make of what the file said.

    Raises:
        BadInputError: the file cannot have them beside what it says under the overrides.
    """
    config, conflicts = merged(replace(base, aliases=_aliases_to_compare(base, mine, said)), mine, said)
    if conflicts:
        raise BadInputError("; ".join([*conflicts, "nothing is saved"]))
    return config


def _aliases_to_compare(base: Config, mine: Config, said: Config) -> tuple[Alias, ...]:
    """Return the aliases that edits are told by: an alias that came or went by hand did so as a whole."""
    told, now, there = base.alias_by_name, mine.alias_by_name, said.alias_by_name
    chosen: list[Alias] = []
    for name in sorted({*told, *there}):
        whole = told.get(name) != now.get(name) and not all(name in side for side in (told, now, there))
        alias = (there if whole else told).get(name)
        chosen += [alias] if alias else []
    return tuple(chosen)
