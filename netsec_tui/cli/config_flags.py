"""Flags of ``netsec-tui config`` and ``netsec-tui info``."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NoReturn

from netsec_tui.cli.flag_groups import NO_SOURCES, Parser, add_flows, add_lock, first_word, new_parser
from netsec_tui.errors import UsageError

_ACTIONS = {
    "get": "print the configuration as YAML, or one value a line",
    "set": "put values in place of those of a key",
    "add": "add values to a key",
    "remove": "remove values from a key",
    "unset": "remove a key, and what is under it",
    "check": "validate the file; with inputs also tell what the configuration does",
    "path": "print where the file is, or would be",
    "suggest": "suggest label keys for the cluster that is read",
    "import": "take unresolved IPs over from a file, YAML or CSV",
    "export": "print the unresolved IPs, or write them to a file",
}

_EPILOG = "\n".join(
    [
        "actions:",
        *(f"  netsec-tui config {name:<10} {what}" for name, what in _ACTIONS.items()),
        "",
        "keys:",
        "  labels.workloads.include     labels.workloads.exclude     patterns of label keys, with * and ?",
        "  labels.namespaces.include    labels.namespaces.exclude",
        "  aliases.NAME.entries         IPs and CIDRs                aliases.NAME.allowed    true or false",
        "  cidrs.pods                   cidrs.services               discovery.controlPlanePods",
        "",
        "--context names the file and nothing is contacted; --live reads that cluster too.",
        "Exit codes: 0 done, 1 findings or refused, 64 wrong usage, 65 broken file, 77 locked.",
        '"netsec-tui config ACTION --help" tells more.',
    ]
)


def overview() -> Parser:
    """Return the parser of ``config`` without an action, which helps and else is wrong usage."""
    return _Overview(
        prog="netsec-tui config",
        usage="netsec-tui config ACTION [--context NAME | --config FILE] ...",
        description="Read, edit and check a cluster's configuration: label keys, unresolved IPs, ranges.",
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


class _Overview(Parser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"say what to do: netsec-tui config {', '.join(_ACTIONS)} (see {self.prog} --help)")


def chosen(argv: Sequence[str]) -> tuple[Parser, list[str]]:
    """Return the parser of the action that a command line names, and the other arguments.

    Raises:
        UsageError: there is no such action.
    """
    at = first_word(argv)
    if at == len(argv):
        if not {"-h", "--help"} & set(argv):
            overview().error("")
        return overview(), list(argv)
    name = argv[at]
    if name not in _ACTIONS:
        near = get_close_matches(name, _ACTIONS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(_ACTIONS)}"
        raise UsageError(f"netsec-tui config cannot {name}; {hint}")
    return _action(name), [*argv[:at], *argv[at + 1 :]]


def _action(name: str) -> Parser:
    parser = new_parser(f"config {name}", f"{_ACTIONS[name][0].upper()}{_ACTIONS[name][1:]}.")
    parser.set_defaults(action=name, target=None, demo=False, **_NO_INPUT)
    if name in _ADD:
        _ADD[name](parser)
    _add_file(parser)
    return parser


def info() -> Parser:
    """Return the parser of ``info``."""
    parser = new_parser("info", "Print the version and where everything is; nothing is contacted.")
    _add_output(parser, "table", "json")
    _add_file(parser)
    parser.set_defaults(target=None, **_NO_INPUT)
    return parser


_NO_INPUT = {
    "flows": [],
    "manifests": [],
    "capture": [],
    "live": False,
    "sources": [],
    **NO_SOURCES,
    "cluster_cidr": [],
    "service_cidr": [],
    "settings": [],
    "namespace": "",
    "all_namespaces": True,
    "since": None,
    "two_objects": False,
}
"""What commands that read lists of inputs expect, where the flags do not exist."""


def _add_file(parser: Parser) -> None:
    group = parser.add_argument_group("configuration", "Whose configuration; nothing is contacted for it.")
    group.add_argument("--context", default="", metavar="NAME", help="this context's (default: current)")
    group.add_argument("--config", default="", metavar="FILE", help="this file instead")
    group.add_argument("--kubeconfig", default="", metavar="PATH", help="instead of $KUBECONFIG")
    group.add_argument("--demo", action="store_true", help="that of the demo, which is read as input too")
    add_lock(group)


def _add_inputs(parser: Parser) -> None:
    group = parser.add_argument_group(
        "input", "What the effect is told of; without any, the file alone counts."
    )
    add_flows(group)
    group.add_argument(
        "--manifests", action="append", default=[], metavar="PATH", help="Kubernetes YAML or JSON"
    )
    group.add_argument("--capture", action="append", default=[], metavar="PATH", help="what record wrote")
    group.add_argument("--live", action="store_true", help="read the cluster of the context")


def _add_output(parser: Parser, *formats: str) -> None:
    parser.add_argument("-o", "--output", choices=formats, default=formats[0], help=f"default: {formats[0]}")


def _get(parser: Parser) -> None:
    parser.add_argument("key", nargs="?", metavar="KEY", help="for instance cidrs.pods")
    _add_output(parser, "text", "json")


def _edit(parser: Parser) -> None:
    parser.add_argument("key", metavar="KEY", help="for instance labels.workloads.exclude")
    parser.add_argument("values", nargs="+", metavar="VALUE", help="several may be separated by commas")
    _add_yes(parser)
    _add_inputs(parser)


def _unset(parser: Parser) -> None:
    parser.add_argument("key", metavar="KEY", help="for instance cidrs, or aliases.proxies")
    parser.set_defaults(values=[])
    _add_yes(parser)
    _add_inputs(parser)


def _add_yes(parser: Parser) -> None:
    parser.add_argument(
        "--yes", action="store_true", help="write even when selectors would select other workloads or nothing"
    )


def _check(parser: Parser) -> None:
    _add_output(parser, "text", "json")
    _add_inputs(parser)


def _suggest(parser: Parser) -> None:
    _add_output(parser, "text", "json")
    parser.add_argument("--apply", action="store_true", help="write the suggestion to the file")
    _add_yes(parser)
    _add_inputs(parser)


def _import(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE|-", help="YAML or CSV")


def _export(parser: Parser) -> None:
    parser.add_argument("file", nargs="?", default="-", metavar="FILE|-", help="default: standard output")
    parser.add_argument(
        "-o", "--output", choices=("yaml", "csv"), help="default: by the name of the file, else yaml"
    )


_ADD = {
    "get": _get,
    "set": _edit,
    "add": _edit,
    "remove": _edit,
    "unset": _unset,
    "check": _check,
    "suggest": _suggest,
    "import": _import,
    "export": _export,
}
