"""``netsec-tui doctor``: which sources of flows a cluster has, what each lacks, and which to take."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from netsec_tui.cli.exits import CANNOT_TELL, DONE
from netsec_tui.cli.inputs import access_of, tls_flags, tls_of
from netsec_tui.cli.output import note, put, put_json, put_table
from netsec_tui.core.cluster.cni import find_cni
from netsec_tui.model.cni import Cni
from netsec_tui.sources.access import Access
from netsec_tui.sources.cluster.kubeconfig import choose_context
from netsec_tui.sources.finding.findings import Finding
from netsec_tui.sources.finding.probe import Answer, probe
from netsec_tui.sources.finding.survey import Survey, survey
from netsec_tui.sources.inventory.build import build_inventory
from netsec_tui.sources.registry import SOURCES, make_source

_NO_CNI = "not seen; k3s and others run theirs outside of pods"
_NO_PICK = "none can be used"
_NO_ANSWER = "none, as none answers"
_ELSE = "; flows from a file: netsec-tui --flows FILE"


Tried = tuple[dict[str, Answer], tuple[str, ...]]
"""What each source answered that was tried, and those to take."""


def run(args: Namespace) -> int:
    """Print what was found; return 0 when a source can be used and answers, else 2."""
    context = choose_context(args.context or None, args.kubeconfig or None).name
    access = replace(access_of(args), context=context)
    found = survey(access, SOURCES)
    cni = find_cni(build_inventory(found.workloads)[0])
    answers, taken = _tried(found, access)
    command = _command(args, context, taken)
    if args.output == "json":
        put_json(_document(context, cni, found, (answers, taken), command))
    else:
        for sentence in found.unread:
            note(sentence)
        _put_text(context, cni, found, (answers, taken), command)
    return DONE if any(answer.answered for answer in answers.values()) else CANNOT_TELL


def _tried(found: Survey, access: Access) -> Tried:
    """Return what sources answered, up to the first choice that does, and that choice, if any does."""
    answers: dict[str, Answer] = {}
    for names in found.choices:
        answers |= {name: probe(make_source(name, access)) for name in names if name not in answers}
        if any(answers[name].answered for name in names):
            return answers, names
    return answers, ()


def _command(args: Namespace, context: str, pick: Sequence[str]) -> str:
    """Return the command that opens the screen with the sources that were picked, empty for none."""
    if not pick:
        return ""
    words = ["netsec-tui", "--context", context]
    words += ["--kubeconfig", args.kubeconfig] if args.kubeconfig else []
    words += [word for name in pick for word in ("--source", name)]
    served = any(SOURCES[name].tls != "never" for name in pick)
    for flag, value in tls_flags(tls_of(args)) if served else ():
        words += [flag, value] if value else [flag]
    return shlex.join(words)


def _document(context: str, cni: Cni | None, found: Survey, tried: Tried, command: str) -> dict[str, Any]:
    answers, taken = tried
    told = {name: {"source": name, "answered": a.answered, "detail": a.detail} for name, a in answers.items()}
    return {
        "context": context,
        "cni": {"name": cni.name, "seenAs": list(cni.seen_as)} if cni else None,
        "sources": [_finding(finding) for finding in found.findings],
        "picked": [told[name] for name in taken],
        "passedOver": [entry for name, entry in told.items() if name not in taken],
        "command": command or None,
        "problems": list(found.unread),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "source": finding.source,
        "state": str(finding.state),
        "where": finding.where or None,
        "lacks": list(finding.lacks),
        "missingRights": [{"namespace": r.namespace, "rule": r.rule} for r in finding.missing],
    }


def _put_text(context: str, cni: Cni | None, found: Survey, tried: Tried, command: str) -> None:
    answers, taken = tried
    plugin = f"{cni.name} ({', '.join(cni.seen_as)})" if cni else _NO_CNI
    put_table(("WHAT", "FOUND"), [("context", context), ("network plugin", plugin)])
    put("\n")
    rows = [row for finding in found.findings for row in _rows(finding)]
    put_table(("SOURCE", "STATE", "WHERE", "WHAT IT LACKS"), rows)
    put("\n")
    lines = [("taken", " and ".join(taken) or (_NO_ANSWER if answers else _NO_PICK) + _ELSE)]
    for name, answer in answers.items():
        lines.append((f"{name} answers", f"{'yes' if answer.answered else 'no'}: {answer.detail}"))
    put_table(("RESULT", ""), [*lines, *([("run", command)] if command else [])])


def _rows(finding: Finding) -> Iterator[tuple[str, str, str, str]]:
    """Yield a line for all that a source lacks, the first with its name."""
    rights = [f"in namespace {right.namespace} a Role with {right.rule}" for right in finding.missing]
    first, *others = [*rights, *finding.lacks] or [""]
    yield finding.source, str(finding.state), finding.where, first
    for sentence in others:
        yield "", "", "", sentence
