"""Results on standard output: UTF-8 whatever the locale, hostile text harmless, a full disk said."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netsec_tui.cli import output
from netsec_tui.errors import CannotWriteError

ROOT = Path(__file__).resolve().parents[2]


def test_table_aligns_wide_characters_and_writes_out_escapes(capsys):
    output.put_table(("NAME", "PORT"), [("網", "80"), ("[red]", "443"), ("\x1b[31m", "8080")])
    assert capsys.readouterr().out.splitlines() == [
        "NAME       PORT",
        "網         80",
        "[red]      443",
        "\\x1b[31m   8080",
    ]


def test_json_starts_with_its_schema_version(capsys):
    output.put_json({"a": "\x1b\u202e"})
    text = capsys.readouterr().out
    assert list(json.loads(text)) == ["schemaVersion", "a"]
    assert text.isascii()
    assert "\x1b" not in text


def test_note_goes_to_stderr_and_is_harmless(capsys):
    output.note("bad \x1b]0;name\x07")
    assert capsys.readouterr() == ("", "netsec-tui: bad \\x1b]0;name\\x07\n")


def test_output_is_utf8_in_an_ascii_locale():
    code = "from netsec_tui.cli.output import put; put('網\\n')"
    env = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True)
    assert done.stdout == "網\n".encode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_is_said():
    code = "from netsec_tui.cli.output import put; put('x')"
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    assert "standard output cannot be written: No space left on device" in done.stderr


def test_closed_output_is_said(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(CannotWriteError, match="standard output is closed"):
        output.put("x")
