"""The command line: where flags may stand, what they default to, and that wrong usage is a UsageError."""

import pytest

from netsec_tui.cli.flags import COMMANDS, parse
from netsec_tui.cli.values import SourceChoice
from netsec_tui.errors import UsageError


def test_no_command_is_the_screen():
    args = parse(["--flows", "a.json", "-n", "shop", "deploy/web"])
    assert (args.command, args.flows, args.namespace, str(args.target)) == (
        "tui",
        ["a.json"],
        "shop",
        "Deployment/web",
    )


def test_demo_is_the_screen_on_the_demo():
    args = parse(["demo"])
    assert (args.command, args.demo) == ("tui", True)


@pytest.mark.parametrize(
    "before",
    [
        ["-n", "shop"],
        ["-nshop"],
        ["--namespace=shop"],
        ["--namespace", "shop"],
        ["-A", "-n", "shop", "--flows", "-"],
        ["--two-objects", "--context", "list", "-n", "shop"],
        ["-o", "json", "-n", "shop"],
    ],
)
def test_flags_may_stand_before_the_command_as_with_kubectl(before):
    args = parse([*before, "list", "deploy/web"])
    assert (args.command, args.namespace, str(args.target)) == ("list", "shop", "Deployment/web")


def test_every_flag_with_a_value_may_stand_before_the_command():
    flags = ["--flows", "--manifests", "--capture", "--context", "--kubeconfig", "--namespace"]
    args = parse([part for flag in flags for part in (flag, "list")] + ["--since", "1h", "list"])
    assert args.command == "list"
    assert [getattr(args, flag[2:]) for flag in flags] == [
        ["list"],
        ["list"],
        ["list"],
        "list",
        "list",
        "list",
    ]


def test_cluster_is_observed_by_known_sources_only():
    args = parse(["list", "--source", "conntrack"])
    assert args.sources == [SourceChoice("conntrack")]
    with pytest.raises(UsageError, match=r"no source 'tcpdump'; choose from .*conntrack"):
        parse(["list", "--source", "tcpdump"])
    for command in ("demo", "check", "info"):
        with pytest.raises(UsageError, match="unrecognized arguments: --source"):
            parse([command, "--source", "conntrack"])


def test_inputs_repeat_and_ranges_add_up():
    line = "list --flows a --flows b --manifests c --manifests d --capture e --capture f"
    line += " --cluster-cidr 10.0.0.0/16,10.1.0.0/16 --cluster-cidr fd00::/48"
    args = parse(line.split())
    assert (args.flows, args.manifests, args.capture) == (["a", "b"], ["c", "d"], ["e", "f"])
    assert args.cluster_cidr == ["10.0.0.0/16", "10.1.0.0/16", "fd00::/48"]


def test_repeated_parsing_does_not_remember():
    parse(["list", "--flows", "a", "--cluster-cidr", "10.0.0.0/16"])
    args = parse(["list"])
    assert (args.flows, args.cluster_cidr) == ([], [])


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("generate", "KIND/NAME"),
        ("generate web", "'web' is not KIND/NAME, for instance deploy/web"),
        ("lits", "the commands are demo, list, generate, diff, record"),
        ("record", "-o/--output"),
        ("list -o yaml", "invalid choice: 'yaml'"),
        ("list --since 30s", "whole minutes"),
        ("list --cluster-cidr 10.0.0.1/8", "the range is 10.0.0.0/8"),
        ("list --name shop", "unrecognized arguments: --name"),
        ("list --theme=ansi-dark", "unrecognized arguments: --theme=ansi-dark"),
        ("demo --flows x", "unrecognized arguments: --flows"),
        ("--flows", "expected one argument"),
        ("list --for -5s", "argument --for: '-5s' is not a duration"),
        ("list --since -5m", "argument --since: '-5m' is not a span"),
    ],
)
def test_wrong_usage_is_one_sentence(line, sentence):
    with pytest.raises(UsageError) as caught:
        parse(line.split())
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "--help" in str(caught.value)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command_goes_to_stdout_and_ends_well(command, capsys):
    with pytest.raises(SystemExit) as ended:
        parse([*command.split(), "--help"])
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, "")
    assert f"usage: netsec-tui {command}".strip() in out
