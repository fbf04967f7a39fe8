"""A place for what a source emits, which a test can wait on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from netsec_tui.model.flow import Flow, Gap
from netsec_tui.sources.contract import FlowsRead, KubeObject, Message, ObjectsRead, Source, SourceStatus
from tests.sources.waiting import PATIENCE


class Collected:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._changed = threading.Condition()

    def __call__(self, message: Message) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait_for(self, fulfilled: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(fulfilled, PATIENCE), self.messages[-2:]

    @property
    def objects(self) -> tuple[KubeObject, ...]:
        found = [m for m in self.messages if isinstance(m, ObjectsRead)]
        return found[-1].objects if found else ()

    @property
    def problems(self) -> tuple[str, ...]:
        found = [m for m in self.messages if isinstance(m, ObjectsRead)]
        return found[-1].problems if found else ()

    @property
    def names(self) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.objects if "deleted" not in obj]

    @property
    def gone(self) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.objects if "deleted" in obj]

    @property
    def flows(self) -> list[Flow | Gap]:
        return [flow for m in self.messages if isinstance(m, FlowsRead) for flow in m.flows]

    @property
    def status(self) -> SourceStatus:
        found = [m for m in self.messages if isinstance(m, SourceStatus)]
        return found[-1] if found else SourceStatus("", False)


def gaps(collected: Collected) -> list[Gap]:
    """Return what a source says it has lost."""
    return [item for item in collected.flows if isinstance(item, Gap)]


def read(source: Source) -> Collected:
    """Return what a source emits when it is read once."""
    collected = Collected()
    source.read(collected)
    return collected


@contextmanager
def following(source: Source) -> Iterator[Collected]:
    """Run ``source.follow`` in a thread as the product does, and stop it at the end."""
    collected, stop = Collected(), threading.Event()
    thread = threading.Thread(target=source.follow, args=(collected, stop), daemon=True)
    thread.start()
    try:
        yield collected
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()
