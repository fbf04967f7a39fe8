"""TLS towards a gRPC server, as the options say."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import NamedTuple

from netsec_tui.errors import BadInputError
from netsec_tui.sources.access import TlsOptions


class Secured(NamedTuple):
    """Hold how a connection is secured, and the name that the server's certificate must carry."""

    context: ssl.SSLContext
    server_name: str


def secured(options: TlsOptions, server_name: str, ca_data: str = "") -> Secured:
    """Return how to secure a connection; ``ca_data`` are authorities in PEM, for when no file is named.

    ``server_name`` stands where the options name none. Without any authority those of the system count.

    Raises:
        BadInputError: a file cannot be read or is not PEM.
    """
    context = ssl.create_default_context()
    if options.ca_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load("--source-ca", options.ca_file, lambda: context.load_verify_locations(options.ca_file))
    elif ca_data:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load(
            "the authority's certificate",
            "in the cluster",
            lambda: context.load_verify_locations(cadata=ca_data),
        )
    context.set_alpn_protocols(["h2"])
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.key_file and not options.cert_file:
        raise BadInputError("--source-key needs the certificate to it: --source-cert")
    if options.cert_file:
        key = options.key_file or None
        _load(
            "--source-cert",
            options.cert_file,
            lambda: context.load_cert_chain(options.cert_file, key, _no_password),
        )
    return Secured(context, options.server_name or server_name)


def _load(option: str, file: str, load: Callable[[], None]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        why = error.reason or "it is encrypted or not PEM"
        raise BadInputError(f"{option} {file} is of no use: {why}") from error
    except OSError as error:
        raise BadInputError(f"{option} {file} cannot be read: {error.strerror}") from error


def _no_password() -> str:
    """Answer in place of the terminal, which OpenSSL would ask over the screen."""
    return ""
