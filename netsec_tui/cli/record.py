"""``netsec-tui record``: everything that the inputs give, in one capture file."""

from __future__ import annotations

import os
import queue
import threading
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netsec_tui.cli.exits import CANNOT_TELL
from netsec_tui.cli.inputs import STDIN, cluster_source, file_sources, reads_cluster
from netsec_tui.cli.output import note
from netsec_tui.cli.tty import piped_input
from netsec_tui.errors import BadInputError, NetsecError
from netsec_tui.model.flow import Flow
from netsec_tui.sources.capture_writer import CaptureWriter
from netsec_tui.sources.contract import FlowsRead, Message, ObjectsRead, Source, SourceStatus

_Told = Message | NetsecError | None
"""What a source says: messages, at the end None, or the error that ended it."""


@dataclass
class Tally:
    """Count what was written, and remember the exit code that trouble calls for."""

    flows: int = 0
    objects: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    exit_code: int = 0

    def add(self, message: Message) -> None:
        """Count one message."""
        if isinstance(message, FlowsRead):
            self.flows += sum(isinstance(flow, Flow) for flow in message.flows)
        elif isinstance(message, ObjectsRead):
            self.objects[message.source] = len(message.objects)
        else:
            self.skipped[message.source] = message.skipped

    def close(self, path: str) -> int:
        """Say what the capture holds and return the exit code."""
        skipped = sum(self.skipped.values())
        note(f"{path} holds {self.flows} flows and {sum(self.objects.values())} objects")
        if skipped:
            note(f"{skipped} lines or documents could not be read and were left out")
            return self.exit_code or BadInputError.exit_code
        return self.exit_code


def run(args: Namespace) -> int:
    """Record until the input ends or Ctrl-C, both of which leave a complete file; return the exit code."""
    sources = file_sources(args, piped_input)
    if reads_cluster(args):
        sources.append(cluster_source(args, args.context))
    tally = Tally()
    with CaptureWriter(args.output) as writer:
        stop = threading.Event()
        try:
            for message in _messages(sources, stop, follow=STDIN in args.flows):
                if isinstance(message, NetsecError):
                    note(str(message))
                    tally.exit_code = tally.exit_code or message.exit_code
                    continue
                writer.write(message)
                if not tally.flows and isinstance(message, FlowsRead):
                    note(f"recording to {args.output}")
                tally.add(message)
        except KeyboardInterrupt:
            pass  # the ordinary end of a live recording
        finally:
            stop.set()
    if not (tally.flows or tally.objects):
        os.unlink(args.output)
        note("nothing could be read, so no capture was left")
        return tally.exit_code or CANNOT_TELL
    return tally.close(args.output)


def _messages(
    sources: Iterable[Source], stop: threading.Event, *, follow: bool
) -> Iterator[Message | NetsecError]:
    """Yield what the sources say until they have ended.

    With ``follow``, sources of cluster state alone go on for ever; they must only have been read once.
    """
    told: queue.Queue[tuple[Source, _Told]] = queue.Queue(maxsize=1000)
    awaited = list(sources)
    for source in awaited:
        threading.Thread(target=_deliver, args=(source, told, stop, follow), daemon=True).start()
    while awaited:
        source, message = told.get()
        ended = message is None or isinstance(message, NetsecError)
        read_once = follow and isinstance(message, SourceStatus) and _tells_state_only(source)
        if source in awaited and (ended or read_once):
            awaited.remove(source)
        if message is not None:
            yield message


def _tells_state_only(source: Source) -> bool:
    """Tell whether a source gives cluster state and no flows, so that it never ends a recording."""
    from netsec_tui.sources.cluster import ClusterSource
    from netsec_tui.sources.manifests import ManifestSource

    return isinstance(source, ClusterSource | ManifestSource)


def _deliver(
    source: Source, told: queue.Queue[tuple[Source, _Told]], stop: threading.Event, follow: bool
) -> None:
    def emit(message: Message) -> None:
        told.put((source, message))

    try:
        if follow:
            source.follow(emit, stop)
        else:
            source.read(emit)
        told.put((source, None))
    except NetsecError as error:
        told.put((source, error))
    except Exception as error:  # else the recording would wait for this source for ever
        told.put((source, NetsecError(f"{source.name} failed: {error!r}")))
