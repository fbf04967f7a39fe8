"""Shared by all tests: a clean environment, snapshots at the top level, the real data beside the tree."""

import os
from pathlib import Path

# Both change what is drawn, and Textual reads the second when it is imported.
for name in ("NO_COLOR", "TEXTUAL_THEME"):
    os.environ.pop(name, None)

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402
from pytest_textual_snapshot import SVGImageExtension  # noqa: E402

# How long an example takes says nothing where other work runs beside the tests.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOTS = ROOT / "snapshots"
SHARED_DATA = ROOT.parent / "shared" / "data"
CLUSTER = ROOT / "tests" / "cluster"


def pytest_ignore_collect(collection_path, config):
    """Leave out the tests on a real cluster unless they are named: they build and start one, as root."""
    if collection_path == CLUSTER and not any(_within(CLUSTER, config, arg) for arg in config.args):
        return True
    return None


def _within(folder, config, arg):
    named = (config.invocation_params.dir / str(arg).split("::")[0]).resolve()
    return named.is_relative_to(folder)


def _snapshot_folder(cls, *, test_location):
    """Keep snapshots in snapshots/<test module>; relative, since syrupy spares siblings by this prefix."""
    here = Path(test_location.filepath).parent
    return str(here / os.path.relpath(SNAPSHOTS, here) / test_location.basename)


SVGImageExtension.dirname = classmethod(_snapshot_folder)
SVGImageExtension.file_extension = "svg"


@pytest.fixture(scope="session")
def shared_data():
    """Return the folder of real recordings and manifests that may lie beside the tree."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data is not beside the tree: ../shared/data is missing")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _nothing_of_the_person(monkeypatch, tmp_path_factory):
    """Keep every test away from the clusters and the configuration of the person who runs them."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path_factory.getbasetemp() / "no-kubeconfig"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.delenv("NETSEC_TUI_LOCK_CONFIG", raising=False)
