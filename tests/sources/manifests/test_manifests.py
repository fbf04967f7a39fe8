from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.model.inventory import Inventory
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.manifests import source as manifests
from netsec_tui.sources.manifests.source import ManifestSource
from tests.sources.collected import Collected, following
from tests.sources.kube_objects import deployment, obj, pod

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "manifests"


def write(path: Path, *documents: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(documents))
    return path


def read(*paths: Path) -> Collected:
    collected = Collected()
    ManifestSource(paths).read(collected)
    return collected


@pytest.fixture(autouse=True)
def _poll_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "POLL_SECONDS", 0.01)


def test_files_folders_lists_and_json_are_read(tmp_path: Path) -> None:
    write(
        tmp_path / "all" / "a.yaml", pod("one"), {"apiVersion": "v1", "kind": "List", "items": [pod("two")]}
    )
    write(tmp_path / "all" / "deep" / "b.yml", deployment("three"))
    (tmp_path / "all" / "c.json").write_text(json.dumps(pod("four")))
    (tmp_path / "all" / "README.md").write_text("no manifest")
    write(tmp_path / "all" / ".git" / "d.yaml", pod("hidden"))
    alone = write(tmp_path / "named-otherwise.txt", obj("Service", "five"))
    found = read(tmp_path / "all", alone)
    assert found.names == ["one", "two", "four", "three", "five"]
    assert found.status.ended
    assert found.status.skipped == 0
    assert found.problems == ()


def test_of_two_files_the_later_wins(tmp_path: Path) -> None:
    write(tmp_path / "1.yaml", pod("web", {"v": "1"}), pod("other"))
    write(tmp_path / "2.yaml", pod("web", {"v": "2"}))
    labels = {o["metadata"]["name"]: o["metadata"]["labels"] for o in read(tmp_path).objects}
    assert labels == {"web": {"v": "2"}, "other": {}}


def test_what_is_of_no_use_is_no_problem(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", pod("web"), obj("Secret", "s", data={"p": "hunter2"}), obj("ConfigMap", "c"))
    found = read(tmp_path)
    assert (found.names, found.problems, found.status.skipped) == (["web"], (), 0)


def test_broken_documents_are_counted_and_named_with_file_and_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        "kind: Pod\napiVersion: v1\nmetadata: {name: web}\n---\na: [\n---\nreplicas: 3\n---\nkind: Pod\n"
    )
    found = read(broken)
    assert found.names == ["web"]
    assert found.status.skipped == 3
    assert [problem.split(" ")[0] for problem in found.problems] == [
        f"{broken}:{line}:" for line in (5, 6, 8)
    ]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", pod("web"))
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    (problem,) = read(tmp_path).problems
    assert str(tmp_path / "b.yaml") in problem


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no-such"):
        read(tmp_path / "no-such.yaml")


def test_a_folder_without_manifests_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no file"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["a: [", "kind: Secret\napiVersion: v1\n", ""])
def test_nothing_of_use_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(BadInputError, match=r"a\.yaml|manifests"):
        read(tmp_path)


def test_changes_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", pod("one"))
    write(tmp_path / "b.yaml", pod("two"))
    with following(ManifestSource([tmp_path])) as found:
        found.wait_for(lambda: found.names == ["one", "two"])
        write(tmp_path / "a.yaml", pod("one"), pod("three"))
        found.wait_for(lambda: found.names == ["one", "three", "two"])
        write(tmp_path / "c.yaml", pod("four"))
        found.wait_for(lambda: found.names == ["one", "three", "two", "four"])
        (tmp_path / "a.yaml").unlink()
        found.wait_for(lambda: found.names == ["two", "four"])


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_read_again(tmp_path: Path) -> None:
    old, new = write(tmp_path / "a.yaml", pod("one")), write(tmp_path / "new", pod("two"))
    os.utime(new, ns=(old.stat().st_atime_ns, old.stat().st_mtime_ns))
    with following(ManifestSource([old])) as found:
        found.wait_for(lambda: found.names == ["one"])
        new.replace(old)
        found.wait_for(lambda: found.names == ["two"])


def test_a_file_broken_later_keeps_what_was_read_and_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "a.yaml", pod("one"), pod("two"))
    with following(ManifestSource([file])) as found:
        found.wait_for(lambda: found.names == ["one", "two"])
        for broken in ("kind: [", "kind: {{", "", "a: b: c"):
            before = len(found.messages)
            file.write_text(broken)
            found.wait_for(lambda told=before: len(found.messages) >= told + 2)  # type: ignore[misc]
            assert found.names == ["one", "two"]
            assert str(file) in found.status.error
            assert found.status.skipped == 1
        write(file, pod("two"))
        found.wait_for(lambda: found.names == ["two"] and found.status.error == "")


def test_a_file_that_vanishes_keeps_what_was_read_and_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "a.yaml", pod("one"))
    other = write(tmp_path / "b.yaml", pod("two"))
    with following(ManifestSource([file, other])) as found:
        found.wait_for(lambda: found.names == ["one", "two"])
        file.unlink()
        found.wait_for(lambda: str(file) in found.status.error)
        write(other, pod("three"))
        found.wait_for(lambda: found.names == ["one", "three"])
        write(file, pod("four"))
        found.wait_for(lambda: found.names == ["four", "three"] and found.status.error == "")


def shared_inventory(name: str) -> tuple[Inventory, Collected]:
    if not (SHARED / name).is_dir():
        pytest.skip(f"the shared manifests of {name} are not beside the repository")
    found = read(SHARED / name)
    inventory, problems = build_inventory(found.objects)
    assert problems == ()
    return inventory, found


def test_online_boutique() -> None:
    inventory, found = shared_inventory("online-boutique")
    assert found.problems == ()
    assert len(inventory.owners) == 12
    assert {owner.ref.kind for owner in inventory.owners} == {"Deployment"}
    assert {owner.ref.namespace for owner in inventory.owners} == {"default"}
    frontend = inventory.service_by_name["default", "frontend"]
    assert [(port.port, port.target_port) for port in frontend.ports] == [(80, 8080)]
    assert len(inventory.policies) == 13


def test_sock_shop() -> None:
    inventory, found = shared_inventory("sock-shop")
    assert found.problems == ()
    in_shop = [owner.ref.name for owner in inventory.owners_by_namespace["sock-shop"]]
    assert len(in_shop) == 14
    assert sorted(inventory.namespaces) == ["loadtest", "monitoring", "sock-shop"]
    assert [str(o.ref) for o in inventory.owners if o.selector is None] == ["Job/grafana-import-dashboards"]
