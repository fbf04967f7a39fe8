"""Write the generated policy to a file, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from netsec_tui.errors import CannotWriteError


def target_of(typed: str, name: str) -> Path:
    """Return the file that a typed path means; a folder stands for ``<name>.yaml`` in it.

    Raises:
        CannotWriteError: nothing was typed, or the folder does not exist.
    """
    if not typed.strip():
        raise CannotWriteError("no file name was given; type one")
    if "\0" in typed:
        raise CannotWriteError("a file name cannot hold a zero character; type another")
    try:
        path = Path(typed.strip()).expanduser()
        if path.is_dir():
            path /= f"{name}.yaml"
        if not path.parent.is_dir():
            raise CannotWriteError(f"{path.parent} is no folder; create it or choose another path")
    except (OSError, RuntimeError) as error:
        raise CannotWriteError(f"{typed.strip()} cannot be used: {error}") from error
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a text file by way of a temporary one, so that a failure leaves the old content.

    Raises:
        CannotWriteError: the file or its folder cannot be written.
    """
    temporary = ""
    try:
        target = path.resolve()
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise CannotWriteError(f"{path} cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    """Return the process umask; the system offers no way to read it without setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
