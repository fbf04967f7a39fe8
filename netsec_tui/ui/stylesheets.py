"""Find the stylesheets, in a wheel as in a checkout."""

from __future__ import annotations

from pathlib import Path, PurePath

_PACKAGE = Path(__file__).resolve().parent.parent


def styles_dir() -> Path:
    """Return the folder of the stylesheets.

    Raises:
        FileNotFoundError: the installation lacks them.
    """
    for candidate in (_PACKAGE / "styles", _PACKAGE.parent / "styles"):
        if (candidate / "base.tcss").is_file():
            return candidate
    raise FileNotFoundError("the stylesheets are missing from this installation; install netsec-tui again")


def stylesheets() -> list[str | PurePath]:
    """Return all stylesheets, the base first and the others by name."""
    folder = styles_dir()
    others = sorted(path for path in folder.glob("*.tcss") if path.name != "base.tcss")
    return [folder / "base.tcss", *others]
