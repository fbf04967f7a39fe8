"""Each layer, imported in a fresh interpreter, loads nothing that it may not (docs/architecture.md)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"textual", "rich", "kubernetes", "grpc", "urllib3", "requests", "sqlite3", "asyncio", "http"}
ORDER = (
    "model",
    "kube",
    "core",
    "render",
    "session",
    "sources",
    "demo",
    "configuration",
    "decisions_file",
    "ui",
    "cli",
)
MAY_IMPORT = {
    "model": set(),
    "kube": {"model"},
    "core": {"model", "kube"},
    "render": {"model", "kube", "core"},
    "session": {"model", "kube", "core"},
    "sources": {"model", "kube"},
    "demo": {"model", "kube", "sources"},
    "configuration": {"model", "kube", "core"},
    "decisions_file": {"model", "kube", "core", "configuration"},
    "ui": {
        "model",
        "kube",
        "core",
        "render",
        "session",
        "sources",
        "demo",
        "configuration",
        "decisions_file",
    },
    "cli": set(ORDER) - {"cli"},
}

REPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def modules_of(layer):
    """Return the dotted names of every module of a layer."""
    files = sorted((ROOT / "netsec_tui" / layer).rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names]


def loaded_after(*names):
    """Return all modules loaded once the named ones are imported, in an interpreter of their own."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *names], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def packages(loaded):
    return {name.partition(".")[0] for name in loaded}


def layers(loaded):
    return {name.split(".")[1] for name in loaded if name.startswith("netsec_tui.")} & set(ORDER)


def test_every_part_has_its_rule():
    folders = {path.parent.name for path in (ROOT / "netsec_tui").glob("*/__init__.py")}
    assert folders == set(ORDER) == set(MAY_IMPORT)
    described = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert folders == set(re.findall(r"^\| `netsec_tui/(\w+)` \|", described, re.MULTILINE))


@pytest.mark.parametrize("layer", ORDER[: ORDER.index("ui")])
def test_layer_imports_only_what_it_may(layer):
    names = modules_of(layer)
    assert len(names) > 1, f"netsec_tui/{layer} holds no modules"
    assert layers(loaded_after(*names)) <= MAY_IMPORT[layer] | {layer}


@pytest.mark.parametrize("layer", ORDER[: ORDER.index("sources")])
def test_pure_layer_loads_no_terminal_cluster_or_network_library(layer):
    loaded = packages(loaded_after(*modules_of(layer)))
    assert loaded.isdisjoint(HEAVY | {"socket", "ssl", "subprocess"} if layer == "model" else HEAVY)


def test_networkx_is_loaded_by_the_topology_alone():
    names = [name for name in modules_of("core") if name != "netsec_tui.core.topology"]
    assert "networkx" not in packages(loaded_after(*names))


def test_sources_load_neither_cluster_nor_terminal_library():
    loaded = packages(loaded_after(*modules_of("sources")))
    assert loaded.isdisjoint({"kubernetes", "textual", "rich", "networkx", "yaml"})


def test_screen_loads_no_cluster_library_before_it_is_needed():
    loaded = loaded_after(*modules_of("ui"))
    assert packages(loaded).isdisjoint({"kubernetes"})
    assert "cli" not in layers(loaded)


def test_command_line_itself_loads_nothing_heavy():
    loaded = packages(loaded_after("netsec_tui.cli.main"))
    assert loaded.isdisjoint(HEAVY | {"yaml", "networkx"})


@pytest.mark.parametrize(
    "command", ["listing", "applied", "generate", "diff", "record", "check", "config", "info"]
)
def test_headless_command_loads_no_terminal_library(command):
    loaded = packages(loaded_after(f"netsec_tui.cli.{command}"))
    assert loaded.isdisjoint({"textual", "rich", "kubernetes"})
