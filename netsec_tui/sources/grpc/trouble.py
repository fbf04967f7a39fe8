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


_PLAIN = "--source-tls off, without the other flags about TLS"
"""With one of them it would be refused."""


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
        return GrpcError(
            f"the certificate of {peer} is not accepted: {why}; name its authority with --source-ca, "
            "the name in it with --source-server-name, or take any with --source-insecure"
        )
    if "CERTIFICATE_REQUIRED" in reason or "BAD_CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return GrpcError(
            f"{peer} does not take the client certificate, or asks for one; "
            "give it with --source-cert and --source-key",
            "UNAUTHENTICATED",
        )
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return GrpcError(f"{peer} does not speak TLS; try {_PLAIN}")
    return GrpcError(f"the TLS connection to {peer} fails: {printable(reason or str(error), _MOST_WORDS)}")
