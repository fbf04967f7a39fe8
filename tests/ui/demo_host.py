"""The app over the demo and other inputs, as the command line makes it; also the demo's cluster as it is."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import Any

from netsec_tui.cli.flags import parse
from netsec_tui.cli.tui import KubeconfigClusters, start_scope
from netsec_tui.core.cluster.known_ranges import settled
from netsec_tui.demo.source import DemoSource
from netsec_tui.model.config import Config
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.contract import ObjectsRead
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.ui.app import NetsecApp
from tests.ui.driving import NARROW, WIDE, Operator

__all__ = ["NARROW", "WIDE", "Operator", "app_of", "demo_app", "demo_inventory", "opened"]


def demo_app(*arguments: str) -> NetsecApp:
    """Return what ``netsec-tui demo`` runs."""
    return app_of("demo", *arguments)


def app_of(*arguments: str) -> NetsecApp:
    """Return what ``netsec-tui`` runs with some flags; a cluster is among them only with ``--context``."""
    args = parse(arguments)
    connected = KubeconfigClusters(args).connect(args.context)
    return NetsecApp(connected.session, connected.feed, start=start_scope(args), file=connected.file)


def demo_inventory() -> Inventory:
    """Return the demo's cluster as it is, whatever the app makes of it."""
    messages: list[Any] = []
    DemoSource().follow(messages.append, threading.Event())
    (objects,) = [message.objects for message in messages if isinstance(message, ObjectsRead)]
    return settled(build_inventory(objects)[0], Config())


@asynccontextmanager
async def opened(size: tuple[int, int]) -> Any:
    """Start the demo and wait until the first question can be answered."""
    app = demo_app()
    async with app.run_test(size=size) as pilot:
        operator = Operator(app, pilot)
        await operator.until(lambda: "shop " in operator.screen(), "the namespaces are offered")
        yield operator
