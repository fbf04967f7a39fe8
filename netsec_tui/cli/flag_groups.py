"""Flags that several commands share, a group a function."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from netsec_tui.cli import values
from netsec_tui.errors import UsageError
from netsec_tui.sources.registry import SOURCES

if TYPE_CHECKING:
    from argparse import _ArgumentGroup


class Parser(ArgumentParser):
    """Parse like argparse, but report wrong usage as a UsageError, which exits with 64."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{message} (see {self.prog} --help)")


def new_parser(name: str, description: str, **more: Any) -> Parser:
    """Return the empty parser of a command."""
    return Parser(prog=f"netsec-tui {name}".strip(), description=description, allow_abbrev=False, **more)


def first_word(argv: Sequence[str]) -> int:
    """Return where the first word stands that is neither a flag nor a flag's value, else the length."""
    at = 0
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] in _with_value() else 1
    return min(at, len(argv))


def joined(argv: Sequence[str]) -> list[str]:
    """Return a command line in which ``--for -5s`` is ``--for=-5s``, so that what is wrong is the value."""
    told: list[str] = []
    for word in argv:
        if word[:1] == "-" and word[1:2].isdigit() and told and told[-1] in _with_value():
            told[-1] += f"={word}" if told[-1].startswith("--") else word
        else:
            told.append(word)
    return told


@cache
def _with_value() -> frozenset[str]:
    shared = Parser(add_help=False)
    groups = (add_scope, add_decisions, add_saving, add_inputs, add_configuration, add_screen, add_question)
    for add in groups:
        add(shared)
    return frozenset(
        flag for action in shared._actions if action.nargs != 0 for flag in action.option_strings
    ) | {"-o", "--output"}


def add_question(parser: Parser) -> None:
    """Add what ``check`` asks."""
    group = parser.add_argument_group("question", "An END is NS/POD, NS/KIND/NAME or an IP address.")
    group.add_argument("--from", dest="source", metavar="END", help="who opens the connection")
    group.add_argument("--to", dest="destination", metavar="END", help="who listens; may be a Service")
    group.add_argument("--port", metavar="PROTOCOL/PORT", help="for instance TCP/8080; a Service's own port")
    group.add_argument(
        "--batch", metavar="FILE|-", help="answer many: JSON lines with from, to, protocol, port"
    )


def add_scope(parser: Parser) -> None:
    """Add namespace, timespan and the form of policies."""
    group = parser.add_argument_group("scope")
    group.add_argument("-n", "--namespace", default="", metavar="NS", help="namespace to look at")
    group.add_argument("-A", "--all-namespaces", action="store_true", help="look at every namespace")
    group.add_argument(
        "--since", type=values.timespan, metavar="SPAN", help="5m, 1h, 12h, 1d, 7d, all or any whole minutes"
    )
    group.add_argument(
        "--two-objects", action="store_true", help="write ingress and egress as two NetworkPolicy objects"
    )


def add_decisions(parser: Parser) -> None:
    """Add which decisions count instead of how rows start."""
    parser.add_argument(
        "--decisions", default="", metavar="FILE", help="decide as this file says; new rows start out"
    )


def add_saving(parser: Parser) -> None:
    """Add where the decisions are written that the policy is made of."""
    parser.add_argument(
        "--save-decisions",
        default="",
        metavar="FILE|DIR",
        help="save the decisions too; a file that exists must be that of --decisions",
    )


def add_inputs(parser: Parser, *, listening: bool = True) -> None:
    """Add all inputs; ``listening`` for commands that answer once."""
    group = input_group(parser)
    add_flows(group)
    add_sources(group)
    if listening:
        add_listening(group)
    add_state(group)


def add_flows(group: _ArgumentGroup) -> None:
    """Add the input that tells flows."""
    group.add_argument(
        "--flows",
        action="append",
        default=[],
        metavar="PATH|-",
        help="recorded flows: JSON lines of Hubble or another known format; - is stdin",
    )


def add_sources(group: _ArgumentGroup) -> None:
    """Add the inputs that observe flows in the cluster itself."""
    group.add_argument(
        "--source",
        action="append",
        type=values.source,
        default=[],
        dest="sources",
        metavar="NAME[://HOST:PORT]",
        help=f"observe the cluster: {', '.join(SOURCES)}; none to read flows from nowhere; "
        "without it and without files the cluster is looked at for one",
    )
    add_trust(group)


def add_trust(group: _ArgumentGroup) -> None:
    """Add how the servers of sources are trusted, and what they are told of the client."""
    group.add_argument(
        "--source-tls", choices=("auto", "on", "off"), default="auto", help="TLS towards sources"
    )
    for name, what in (
        ("ca", "PEM file of the authority that signs the source's certificate"),
        ("cert", "PEM file of the client certificate"),
        ("key", "PEM file of the client's key"),
    ):
        group.add_argument(f"--source-{name}", type=values.not_empty, metavar="FILE", help=what)
    group.add_argument(
        "--source-server-name",
        type=values.server_name,
        metavar="NAME",
        help="name that the source's certificate carries",
    )
    group.add_argument("--source-insecure", action="store_true", help="take any certificate of a source")


NO_SOURCES: Mapping[str, Any] = MappingProxyType(
    {
        "source_tls": "auto",
        "source_ca": None,
        "source_cert": None,
        "source_key": None,
        "source_server_name": None,
        "source_insecure": False,
        "listen": None,
    }
)
"""What these flags say of commands that do not have them; ``sources`` is a list of each parser's own."""


def add_listening(group: _ArgumentGroup) -> None:
    """Add for how long live sources are listened to before the answer."""
    group.add_argument(
        "--for",
        type=values.duration,
        dest="listen",
        metavar="DURATION",
        help="listen to live sources so long before answering: 30s, 5m, 1h (default: what they hold now)",
    )


def input_group(parser: Parser) -> _ArgumentGroup:
    """Return an empty group for inputs."""
    return parser.add_argument_group(
        "input", "A cluster is contacted only when it is named or observed, or when nothing else is given."
    )


def add_state(group: _ArgumentGroup) -> None:
    """Add the inputs that tell cluster state, and the ranges."""
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
    group.add_argument("--demo", action="store_true", help="the demo's recorded cluster")


def add_screen(parser: Parser) -> None:
    """Add what the screen looks like."""
    group = parser.add_argument_group("screen")
    group.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    group.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    group.add_argument("--theme", default="", metavar="NAME", help="colours, for instance ansi-dark")


def add_configuration(parser: Parser) -> None:
    """Add which configuration counts for this run, and whether it may be edited."""
    group = parser.add_argument_group("configuration", "See docs/configuration.md for files and keys.")
    group.add_argument(
        "--config",
        default="",
        metavar="FILE",
        help="configuration file, instead of the one of the context",
    )
    group.add_argument(
        "--set",
        action="append",
        type=values.setting,
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="lay a value over the file for this run, for instance cidrs.pods=10.244.0.0/16",
    )
    add_lock(group)


def add_lock(group: Parser | _ArgumentGroup) -> None:
    """Add the flag that locks the configuration."""
    group.add_argument(
        "--lock-config",
        action="store_true",
        help="refuse every edit of the configuration; also NETSEC_TUI_LOCK_CONFIG=1",
    )
