"""Where the file of a cluster lies, whatever the cluster is called."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netsec_tui.configuration.paths import cluster_of, clusters_folder, config_home, config_path


@pytest.mark.parametrize(
    ("xdg", "home"),
    [("/xdg", "/xdg/netsec-tui"), ("", "/me/.config/netsec-tui"), ("relative", "/me/.config/netsec-tui")],
)
def test_the_folder_is_as_xdg_has_it(monkeypatch, xdg, home):
    monkeypatch.setenv("HOME", "/me")
    monkeypatch.setenv("XDG_CONFIG_HOME", xdg)
    assert config_home() == Path(home)


@pytest.mark.parametrize(
    ("cluster", "file"),
    [
        ("prod-eu", "prod-eu.yaml"),
        ("kubernetes-admin@kubernetes", "kubernetes-admin%40kubernetes.yaml"),
        ("arn:aws:eks:eu-west-1:123:cluster/prod", "arn%3Aaws%3Aeks%3Aeu-west-1%3A123%3Acluster%2Fprod.yaml"),
        ("..", "%2E..yaml"),
        ("", "%.yaml"),
        ("prüfung", "pr%C3%BCfung.yaml"),
    ],
)
def test_the_name_of_the_file_is_that_of_the_cluster(cluster, file):
    assert config_path(cluster) == clusters_folder() / file


@given(st.text(max_size=600))
@example("../" * 200)
@example("%" * 300)
@example("\ud800")
@example("a" * 180 + "/../..")
def test_any_name_is_a_path_inside_the_folder_and_comes_back(cluster):
    path = config_path(cluster)
    inside = path.relative_to(clusters_folder())
    assert cluster_of(path) == cluster
    assert not {".", ".."} & set(inside.parts)
    assert not inside.name.startswith(".") or len(inside.parts) > 1
    assert all(len(part.encode()) <= 200 for part in inside.parts)
    assert path.suffix == ".yaml"


@given(st.text(max_size=400), st.text(max_size=400))
def test_two_names_are_two_files_and_none_is_a_folder_of_the_other(one, other):
    first, second = config_path(one), config_path(other)
    assert (first == second) == (one == other)
    assert first not in second.parents
