"""``netsec-tui applied``: which applied policies select which workloads, and what they make of traffic."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from netsec_tui.cli import applied_documents
from netsec_tui.cli.exits import CANNOT_TELL, DONE
from netsec_tui.cli.loading import Loaded, choose, read
from netsec_tui.cli.output import note, put, put_json, put_table
from netsec_tui.cli.workloads import check_namespace
from netsec_tui.core.compare.applied import Applied
from netsec_tui.core.compare.applied_verdict import Verdicts
from netsec_tui.errors import BadInputError
from netsec_tui.model.applied import AppliedVerdict, Held, NamespaceMap, PolicyUse
from netsec_tui.model.identity import Direction
from netsec_tui.model.review import Review, Row
from netsec_tui.render.applied import isolation, pods_text, sides_text, stray_text
from netsec_tui.render.names import full_name, port_text


def run(args: Namespace) -> int:
    """Print the map of the namespaces in scope, or what is applied to one workload; return the exit code."""
    loaded = read(args)
    if args.target is None:
        _put_map(loaded, args.output == "json")
    else:
        _put_workload(loaded, choose(loaded, args.target), args.output == "json")
    return _exit_code(loaded)


def _exit_code(loaded: Loaded) -> int:
    """Return 2 when it is not known which policies there are; flows are not needed for an answer."""
    if loaded.reading.failures:
        return loaded.reading.failures[0].exit_code
    if loaded.skipped:
        return BadInputError.exit_code
    return DONE if loaded.session.inventory.known else CANNOT_TELL


def _put_map(loaded: Loaded, as_json: bool) -> None:
    check_namespace(loaded.session, loaded.namespace)
    applied = Applied(loaded.session.cluster())
    maps = [applied.in_namespace(name) for name in _namespaces(loaded, applied)]
    if as_json:
        put_json({"input": loaded.document(), **applied_documents.namespaces(maps)})
        return
    put_table(
        ("NAMESPACE", "POLICY", "ISOLATES", "SELECTS"),
        [_use_cells(found, use) for found in maps for use in found.policies],
    )
    put("\n")
    put_table(
        ("NAMESPACE", "KIND", "NAME", "POLICIES", "STATE"),
        [_held_cells(held) for found in maps for held in found.workloads],
    )


def _namespaces(loaded: Loaded, applied: Applied) -> list[str]:
    if loaded.namespace:
        return [loaded.namespace]
    policies = loaded.session.inventory.policies
    owners = {ref.namespace for ref in applied.ground.owners}
    return sorted(owners | {one.policy.namespace for one in policies})


def _use_cells(found: NamespaceMap, use: PolicyUse) -> Sequence[str]:
    names = [f"{peer.ref} ({pods_text(hold)})" for peer, hold in use.selects]
    text = ", ".join(names) or f"nothing: {use.note}"
    return (found.namespace, use.policy.policy.name, sides_text(use.policy.policy), text)


def _held_cells(held: Held) -> Sequence[str]:
    names = [hold.policy.policy.name for hold in held.holds]
    names += [f"{title} may override" for title in held.overriding]
    ref = held.peer.ref
    return (ref.namespace, ref.kind, ref.name, ", ".join(names) or "none", "; ".join(isolation(held)))


def _put_workload(loaded: Loaded, review: Review, as_json: bool) -> None:
    applied = Applied(loaded.session.cluster())
    held = applied.on_subject(review.subject, review.strayed)
    verdicts = Verdicts(applied, review.subject)
    told = [(row, verdicts.of(row.communication)) for d in Direction for row in review.of(d).rows]
    if as_json:
        found = [applied_documents.communication(*one) for one in told]
        workload = {**applied_documents.held(held), "noLongerSelectedBy": applied_documents.strayed(held)}
        put_json({"input": loaded.document(), "workload": workload, "communications": found})
        return
    rows = [(h.policy.policy.name, sides_text(h.policy.policy), pods_text(h)) for h in held.holds]
    rows += [(one.policy.policy.name, sides_text(one.policy.policy), stray_text(one)) for one in held.lost]
    rows += [(title, "", "may override") for title in held.overriding]
    if rows:
        put_table(("POLICY", "ISOLATES", "SELECTS"), rows)
        put("\n")
    else:
        note(f"no NetworkPolicy selects {review.subject.ref}: {'; '.join(isolation(held))}")
    put_table(("DIRECTION", "PEER", "PORT", "VERDICT", "WHY"), [_row_cells(*one) for one in told])


def _row_cells(row: Row, verdict: AppliedVerdict) -> Sequence[str]:
    key = row.key
    return (
        str(key.direction),
        full_name(key.peer),
        port_text(key),
        str(verdict.outcome),
        verdict.short,
    )
