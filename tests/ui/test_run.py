"""Starting the screen: what it refuses, and what it does not load before it is painted."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netsec_tui.errors import UsageError
from netsec_tui.session.session import Options, Session
from netsec_tui.ui.run import run_app
from tests.sources.api_server import write_kubeconfig
from tests.ui.shop import NEWEST, Feed

ROOT = Path(__file__).resolve().parents[2]


def session():
    return Session(Options(cluster="kind-shop"), now=lambda: NEWEST)


def test_a_dumb_terminal_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with pytest.raises(UsageError, match=r"netsec-tui list.*netsec-tui generate"):
        run_app(session(), Feed())


def test_an_unknown_theme_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    with pytest.raises(UsageError, match=r"there is no theme solar; choose one of .*netsec-dark"):
        run_app(session(), Feed(), theme="solar")


FIRST_PAINT = """
import asyncio, sys
from tests.ui.shop import app_over

class App(type(app_over())):
    def _begin(self):
        print(sorted({"kubernetes", "yaml", "networkx"} & set(sys.modules)))
        super()._begin()

async def main():
    app = app_over()
    app.__class__ = App
    async with app.run_test() as pilot:
        await pilot.pause()

asyncio.run(main())
"""


def test_nothing_heavy_is_loaded_before_the_first_paint():
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAINT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


FIRST_PAINT_OF_A_CLUSTER = """
import asyncio, sys
from netsec_tui.cli.flags import parse
from netsec_tui.cli.tui import KubeconfigClusters
from netsec_tui.ui.app import NetsecApp

args = parse(["--context", "prod", "--kubeconfig", sys.argv[1]])
connected = KubeconfigClusters(args).connect("prod")
heavy = {"kubernetes", "networkx", "grpclib", "google.protobuf", "websocket"}

class App(NetsecApp):
    def _begin(self):
        print(len(connected.feed._threads), sorted(heavy & set(sys.modules)))
        self.exit()

async def main():
    app = App(connected.session, connected.feed)
    async with app.run_test() as pilot:
        await pilot.pause()

asyncio.run(main())
"""


def test_the_cluster_is_looked_at_for_a_source_only_after_the_first_paint(tmp_path):
    config = write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAINT_OF_A_CLUSTER, config],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("2 []\n", "")


SHORT_RUN = """
from netsec_tui.session.session import Options, Session
from netsec_tui.ui.run import run_app
from tests.ui.shop import CHECKOUT, LAST_12_H, NEWEST, full_feed
from netsec_tui.ui.start import StartScope

session = Session(Options(cluster="kind-shop"), now=lambda: NEWEST)
start = StartScope("shop", "Deployment", "checkout", LAST_12_H)
raise SystemExit(run_app(session, full_feed(), start=start))
"""


def run_in_terminal(code, environ, until, keys):
    """Run code in a pseudo-terminal of 140x40, press keys once ``until`` is drawn; return what came."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "LINES": "40", "COLUMNS": "140", **environ}
    drawn, pressed, end = b"", False, time.monotonic() + 60
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment
    ) as process:
        os.close(theirs)
        while time.monotonic() < end:
            try:
                if select.select([ours], [], [], 0.1)[0]:
                    drawn += os.read(ours, 1 << 16)
            except OSError:  # the other side is closed
                break
            if not pressed and until in drawn:
                os.write(ours, keys)
                pressed = True
        process.kill()
    os.close(ours)
    return drawn.decode("utf-8", "replace"), process.returncode


def colours(drawn):
    """Return the parameters of every SGR sequence (ECMA-48 8.3.117) that sets a colour but the default."""
    parameters = [p for found in re.findall(r"\x1b\[([0-9;]*)m", drawn) for p in found.split(";") if p]
    return [p for p in parameters if 30 <= int(p) <= 38 or 40 <= int(p) <= 48 or 90 <= int(p) <= 107]


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_means_no_colour(environ, coloured):
    drawn, code = run_in_terminal(SHORT_RUN, environ, b"NetworkPolicy", b"q")
    assert "NetworkPolicy" in drawn
    assert bool(colours(drawn)) is coloured
    assert code == 0
