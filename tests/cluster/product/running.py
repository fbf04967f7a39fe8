"""The product as a person runs it against a cluster of the tests, with the rights that a test gives it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from netsec_tui.sources.cluster.api import ClusterApi
from netsec_tui.sources.cluster.login import log_in
from netsec_tui.sources.cluster.refusals import ExpiredError
from netsec_tui.sources.cluster.resources import Resource
from tests.cluster.harness import waiting
from tests.cluster.harness.client import without_proxies
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.rest import Rest

ROOT = Path(__file__).resolve().parents[3]
ACCOUNTS = "netsec-accounts"
"""The namespace of the service accounts that tests make."""

Object = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What a command came to; ``said`` are the lines on standard error as ``said_in`` returns them."""

    code: int
    out: str
    said: list[str]


@dataclass(frozen=True)
class Right:
    """One verb on one resource; ``names`` are those that a role limits it to."""

    verb: str
    group: str
    resource: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def rule(self) -> Object:
        """Return the rule of a role that gives this alone."""
        limited = {"resourceNames": list(self.names)} if self.names else {}
        return {"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb], **limited}


EXEC = [Right(verb, "", "pods/exec") for verb in ("get", "create")]
PORT_FORWARD = [Right(verb, "", "pods/portforward") for verb in ("get", "create")]


def run(kubeconfig: Path, *arguments: str | Path, seconds: float = 60) -> Done:
    """Run ``netsec-tui`` on the context of a kubeconfig until it ends."""
    command = [sys.executable, "-m", "netsec_tui", *map(str, arguments), *cluster_flags(kubeconfig)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        env=without_proxies(),
    )
    return Done(done.returncode, done.stdout, said_in(done.stderr))


def said_in(stderr: str) -> list[str]:
    """Return the lines of standard error without the program's name.

    Those that only say what is waited for are left out: on a loaded machine they come by right.
    """
    lines = [line.removeprefix("netsec-tui: ") for line in stderr.splitlines()]
    return [line for line in lines if not line.startswith("still waiting after ")]


def cluster_flags(kubeconfig: Path) -> list[str]:
    """Return the flags that name the cluster of a kubeconfig."""
    return ["--kubeconfig", str(kubeconfig), "--context", Cluster.context]


def documented_role() -> str:
    """Return the ClusterRole that the README says is enough, as it stands there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (role,) = [
        block for block in re.findall(r"```yaml\n(.*?)```", text, re.S) if "kind: ClusterRole\n" in block
    ]
    return str(role)


def documented_rights() -> list[Right]:
    """Return what that role gives, one by one."""
    return [
        Right(verb, group, resource, tuple(rule.get("resourceNames", ())))
        for rule in yaml.safe_load(documented_role())["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def account(cluster: Cluster, folder: Path, name: str, rights: Iterable[Right]) -> Path:
    """Make a service account with these rights alone, and return a kubeconfig that logs in as it."""
    rest, given = Rest(cluster.kubeconfig), list(rights)
    metadata = {"name": name}
    made = {
        "/api/v1/namespaces": {"metadata": {"name": ACCOUNTS}},
        f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts": {"metadata": metadata},
        f"{_RBAC}/clusterroles": {"metadata": metadata, "rules": [right.rule for right in given]},
        f"{_RBAC}/clusterrolebindings": binding(
            name, name, {"kind": "ServiceAccount", "namespace": ACCOUNTS, "name": name}
        ),
    }
    for path, body in made.items():
        if not (path == "/api/v1/namespaces" and ACCOUNTS in names(rest.items(path))):
            rest.send("POST", path, body)
    user = f"system:serviceaccount:{ACCOUNTS}:{name}"
    for right in given[:1]:
        wait_for_right(rest, user, right)
    return write_kubeconfig(folder / name, cluster, token(rest, name))


def binding(name: str, role: str, subject: Object) -> Object:
    """Return a ClusterRoleBinding."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    return {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}


def wait_for_right(rest: Rest, user: str, right: Right) -> None:
    """Return once the API server goes by a new role."""
    asked = {"verb": right.verb, "group": right.group, "resource": right.resource}
    if right.names:
        asked["name"] = right.names[0]
    review = {"spec": {"user": user, "resourceAttributes": asked}}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    waiting.until(lambda: rest.send("POST", path, review)["status"]["allowed"], 20, f"{user} may {right}")


def token(rest: Rest, name: str) -> str:
    """Return a token of a service account."""
    path = f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts/{name}/token"
    return str(rest.send("POST", path, {"spec": {"expirationSeconds": 3600}})["status"]["token"])


def write_kubeconfig(path: Path, cluster: Cluster, token: str, authority: str | Path = "") -> Path:
    """Write a kubeconfig for a token; ``authority`` takes the place of the cluster's own."""
    config = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": token}
    if authority:
        config["clusters"][0]["cluster"]["certificate-authority"] = str(authority)
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(config), encoding="utf-8")
    unfinished.rename(path)
    return path


def names(objects: Iterable[Object]) -> list[str]:
    """Return the names of objects."""
    return [item["metadata"]["name"] for item in objects]


def pods_of(rest: Rest, namespace: str, *apps: str) -> dict[str, Object]:
    """Return a pod of each Deployment, by its label ``app``, once the controllers have made them."""
    found: dict[str, Object] = {}

    def made() -> bool:
        for pod in rest.items(f"/api/v1/namespaces/{namespace}/pods"):
            found[pod["metadata"]["labels"]["app"]] = pod
        return set(apps) <= set(found)

    waiting.until(made, 60, f"pods of {', '.join(apps)} in {namespace}")
    return found


def flow(client: Object, server: Object, port: int = 8080, number: int = 0) -> str:
    """Return a line of Hubble for a connection of two pods a minute ago; ``number`` sets the client port."""
    when = (datetime.now(UTC) - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    ends = {"source": client, "destination": server}
    record = {
        "time": when,
        "verdict": "FORWARDED",
        "IP": {side: _ip(end, at) for at, (side, end) in enumerate(ends.items())} | {"ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 40000 + number, "destination_port": port, "flags": {"SYN": True}}},
        **{side: _endpoint(end) for side, end in ends.items()},
        "is_reply": False,
        "traffic_direction": "EGRESS",
        "Type": "L3_L4",
    }
    return json.dumps({"flow": record, "node_name": "node1", "time": when}) + "\n"


_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def _ip(pod: Object, at: int) -> str:
    return str(pod.get("status", {}).get("podIP") or f"10.244.99.{at + 1}")


def _endpoint(pod: Object) -> Object:
    return {"namespace": pod["metadata"]["namespace"], "pod_name": pod["metadata"]["name"]}


class Pages(ClusterApi):
    """The product's own reader of lists, with something that happens once, after its first page.

    ``refused`` holds the codes of what the server did not answer with.
    """

    def __init__(self, kubeconfig: Path, then: Callable[[], object]) -> None:
        super().__init__(log_in(Cluster.context, str(kubeconfig)))
        self.refused: list[int] = []
        self._then = [then]

    def _page(self, resource: Resource, token: str) -> Mapping[str, Any]:
        try:
            page = super()._page(resource, token)
        except ExpiredError:
            self.refused.append(410)
            raise
        while self._then:
            self._then.pop()()
        return page
