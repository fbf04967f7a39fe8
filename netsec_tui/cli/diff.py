"""``netsec-tui diff``: what applying the generated policy would change; exit codes are those of diff(1)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from typing import Any

from netsec_tui.cli.documents import workload
from netsec_tui.cli.exits import DIFFERENT, DONE, TROUBLE
from netsec_tui.cli.generate import no_policy
from netsec_tui.cli.loading import Loaded, choose, load
from netsec_tui.cli.output import note, put, put_json
from netsec_tui.core.compare.difference import difference
from netsec_tui.model.difference import Change, Difference, Group, ObjectDifference, Ports, Turn
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.review import Review
from netsec_tui.render.diff_words import heading, sentence
from netsec_tui.render.literal import literal

MEANING, YAML = "meaning", "yaml"

Document = dict[str, Any]


def run(args: Namespace) -> int:
    """Print what differs and return 0 for nothing, 1 for something, 2 for trouble."""
    loaded = load(args)
    review = choose(loaded, args.target)
    obstacle = _obstacle(loaded, review)
    ground = loaded.session.ground()
    if obstacle or ground is None:
        note(f"nothing is compared: {obstacle}")
        return TROUBLE
    found = difference(ground, review.policies)
    if found.unknown:
        note(f"nothing is compared: {found.unknown}; give it with --manifests or --context")
        return TROUBLE
    for name in found.staying:
        note(f"{name} selects the same pods and stays as it is")
    for remark in found.notes:
        note(remark)
    parts = (args.part,) if args.part else (MEANING, YAML)
    differs = found.differs if YAML in parts else bool(found.changes)
    if args.output == "json":
        put_json({"input": loaded.document(), **document(review.subject.ref, found, differs, parts)})
    elif differs:
        put(text(found, parts))
    if loaded.exit_code != DONE:
        return loaded.exit_code
    return DIFFERENT if differs else DONE


def _obstacle(loaded: Loaded, review: Review) -> str:
    if loaded.reading.failures:
        return "without all of its input the policy might be wrong"
    if review.refusal:
        return no_policy(review)
    return "" if loaded.counts else "without flows that count the policy would refuse everything"


def text(found: Difference, parts: Iterable[str]) -> str:
    """Return the parts for people: sentences that begin with - or +, then unified diffs."""
    chosen = tuple(parts)
    lines: list[str] = []
    for turn in Turn:
        if MEANING in chosen and found.of(turn):
            lines += [heading(found, turn), *map(sentence, found.of(turn))]
    if YAML in chosen:
        lines += [line for entry in found.objects for line in entry.lines]
    return "".join(f"{literal(line)}\n" for line in lines)


def document(ref: WorkloadRef, found: Difference, differs: bool, parts: Iterable[str]) -> Document:
    """Return the parts for programs; a part that was not asked for is null."""
    chosen = tuple(parts)
    return {
        "workload": workload(ref),
        "differs": differs,
        "meaning": {turn.name.lower(): _turn(found, turn) for turn in Turn} if MEANING in chosen else None,
        "yaml": [_object(entry) for entry in found.objects] if YAML in chosen else None,
        "staying": list(found.staying),
        "notes": list(found.notes),
    }


def _turn(found: Difference, turn: Turn) -> Document:
    return {"pairs": found.count(turn), "changes": [_change(change) for change in found.of(turn)]}


def _change(change: Change) -> Document:
    return {
        "from": _group(change.source),
        "to": _group(change.destination),
        "ports": _ports(change.ports),
        "somePodsOnly": change.partial,
        "familyOnly": f"IPv{change.family}" if change.family else None,
        "sentence": sentence(change),
    }


def _group(group: Group) -> Document:
    addresses = [{"first": entry.first, "last": entry.last} for entry in group.addresses]
    return {"owners": [workload(ref) for ref in group.owners], "addresses": addresses}


def _ports(ports: Iterable[Ports]) -> list[Document]:
    return [{"protocol": p.protocol, "first": p.first, "last": p.last} for p in ports]


def _object(entry: ObjectDifference) -> Document:
    return {
        "namespace": entry.namespace,
        "name": entry.name,
        "applied": entry.applied,
        "lines": list(entry.lines),
    }
