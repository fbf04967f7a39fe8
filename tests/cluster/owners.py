"""Clusters of other processes: the command for a person, and who lives in a cluster's namespaces."""

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.harness import netns

ROOT = Path(__file__).resolve().parents[2]


def command(*arguments):
    return [sys.executable, "-m", "tests.cluster", *map(str, arguments)]


def run(*arguments):
    """Run the command for a person to its end."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


@contextmanager
def running_in_another_process():
    """Have a small cluster of another process; yield that process and the cluster's number."""
    owner = subprocess.Popen(command("up", "--nodes", "1"), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        first = owner.stdout.readline()
        yield owner, int(re.match(r"Cluster (\d+) runs", first)[1])
    finally:
        owner.terminate()
        owner.communicate(timeout=60)


def pids_in(number):
    """Return the processes that live in the namespaces of a cluster."""
    inodes = {(netns.FOLDER / name).stat().st_ino for name in netns.names(f"nsc{number}-")}
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                inode = (entry / "ns" / "net").stat().st_ino
            except OSError:
                continue
            if inode in inodes:
                found.append(int(entry.name))
    return found
