"""The configuration in the commands that read: whose file counts, what lies over it, what ends them."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsec_tui.cli.configured import configured
from netsec_tui.cli.flags import parse
from netsec_tui.cli.overrides import FileUnderOverrides
from netsec_tui.configuration.paths import config_path
from netsec_tui.core.configure.merge import merged
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.configuring import Reread
from netsec_tui.model.decision import Alias

OUTSIDE = "203.0.113.9/32"
ALIASED = f"schema: 1\naliases:\n  partner: {{entries: [{OUTSIDE}]}}\n"
BROKEN = "schema: 1\nlables: {}\ncidrs: {pods: [nonsense]}\n"
KUBECONFIG = """\
current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: u}}
- {name: test, context: {cluster: c, user: u}}
"""


def kept_for(cluster, text):
    """Write the configuration of a cluster and return its path."""
    path = config_path(cluster)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def peers(run, *argv):
    """Return the names of the peers of the workload web."""
    code, out, err = run("list", *argv, "-n", "shop", "deploy/web", "-o", "json")
    assert code == 0, err
    return {row["peer"]["name"] for row in json.loads(out)["rows"]}


def test_files_have_the_configuration_that_is_named_and_no_other(run, cluster, tmp_path):
    named = tmp_path / "mine.yaml"
    named.write_text(ALIASED, encoding="utf-8")
    kept_for("demo", ALIASED)
    assert "partner" not in peers(run, *cluster)
    assert "partner" in peers(run, *cluster, "--config", named)


def test_demo_has_a_configuration_of_its_own(run):
    path = kept_for("demo", BROKEN)
    for argv in (["list", "--demo"], ["demo"]):
        code, out, err = run(*argv)
        assert (code, out) == (65, "")
        assert [line for line in err.splitlines() if not line.startswith(f"netsec-tui: {path}:")] == []


@pytest.mark.parametrize(
    ("argv", "context", "cluster"),
    [
        (["list"], "prod", "prod"),
        (["list", "--context", "test"], "test", "test"),
        (["list", "--demo"], "", "demo"),
        (["list", "--demo", "--context", "test"], "test", "test"),
        (["list", "--flows", "x"], "", None),
        (["demo"], "", "demo"),
    ],
)
def test_file_is_that_of_the_context_that_is_read(argv, context, cluster):
    found = configured(parse(argv), context)
    assert (found.file and found.file.path) == (cluster and str(config_path(cluster)))


def test_configuration_file_that_is_named_must_be_there(run, cluster):
    code, out, err = run("list", *cluster, "--config", "gone.yaml")
    assert (code, out) == (66, "")
    assert "there is no configuration file gone.yaml" in err


@pytest.mark.parametrize(
    "argv",
    [
        ["list"],
        ["list", "-n", "shop", "deploy/web"],
        ["generate", "-n", "shop", "deploy/web"],
        ["applied"],
        ["check", "--matrix"],
        ["--since", "1h"],
    ],
)
def test_broken_file_ends_every_command_with_all_that_is_wrong(run, cluster, tmp_path, argv):
    (tmp_path / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    inputs = cluster[2:] if argv[0] == "check" else cluster
    code, out, err = run(*argv, *inputs, "--config", "broken.yaml")
    assert (code, out) == (65, "")
    lines = err.splitlines()
    assert [line.split(" ")[1] for line in lines] == ["broken.yaml:2:", "broken.yaml:3:"]
    assert "lables" in lines[0]
    assert "labels" in lines[0]


def test_broken_file_is_trouble_for_diff(run, cluster, tmp_path):
    (tmp_path / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    assert run("diff", *cluster, "--config", "broken.yaml", "-n", "shop", "deploy/web")[0] == 2


def test_file_of_another_cluster_is_used_and_said(run, cluster, tmp_path):
    (tmp_path / "other.yaml").write_text("schema: 1\ncluster: other\n", encoding="utf-8")
    kept_for("demo", "schema: 1\ncluster: other\n")
    assert "is for the cluster other" not in run("list", *cluster, "--config", "other.yaml")[2]
    assert "for the cluster other, and it is used for demo" in run("list", "--demo")[2]


# Laid over the file


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], Config(pod_cidrs=("10.9.0.0/16",))),
        (["--set", "cidrs.pods=10.8.0.0/16"], Config(pod_cidrs=("10.8.0.0/16",))),
        (["--set", "cidrs.pods="], Config()),
        (["--cluster-cidr", "10.7.0.0/16"], Config(pod_cidrs=("10.7.0.0/16",))),
        (
            ["--set", "cidrs.pods=10.8.0.0/16", "--cluster-cidr", "10.7.0.0/16"],
            Config(pod_cidrs=("10.7.0.0/16",)),
        ),
        (["--service-cidr", "fd00::/108"], Config(pod_cidrs=("10.9.0.0/16",), service_cidrs=("fd00::/108",))),
        (
            ["--set", "labels.workloads.exclude=helm.sh/*,chart"],
            Config(
                labels=LabelConfig(workload=LabelFilter(exclude=("helm.sh/*", "chart"))),
                pod_cidrs=("10.9.0.0/16",),
            ),
        ),
        (
            ["--set", f"aliases.a.entries={OUTSIDE}", "--set", "aliases.a.allowed=true"],
            Config(aliases=(Alias("a", (OUTSIDE,), True),), pod_cidrs=("10.9.0.0/16",)),
        ),
    ],
)
def test_flags_lie_over_the_file(tmp_path, flags, expected):
    (tmp_path / "c.yaml").write_text("schema: 1\ncidrs: {pods: [10.9.0.0/16]}\n", encoding="utf-8")
    args = parse(["list", "--config", str(tmp_path / "c.yaml"), *flags])
    assert configured(args, "").config == expected


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("cidrs.pod=10.0.0.0/8", "cidrs.pods"),
        ("cidrs.pods=nonsense", "nonsense"),
        ("cidrs.pods", "is not KEY=VALUE"),
        ("=x", "is not KEY=VALUE"),
        ("aliases.gone.allowed=true", "gone"),
    ],
)
def test_wrong_setting_is_wrong_usage(run, cluster, setting, sentence):
    code, out, err = run("list", *cluster, "--set", setting)
    assert (code, out, err.count("\n")) == (64, "", 1)
    assert setting in err
    assert sentence in err


def test_value_that_is_not_taken_as_written_is_said(run, cluster):
    code, _, err = run("list", *cluster, "--set", "cidrs.services=10.96.0.1/12")
    assert (code, err) == (0, "netsec-tui: 10.96.0.1/12 has host bits: 10.96.0.0/12 is used\n")


def test_ranges_of_the_file_make_categories_and_flags_win(run, cluster, tmp_path):
    def category(*flags):
        out = run("list", *cluster, *flags, "-n", "shop", "deploy/web", "-o", "json")[1]
        (row,) = (row for row in json.loads(out)["rows"] if row["peer"]["type"] == "address")
        return row["category"]

    (tmp_path / "c.yaml").write_text("schema: 1\ncidrs: {services: [203.0.113.0/24]}\n", encoding="utf-8")
    inside = category("--config", "c.yaml")
    assert inside != category("--config", "c.yaml", "--service-cidr", "10.96.0.0/16")
    assert inside == category("--service-cidr", "203.0.113.0/24")


def test_check_asks_of_the_ranges_of_the_file(run, cluster, tmp_path):
    (tmp_path / "c.yaml").write_text("schema: 1\ncidrs: {pods: [203.0.113.0/24]}\n", encoding="utf-8")
    ask = ["check", *cluster[2:], "--from", "shop/web-1", "--to", "203.0.113.9", "--port", "TCP/443"]
    assert run(*ask)[0] == 0
    assert run(*ask, "--config", "c.yaml")[0] == 2  # in the pods' range, and no pod has it


def test_label_filters_of_the_file_make_the_policy(run, cluster, tmp_path):
    (tmp_path / "c.yaml").write_text("schema: 1\nlabels: {workloads: {exclude: [app]}}\n", encoding="utf-8")
    code, out, err = run("generate", *cluster, "--config", "c.yaml", "-n", "shop", "deploy/web")
    assert (code, out) == (1, "")
    assert "label" in err


# Saving from the screen


class Kept:
    """A file that others may edit between reading and writing."""

    path = "kept.yaml"

    def __init__(self, config):
        self.config = config

    def write(self, base, mine):
        self.config, conflicts = merged(base, mine, self.config)
        assert conflicts == ()
        return self.config

    def read_again(self, base, mine):
        return Reread(self.config, *merged(base, mine, self.config))


PROXY = Alias("proxy", ("192.0.2.1/32",))
SAID = Config(aliases=(PROXY,), pod_cidrs=("10.9.0.0/16",))


def opened(*settings, said=SAID):
    """Return a file under overrides, what it is kept in, and what then counts."""
    from netsec_tui.cli.overrides import laid_over

    kept = Kept(said)
    flags = [part for setting in settings for part in ("--set", setting)]
    return FileUnderOverrides(kept, said), kept, laid_over(said, parse(["list", *flags])).config


def with_alias(config, alias):
    others = [one for one in config.aliases if one.name != alias.name]
    return Config(
        config.labels,
        tuple(sorted([*others, alias], key=lambda one: one.name)),
        config.pod_cidrs,
        config.service_cidrs,
        config.control_plane_pods,
    )


PARTS = [f"10.{n}.0.0/16" for n in range(4)]
RANGES = st.sets(st.sampled_from(PARTS)).map(lambda found: tuple(sorted(found)))
ALIASES = st.dictionaries(st.sampled_from(["a", "bb", "ccc"]), st.booleans()).map(
    lambda found: tuple(
        Alias(name, (f"192.0.2.{len(name)}/32",), allowed) for name, allowed in sorted(found.items())
    )
)
CONFIGS = st.builds(Config, aliases=ALIASES, pod_cidrs=RANGES, service_cidrs=RANGES)


@given(said=CONFIGS, base=CONFIGS, mine=CONFIGS)
def test_only_edits_are_ever_written(said, base, mine):
    kept = Kept(said)
    file = FileUnderOverrides(kept, said)
    assert file.write(base, base) == base
    assert kept.config == said
    file.write(base, mine)
    written = set(kept.config.pod_cidrs) - set(said.pod_cidrs)
    assert written <= set(mine.pod_cidrs) - set(base.pod_cidrs)
    untouched = {alias.name for alias in base.aliases if alias in mine.aliases}
    for name in untouched:
        assert kept.config.alias_by_name.get(name) == said.alias_by_name.get(name)


@given(said=CONFIGS, mine=CONFIGS)
def test_without_overrides_the_file_has_what_the_session_has(said, mine):
    kept = Kept(said)
    assert FileUnderOverrides(kept, said).write(said, mine) == mine
    assert kept.config == mine


NEW = Alias("new", ("198.51.100.7/32",))


def test_reading_again_takes_over_what_others_wrote_and_keeps_edits_and_flags():
    file, kept, base = opened("cidrs.pods=10.8.0.0/16")
    theirs = Alias("theirs", ("198.51.100.8/32",))
    kept.config = with_alias(SAID, theirs)
    read = file.read_again(base, with_alias(base, NEW))
    assert read.conflicts == ()
    assert read.stands == with_alias(base, theirs)
    assert read.edited == with_alias(with_alias(base, theirs), NEW)
    assert file.write(read.stands, read.edited) == read.edited
    assert kept.config == with_alias(with_alias(SAID, theirs), NEW)


def test_after_a_conflict_reading_again_makes_saving_possible():
    file, kept, base = opened()
    kept.config = with_alias(SAID, replace(PROXY, allowed=True, entries=("192.0.2.1/32", "192.0.2.2/32")))
    mine = replace(base, aliases=())
    read = file.read_again(base, mine)
    assert len(read.conflicts) == 1
    assert file.write(read.stands, read.edited) == read.edited == kept.config


def test_edit_is_saved_and_what_flags_laid_over_is_not():
    file, kept, base = opened("cidrs.pods=10.8.0.0/16", "labels.workloads.exclude=chart")
    mine = with_alias(base, NEW)
    stands = file.write(base, mine)
    assert kept.config == with_alias(SAID, NEW)
    assert stands == mine  # what flags say still counts


def test_edit_of_the_very_thing_that_flags_say_is_saved():
    file, kept, base = opened("aliases.proxy.allowed=true")
    assert base.aliases[0].allowed
    more = Alias("proxy", ("192.0.2.1/32", "192.0.2.2/32"), allowed=True)
    stands = file.write(base, with_alias(base, more))
    assert kept.config.aliases == (Alias("proxy", more.entries, allowed=False),)
    assert stands.aliases == (more,)


def test_edited_alias_that_only_flags_know_is_saved_whole():
    file, kept, base = opened(f"aliases.given.entries={OUTSIDE}")
    allowed = Alias("given", (OUTSIDE,), allowed=True)
    file.write(base, with_alias(base, allowed))
    assert kept.config == with_alias(SAID, allowed)


def test_alias_of_the_file_that_flags_change_can_be_removed():
    file, kept, base = opened("aliases.proxy.allowed=true")
    without = Config(base.labels, (), base.pod_cidrs)
    assert file.write(base, without) == without
    assert kept.config.aliases == ()


def test_value_that_flags_say_and_that_is_taken_away_is_not_brought_back():
    file, kept, base = opened("cidrs.services=10.96.0.0/16")
    mine = Config(base.labels, base.aliases, base.pod_cidrs, ())
    assert file.write(base, mine) == mine
    assert kept.config == SAID


def test_edits_of_others_count_beside_what_flags_say():
    file, kept, base = opened("cidrs.pods=10.8.0.0/16")
    kept.config = with_alias(SAID, Alias("theirs", ("198.51.100.9/32",)))
    mine = with_alias(base, NEW)
    stands = file.write(base, mine)
    assert [alias.name for alias in stands.aliases] == ["new", "proxy", "theirs"]
    assert (stands.pod_cidrs, kept.config.pod_cidrs) == (("10.8.0.0/16",), ("10.9.0.0/16",))
    again = with_alias(stands, Alias("proxy", ("192.0.2.9/32",)))
    assert file.write(stands, again) == again
    assert kept.config.alias_by_name["proxy"].entries == ("192.0.2.9/32",)


def test_settings_are_checked_before_a_screen_asks_for_a_cluster(run, tmp_path, monkeypatch):
    (tmp_path / "config").write_text(KUBECONFIG, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    code, _, err = run("--set", "cidrs.pod=10.0.0.0/8")
    assert code == 64
    assert "cidrs.pods" in err


def test_cluster_with_a_broken_file_is_not_opened(tmp_path, monkeypatch):
    from netsec_tui.cli.tui import KubeconfigClusters
    from netsec_tui.errors import BadInputError

    (tmp_path / "config").write_text(KUBECONFIG, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    path = kept_for("test", BROKEN)
    clusters = KubeconfigClusters(parse([]))
    with pytest.raises(BadInputError) as refused:
        clusters.connect("test")
    assert str(refused.value).startswith(f"{path}:2: ")
    assert str(refused.value).endswith("; 1 more, which netsec-tui config check names")
    assert clusters.connect("prod").file.path == str(config_path("prod"))


# Locks


@pytest.mark.parametrize(
    ("flags", "env", "locked"),
    [
        ([], {}, ""),
        (["--lock-config"], {}, "--lock-config"),
        ([], {"NETSEC_TUI_LOCK_CONFIG": "1"}, "NETSEC_TUI_LOCK_CONFIG"),
    ],
)
def test_lock_comes_from_flag_or_environment(monkeypatch, flags, env, locked):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    reason = configured(parse(["demo", *flags]), "").locked
    assert bool(reason) == bool(locked)
    assert locked in reason


def test_file_that_must_not_be_written_locks_the_session():
    path = kept_for("demo", ALIASED)
    path.chmod(0o444)
    assert str(path) in configured(parse(["demo"]), "").locked


def test_nothing_is_written_by_reading(run):
    run("list", "--demo", "--set", "cidrs.pods=10.244.0.0/16")
    assert list(Path(os.environ["XDG_CONFIG_HOME"]).rglob("*")) == []


def test_alias_edited_in_the_screen_is_saved_without_what_flags_laid_over():
    from netsec_tui.cli.tui import _connect
    from netsec_tui.configuration.reading import read_config
    from netsec_tui.session.actions import ConfigSaved, Configure

    path = kept_for("demo", ALIASED)
    args = parse(["--demo", "--set", "cidrs.pods=10.8.0.0/16", "--service-cidr", "10.7.0.0/16"])
    connected = _connect(args, "")
    session, file = connected.session, connected.file
    session.apply(Configure(with_alias(session.config, NEW)))
    session.apply(ConfigSaved(file.write(session.saved_config, session.config)))
    assert read_config("x", path.read_text(encoding="utf-8")) == with_alias(read_config("x", ALIASED), NEW)
    assert (session.config.pod_cidrs, session.config.service_cidrs) == (("10.8.0.0/16",), ("10.7.0.0/16",))
    assert session.config == session.saved_config


def test_screen_may_be_given_a_file_that_is_not_there_yet(tmp_path):
    known = configured(parse(["demo", "--config", str(tmp_path / "new.yaml")]), "")
    known.file.write(known.config, with_alias(known.config, NEW))
    assert "new" in (tmp_path / "new.yaml").read_text(encoding="utf-8")
