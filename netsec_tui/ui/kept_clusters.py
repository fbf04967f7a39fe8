"""What was looked at of each cluster, kept while another one is: only one is ever read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from netsec_tui.model.identity import WorkloadRef
from netsec_tui.ui.intake import Intake
from netsec_tui.ui.start import ConfigFileLike, Connected


@dataclass(slots=True)
class Looked:
    """Hold one cluster: its session and feed, its configuration file, what was decided and not saved."""

    intake: Intake
    file: ConfigFileLike | None = None
    unsaved: set[WorkloadRef] = field(default_factory=set)

    @property
    def cluster(self) -> str:
        """Return the name of the cluster, empty before one is chosen."""
        return self.intake.session.options.cluster

    def lost(self, way: str = "") -> Iterator[str]:
        """Say what would be lost with it; ``way`` is how its configuration is saved."""
        session = self.intake.session
        names = ", ".join(sorted(map(str, self.unsaved)))
        if names:
            yield f"Decisions for {names} are not saved and will be lost."
        if session.config != session.saved_config:
            yield f"The configuration was edited, is not saved{way} and will be lost."


class KeptClusters:
    """Keep clusters that were left, and go on where one was left when it is chosen again."""

    def __init__(self) -> None:
        self._left: dict[str, Looked] = {}

    def change(self, now: Looked, connected: Connected) -> Looked:
        """Stop reading one cluster and return the other, not yet started; what was decided of both is kept.

        The session of one that was left stays, with all that was observed; only the feed is new.
        """
        if now.cluster:
            now.intake.leave()
            self._left[now.cluster] = now
        else:
            now.intake.stop()
        before = self._left.pop(connected.session.options.cluster, None)
        if before is None:
            return Looked(Intake(connected.session, connected.feed), connected.file)
        return Looked(before.intake.again(connected.feed), before.file, before.unsaved)

    def empty(self) -> bool:
        """Keep what sources of clusters that were left say late; tell whether there may be more at once."""
        more = [looked.intake.empty() for looked in self._left.values()]
        return any(more)

    def stop(self) -> None:
        """Listen to them no more."""
        for looked in self._left.values():
            looked.intake.stop()

    def lost(self) -> list[str]:
        """Say what would be lost of the clusters that were left."""
        return [f"{name}: {sentence}" for name, looked in self._left.items() for sentence in looked.lost()]
