"""Describe the command line; nothing is read or started here."""

from __future__ import annotations

from argparse import ArgumentTypeError, BooleanOptionalAction, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

from netsec_tui import __version__
from netsec_tui.cli import config_flags, values
from netsec_tui.cli.flag_groups import (
    NO_SOURCES,
    Parser,
    add_configuration,
    add_decisions,
    add_inputs,
    add_question,
    add_saving,
    add_scope,
    add_screen,
    add_state,
    add_trust,
    first_word,
    input_group,
    joined,
    new_parser,
)

COMMANDS = (
    "demo",
    "list",
    "generate",
    "diff",
    "record",
    "check",
    "applied",
    "doctor",
    "reader",
    "config",
    "info",
)

_EPILOG = """\
commands:
  netsec-tui demo                        walk through a recorded shop, no cluster needed
  netsec-tui list [KIND/NAME]            workloads with communications, or one workload's rows
  netsec-tui generate -n NS KIND/NAME    print the NetworkPolicy that the screen would save
  netsec-tui diff -n NS KIND/NAME        tell what applying that policy would change
  netsec-tui applied [KIND/NAME]         which applied policies select whom, and what they let through
  netsec-tui doctor                      which sources of flows a cluster has, and what they lack
  netsec-tui record -o FILE              write what is read to a capture file
  netsec-tui check --from END --to END   tell whether the NetworkPolicies allow a connection
  netsec-tui reader                      print the pods that --source conntrack can read in
  netsec-tui config get|set|check|path   read, edit and check the configuration of a cluster
  netsec-tui info                        version, and where everything is

examples:
  hubble observe -f -o json | netsec-tui --flows - --context prod
  netsec-tui --flows flows.json --manifests k8s/
  netsec-tui generate --capture monday.capture -n shop deploy/web --since 12h

Nothing in the cluster is ever changed. Exit codes: 0 done, 1 the answer is no, 2 cannot tell,
64 wrong usage, 65 and above failure (77: the configuration is locked).
"netsec-tui COMMAND --help" tells more.
"""


def parse(argv: Sequence[str]) -> Namespace:
    """Return the parsed command line; ``command`` is ``tui`` when no command is named.

    As with kubectl, flags may stand before the command: ``netsec-tui -n shop list``.

    Raises:
        UsageError: the flags or arguments are wrong.
    """
    command, rest = _split(list(argv))
    parser = _PARSERS[command]()
    if command == "config":
        parser, rest = config_flags.chosen(rest)
    args = parser.parse_args(joined(rest))
    args.command = "tui" if command == "demo" else command
    try:
        args.target = values.target(args.target) if args.target is not None else None
    except ArgumentTypeError as error:
        hint = f"; the commands are {', '.join(COMMANDS)}" if command == "tui" else ""
        parser.error(f"{error}{hint}")
    return args


def command_of(argv: Sequence[str]) -> str:
    """Return the command that a command line names, right or wrong as the rest of it may be."""
    return _split(list(argv))[0]


def _split(argv: list[str]) -> tuple[str, list[str]]:
    at = first_word(argv)
    if at < len(argv) and argv[at] in COMMANDS:
        return argv[at], argv[:at] + argv[at + 1 :]
    return "tui", argv


