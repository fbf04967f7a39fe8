"""A client for one context of a kubeconfig, with the client library's noise kept off the terminal."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.cluster.kubeconfig import choose_context, kubeconfig_files
from netsec_tui.sources.objects.strip import printable


def log_in(name: str | None, kubeconfig: str | None) -> Any:
    """Return a ``kubernetes.client.ApiClient`` for a context; nothing is asked of the server yet.

    Nothing is written: tokens that a plugin renews do not go back to the kubeconfig.

    Raises:
        NotFoundError: there is no such context or no kubeconfig.
        BadInputError: the kubeconfig cannot be read.
        UnreachableError: the kubeconfig's credentials cannot be had.
    """
    context = choose_context(name, kubeconfig)
    files = os.pathsep.join(map(str, kubeconfig_files(kubeconfig)))
    from kubernetes import client, config

    _keep_off_the_terminal()
    settings = client.Configuration()
    load: Any = config.new_client_from_config
    settings.retries = False  # The next listing is the next try.
    settings.connection_pool_maxsize = 32  # Each resource is watched over a connection of its own.
    with complaints() as heard:
        try:
            api = load(files, context.name, persist_config=False, client_configuration=settings)
        except Exception as error:  # Whatever a plugin or a file can provoke comes through the library.
            heard.append(str(error) or type(error).__name__)
    if heard:
        raise UnreachableError(no_login(context.name, heard[0]))
    return api


def no_login(context: str, reason: str) -> str:
    """Return the sentence for credentials that cannot be had."""
    last = (reason.strip().splitlines() or [""])[-1]
    return (
        f"context {printable(context)} gives no way to log in: {printable(last)}; "
        f"log in first, until kubectl --context {printable(context)} get pods works"
    )


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collect the errors that the library only logs: a failed exec plugin would go on unauthenticated."""
    heard: list[str] = []
    thread = threading.get_ident()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread and record.levelno >= logging.ERROR:
                heard.append(record.getMessage())

    ear, root = Ear(), logging.getLogger()
    root.addHandler(ear)
    try:
        yield heard
    finally:
        root.removeHandler(ear)


def _keep_off_the_terminal() -> None:
    """Make exec plugins run without a terminal: they would write over the screen.

    The library asks its own ``sys.stdout`` whether it is one and then lends it to the plugin.
    """
    import urllib3
    from kubernetes.config import exec_provider

    module: Any = exec_provider
    module.sys = SimpleNamespace(stdout=io.StringIO(), stderr=None, stdin=None, platform=sys.platform)
    # insecure-skip-tls-verify stands in the kubeconfig: a warning for every request tells nothing new.
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
