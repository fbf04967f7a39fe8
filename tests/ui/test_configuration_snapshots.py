"""The configuration screen as pictures: wide and narrow, with ASCII, in light and contrast, locked."""

from pathlib import Path

import pytest

from tests.ui.config_host import config_app, configure, go_to, press
from tests.ui.shop import NARROW, WIDE

BOTH = pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
FILE = """schema: 1
labels:
  workloads: {exclude: ['helm.sh/*']}
aliases:
  partners: {entries: [198.51.100.0/24, '2001:db8::/48']}
  proxies: {entries: [203.0.113.7, 203.0.113.8], allowed: true}
cidrs: {services: [10.112.0.0/12]}
"""


@pytest.fixture
def picture(snap_compare, tmp_path):
    """Compare the screen after some keys with its snapshot; the file has the same short path everywhere."""
    (tmp_path / "shop.yaml").write_text(FILE)

    def compare(size, *keys, **options):
        async def run(pilot):
            await configure(pilot)
            for key in keys:
                if key.startswith("to "):
                    await go_to(pilot, key.removeprefix("to "))
                else:
                    await press(pilot, key)

        return snap_compare(config_app(Path("shop.yaml"), **options), terminal_size=size, run_before=run)

    return compare


@BOTH
@pytest.mark.parametrize("key", ["1", "2", "3"], ids=["labels", "unresolved-ips", "cidrs"])
def test_areas(picture, key, size):
    assert picture(size, key)


@BOTH
def test_a_harmful_draft(picture, size):
    assert picture(size, "1", "to ] app ", "space")


@BOTH
@pytest.mark.parametrize(
    "keys", [("2", "down", "enter"), ("3", "a"), ("2", "i")], ids=["alias", "range", "import"]
)
def test_dialogs(picture, keys, size):
    assert picture(size, *keys)


def test_ascii(picture):
    assert picture(WIDE, "1", "to ] app ", "space", ascii_only=True)


@pytest.mark.parametrize("theme", ["netsec-light", "netsec-contrast", "ansi-dark"])
def test_themes(picture, theme):
    assert picture(WIDE, "1", "to ] app ", "space", theme=theme)


def test_locked(picture):
    assert picture(NARROW, "2", "a", locked="The configuration is locked by --lock-config.")
