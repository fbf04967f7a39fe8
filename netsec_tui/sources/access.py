"""How a source of flows is reached: through the cluster's API server, or at an address of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

TlsMode = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class Address:
    """Name a server of its own; ``host`` is a name or an IP address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Say how a connection to a source is secured; the files are paths of PEM files, empty for none.

    With mode "auto" the source decides by what it knows of the server; another option asks for TLS unless
    ``meant_for_another`` says that they are of use to another source, and this one's server is found in the
    cluster. ``server_name`` stands in place of the name that the certificate must carry; ``insecure`` takes
    any certificate.
    """

    mode: TlsMode = "auto"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure: bool = False
    meant_for_another: bool = False

    def secures(self, guess: bool) -> bool:
        """Tell whether TLS is spoken, by what the mode says, else by ``guess`` or any other option."""
        named = self.ca_file or self.cert_file or self.server_name or self.insecure
        asked = bool(named) and not self.meant_for_another
        return self.mode == "on" or (self.mode == "auto" and (guess or asked))


@dataclass(frozen=True, slots=True)
class Access:
    """Say where a source is: in the cluster of a context, to be found there, unless ``address`` is given.

    ``context`` and ``kubeconfig`` are None for the current one and the default files.
    """

    context: str | None = None
    kubeconfig: str | None = None
    address: Address | None = None
    tls: TlsOptions = field(default_factory=TlsOptions)

    def name_of(self, source: str) -> str:
        """Return how a source that is reached so is named: with its address, or a context that was chosen."""
        if self.address:
            return f"{source} at {self.address}"
        return f"{source} of context {self.context}" if self.context else source
