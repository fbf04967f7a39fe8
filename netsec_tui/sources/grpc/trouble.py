"""What can go wrong with a gRPC server, as sentences with the way out."""

from __future__ import annotations

import ssl

from netsec_tui.errors import UnreachableError
from netsec_tui.sources.objects.strip import printable

_MOST_WORDS = 300
STATUSES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""Names of gRPC's status codes, by number (grpc, doc/statuscodes.md)."""

_OF_HTTP = {
    400: "INTERNAL",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
"""What an answer without a gRPC status means (grpc, doc/http-grpc-status-mapping.md)."""

_REFUSALS = {
    "UNIMPLEMENTED": "{peer} does not offer {method}{said}; is it another service, or an older version?",
    "UNAUTHENTICATED": "{peer} does not take the credentials{said}; "
    "give a client certificate with --source-cert and --source-key",
    "PERMISSION_DENIED": "{peer} does not allow {method}{said}; "
    "give another client certificate with --source-cert and --source-key",
    "DEADLINE_EXCEEDED": "{peer} does not answer {method} in time{said}",
    "UNAVAILABLE": "{peer} is not ready{said}",
}


_PLAIN = (
    "--source-tls off, without the other flags about TLS; "
    "a source that needs those is read by a command of its own"
)
"""With one of them it would be refused, and all hold for every source at an address."""

_ALERTS = {
    "ALERT_CERTIFICATE_EXPIRED": "it has expired; give one that is valid",
    "ALERT_CERTIFICATE_REVOKED": "it was revoked; give another one",
    "ALERT_UNKNOWN_CA": "it is not of an authority that is trusted there; give one that is",
    "ALERT_UNSUPPORTED_CERTIFICATE": "it is of a kind that is not taken there; give another one",
    "ALERT_CERTIFICATE_UNKNOWN": "why is not told; give another one",
    "ALERT_ACCESS_DENIED": "it gives no right to connect; give another one",
}
"""What a server says of the client certificate that it was given (RFC 8446, 6.2)."""

_NONE_OR_BAD = ("ALERT_CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_HANDSHAKE_FAILURE")
"""What servers say where none was given; the last two of other troubles too."""

_NOT_NOW, _NAMES = (9, 10), (62, 64)
"""OpenSSL's codes (X509_V_ERR) for a certificate that is not valid yet, or no more, and for another name."""


class GrpcError(UnreachableError):
    """Report a call that failed; ``status`` is gRPC's name for why, UNAVAILABLE for a lost connection."""

    def __init__(self, sentence: str, status: str = "UNAVAILABLE") -> None:
        super().__init__(sentence)
        self.status = status


def status_of(code: str, http: str) -> str:
    """Return the name of a status from the text of ``grpc-status``, else from that of HTTP's ``:status``."""
    if code.isascii() and code.isdigit() and len(code) < 4:
        number = int(code)
        return STATUSES[number] if number < len(STATUSES) else "UNKNOWN"
    return _OF_HTTP.get(int(http), "UNKNOWN") if http.isascii() and http.isdigit() else "UNKNOWN"


def refusal(peer: str, method: str, status: str, said: str) -> GrpcError:
    """Return the error for a status that is not OK; ``said`` are the server's own words."""
    words = printable(" ".join(said.split()), _MOST_WORDS)
    pattern = _REFUSALS.get(status, "{peer} answers {method} with {status}{said}")
    name = method.rpartition("/")[2]
    sentence = pattern.format(peer=peer, method=name, status=status, said=f" ({words})" if words else "")
    return GrpcError(sentence, status)


def tls_silence(peer: str) -> GrpcError:
    """Return the error for a server that does not answer the handshake of TLS."""
    return GrpcError(f"{peer} does not answer as TLS does; if it speaks no TLS, try {_PLAIN}")


def tls_trouble(peer: str, error: ssl.SSLError) -> GrpcError:
    """Return the error for a TLS connection that fails, with the option that may help."""
    reason = str(error.reason or "")
    if isinstance(error, ssl.SSLCertVerificationError):
        why = printable(error.verify_message.rstrip("."), _MOST_WORDS)
        way_out = _certificate_way_out(error.verify_code)
        return GrpcError(
            f"the certificate of {peer} is not accepted: {why}; {way_out}, or take any with --source-insecure"
        )
    for alert, why in _ALERTS.items():
        if reason.endswith(alert):
            sentence = f"{peer} does not take the client certificate in --source-cert: {why}"
            return GrpcError(sentence, "FAILED_PRECONDITION")
    if reason.endswith(_NONE_OR_BAD):
        said = printable(reason.rpartition("ALERT_")[2].replace("_", " ").lower())
        sentence = f"{peer} ends the handshake of TLS ({said}){ended_way_out(secure=True)}"
        return GrpcError(sentence, "FAILED_PRECONDITION")
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return GrpcError(f"{peer} does not speak TLS; try {_PLAIN}")
    return GrpcError(f"the TLS connection to {peer} fails: {printable(reason or str(error), _MOST_WORDS)}")


def _certificate_way_out(code: int) -> str:
    if code in _NOT_NOW:
        return "it must be renewed there, unless this machine's clock is wrong"
    if code in _NAMES:
        return "name the name in it with --source-server-name"
    return "name its authority with --source-ca"


def tls_asked(peer: str) -> UnreachableError:
    """Return the error for a server that was asked without TLS and wants it."""
    return UnreachableError(f"{peer} speaks TLS; try --source-tls on")


def ended_way_out(*, secure: bool) -> str:
    """Return the end of a sentence on a server that has ended a connection without a word."""
    if secure:
        return (
            "; if it wants a client certificate, give one that it takes with --source-cert and --source-key"
        )
    return "; if it speaks TLS, try --source-tls on"
