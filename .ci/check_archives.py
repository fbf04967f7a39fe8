"""Check that a wheel and an sdist hold what they must: stylesheets, the demo, the licence, the tests."""

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def in_wheel(path: Path) -> set[str]:
    """Return the names of all files in a wheel."""
    with zipfile.ZipFile(path) as wheel:
        return set(wheel.namelist())


def in_sdist(path: Path) -> set[str]:
    """Return the names of all files in an sdist, without its top folder."""
    with tarfile.open(path) as sdist:
        return {name.partition("/")[2] for name in sdist.getnames()}


def tree(folder: str) -> set[str]:
    """Return the files of a folder that belong into an archive."""
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


def main(wheel: str, sdist: str) -> int:
    """Compare both archives with the tree; print what is missing."""
    wanted_wheel = tree("netsec_tui") | {f"netsec_tui/{name}" for name in tree("styles")}
    wanted_sdist = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}
    for folder in ("netsec_tui", "styles", "tests", "snapshots", "docs"):
        wanted_sdist |= tree(folder)
    names = in_wheel(Path(wheel))
    missing = [f"wheel: {name}" for name in sorted(wanted_wheel - names)]
    missing += [f"sdist: {name}" for name in sorted(wanted_sdist - in_sdist(Path(sdist)))]
    if not any(name.endswith("/licenses/LICENSE") for name in names):
        missing.append("wheel: the licence")
    print("\n".join(f"missing in the {name}" for name in missing) or "both archives are complete")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
