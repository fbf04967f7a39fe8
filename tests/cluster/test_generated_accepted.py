"""What the product generates, held against the API server's own validation."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from netsec_tui.cli.main import main
from tests.cluster.harness.rest import Rest
from tests.cluster.product.running import flow, pods_of, run
from tests.sources.kube_objects import deployment, obj

POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
CLIENTS, SERVERS = "null", "1e3"
"""Namespaces whose names are something else than text to a YAML that is not quoted."""

SPECIAL = ["y", "n", "on", "off", "yes", "true", "null", "1e3", "12e4", "0x10", "0o7", "1-000", "123", "1.5",
           "2026-11-21"]  # fmt: skip
KEYS = {"1_000": "1_000", "true": "0o17", "null": "1.0E2"}


def test_the_api_server_accepts_what_is_generated_for_every_workload_of_the_demo(
    control_plane, tmp_path, capfdbinary
):
    assert main(["list", "--demo", "-A", "-o", "json"]) == 0
    workloads = json.loads(capfdbinary.readouterr().out)["workloads"]
    made = 0
    for number, one in enumerate(workloads):
        folder = tmp_path / str(number)
        folder.mkdir()
        target = f"{one['kind']}/{one['name']}"
        shape = ["--two-objects"] if number % 2 else []
        code = main(["generate", "--demo", "-n", one["namespace"], target, *shape, "-o", f"{folder}/"])
        assert (code == 0) == any(folder.iterdir()), (one, capfdbinary.readouterr())
        made += code == 0
    assert made >= len(workloads) / 2
    namespaces = {one["namespace"] for one in workloads}
    there = control_plane.kubectl("get", "namespaces", "-o", "name").split()
    lacking = [obj("Namespace", name, None) for name in namespaces if f"namespace/{name}" not in there]
    control_plane.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(lacking))
    said = control_plane.kubectl("apply", "--dry-run=server", "--recursive", "-f", tmp_path)
    files = [file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.yaml")]
    objects = [document for text in files for document in yaml.safe_load_all(text)]
    assert said.count("created (server dry run)") == len(objects) > made


@pytest.fixture(scope="module")
def special(control_plane) -> dict[str, dict[str, Any]]:
    """Return a pod of each client and server whose names and labels YAML may take for something else."""
    objects = [obj("Namespace", CLIENTS, None), obj("Namespace", SERVERS, None)]
    for namespace in (CLIENTS, SERVERS):
        for name in SPECIAL:
            labels = {"app": name, **KEYS}
            objects.append(deployment(name, labels) | {"metadata": {"name": name, "namespace": namespace}})
    control_plane.kubectl(
        "apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    )
    rest = Rest(control_plane.kubeconfig)
    return {namespace: pods_of(rest, namespace, *SPECIAL) for namespace in (CLIENTS, SERVERS)}


def test_names_and_labels_that_yaml_takes_for_something_else_arrive_as_they_are(
    control_plane, special, tmp_path
):
    flows, folder = tmp_path / "flows.json", tmp_path / "policies"
    flows.write_text(
        "".join(flow(special[CLIENTS][name], special[SERVERS][name]) for name in SPECIAL), encoding="utf-8"
    )
    recording = tmp_path / "special.capture"
    assert run(control_plane.kubeconfig, "record", "--flows", flows, "-o", recording).code == 0
    for namespace in (CLIENTS, SERVERS):
        (folder / namespace).mkdir(parents=True)
        scope = ["--capture", str(recording), "-n", namespace, "-o", f"{folder / namespace}/"]
        for name in SPECIAL:
            assert main(["generate", f"deploy/{name}", *scope]) == 0
    control_plane.kubectl("apply", "--recursive", "-f", folder)

    rest = Rest(control_plane.kubeconfig)
    for namespace, peer, direction, side in (
        (CLIENTS, SERVERS, "egress", "to"),
        (SERVERS, CLIENTS, "ingress", "from"),
    ):
        stored = rest.items(POLICIES.format(namespace))
        found = {item["spec"]["podSelector"]["matchLabels"]["app"]: item["spec"] for item in stored}
        assert set(found) == set(SPECIAL)
        for name, spec in found.items():
            labels = {"app": name, **KEYS}
            assert spec["podSelector"] == {"matchLabels": labels}
            (rule,) = spec[direction]
            assert rule[side] == [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": peer}},
                    "podSelector": {"matchLabels": labels},
                }
            ]