def _tui() -> Parser:
    parser = new_parser(
        "",
        "Watch the traffic of a Kubernetes cluster and get the least-privilege NetworkPolicy of a workload.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"netsec-tui {__version__}")
    parser.add_argument("target", nargs="?", metavar="KIND/NAME", help="workload to open")
    add_scope(parser)
    add_decisions(parser)
    add_inputs(parser, listening=False)
    add_configuration(parser)
    add_screen(parser)
    return parser


def _demo() -> Parser:
    parser = new_parser("demo", "Walk through a recorded shop; no cluster and no network needed.")
    parser.add_argument("target", nargs="?", metavar="KIND/NAME", help="workload to open")
    add_scope(parser)
    add_decisions(parser)
    add_configuration(parser)
    add_screen(parser)
    parser.set_defaults(
        demo=True,
        flows=[],
        sources=[],
        manifests=[],
        capture=[],
        context="",
        kubeconfig="",
        cluster_cidr=[],
        service_cidr=[],
        **NO_SOURCES,
    )
    return parser


def _list() -> Parser:
    parser = new_parser("list", "List the workloads with communications, or those of one workload.")
    parser.add_argument("target", nargs="?", metavar="KIND/NAME", help="show its rows")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    add_decisions(parser)
    add_scope(parser)
    add_inputs(parser)
    add_configuration(parser)
    return parser


def _generate() -> Parser:
    parser = new_parser("generate", "Print the NetworkPolicy of a workload, as the screen would save it.")
    parser.add_argument("target", metavar="KIND/NAME", help="for instance deploy/web")
    parser.add_argument(
        "-o",
        "--output",
        default="-",
        metavar="FILE|DIR|-",
        help="file (replaced), folder (for <policy name>.yaml) or -, standard output, the default",
    )
    parser.add_argument(
        "--allow-shared-selector",
        action="store_true",
        help="write the policy even when its selector selects other workloads too",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="write nothing and exit with 1 when the policy does anything but what was decided",
    )
    parser.add_argument(
        "--comments",
        action="store_true",
        help="put into the policy, as comments, how the traffic was observed; its bytes then depend on that",
    )
    add_decisions(parser)
    add_saving(parser)
    add_scope(parser)
    add_inputs(parser)
    add_configuration(parser)
    return parser


def _diff() -> Parser:
    parser = new_parser(
        "diff",
        "Tell what applying the NetworkPolicy of a workload, as generate prints it, would change. "
        "Exit codes: 0 nothing, 1 something, 2 trouble.",
    )
    parser.add_argument("target", metavar="KIND/NAME", help="for instance deploy/web")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")
    part = parser.add_mutually_exclusive_group()
    for name, what in (("meaning", "the connections lost and gained"), ("yaml", "the objects as YAML")):
        part.add_argument(
            f"--{name}", dest="part", action="store_const", const=name, help=f"compare only {what}"
        )
    add_decisions(parser)
    add_scope(parser)
    add_inputs(parser)
    add_configuration(parser)
    return parser


def _applied() -> Parser:
    parser = new_parser(
        "applied",
        "Tell which applied policies select which workloads; of one workload also whether they let its "
        "communications through, and why.",
    )
    parser.add_argument("target", nargs="?", metavar="KIND/NAME", help="tell of this workload")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    add_scope(parser)
    add_inputs(parser)
    add_configuration(parser)
    return parser


def _record() -> Parser:
    parser = new_parser("record", "Write what is read to a capture file, until the input ends or Ctrl-C.")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="capture file; must not exist")
    parser.set_defaults(target=None, namespace="", all_namespaces=True, since=None, two_objects=False)
    add_inputs(parser)
    return parser


def _check() -> Parser:
    parser = new_parser(
        "check",
        "Tell whether the NetworkPolicies allow a connection, on both sides, and by which rules. "
        "Exit codes: 0 allowed for all pairs of pods, 1 for none, 2 mixed or cannot tell.",
    )
    add_question(parser)
    parser.add_argument("--matrix", action="store_true", help="print which owners may reach which")
    parser.add_argument(
        "-o", "--output", choices=("table", "json", "csv"), default="table", help="csv for --matrix only"
    )
    parser.add_argument(
        "--ipblock-matches-pods",
        action=BooleanOptionalAction,
        default=None,
        help="whether an ipBlock also matches the addresses of pods "
        "(default: what the network plugin in the cluster does; it matches when none is seen)",
    )
    parser.set_defaults(target=None, flows=[], sources=[], **NO_SOURCES)
    add_state(input_group(parser))
    add_configuration(parser)
    return parser


def _doctor() -> Parser:
    parser = new_parser(
        "doctor",
        "Tell which sources of flows a cluster has, what each lacks and which to take; nothing is changed. "
        "Exit codes: 0 a source can be used and answers, 2 none.",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="default: text")
    group = parser.add_argument_group("cluster", "Which cluster, and how its sources are trusted.")
    group.add_argument("--context", default="", metavar="NAME", help="kubeconfig context (default: current)")
    group.add_argument("--kubeconfig", default="", metavar="PATH", help="instead of $KUBECONFIG")
    add_trust(group)
    parser.set_defaults(target=None)
    return parser


def _reader() -> Parser:
    parser = new_parser(
        "reader",
        "Print a DaemonSet in whose pods --source conntrack reads, where commands may be run in no others.",
    )
    parser.add_argument("-n", "--namespace", default="netsec-tui", metavar="NS", help="default: netsec-tui")
    parser.add_argument(
        "--image", default="busybox:1.37", help="any with sh, sleep and cat; default: busybox:1.37"
    )
    parser.add_argument(
        "--netlink",
        action="store_true",
        help="for kernels without /proc/net/nf_conntrack: allow the image's conntrack",
    )
    parser.set_defaults(target=None)
    return parser


_PARSERS = {
    "tui": _tui,
    "demo": _demo,
    "list": _list,
    "generate": _generate,
    "diff": _diff,
    "applied": _applied,
    "record": _record,
    "check": _check,
    "doctor": _doctor,
    "reader": _reader,
    "config": config_flags.overview,
    "info": config_flags.info,
}
