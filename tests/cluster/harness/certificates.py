"""Keys and certificates of one cluster, made by openssl, which every machine with a cluster's tools has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness import netns

_DAYS = "7"


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and of its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Certificates:
    """What the control plane and the nodes prove themselves with."""

    authority: Pair
    api_server: Pair
    kubelet_client: Pair
    """The API server as the client of pod-streams."""
    pod_streams: Pair
    service_accounts: Path
    """The key that service account tokens are signed with."""


def make(folder: Path, api_server: Iterable[str], nodes: Iterable[str]) -> Certificates:
    """Write all keys and certificates of a cluster into a new folder.

    Args:
        folder: Made here, for the owner alone.
        api_server: Addresses that the API server is asked at.
        nodes: Addresses of the nodes.
    """
    folder.mkdir(mode=0o700)
    authority = make_authority(folder, "harness-ca")
    names = ["DNS:localhost", "DNS:kubernetes.default.svc", *(f"IP:{address}" for address in api_server)]
    served = [f"IP:{address}" for address in nodes] or ["DNS:localhost"]
    service_accounts = folder / "service-accounts.key"
    # The older form of a key, from which the API server also reads the public half.
    netns.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(service_accounts))
    return Certificates(
        authority,
        make_server(folder, "api-server", authority, names),
        make_client(folder, "kubelet-client", authority),
        make_server(folder, "pod-streams", authority, served),
        service_accounts,
    )


def make_authority(folder: Path, name: str) -> Pair:
    """Write an authority that signs others, ``ca.crt`` and ``ca.key``."""
    pair = _pair(folder, "ca")
    _request(pair, name, "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
    return pair


def make_client(folder: Path, name: str, authority: Pair) -> Pair:
    """Write what a client proves itself with."""
    return _signed(folder, name, authority, "extendedKeyUsage=clientAuth")


def make_server(folder: Path, name: str, authority: Pair, names: Iterable[str]) -> Pair:
    """Write what a server proves itself with, for names like ``DNS:localhost`` and ``IP:127.0.0.1``."""
    return _signed(
        folder, name, authority, "extendedKeyUsage=serverAuth", f"subjectAltName={','.join(names)}"
    )


def _signed(folder: Path, name: str, authority: Pair, *extensions: str) -> Pair:
    pair = _pair(folder, name)
    _request(pair, name, "basicConstraints=critical,CA:FALSE", *extensions, authority=authority)
    return pair


def _pair(folder: Path, name: str) -> Pair:
    return Pair(folder / f"{name}.crt", folder / f"{name}.key")


def _request(pair: Pair, name: str, *extensions: str, authority: Pair | None = None) -> None:
    """Make a key and a certificate of it, signed by an authority or by itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += [
        "-days",
        _DAYS,
        "-subj",
        f"/CN={name}",
        "-keyout",
        str(pair.key),
        "-out",
        str(pair.certificate),
    ]
    for extension in extensions:
        command += ["-addext", extension]
    if authority is not None:
        command += ["-CA", str(authority.certificate), "-CAkey", str(authority.key)]
    netns.run(*command)
