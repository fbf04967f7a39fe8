"""Answer many questions, a JSON object a line, in order and as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from netsec_tui.cli.check_answer import Answer, answer
from netsec_tui.cli.check_ask import known_port
from netsec_tui.cli.check_output import line
from netsec_tui.cli.check_state import Cluster
from netsec_tui.cli.exits import DONE
from netsec_tui.cli.inputs import STDIN
from netsec_tui.cli.output import put
from netsec_tui.errors import BadInputError, NetsecError, NotFoundError, UsageError

_LONGEST = 1 << 16
_EXPECTED = 'expected is {"from": "NS/POD", "to": "NS/POD", "protocol": "TCP", "port": 80}'


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open the questions: a file, or standard input for ``-``.

    Raises:
        NotFoundError: the file cannot be read.
        UsageError: standard input is closed.
    """
    if path == STDIN:
        if sys.stdin is None:
            raise UsageError("--batch - reads standard input, which is closed; pipe the questions in")
        yield sys.stdin.buffer
        return
    try:
        file = open(path, "rb")  # noqa: SIM115 - only opening may fail with this sentence
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}") from error
    with file:
        yield file


def run(cluster: Cluster, lines: BinaryIO) -> int:
    """Answer each line with a line, an ``error`` in place of an answer; return the first failure's code."""
    code = DONE
    for number, raw in enumerate(_lines(lines), start=1):
        if not raw.strip():
            continue
        try:
            reply = line(_answer(cluster, raw))
        except NetsecError as error:
            # Wrong usage inside a file is bad input: the command line itself is right.
            failed = BadInputError.exit_code if isinstance(error, UsageError) else error.exit_code
            code = code or failed
            reply = {"error": str(error)}
        put(json.dumps({"line": number, **reply}) + "\n")
    return cluster.exit_code or code


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Return lines as they come, of one that is too long only its beginning."""
    while raw := file.readline(_LONGEST + 1):
        rest = raw
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST)
        yield raw


def _answer(cluster: Cluster, raw: bytes) -> Answer:
    asked = _decoded(raw)
    protocol, port = known_port(asked["protocol"], asked.get("port"))
    source = cluster.ends.source(asked["from"])
    destination = cluster.ends.destination(asked["to"], protocol, port)
    return answer(cluster, source, destination, protocol, port)


def _decoded(raw: bytes) -> dict[str, Any]:
    if len(raw) > _LONGEST:
        raise BadInputError(f"the line is longer than {_LONGEST} bytes")
    try:
        asked = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"the line is not JSON; {_EXPECTED}") from error
    if not isinstance(asked, dict):
        raise BadInputError(f"the line is no JSON object; {_EXPECTED}")
    for key in ("from", "to", "protocol"):
        if not isinstance(asked.get(key), str):
            raise BadInputError(f'"{key}" {"must be text" if key in asked else "is missing"}; {_EXPECTED}')
    return asked
