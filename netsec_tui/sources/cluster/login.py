"""A client for one context of a kubeconfig, with the client library's noise kept off the terminal."""

from __future__ import annotations

import io
import logging
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.cluster.kubeconfig import choose_context, kubeconfig_files
from netsec_tui.sources.cluster.silence import Silences
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.secret import header_value
from netsec_tui.sources.waits import waited_for

LOGIN_SECONDS = 180.0
"""How long a login command may take: kubelogin gives a person so long in the browser (its default)."""

_hung = Silences()
"""The contexts whose login command has just not ended: inputs that are read in turn do not wait in turn."""


def log_in(name: str | None, kubeconfig: str | None) -> Any:
    """Return a ``kubernetes.client.ApiClient`` for a context; nothing is asked of the server yet.

    Its ``context`` is the name of that.
    Nothing is written: tokens that a plugin renews do not go back to the kubeconfig.

    Raises:
        NotFoundError: there is no such context or no kubeconfig.
        BadInputError: the kubeconfig cannot be read.
        UnreachableError: the kubeconfig's credentials cannot be had.
    """
    context = choose_context(name, kubeconfig)
    files = os.pathsep.join(map(str, kubeconfig_files(kubeconfig)))
    _hung.check(f"{context.name} of {files}")
    from kubernetes import client, config

    _tame_login_commands()
    settings = client.Configuration()
    load: Any = config.new_client_from_config
    settings.retries = False  # The next listing is the next try.
    settings.connection_pool_maxsize = 32  # Each resource is watched over a connection of its own.
    began = time.monotonic()
    with complaints() as heard:
        try:
            api = load(files, context.name, persist_config=False, client_configuration=settings)
        except Exception as error:  # Whatever a plugin or a file can provoke comes through the library.
            heard.append(str(error) or type(error).__name__)
    if heard:
        sentence = no_login(context.name, heard[0])
        if time.monotonic() - began >= LOGIN_SECONDS:
            _hung.note(f"{context.name} of {files}", sentence)
        raise UnreachableError(sentence)
    api.context = context.name
    return api


def login_headers(client: Any) -> dict[str, str]:
    """Return the headers with which a client of ``log_in`` logs in, by names in small letters.

    A token that has ended is renewed; not for two threads at once.

    Raises:
        UnreachableError: the token is none.
    """
    headers: dict[str, str] = {}
    for one in client.configuration.auth_settings().values():
        if one["in"] == "header" and one["value"]:
            value = header_value(one["value"])
            if value is None:
                what = "its token holds a line break or a character that no header may hold"
                raise UnreachableError(no_login(str(getattr(client, "context", "")), what))
            headers[one["key"].lower()] = value
    return headers


def no_login(context: str, reason: str) -> str:
    """Return the sentence for credentials that cannot be had."""
    last = (reason.strip().splitlines() or [""])[-1]
    return (
        f"context {printable(context)} gives no way to log in: {printable(last)}; "
        f"log in first, until kubectl --context {shlex.quote(printable(context))} get pods works"
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


class _LoginCommand(subprocess.Popen[str]):
    """Run a login command; one that takes long is told, and one that does not end is ended."""

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Return what it prints.

        Raises:
            TimeoutError: it has not ended in time.
        """
        command = next(iter(self.args)) if isinstance(self.args, Sequence) else self.args
        name = printable(os.path.basename(str(command)))  # its arguments may hold a secret
        try:
            with waited_for(f"the login command {name}"):
                return super().communicate(input, LOGIN_SECONDS if timeout is None else timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()
            for pipe in filter(None, (self.stdout, self.stderr)):  # a child of its own may hold the other end
                pipe.close()
            raise TimeoutError(f"the login command {name} has not ended within {LOGIN_SECONDS:g} s") from None


def _tame_login_commands() -> None:
    """Make login commands end, and run without a terminal: they would write over the screen.

    The library asks its own ``sys.stdout`` whether it is one and then lends it to the plugin.
    """
    import urllib3
    from kubernetes.config import exec_provider, kube_config

    modules: tuple[Any, Any] = exec_provider, kube_config
    for module in modules:
        module.subprocess = SimpleNamespace(Popen=_LoginCommand, PIPE=subprocess.PIPE)
    modules[0].sys = SimpleNamespace(stdout=io.StringIO(), stderr=None, stdin=None, platform=sys.platform)
    # insecure-skip-tls-verify stands in the kubeconfig: a warning for every request tells nothing new.
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
