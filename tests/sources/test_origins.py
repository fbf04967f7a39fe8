"""Every source and every format has its entry in the table of what is particular about flows."""

import ast
from pathlib import Path

import pytest

import netsec_tui.sources
from netsec_tui.model.origins import ORIGINS, SOURCES_IN_ORDER
from netsec_tui.sources import formats
from netsec_tui.sources.registry import SOURCES
from tests.sources.lines.test_lines_formats import SAMPLES

FOLDER = Path(netsec_tui.sources.__file__).parent
HEADS = [text.encode() for _, text in SAMPLES.values()]


def origins_in(path):
    """Return the texts that a module calls its origins."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            for name in statement.targets:
                if isinstance(name, ast.Name) and name.id.startswith("ORIGIN"):
                    yield statement.value.value


def test_every_source_has_an_entry_and_every_entry_of_a_source_has_one():
    assert sorted(SOURCES) == sorted(SOURCES_IN_ORDER)


def test_every_origin_has_an_entry_and_every_entry_an_origin():
    named = {origin for path in FOLDER.rglob("*.py") for origin in origins_in(path)}
    assert named == ORIGINS.keys() - {"theia"}  # whose rows are of the same records as Antrea's


@pytest.mark.parametrize("looks", [formats.looks_like_hubble, *(looks for looks, _ in formats._others())])
def test_every_format_has_a_sample(looks):
    assert any(map(looks, HEADS))


def test_what_every_sample_tells_has_an_entry():
    assert {origin for origin, _ in SAMPLES.values()} <= ORIGINS.keys()
