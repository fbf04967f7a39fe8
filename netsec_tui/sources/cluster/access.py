"""The way into one cluster, shared by the threads that read it."""

from __future__ import annotations

import threading

from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.login import log_in


class ClusterAccess:
    """Log in when first asked, and anew once somebody finds that a log-in is of no use any more."""

    def __init__(self, context: str | None, kubeconfig: str | None) -> None:
        self._context = context
        self._kubeconfig = kubeconfig
        self._entering = threading.Lock()
        self._api: ClusterApi | None = None

    def api(self) -> ClusterApi:
        """Return the API of the cluster; nothing is asked of it yet.

        Raises:
            NetsecError: as ``log_in`` does.
        """
        with self._entering:
            if self._api is None:
                self._api = ClusterApi(log_in(self._context, self._kubeconfig))
            return self._api

    def forget(self, api: ClusterApi) -> None:
        """Read the kubeconfig again for the next one who asks: it may name another address or token by now.

        Of several who found the same log-in useless only the first counts.
        """
        with self._entering:
            if self._api is api:
                self._api = None

    @property
    def server(self) -> str:
        """Return the server's name for people, empty before the first log-in."""
        api = self._api
        return api.server if api else ""
