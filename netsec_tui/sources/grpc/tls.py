"""TLS towards a gRPC server, as the options say."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import NamedTuple

from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.sources.access import TlsOptions

_REASONS = {
    "NO_CERTIFICATE_OR_CRL_FOUND": "it holds no certificate in PEM",
    "KEY_VALUES_MISMATCH": "it is not the key of the certificate in --source-cert",
    "": "it holds no private key in PEM, or an encrypted one",
}
"""What OpenSSL's reasons mean; it has none for a key that it cannot take."""


class Secured(NamedTuple):
    """Hold how a connection is secured, and the name that the server's certificate must carry."""

    context: ssl.SSLContext
    server_name: str


def secured(options: TlsOptions, server_name: str, ca_data: str = "") -> Secured:
    """Return how to secure a connection; ``ca_data`` are authorities in PEM, for when no file is named.

    ``server_name`` stands where the options name none. Without any authority those of the system count.

    Raises:
        NetsecError: a file is of no use, as ``check_files`` says.
    """
    own_authority = options.ca_file or ca_data
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if own_authority else ssl.create_default_context()
    if ca_data and not options.ca_file:
        named = "the authority's certificate in the cluster"
        _load(named, lambda: context.load_verify_locations(cadata=ca_data))
    _load_files(context, options)
    context.set_alpn_protocols(["h2"])
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Secured(context, options.server_name or server_name)


def check_files(options: TlsOptions) -> None:
    """Look whether the files that the options name can be used, before anything is asked.

    Raises:
        NotFoundError: a file cannot be read.
        BadInputError: it does not hold what it must in PEM, or a key is not that of the certificate.
    """
    _load_files(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), options)


def _load_files(context: ssl.SSLContext, options: TlsOptions) -> None:
    cert, key = options.cert_file, options.key_file
    if options.ca_file:
        _load_certificates(context, "--source-ca", options.ca_file)
    if key and not cert:
        raise BadInputError("--source-key needs the certificate to it: --source-cert")
    if not cert:
        return
    # OpenSSL does not tell which of the two files it could not take.
    _load_certificates(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "--source-cert", cert)
    named = f"--source-key {key}" if key else f"--source-cert {cert}"
    _load(named, lambda: context.load_cert_chain(cert, key or None, _no_password))


def _load_certificates(context: ssl.SSLContext, option: str, file: str) -> None:
    _load(f"{option} {file}", lambda: context.load_verify_locations(file))


def _load(named: str, load: Callable[[], None]) -> None:
    try:
        load()
    except ssl.SSLError as error:
        why = _REASONS.get(error.reason or "", error.reason)
        raise BadInputError(f"{named} is of no use: {why}") from error
    except OSError as error:
        raise NotFoundError(f"{named} cannot be read: {error.strerror}") from error


def _no_password() -> str:
    """Answer in place of the terminal, which OpenSSL would ask over the screen."""
    return ""
