"""Where configuration files lie: XDG folders, and names of clusters as names of files."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, unquote

from netsec_tui.errors import NotFoundError

SUFFIX = ".yaml"
_EMPTY = "%"
_LONGEST = 180
"""Characters of one part of a path: file systems take 255 bytes, and the lock beside the file needs some."""


def config_home() -> Path:
    """Return the folder of all that is configured: in $XDG_CONFIG_HOME when absolute, else in ~/.config.

    Raises:
        NotFoundError: there is no home folder.
    """
    named = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(named):
        return Path(named) / "netsec-tui"
    try:
        return Path.home() / ".config" / "netsec-tui"
    except RuntimeError as error:
        raise NotFoundError("there is no home folder; set XDG_CONFIG_HOME to an absolute path") from error


def clusters_folder() -> Path:
    """Return the folder that holds a file for each cluster."""
    return config_home() / "clusters"


def config_path(cluster: str) -> Path:
    """Return where the configuration of a cluster lies, or would; ``cluster_of`` is its inverse.

    Whatever a name holds, the file is inside ``clusters_folder``: all but letters, digits, ``_``, ``-``,
    ``~`` and inner dots is written as %XX. A very long name becomes folders that end in ``%``.
    """
    name = quote(cluster, safe="", errors="surrogatepass") or _EMPTY
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    parts = [name[at : at + _LONGEST] for at in range(0, len(name), _LONGEST)]
    folders = [f"{part}%" for part in parts[:-1]]
    return clusters_folder().joinpath(*folders, f"{parts[-1]}{SUFFIX}")


def cluster_of(path: Path) -> str:
    """Return the name of the cluster whose configuration lies at a path that ``config_path`` gave."""
    *folders, last = path.relative_to(clusters_folder()).parts
    name = "".join(folder.removesuffix("%") for folder in folders) + last.removesuffix(SUFFIX)
    return "" if name == _EMPTY else unquote(name, errors="surrogatepass")
