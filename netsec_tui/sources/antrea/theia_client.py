"""A client of clickhouse-connect over sockets of ours, so that a forwarded port needs no local one.

The library takes a pool manager of urllib3, and that takes classes of connections, which may bring a socket.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any

from netsec_tui.errors import NetsecError, NotFoundError, UnreachableError
from netsec_tui.sources.cluster.login import complaints
from netsec_tui.sources.grpc.tls import Secured
from netsec_tui.sources.objects.strip import printable
from netsec_tui.sources.reach import http

USER_VARIABLE, PASSWORD_VARIABLE = "NETSEC_CLICKHOUSE_USER", "NETSEC_CLICKHOUSE_PASSWORD"
"""Environment variables with the credentials; flags would show them to every user of the machine."""

SILENCE_SECONDS = 60
"""Nothing comes of an answer before the whole of it is known (ClickHouse, ``wait_end_of_query``)."""

LITTLE_BYTES = 4 << 20
"""For the clock, the columns, and the settings that the library asks for, some 100 KB."""

_LINE_END = "\r\n"
_MOST_WORDS = 300
_EXCEPTION = 8192
"""Bytes of an answer's end in which the words of an exception begin."""

_DENIED = ("AUTHENTICATION_FAILED", "REQUIRED_PASSWORD", "UNKNOWN_USER", "Code: 516", "Code: 194")


class ClickHouse:
    """Ask one server; ``peer`` names it in sentences.

    Raises:
        NotFoundError: clickhouse-connect is not installed.
        UnreachableError: the server does not answer, or does not take the credentials.
    """

    def __init__(self, connect: Callable[[], socket.socket], peer: str, tls: Secured | None = None) -> None:
        self._connect, self._peer, self._tls = connect, peer, tls
        self._plain: socket.socket | None = None
        self._socket: socket.socket | None = None
        try:
            import clickhouse_connect
        except ImportError as error:
            raise NotFoundError(
                "Theia's table is read with clickhouse-connect, which is not installed: "
                "pip install 'netsec-tui[clickhouse]'"
            ) from error
        from clickhouse_connect import common

        common.set_setting("send_os_user", False)
        self._client: Any = None
        self._client = self._do(
            lambda: clickhouse_connect.get_client(
                host="clickhouse",
                interface="http",  # by TLS too: that is in the socket
                username=os.environ.get(USER_VARIABLE, "default").strip(_LINE_END),
                password=os.environ.get(PASSWORD_VARIABLE, "").strip(_LINE_END),
                send_receive_timeout=SILENCE_SECONDS,
                query_retries=0,
                autogenerate_session_id=False,
                pool_mgr=_pools(self._dial, self._count),
            ),
            http.FIRST_SECONDS,
            LITTLE_BYTES,
        )

    def rows(self, query: str, *, little: bool = False) -> Iterator[dict[str, Any]]:
        """Return the rows of a query, empty for a line that is none; ``little`` waits 5 s for all of them.

        Raises:
            UnreachableError: the server does not answer, refuses, gives only the beginning or too much.
        """
        limits = (http.FIRST_SECONDS, LITTLE_BYTES) if little else (http.WHOLE_SECONDS, http.MOST_BYTES)
        answer = bytes(self._do(lambda: self._client.raw_query(query, fmt="JSONEachRow"), *limits))
        if trouble := _trouble_in(answer):
            raise UnreachableError(f"ClickHouse at {self._peer} breaks its rows off: {trouble}")
        return map(_row, BytesIO(answer))

    def close(self) -> None:
        """Close the connection: the library leaves those of a pool that it was given open."""
        if self._socket:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            self._socket.close()

    def _dial(self) -> socket.socket:
        """Return a new connection; what goes wrong is no OSError, which the library would have words for."""
        self.close()
        self._plain = self._connect()
        try:
            self._socket = http.secured_over(self._plain, self._tls, SILENCE_SECONDS)
        except OSError as error:
            raise http.http_trouble(self._peer, self._plain, error, "") from error
        self._watch(self._socket)
        return self._socket

    def _count(self, read: int) -> None:
        """Take note of bytes that came, and end an answer of too many."""
        self._left -= read
        if self._left < 0:
            raise _TooLongError

    def _do(self, ask: Callable[[], Any], seconds: float, most: int) -> Any:
        self._left = most
        with complaints():  # what the library logs would go to the terminal
            try:
                with http.ended_after(self._socket, seconds) as self._watch:
                    return ask()
            except Exception as error:  # what is no answer of ClickHouse's makes the library raise anything
                self.close()
                if self._left < 0:  # the library may have gone on with the beginning
                    raise UnreachableError(f"{self._peer} answers with more than {most >> 20} MiB") from error
                if isinstance(error, NetsecError):
                    raise
                raise self._trouble(error, seconds) from error

    def _trouble(self, error: Exception, seconds: float) -> UnreachableError:
        from clickhouse_connect.driver.exceptions import ClickHouseError

        if under := _underneath(error):
            limit = seconds if isinstance(under, http.TrickleError) else SILENCE_SECONDS
            late = f"{self._peer} does not answer within {limit:g} s"
            secure = None if self._client else self._tls is not None
            return http.http_trouble(self._peer, self._plain, under, late, secure)
        refused = isinstance(error, ClickHouseError) and not error.__cause__
        if refused and "Unexpected response" not in str(error):
            return UnreachableError(self._refusal(error))
        return UnreachableError(f"{self._peer} answers, but not as ClickHouse does; is it another service?")

    def _refusal(self, error: Exception) -> str:
        said = " ".join(str(error).split())
        if any(word in said for word in _DENIED):
            return (
                f"ClickHouse at {self._peer} does not take the credentials; give them in {USER_VARIABLE} and "
                f"{PASSWORD_VARIABLE} (of Theia: Secret flow-visibility/clickhouse-secret)"
            )
        # The library has words around it, and the name of a host that nobody has given.
        said = said.rpartition("server response: ")[2].partition(" (for url ")[0]
        return f"ClickHouse at {self._peer} gives no rows: {printable(said, _MOST_WORDS)}"


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _trouble_in(answer: bytes) -> str:
    """Return what went wrong after the first rows, empty where the last line is a row.

    The status has been sent by then: ClickHouse ends the answer with the words of the exception, which newer
    versions set apart (X-ClickHouse-Exception-Tag), or with a row that has nothing but these.
    """
    last = answer.rstrip().rpartition(b"\n")[2]
    row = _row(last)
    if not last or (row and "exception" not in row):
        return ""
    said = str(row.get("exception") or answer[-_EXCEPTION:].decode("utf-8", "replace"))
    _, code, words = said.rpartition("Code: ")
    said = code + words if code else last.decode("utf-8", "replace")
    return printable(said.strip().partition("\n")[0].strip(), _MOST_WORDS)


