"""Write the demo's capture anew: ``python -m netsec_tui.demo.make [PATH]``; the same bytes every time."""

from __future__ import annotations

import sys
from pathlib import Path

from netsec_tui.demo import cluster, traffic
from netsec_tui.sources.capture_writer import CaptureWriter
from netsec_tui.sources.contract import FlowsRead, ObjectsRead
from netsec_tui.sources.demo import CAPTURE


def make(path: Path) -> None:
    """Write the demo's capture to a file.

    Raises:
        CannotWriteError: the file cannot be written.
    """
    with CaptureWriter(path, overwrite=True) as capture:
        capture.write(ObjectsRead("demo", tuple(cluster.objects())))
        capture.write(FlowsRead(tuple(traffic.flows())))
    path.chmod(0o644)  # unlike a recording it holds nothing of anybody, and is installed for all


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else CAPTURE)
