"""The programs of a cluster: started in a network namespace, with a log, ended with whoever started them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cluster.harness import netns, waiting
from tests.cluster.harness.instance import Instance
from tests.cluster.harness.remains import MARK

# The kernel ends a child with the *thread* that made it, so all are made by one thread that lives to the end.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


# Most of these programs live for seconds. Collecting garbage at twice the memory in use, as Go does, is a
# quarter of what the start of an API server takes; at five times it takes 100 MB more.
_RUNTIME = {"GOGC": "400"}


class Process:
    """One program; its output goes to a file of its own."""

    def __init__(self, name: str, command: Sequence[str | Path], namespace: Path, instance: Instance) -> None:
        """Say what to run and where; ``start`` runs it.

        Args:
            name: Of the program in messages, and of its log.
            command: The program and its arguments.
            namespace: The file of the network namespace that it runs in.
            instance: The cluster that it belongs to, and where its log is.
        """
        self.name = name
        self.log = instance.logs / f"{name}.log"
        # SIGKILL of the owner, from which nobody can tidy up, ends this program too.
        self._command = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)]
        self._namespace = namespace
        path = f"{instance.commands}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        self._environment = {**_RUNTIME, **os.environ, "PATH": path, MARK: instance.mark}
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run the program; its log grows on when it was run before."""
        self._running = _starter.submit(self._spawn).result()

    @property
    def pid(self) -> int:
        """The number of the running program.

        Raises:
            RuntimeError: it was never started.
        """
        if self._running is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._running.pid

    def wait(self, ready: Callable[[], object], seconds: float = 60) -> None:
        """Return once the program is ready.

        Raises:
            RuntimeError: it has ended, or is not ready in time; the end of its log is in the message.
        """

        def ready_or_ended() -> object:
            return self.ended or ready()

        try:
            waiting.until(ready_or_ended, seconds, f"{self.name} ready")
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{self.tail()}") from None
        if self.ended:
            raise RuntimeError(f"{self.name} has ended\n{self.tail()}")

    @property
    def ended(self) -> bool:
        """Whether the program is not running (any more)."""
        return self._running is None or self._running.poll() is not None

    def stop(self, patience: float = 5) -> None:
        """End the program, by force when it takes longer than so many seconds."""
        if self._running is None:
            return
        self._running.terminate()
        try:
            self._running.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the program as a crash would."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def tail(self, lines: int = 15) -> str:
        """Return the end of the log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log, netns.inside(self._namespace):
            return subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
