"""Describe the command line; nothing is read or started here."""

from __future__ import annotations

from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from netsec_tui import __version__
from netsec_tui.cli import values
from netsec_tui.errors import UsageError

if TYPE_CHECKING:
    from argparse import _ArgumentGroup

COMMANDS = ("demo", "list", "generate", "diff", "record", "check", "applied")

_EPILOG = """\
commands:
  netsec-tui demo                        walk through a made-up cluster, no cluster needed
  netsec-tui list [KIND/NAME]            workloads with communications, or one workload's rows
  netsec-tui generate -n NS KIND/NAME    print the NetworkPolicy that the screen would save
  netsec-tui diff -n NS KIND/NAME        tell what applying that policy would change
  netsec-tui applied [KIND/NAME]         which applied policies select whom, and what they let through
  netsec-tui record -o FILE              write what is read to a capture file
  netsec-tui check --from END --to END   tell whether the NetworkPolicies allow a connection

examples:
  hubble observe -f -o json | netsec-tui --flows - --context prod
  netsec-tui --flows flows.json --manifests k8s/
  netsec-tui generate --capture monday.capture -n shop deploy/web --since 12h

Nothing in the cluster is ever changed. Exit codes: 0 done, 1 the answer is no, 2 cannot tell,
64 wrong usage, 65 and above failure. "netsec-tui COMMAND --help" tells more.
"""


class Parser(ArgumentParser):
    """Parse like argparse, but report wrong usage as a UsageError, which exits with 64."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{message} (see {self.prog} --help)")


def parse(argv: Sequence[str]) -> Namespace:
    """Return the parsed command line; ``command`` is ``tui`` when no command is named.

    As with kubectl, flags may stand before the command: ``netsec-tui -n shop list``.

    Raises:
        UsageError: the flags or arguments are wrong.
    """
    command, rest = _split(list(argv))
    parser = _PARSERS[command]()
    args = parser.parse_args(rest)
    args.command = "tui" if command == "demo" else command
    if args.demo:
        from netsec_tui.sources.demo import SERVICE_CIDRS

        args.service_cidr = [*args.service_cidr, *SERVICE_CIDRS]
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
    """Return the command and the other arguments; the command is the first word that is no flag's value."""
    at = 0
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] in _WITH_VALUE else 1
    if at < len(argv) and argv[at] in COMMANDS:
        return argv[at], argv[:at] + argv[at + 1 :]
    return "tui", argv


def _parser(name: str, description: str, **more: Any) -> Parser:
    return Parser(prog=f"netsec-tui {name}".strip(), description=description, allow_abbrev=False, **more)


def _tui() -> Parser:
    parser = _parser(
        "",
        "Watch the traffic of a Kubernetes cluster and get the least-privilege NetworkPolicy of a workload.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"netsec-tui {__version__}")
    parser.add_argument("target", nargs="?", metavar="KIND/NAME", help="workload to open")
    _add_scope(parser)
    _add_inputs(parser)
    _add_screen(parser)
    return parser


def _demo() -> Parser:
    parser = _parser("demo", "Walk through a made-up cluster; no cluster and no network needed.")
    parser.add_argument("target", nargs="?", metavar="KIND/NAME", help="workload to open")
    _add_scope(parser)
    _add_screen(parser)
    parser.set_defaults(
        demo=True,
        flows=[],
        manifests=[],
        capture=[],
        context="",
        kubeconfig="",
        cluster_cidr=[],
        service_cidr=[],
    )
    return parser


def _list() -> Parser:
    parser = _parser("list", "List the workloads with communications, or the communications of one workload.")
    parser.add_argument("target", nargs="?", metavar="KIND/NAME", help="show its rows")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    _add_scope(parser)
    _add_inputs(parser)
    return parser


def _generate() -> Parser:
    parser = _parser("generate", "Print the NetworkPolicy of a workload, as the screen would save it.")
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
    _add_scope(parser)
    _add_inputs(parser)
    return parser


def _diff() -> Parser:
    parser = _parser(
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
    _add_scope(parser)
    _add_inputs(parser)
    return parser


def _applied() -> Parser:
    parser = _parser(
        "applied",
        "Tell which applied policies select which workloads; of one workload also whether they let its "
        "communications through, and why.",
    )
    parser.add_argument("target", nargs="?", metavar="KIND/NAME", help="tell of this workload")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    _add_scope(parser)
    _add_inputs(parser)
    return parser


def _record() -> Parser:
    parser = _parser("record", "Write what is read to a capture file, until the input ends or Ctrl-C.")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="capture file; must not exist")
    parser.set_defaults(target=None, namespace="", all_namespaces=True, since=None, two_objects=False)
    _add_inputs(parser)
    return parser


def _check() -> Parser:
    parser = _parser(
        "check",
        "Tell whether the NetworkPolicies allow a connection, on both sides, and by which rules. "
        "Exit codes: 0 allowed for all pairs of pods, 1 for none, 2 mixed or cannot tell.",
    )
    _add_question(parser)
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
    parser.set_defaults(target=None, flows=[])
    _add_state(_input_group(parser))
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
}


