"""What the command line hands to the screen: the feed, the scope it was given, and the clusters on offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from netsec_tui.model.config import Config
from netsec_tui.model.configuring import Reread
from netsec_tui.model.inventory import Inventory
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.model.timespan import Timespan
from netsec_tui.session.session import Session
from netsec_tui.sources.contract import FlowsRead, SourceStatus

FeedMessage = FlowsRead | Inventory | SourceStatus


class FeedLike(Protocol):
    """Deliver what sources read; ``drain`` returns at once with what there is."""

    def start(self) -> None:
        """Start reading in threads."""

    def drain(self, max_seconds: float) -> Sequence[FeedMessage]:
        """Return what was read since, spending at most ``max_seconds``."""

    def stop(self) -> None:
        """Ask the sources to stop and return at once; what they still say can be drained."""

    def close(self) -> bool:
        """Stop, and take in nothing more; return whether all sources had ended before."""


class ConfigFileLike(Protocol):
    """Keep the configuration of one cluster in a file."""

    @property
    def path(self) -> str:
        """Return where the file is, or would be."""

    @property
    def cluster(self) -> str:
        """Return the cluster that it is for, empty when none is named."""

    @property
    def exists(self) -> bool:
        """Tell whether there is such a file by now."""

    def locked(self, flag: bool) -> str:
        """Return why the configuration must not be edited, empty when it may; ``flag`` is --lock-config."""

    def write(self, base: Config, mine: Config) -> Config:
        """Put into the file what turns ``base`` into ``mine``, and return what stands there then.

        What others have put there since ``base`` was read stays. May block for a moment.

        Raises:
            NetsecError: the file cannot be written, is broken, or somebody else has edited the same thing.
        """

    def read_again(self, base: Config, mine: Config) -> Reread:
        """Return what the file says by now, and what the edits from ``base`` to ``mine`` make of it.

        Raises:
            NetsecError: the file cannot be read, or not be understood.
        """


@dataclass(frozen=True, slots=True)
class Connected:
    """Hold what there is of one cluster: its session, its feed, not yet started, and its configuration file.

    ``file`` is None for inputs whose configuration is kept nowhere.
    """

    session: Session
    feed: FeedLike | None = None
    file: ConfigFileLike | None = None


class Clusters(Protocol):
    """Offer kubeconfig contexts; all methods may block and are called in a thread."""

    def settled(self) -> str:
        """Return the context to begin with unasked, empty when there is something to choose.

        Raises:
            NetsecError: the kubeconfig cannot be read or holds no context.
        """

    def names(self) -> Sequence[str]:
        """Return the contexts to choose from.

        Raises:
            NetsecError: the kubeconfig cannot be read or holds no context.
        """

    def connect(self, name: str) -> Connected:
        """Return what there is of a context, its feed not yet started.

        Raises:
            NetsecError: the context cannot be used.
        """


@dataclass(frozen=True, slots=True)
class StartScope:
    """Hold what flags have answered; None is asked for. ``kind`` and ``name`` come together or not.

    ``decisions`` count from the start for the workload that they are for.
    """

    namespace: str | None = None
    kind: str | None = None
    name: str | None = None
    timespan: Timespan | None = None
    decisions: SavedDecisions | None = None
