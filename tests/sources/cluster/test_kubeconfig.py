from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from netsec_tui.errors import BadInputError, NetsecError, NotFoundError
from netsec_tui.sources.cluster.kubeconfig import Context, choose_context, contexts

SECRET = "hunter2"


def write(path: Path, names: list[str], current: str = "", **more: Any) -> Path:
    config = {
        "current-context": current,
        "contexts": [
            {"name": n, "context": {"cluster": f"{n}-{path.name}", "user": "u", **more}} for n in names
        ],
        "users": [{"name": "u", "user": {"token": SECRET}}],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.delenv("KUBECONFIG", raising=False)


def test_contexts_of_a_named_file(tmp_path: Path) -> None:
    file = write(tmp_path / "c", ["prod", "dev"], "prod", namespace="shop")
    assert contexts(file) == (
        Context("dev", "dev-c", "shop", False),
        Context("prod", "prod-c", "shop", True),
    )
    assert SECRET not in repr(contexts(file))


def test_the_environment_names_several_files_and_the_first_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = write(tmp_path / "one", ["a", "b"]), write(tmp_path / "two", ["b", "c"], "c")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(one), "", str(tmp_path / "missing"), str(two)]))
    assert [(c.name, c.cluster, c.current) for c in contexts()] == [
        ("a", "a-one", False),
        ("b", "b-one", False),
        ("c", "c-two", True),
    ]


def test_the_home_folder_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "home" / ".kube").mkdir()
    write(tmp_path / "home" / ".kube" / "config", ["mine"])
    assert [c.name for c in contexts()] == ["mine"]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, NotFoundError, "there is no kubeconfig at"),
        ("", NotFoundError, "holds no contexts"),
        ("contexts: []", NotFoundError, "holds no contexts"),
        (f"users:\n- token: {SECRET}\n  x: [", BadInputError, ":3 is no YAML"),
        (f"a: *{SECRET}", BadInputError, ":1 is no YAML"),
        (f"[{SECRET}]", BadInputError, "holds no mapping"),
        ("contexts: x", BadInputError, "contexts is no list"),
        ("contexts: [{name: a}]", BadInputError, "no name or no context"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_the_file(
    tmp_path: Path, text: str | None, error: type[NetsecError], words: str
) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    with pytest.raises(error) as caught:
        contexts(file)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_context_is_chosen_by_name_or_as_the_current_one(tmp_path: Path) -> None:
    file = write(tmp_path / "c", ["prod", "dev"], "prod")
    assert choose_context("dev", file).name == "dev"
    assert choose_context(None, file).name == "prod"
    with pytest.raises(NotFoundError, match=r"no context x; the kubeconfig has dev, prod"):
        choose_context("x", file)


def test_without_a_current_context_the_choice_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"--context: dev, prod"):
        choose_context(None, write(tmp_path / "c", ["prod", "dev"]))


def test_a_current_context_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        choose_context(None, write(tmp_path / "c", ["prod", "dev"], "zz"))
    assert "names zz, which does not exist" in str(caught.value)
    assert str(caught.value).endswith("--context: dev, prod")