def _add_question(parser: Parser) -> None:
    group = parser.add_argument_group("question", "An END is NS/POD, NS/KIND/NAME or an IP address.")
    group.add_argument("--from", dest="source", metavar="END", help="who opens the connection")
    group.add_argument("--to", dest="destination", metavar="END", help="who listens; may be a Service")
    group.add_argument("--port", metavar="PROTOCOL/PORT", help="for instance TCP/8080; a Service's own port")
    group.add_argument(
        "--batch", metavar="FILE|-", help="answer many: JSON lines with from, to, protocol, port"
    )


def _add_scope(parser: Parser) -> None:
    group = parser.add_argument_group("scope")
    group.add_argument("-n", "--namespace", default="", metavar="NS", help="namespace to look at")
    group.add_argument("-A", "--all-namespaces", action="store_true", help="look at every namespace")
    group.add_argument(
        "--since", type=values.timespan, metavar="SPAN", help="5m, 1h, 12h, 1d, 7d, all or any whole minutes"
    )
    group.add_argument(
        "--two-objects", action="store_true", help="write ingress and egress as two NetworkPolicy objects"
    )


def _add_inputs(parser: Parser) -> None:
    group = _input_group(parser)
    group.add_argument(
        "--flows",
        action="append",
        default=[],
        metavar="PATH|-",
        help="Hubble JSON lines; - is stdin",
    )
    _add_state(group)


def _input_group(parser: Parser) -> _ArgumentGroup:
    return parser.add_argument_group(
        "input", "A cluster is contacted only when it is named, or when nothing else is."
    )


def _add_state(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--manifests",
        action="append",
        default=[],
        metavar="PATH",
        help="Kubernetes YAML or JSON",
    )
    group.add_argument("--capture", action="append", default=[], metavar="PATH", help="what record wrote")
    group.add_argument("--context", default="", metavar="NAME", help="kubeconfig context")
    group.add_argument("--kubeconfig", default="", metavar="PATH", help="instead of $KUBECONFIG")
    for flag, what in (("--cluster-cidr", "pod"), ("--service-cidr", "Service")):
        group.add_argument(
            flag,
            action="extend",
            type=values.ranges,
            default=[],
            metavar="CIDR",
            help=f"{what} ranges",
        )
    group.add_argument("--demo", action="store_true", help="the demo's made-up cluster")


def _add_screen(parser: Parser) -> None:
    group = parser.add_argument_group("screen")
    group.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    group.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    group.add_argument("--theme", default="", metavar="NAME", help="colours, for instance ansi-dark")


def _with_value() -> frozenset[str]:
    """Return every flag that takes a value, so that the value is not taken for the command."""
    shared = Parser(add_help=False)
    _add_scope(shared)
    _add_inputs(shared)
    _add_screen(shared)
    _add_question(shared)
    return frozenset(
        flag for action in shared._actions if action.nargs != 0 for flag in action.option_strings
    ) | {"-o", "--output"}


_WITH_VALUE = _with_value()
