"""Network namespaces: made, removed, and entered by one thread for a moment."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path("/run/netns")
"""Where iproute2 keeps the names of namespaces."""

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def create(name: str) -> Path:
    """Make a network namespace with its loopback up and return its file."""
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    return FOLDER / name


def delete(name: str) -> None:
    """Remove a network namespace, and with it the links that end in it; one that is gone already is fine."""
    if (FOLDER / name).exists():
        run("ip", "netns", "delete", name)


def names(prefix: str) -> list[str]:
    """Return the namespaces whose names begin so."""
    return sorted(p.name for p in FOLDER.glob(f"{prefix}*")) if FOLDER.is_dir() else []


def batch(name: str, commands: Iterable[str]) -> None:
    """Run many ``ip`` commands inside a namespace by one process; the first that fails ends them.

    Raises:
        RuntimeError: one fails; the message holds what ``ip`` says.
    """
    run("ip", "-n", name, "-batch", "-", stdin="\n".join(commands) + "\n")


def set_sysctls(path: Path, values: Mapping[str, int]) -> None:
    """Set kernel parameters ``net....`` of one namespace."""
    with inside(path):
        for name, value in values.items():
            Path("/proc/sys", *name.split(".")).write_text(str(value))


def run(*command: str, stdin: str = "") -> str:
    """Run a command and return its standard output.

    Raises:
        RuntimeError: it fails; the message holds the command and what it says.
    """
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise RuntimeError(f"{' '.join(command)} fails with {done.returncode}: {said}")
    return done.stdout


@contextmanager
def inside(path: Path) -> Iterator[None]:
    """Move the calling thread into a network namespace for the length of a block.

    Sockets made in the block, and processes started in it, stay in that namespace.
    """
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(here)
    finally:
        os.close(here)


def socket_in(path: Path, family: int, kind: int) -> socket.socket:
    """Return a socket that belongs to a namespace, whatever thread uses it later."""
    with inside(path):
        return socket.socket(family, kind)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")
