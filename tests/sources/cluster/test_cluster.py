from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netsec_tui.errors import NetsecError, NotFoundError, UnreachableError
from netsec_tui.sources.cluster import api as cluster_api
from netsec_tui.sources.cluster.source import ClusterSource
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.objects.ranges import CONFIG_MAPS
from tests.sources.api_server import PATHS, ApiServer, write_kubeconfig
from tests.sources.collected import Collected, read
from tests.sources.kube_objects import controlled_by, deployment, obj, pod, template
from tests.sources.running import running

HASHED = {"app": "web", "pod-template-hash": "abc"}


def one_of_each() -> list[dict[str, Any]]:
    replica_set = obj("ReplicaSet", "web-abc", metadata=controlled_by("Deployment", "web"),
                      spec={"selector": {"matchLabels": HASHED}, "template": template(HASHED)})  # fmt: skip
    job = obj(
        "Job", "tick-28012345", metadata=controlled_by("CronJob", "tick"), spec={"template": template({})}
    )
    return [
        obj("Namespace", "shop", None),
        obj("Node", "n1", None, spec={"podCIDR": "10.1.0.0/24"}),
        pod("web-abc-1", HASHED, ("ReplicaSet", "web-abc"), ip="10.1.0.7"),
        pod("tick-28012345-x", {}, ("Job", "tick-28012345")),
        obj("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}),
        replica_set,
        deployment("web"),
        deployment("db", kind="StatefulSet"),
        deployment("agent", kind="DaemonSet"),
        job,
        obj("CronJob", "tick", spec={"jobTemplate": {"spec": {"template": template({"app": "tick"})}}}),
        obj("EndpointSlice", "web-1", metadata={"labels": {"kubernetes.io/service-name": "web"}},
            addressType="IPv4", endpoints=[{"addresses": ["10.1.0.7"]}], ports=[{"port": 8080}]),
        obj("NetworkPolicy", "deny", spec={"podSelector": {}}),
    ]  # fmt: skip


pytestmark = pytest.mark.usefixtures("no_proxy_and_no_waiting")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running(ApiServer(one_of_each())) as started:
        yield started


def failure(source: ClusterSource) -> str:
    with pytest.raises(UnreachableError) as caught:
        read(source)
    return str(caught.value)


def test_every_resource_is_listed_once_and_makes_the_inventory(
    server: ApiServer, source: ClusterSource
) -> None:
    found = read(source)
    assert found.problems == ()
    by_name = {name for _, name in CONFIG_MAPS}
    assert {name: len(asked) for name, asked in server.requests.items() if name not in by_name} == (
        dict.fromkeys((*(path.rpartition("/")[2] for path in PATHS), "apis", "servicecidrs"), 1)
    )
    inventory, problems = build_inventory(found.objects)
    assert problems == ()
    assert [str(o.ref) for o in inventory.owners] == [
        "CronJob/tick", "DaemonSet/agent", "Deployment/web", "StatefulSet/db"]  # fmt: skip
    assert str(inventory.pod_by_name["shop", "web-abc-1"].owner) == "Deployment/web"
    assert inventory.services[0].endpoints[0].ip == "10.1.0.7"
    assert [applied.policy.name for applied in inventory.policies] == ["deny"]
    assert [told.cidr for told in inventory.discovered] == ["10.1.0.0/24"]
    assert found.status.detail == f"13 objects from 127.0.0.1:{server.server_port}"


def test_long_lists_are_read_page_by_page(tmp_path: Path) -> None:
    with running(ApiServer([pod(f"web-{i:03}") for i in range(25)], page=10)) as server:
        found = read(ClusterSource(None, str(write_kubeconfig(tmp_path / "config", server.url))))
        assert found.names == [f"web-{i:03}" for i in range(25)]
        assert [asked.get("continue") for asked in server.requests["pods"]] == [None, "10", "20"]
        assert {asked["limit"] for asked in server.requests["pods"]} == {"500"}


def test_a_list_that_expires_begins_again(tmp_path: Path) -> None:
    with running(ApiServer([pod(f"web-{i}") for i in range(5)], page=2)) as server:
        server.refuse["pods"] = [200, 410, 200]
        found = read(ClusterSource(None, str(write_kubeconfig(tmp_path / "config", server.url))))
        assert found.names == [f"web-{i}" for i in range(5)]
        assert found.problems == ()
        assert [asked.get("continue") for asked in server.requests["pods"]] == [None, "2", None, "2", "4"]


def test_a_list_that_always_expires_is_given_up(server: ApiServer, source: ClusterSource) -> None:
    server.refuse["pods"] = [410]
    (problem,) = read(source).problems
    assert "pods" in problem
    assert "expires" in problem


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        (
            "networkpolicies",
            403,
            'apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["list"]',
        ),
        ("pods", 403, 'apiGroups: [""], resources: ["pods"], verbs: ["list"]'),
        ("endpointslices", 404, "has no endpointslices"),
        ("cronjobs", 405, "405"),
    ],
)
def test_one_resource_refused_is_named_and_the_rest_works(
    server: ApiServer, source: ClusterSource, name: str, code: int, words: str
) -> None:
    server.refuse[name] = [code]
    found = read(source)
    (problem,) = found.problems
    assert words in problem
    kind = next(kind for path, (kind, _) in PATHS.items() if path.endswith(f"/{name}"))
    assert {o["kind"] for o in found.objects} == {kind for kind, _ in PATHS.values()} - {kind}


def test_everything_refused_is_a_failure(server: ApiServer, source: ClusterSource) -> None:
    server.refuse = {path.rpartition("/")[2]: [403] for path in PATHS}
    assert "list nothing" in failure(source)


