"""The programs of a cluster: found, or built once from pinned Go modules into a cache outside of the tree."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

GO = Path(__file__).resolve().parent.parent / "go"
TOOLS = ("ip", "nft", "iptables", "ip6tables", "conntrack", "openssl", "setpriv")
"""Programs of the system that are needed besides."""
NO_ROOT = "a cluster needs root, to make network namespaces"

_VERSION = "k8s.io/component-base/version"
_STRIPPED = "-s -w"
# A server that does not know its own version takes every client for a much newer one.
_VERSIONED = (
    f"{_STRIPPED} -X {_VERSION}.gitVersion=v1.36.3 -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=36"
)
_RECIPES = {
    "etcd": ("controlplane", _STRIPPED, "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": ("controlplane", _VERSIONED, "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": ("controlplane", _VERSIONED, "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kube-proxy": ("controlplane", _VERSIONED, "k8s.io/kubernetes/cmd/kube-proxy"),
    "kubectl": ("controlplane", _VERSIONED, "k8s.io/kubernetes/cmd/kubectl"),
    "pod-streams": ("controlplane", _STRIPPED, "./cmd/pod-streams"),
    "kube-network-policies": (
        "enforcer",
        _STRIPPED,
        "sigs.k8s.io/kube-network-policies/cmd/kube-network-policies/standard",
    ),
    "hubble-server": ("hubble", _STRIPPED, "."),
}


@dataclass(frozen=True)
class Binaries:
    """Where each program is."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_proxy: Path
    kubectl: Path
    pod_streams: Path
    kube_network_policies: Path
    hubble_server: Path


def why_not() -> str:
    """Return in one sentence why no cluster can run here; empty when one can."""
    if platform.system() != "Linux":
        return "a cluster needs Linux: its nodes and pods are network namespaces"
    if os.geteuid() != 0:
        return NO_ROOT
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacking:
        packages = "iproute2 nftables iptables conntrack openssl util-linux"
        return f"a cluster needs {', '.join(lacking)} (Debian: apt install {packages})"
    missing = [name for name in _RECIPES if _found(name) is None]
    if missing and _go() is None:
        there = f"KUBEBUILDER_ASSETS ({_assets() or 'not set'}) nor {_base()}"
        return f"neither {there} has {', '.join(missing)}, and there is no Go to build it"
    return ""


def build() -> Binaries:
    """Return every program, after those that are missing were built; the first time this takes minutes.

    Raises:
        RuntimeError: one cannot be built; the message holds what Go says.
    """
    if any(_found(name) is None for name in _RECIPES):
        with _alone():
            for name in _RECIPES:
                if _found(name) is None:
                    _build(name)
    return find()


def find() -> Binaries:
    """Return every program without building any.

    Raises:
        FileNotFoundError: some are missing.
    """
    paths = {name: path for name in _RECIPES if (path := _found(name)) is not None}
    missing = [name for name in _RECIPES if name not in paths]
    if missing:
        raise FileNotFoundError(
            f"not built yet: {', '.join(missing)} (.venv/bin/python -m tests.cluster build)"
        )
    return Binaries(**{field.name: paths[field.name.replace("_", "-")] for field in fields(Binaries)})


def cache(module: str) -> Path:
    """Return the folder of what was built here from exactly the sources of one Go module."""
    return _base() / f"{module}-{_fingerprint(module)}"


def _base() -> Path:
    chosen = os.environ.get("NETSEC_CLUSTER_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else base / "netsec-tui" / "cluster"


def _found(name: str) -> Path | None:
    assets = _assets()
    places = [*([assets / name] if assets else []), cache(_RECIPES[name][0]) / name]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def _build(name: str) -> None:
    module, flags, package = _RECIPES[name]
    folder = cache(module)
    folder.mkdir(parents=True, exist_ok=True)
    # Built beside its place and moved there whole: a build that was broken off leaves no program.
    unfinished = folder / f".{name}.{os.getpid()}"
    command = [_go() or "go", "build", "-trimpath", "-ldflags", flags, "-o", str(unfinished), package]
    done = subprocess.run(
        command, cwd=GO / module, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name} cannot be built: {done.stderr.strip()[-2000:]}")
    unfinished.rename(folder / name)


@contextmanager
def _alone() -> Iterator[None]:
    """Let two processes not build the same at once: the second one finds what the first has built."""
    _base().mkdir(parents=True, exist_ok=True)
    with (_base() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}


def _fingerprint(module: str) -> str:
    digest = hashlib.sha256(platform.machine().encode())
    folder = GO / module
    for file in sorted(
        path for path in folder.rglob("*") if path.suffix == ".go" or path.name in ("go.mod", "go.sum")
    ):
        digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _go() -> str | None:
    usual = Path("/usr/local/go/bin/go")
    return shutil.which("go") or (str(usual) if usual.exists() else None)


def _assets() -> Path | None:
    named = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(named) if named else None
