"""A file is written whole or not at all, where the person said."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netsec_tui.errors import CannotWriteError
from netsec_tui.files import PRIVATE, target_of, write_whole


def test_a_folder_stands_for_the_policy_name_in_it(tmp_path):
    assert target_of(str(tmp_path), "deployment-web") == tmp_path / "deployment-web.yaml"


def test_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert target_of("~/web.yaml", "x") == tmp_path / "web.yaml"


@pytest.mark.parametrize("typed", ["", "   ", "missing/web.yaml", "a\0b"])
def test_a_path_that_cannot_be_is_told(typed):
    with pytest.raises(CannotWriteError):
        target_of(typed, "x")


def test_content_and_mode_of_an_old_file(tmp_path):
    path = tmp_path / "web.yaml"
    path.write_text("old")
    path.chmod(0o640)
    write_whole(path, "a: ä\n")
    assert path.read_bytes() == "a: ä\n".encode()
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["web.yaml"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.yaml").write_text("old")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    write_whole(tmp_path / "link.yaml", "new")
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text() == "new"


def test_a_failure_leaves_the_old_content_and_no_rubbish(tmp_path):
    path = tmp_path / "web.yaml"
    path.mkdir()
    (path / "inside").write_text("kept")
    with pytest.raises(CannotWriteError, match="cannot be written"):
        write_whole(path, "new")
    assert (path / "inside").read_text() == "kept"
    assert os.listdir(tmp_path) == ["web.yaml"]


def test_a_device_is_written_to_and_stays_one():
    write_whole(Path(os.devnull), "gone")
    assert Path(os.devnull).is_char_device()


def test_a_pipe_is_written_to_and_stays_one(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(path.read_text)
        write_whole(path, "a: 1\n")
        assert read.result(timeout=60) == "a: 1\n"
    assert path.is_fifo()


def test_a_new_private_file_can_be_read_by_its_owner_alone(tmp_path):
    write_whole(tmp_path / "new.yaml", "a: 1\n", mode=PRIVATE)
    assert (tmp_path / "new.yaml").stat().st_mode & 0o777 == 0o600