def test_wrong_credentials_are_a_failure_that_does_not_show_them(
    server: ApiServer, source: ClusterSource
) -> None:
    server.token = "another"
    sentence = failure(source)
    assert "does not take the credentials" in sentence
    assert sentence.endswith("log in again, until kubectl --context prod get pods works")
    assert "let-me-in" not in sentence


@pytest.mark.parametrize("token", ["let-me-in\r\n", "let-me-in\n"])
def test_a_token_is_sent_without_the_end_of_its_line(server: ApiServer, tmp_path: Path, token: str) -> None:
    config = write_kubeconfig(tmp_path / "config", server.url, {"token": token})
    assert read(ClusterSource(None, str(config))).problems == ()


def test_a_token_that_no_header_may_hold_is_refused_and_not_shown(server: ApiServer, tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", server.url, {"token": "let-me-in\nx: y"})
    sentence = failure(ClusterSource(None, str(config)))
    assert "context prod gives no way to log in: its token holds a line break" in sentence
    assert "let-me-in" not in sentence
    assert not server.asked


@pytest.mark.parametrize("code", [500, 503, 429, 302])
def test_a_server_in_trouble_is_a_failure(server: ApiServer, source: ClusterSource, code: int) -> None:
    server.refuse["namespaces"] = [code]
    assert str(code) in failure(source)


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"[]", b'{"items": 5}', b"[" * 100_000])
def test_an_answer_of_something_else_is_a_failure(
    server: ApiServer, source: ClusterSource, body: bytes
) -> None:
    server.bodies["namespaces"] = body
    assert "not as a Kubernetes API server does" in failure(source)


def test_items_that_are_no_objects_are_passed_over(server: ApiServer, source: ClusterSource) -> None:
    server.bodies["namespaces"] = (
        b'{"kind": "NamespaceList", "apiVersion": "v1", "items": [5, {"metadata": []}]}'
    )
    assert "web-abc-1" in [o["metadata"].get("name") for o in read(source).objects if o["kind"] == "Pod"]


def test_a_refused_connection_is_a_failure_that_names_the_server(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        sentence = failure(
            ClusterSource(None, str(write_kubeconfig(tmp_path / "config", f"http://{address}")))
        )
    assert address in sentence
    assert "refused" in sentence


def test_an_address_where_nothing_answers_is_a_failure_after_the_time_to_connect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_api, "PULSE", (0.3, 60))
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = f"127.0.0.1:{full.getsockname()[1]}"
        # A queue that is full drops what asks to connect, as a firewall does.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        sentence = failure(
            ClusterSource(None, str(write_kubeconfig(tmp_path / "config", f"https://{address}")))
        )
        for one in waiting:
            one.close()
    assert f"{address} cannot be reached: it does not answer within 0.3 s" in sentence


def test_a_server_that_accepts_and_hangs_is_a_failure_before_anything_is_listed(
    server: ApiServer, source: ClusterSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_api, "PULSE", (60, 0.3))
    server.silent.set()
    assert "cannot be reached: it does not answer within 0.3 s;" in failure(source)


def test_an_answer_that_breaks_off_is_a_failure_in_plain_words(
    server: ApiServer, source: ClusterSource
) -> None:
    server.broken.add("pods")
    sentence = failure(source)
    assert f"127.0.0.1:{server.server_port} cannot be reached: the connection breaks off" in sentence
    assert "IncompleteRead" not in sentence


def test_an_unknown_host_is_a_failure_that_names_it(tmp_path: Path) -> None:
    sentence = failure(ClusterSource(None, str(write_kubeconfig(tmp_path / "c", "https://api.invalid:6443"))))
    assert "api.invalid:6443" in sentence


def test_a_server_without_tls_is_a_failure(server: ApiServer, tmp_path: Path) -> None:
    https = server.url.replace("http:", "https:")
    assert "TLS" in failure(ClusterSource(None, str(write_kubeconfig(tmp_path / "config", https))))


def plugin(tmp_path: Path, code: str) -> dict[str, Any]:
    script = tmp_path / "plugin.py"
    script.write_text(code)
    api = "client.authentication.k8s.io/v1"
    return {
        "exec": {
            "apiVersion": api,
            "command": sys.executable,
            "args": [str(script)],
            "interactiveMode": "Never",
        }
    }


def test_a_failing_login_plugin_is_a_failure_in_its_words(
    server: ApiServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    user = plugin(
        tmp_path, "import sys; print('Traceback\\nplease run: cloud login', file=sys.stderr); sys.exit(3)"
    )
    sentence = failure(ClusterSource(None, str(write_kubeconfig(tmp_path / "config", server.url, user))))
    assert "please run: cloud login" in sentence
    assert capfd.readouterr() == ("", "")


def test_a_login_plugin_runs_without_a_terminal(server: ApiServer, tmp_path: Path) -> None:
    user = plugin(
        tmp_path,
        "import json, os\n"
        "asked = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "assert asked['spec']['interactive'] is False\n"
        "print(json.dumps({**asked, 'status': {'token': 'let-me-in'}}))\n",
    )
    found = read(ClusterSource(None, str(write_kubeconfig(tmp_path / "config", server.url, user))))
    assert "shop" in found.names


def test_an_unknown_context_is_an_error_that_names_the_known(tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")
    with pytest.raises(NotFoundError, match=r"staging.*prod"):
        read(ClusterSource("staging", str(config)))


def test_a_first_failure_ends_following(tmp_path: Path) -> None:
    source = ClusterSource(None, str(write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")))
    with pytest.raises(NetsecError):
        source.follow(Collected(), threading.Event())


def test_the_library_is_not_imported_before_reading() -> None:
    code = (
        "import sys, netsec_tui.sources.cluster.source as c; c.ClusterSource('x');"
        "print({'kubernetes', 'yaml'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
