"""The configuration file on disk: several processes at once, crashes, links, modes and locks."""

import fcntl
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from netsec_tui.configuration import files
from netsec_tui.configuration.writing import ConfigFile, locked_everywhere
from netsec_tui.errors import BadInputError, CannotWriteError, LockedError, NotFoundError
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.configuring import Reread
from netsec_tui.model.decision import Alias

PODS = replace(Config(), pod_cidrs=("10.0.0.0/8",))
ALIASED = Config(aliases=(Alias("px", ("203.0.113.7/32",)),))
NEWER = "schema: 2\nlabels: {}\n"

EDITOR = """
import sys
from dataclasses import replace
from netsec_tui.configuration.writing import ConfigFile
from netsec_tui.model.configuring import Reread
from netsec_tui.model.decision import Alias
path, who = sys.argv[1:]
file = ConfigFile(path)
config = file.read()
sys.stdin.readline()
for at in range(20):
    mine = replace(config, aliases=(*config.aliases, Alias(f"{who}-{at}", (f"10.{who}.0.{at}/32",))))
    config = file.write(config, mine)
"""

CRASH = """
import os, sys
from netsec_tui.configuration import files
from netsec_tui.configuration.writing import ConfigFile
from netsec_tui.model.config import Config
setattr(os, sys.argv[2], lambda *args, **more: os._exit(9))
ConfigFile(sys.argv[1]).write(Config(), Config(service_cidrs=("10.96.0.0/12",)))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clusters" / "prod.yaml"


def written(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return ConfigFile(path)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def mode(path):
    return path.stat().st_mode & 0o777


def test_without_a_file_all_is_default_and_reading_makes_none(path):
    file = ConfigFile(path, "prod")
    assert file.read() == Config()
    assert file.locked(flag=False) == ""
    assert not path.parent.exists()


def test_a_new_file_is_private_and_says_whose_it_is(path):
    file = ConfigFile(path, "prod")
    assert file.write(Config(), PODS) == PODS == file.read()
    assert file.stored().cluster == "prod"
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert names(path.parent) == [".prod.yaml.lock", "prod.yaml"]


def test_what_others_wrote_meanwhile_stays(path):
    file = written(path, "schema: 1\ncidrs: {services: [10.96.0.0/12]} # theirs\n")
    both = file.write(Config(), PODS)
    assert both == replace(PODS, service_cidrs=("10.96.0.0/12",)) == file.read()
    assert "# theirs" in path.read_text()


def test_a_file_that_is_gone_meanwhile_removes_nothing(path):
    """An editor or git may take a file away and put it back."""
    file = ConfigFile(path)
    has = file.write(Config(), ALIASED)
    path.unlink()
    both = replace(has, pod_cidrs=PODS.pod_cidrs)
    assert file.read_again(has, both) == Reread(has, both)
    assert file.write(has, both) == both == file.read()


def test_no_write_when_nothing_changes(path):
    file = written(path, "schema: 1\ncidrs: {pods: [10.0.0.0/8]}\n")
    before = path.stat()
    assert file.write(Config(), PODS) == PODS
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_conflict_writes_nothing(path):
    theirs = "schema: 1\naliases: {a: {entries: [10.0.0.1], allowed: true}}\n"
    file = written(path, theirs)
    mine = Config(aliases=(Alias("b", ("10.0.0.1/32",)),))
    with pytest.raises(BadInputError, match="nothing is saved"):
        file.write(Config(), mine)
    assert path.read_text() == theirs


@pytest.mark.parametrize("text", [NEWER, "labels: {}\n", "schema: 1\nlabels: [\n"])
def test_a_file_that_is_newer_or_broken_is_never_rewritten(path, text):
    file = written(path, text)
    with pytest.raises(BadInputError, match=r"prod\.yaml:\d+: "):
        file.write(Config(), PODS)
    assert path.read_text() == text


def test_several_processes_at_once_lose_nothing(path):
    written(path, "# ours\nschema: 1\naliases:\n  kept: {entries: [192.0.2.1]} # why\n")
    editors = [
        subprocess.Popen([sys.executable, "-c", EDITOR, str(path), str(who)], stdin=subprocess.PIPE)
        for who in range(3)
    ]
    for editor in editors:
        editor.stdin.write(b"go\n")
        editor.stdin.flush()
    assert [editor.wait(120) for editor in editors] == [0, 0, 0]
    found = ConfigFile(path).read().alias_by_name
    assert sorted(found) == sorted(["kept", *(f"{who}-{at}" for who in range(3) for at in range(20))])
    assert found["2-7"].entries == ("10.2.0.7/32",)
    text = path.read_text()
    assert text.startswith("# ours\n")
    assert "# why" in text


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_crash_on_the_way_leaves_the_old_file(path, where):
    before = "schema: 1\ncidrs: {pods: [10.0.0.0/8]}\n"
    file = written(path, before)
    done = subprocess.run([sys.executable, "-c", CRASH, str(path), where], check=False)
    assert done.returncode == 9
    assert path.read_text() == before
    assert file.write(PODS, Config()) == Config(), "the lock of a process that died holds nobody up"


def test_a_failure_on_the_way_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    file = written(path, "schema: 1\n")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWriteError, match=r"prod\.yaml cannot be written: No space left on device"):
        file.write(Config(), PODS)
    assert path.read_text() == "schema: 1\n"
    assert names(path.parent) == [".prod.yaml.lock", "prod.yaml"]


def test_the_mode_of_a_file_stays(path):
    file = written(path, "schema: 1\n")
    path.chmod(0o664)
    file.write(Config(), PODS)
    assert mode(path) == 0o664


def test_a_link_stays_a_link(path, tmp_path):
    real = tmp_path / "dotfiles" / "prod.yaml"
    written(real, "schema: 1\n")
    path.parent.mkdir()
    path.symlink_to(os.path.relpath(real, path.parent))
    ConfigFile(path).write(Config(), PODS)
    assert path.is_symlink()
    assert ConfigFile(real).read() == PODS
    assert names(path.parent) == ["prod.yaml"]


def test_another_process_at_work_for_long_is_named(path, monkeypatch):
    file = written(path, "schema: 1\n")
    monkeypatch.setattr(files, "_WAIT_SECONDS", 0.0)
    with open(path.parent / ".prod.yaml.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(
            CannotWriteError, match=r"prod\.yaml is being edited by another process, .*\.lock"
        ):
            file.write(Config(), PODS)
    assert file.write(Config(), PODS) == PODS


@pytest.mark.parametrize(
    ("flag", "variable", "reason"),
    [
        (True, "", "the configuration is locked by --lock-config"),
        (False, "1", "the configuration is locked by NETSEC_TUI_LOCK_CONFIG"),
        (False, "true", "the configuration is locked by NETSEC_TUI_LOCK_CONFIG"),
        (False, "0", ""),
        (False, "", ""),
    ],
)
def test_flag_and_variable_lock(path, monkeypatch, flag, variable, reason):
    monkeypatch.setenv("NETSEC_TUI_LOCK_CONFIG", variable)
    assert ConfigFile(path).locked(flag=flag) == reason
    assert locked_everywhere(flag) == reason


@pytest.mark.parametrize("which", ["file", "folder"])
def test_what_nobody_may_write_is_locked_even_for_root(path, which):
    file = written(path, "schema: 1\n")
    closed = path if which == "file" else path.parent
    before = mode(closed)
    closed.chmod(before & 0o555)
    try:
        assert file.locked(flag=False).startswith(
            f"the configuration is locked: {closed} must not be written"
        )
        with pytest.raises(LockedError, match="must not be written"):
            file.write(Config(), PODS)
        assert file.read() == Config()
    finally:
        closed.chmod(before)
    assert path.read_text() == "schema: 1\n"


def test_a_folder_that_cannot_be_made_is_locked(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "closed must not be written" in ConfigFile(tmp_path / "closed" / "clusters" / "x.yaml").locked(
        flag=False
    )


def test_a_file_where_a_folder_belongs_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    file = ConfigFile(tmp_path / "file" / "x.yaml")
    with pytest.raises((CannotWriteError, NotFoundError), match="cannot be"):
        file.write(Config(), PODS)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_folder_or_a_pipe_is_no_configuration(tmp_path, make):
    make(tmp_path / "x.yaml")
    with pytest.raises(
        BadInputError, match=r"x\.yaml is (a folder|no plain file); name a configuration file"
    ):
        ConfigFile(tmp_path / "x.yaml").read()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"schema: 1\ncluster: \xff\n", r"x\.yaml:2: is not UTF-8"),
        ("schema: 1\n".encode("utf-16"), r"x\.yaml:1: is not UTF-8"),
        (b"# " + b"x" * (1 << 20), r"x\.yaml is larger than 1 MiB"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, data, problem):
    (tmp_path / "x.yaml").write_bytes(data)
    with pytest.raises(BadInputError, match=problem):
        ConfigFile(tmp_path / "x.yaml").read()


def test_more_than_can_be_read_again_is_not_written(path):
    many = tuple(f"a{at}/{'x' * 250}" for at in range(4500))
    with pytest.raises(BadInputError, match="larger than 1 MiB"):
        ConfigFile(path).write(Config(), Config(LabelConfig(LabelFilter(many))))
    assert not path.exists()
