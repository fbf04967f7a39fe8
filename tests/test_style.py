"""House rules that no linter checks: short modules, short functions, nothing of one machine in the tree."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*(ROOT / "netsec_tui").rglob("*.py"), *(ROOT / "tests" / "cluster").rglob("*.py")])
MODULES = sorted([*(ROOT / "netsec_tui").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
LONGEST_MODULE, LONGEST_FUNCTION = 500, 60

# Written in pieces, or this file would be its own finding.
FORBIDDEN = re.compile(
    "|".join(["/wor" + "k/", "/ho" + "me/[a-z]", "/tm" + "p/(?:brief|env)", "/opt/whe" + "els"])
)


def relative(path):
    return str(path.relative_to(ROOT))


def project_files():
    """Return every file that is in version control, or all there are in an unpacked sdist."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = done.stdout.decode().split("\0") if done.returncode == 0 else []
    files = [ROOT / name for name in names if name]
    return files or [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def test_functions_are_short():
    long = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long.append(f"{relative(path)}:{node.lineno} {node.name}: {length} lines")
    assert long == []


def test_nothing_of_one_machine_is_in_the_tree():
    found = []
    for path in project_files():
        text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
        found += [f"{relative(path)}: {match[0]}" for match in FORBIDDEN.finditer(text)]
    assert found == []


def test_no_binaries_in_the_tree_but_packed_test_data():
    binary = [path for path in project_files() if path.is_file() and b"\0" in path.read_bytes()[:8192]]
    assert [relative(path) for path in binary if path.parent != ROOT / "tests" / "data"] == []


def test_every_benchmark_is_listed():
    listed = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    benchmarks = [path.name for path in (ROOT / "tests" / "benchmarks").glob("bench_*.py")]
    assert benchmarks
    assert [name for name in benchmarks if f"`{name}`" not in listed] == []