def _underneath(error: Exception) -> Exception | None:
    """Return what happened to the connection, out of what the libraries made of it; None for nothing."""
    under: BaseException | None = error
    while under:
        if isinstance(under, OSError | HTTPException):
            return under
        under = under.__cause__ or under.__context__
    return None


class _TooLongError(Exception):
    """Report an answer of too many bytes; no OSError, which the library would ask again after."""


class _Counted(RawIOBase):
    """Read from a socket, and tell how much was read each time; the libraries take whatever comes."""

    def __init__(self, raw: RawIOBase, count: Callable[[int], None]) -> None:
        self._raw, self._count = raw, count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        read: int | None = self._raw.readinto(buffer)
        self._count(read or 0)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()


def _pools(dial: Callable[[], socket.socket], count: Callable[[int], None]) -> Any:
    """Return a pool manager of urllib3 with connections that ``dial`` makes; ``count`` hears of each read."""
    import urllib3
    from urllib3 import connection, connectionpool

    class Answer(HTTPResponse):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.fp = BufferedReader(_Counted(self.fp.detach(), count))

    class Dialled(connection.HTTPConnection):
        response_class = Answer

        def _new_conn(self) -> socket.socket:
            return dial()

    class Pool(connectionpool.HTTPConnectionPool):
        ConnectionCls = Dialled

    pools = urllib3.PoolManager(num_pools=1, maxsize=1)
    pools.pool_classes_by_scheme = {"http": Pool}
    return pools
