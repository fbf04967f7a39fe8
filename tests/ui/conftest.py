"""The screen is tested in a folder of its own and sees no variable of whoever runs the tests."""

import pytest


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "TEXTUAL_THEME", "NETSEC_TUI_THEME", "TMUX"):
        monkeypatch.delenv(name, raising=False)
