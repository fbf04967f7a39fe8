"""A client of clickhouse-connect over sockets of ours, so that a forwarded port needs no local one.

The library takes a pool manager of urllib3, and that takes classes of connections, which may bring a socket.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from netsec_tui.errors import NotFoundError, UnreachableError
from netsec_tui.sources.cluster.login import complaints
from netsec_tui.sources.grpc.tls import Secured
from netsec_tui.sources.objects.strip import printable

USER_VARIABLE, PASSWORD_VARIABLE = "NETSEC_CLICKHOUSE_USER", "NETSEC_CLICKHOUSE_PASSWORD"
"""Environment variables with the credentials; flags would show them to every user of the machine."""

CONNECT_SECONDS = 5
ANSWER_SECONDS = 60
_MOST_WORDS = 300
_DENIED = ("AUTHENTICATION_FAILED", "REQUIRED_PASSWORD", "UNKNOWN_USER", "Code: 516", "Code: 194")


class ClickHouse:
    """Ask one server; ``peer`` names it in sentences.

    Raises:
        NotFoundError: clickhouse-connect is not installed.
        UnreachableError: the server does not answer, or does not take the credentials.
    """

    def __init__(self, connect: Callable[[], socket.socket], peer: str, tls: Secured | None = None) -> None:
        self._peer = peer
        try:
            import clickhouse_connect
        except ImportError as error:
            raise NotFoundError(
                "Theia's table is read with clickhouse-connect, which is not installed: "
                "pip install 'netsec-tui[clickhouse]'"
            ) from error
        from clickhouse_connect import common

        common.set_setting("send_os_user", False)
        self._connect_trouble: UnreachableError | None = None
        self._client: Any = self._do(
            lambda: clickhouse_connect.get_client(
                host="clickhouse",
                port=8443 if tls else 8123,
                interface="https" if tls else "http",
                username=os.environ.get(USER_VARIABLE, "default"),
                password=os.environ.get(PASSWORD_VARIABLE, ""),
                connect_timeout=CONNECT_SECONDS,
                send_receive_timeout=ANSWER_SECONDS,
                query_retries=0,
                autogenerate_session_id=False,
                pool_mgr=_pools(self._connected(connect), tls),
            )
        )

    def rows(self, query: str) -> bytes:
        """Return the rows of a query as lines of JSON.

        Raises:
            UnreachableError: the server does not answer, or refuses.
        """
        answer = self._do(lambda: self._client.raw_query(query, fmt="JSONEachRow"))
        return bytes(answer)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _connected(self, connect: Callable[[], socket.socket]) -> Callable[[], socket.socket]:
        """Keep what the way there has to say: the library would wrap it into words of its own."""

        def connected() -> socket.socket:
            try:
                return connect()
            except UnreachableError as error:
                self._connect_trouble = error
                raise OSError(str(error)) from error

        return connected

    def _do(self, ask: Callable[[], Any]) -> Any:
        from clickhouse_connect.driver.exceptions import ClickHouseError

        self._connect_trouble = None
        with complaints():  # what the library logs would go to the terminal
            try:
                return ask()
            except (ClickHouseError, OSError, ValueError) as error:
                raise self._connect_trouble or UnreachableError(self._refusal(error)) from error

    def _refusal(self, error: Exception) -> str:
        said = " ".join(str(error).split())
        if any(word in said for word in _DENIED):
            return (
                f"ClickHouse at {self._peer} does not take the credentials; give them in {USER_VARIABLE} and "
                f"{PASSWORD_VARIABLE} (of Theia: Secret flow-visibility/clickhouse-secret)"
            )
        return f"ClickHouse at {self._peer} does not answer: {printable(said, _MOST_WORDS)}"


def _pools(connect: Callable[[], socket.socket], tls: Secured | None) -> Any:
    """Return a pool manager of urllib3 whose connections are made by ``connect``."""
    import urllib3
    from urllib3 import connection, connectionpool

    class Plain(connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _timed(connect(), self.timeout)

    class Encrypted(connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _timed(connect(), self.timeout)

    class PlainPool(connectionpool.HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(connectionpool.HTTPSConnectionPool):
        ConnectionCls = Encrypted

    options: dict[str, Any] = {}
    if tls:
        options = {"ssl_context": tls.context, "server_hostname": tls.server_name}
        if not tls.context.check_hostname:
            options["assert_hostname"] = False
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # it was asked for
    pools = urllib3.PoolManager(num_pools=1, maxsize=1, **options)
    pools.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
    return pools


def _timed(connected: socket.socket, timeout: Any) -> socket.socket:
    connected.settimeout(timeout if isinstance(timeout, int | float) else CONNECT_SECONDS)
    return connected
