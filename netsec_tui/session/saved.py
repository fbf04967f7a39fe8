"""Turn decisions into what a file keeps of them, and back; remember which rows lacked a namespace label."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from itertools import chain

from netsec_tui.core.decide.stood import covers, uncovered
from netsec_tui.model.communication import Via
from netsec_tui.model.decision import NOTHING, Alias, Decisions, DirectionDecisions, ManualRule, StoodFor
from netsec_tui.model.identity import LOOKUPS, CommunicationKey, Direction, PeerSort, WorkloadRef, alias_peer
from netsec_tui.model.review import DirectionReview, Review, Row
from netsec_tui.model.saved import SavedDecisions
from netsec_tui.session.decide import with_side


def saved_decisions(review: Review, decisions: Decisions, aliases: Iterable[Alias]) -> SavedDecisions:
    """Return the decisions for a file: every row shown stands as it does, decided by hand or not.

    Rows that the file knew so far, and that are not shown, stay known.
    """
    sides = {d: _saved_side(review.of(d), decisions.of(d)) for d in Direction}
    whole = Decisions(sides[Direction.INGRESS], sides[Direction.EGRESS])
    names = _alias_names(whole)
    entries = {alias.name: _decided_entries(decisions, alias) for alias in aliases if alias.name in names}
    return SavedDecisions(review.subject.ref, whole, entries)


def _decided_entries(decisions: Decisions, alias: Alias) -> tuple[str, ...]:
    """Return the entries of an alias, or only those that all its ticked rows were ticked for."""
    sides = [decisions.of(direction) for direction in Direction]
    told = [
        stood.addresses
        for side in sides
        for key, stood in side.stood.items()
        if key.peer == alias_peer(alias.name) and _is_ticked(side, key)
    ]
    if not any(uncovered(entries, alias.entries) for entries in told):
        return alias.entries
    every = sorted(set(chain.from_iterable(told)))
    return tuple(entry for entry in every if not any(uncovered(entries, (entry,)) for entries in told))


def _alias_names(decisions: Decisions) -> set[str]:
    """Return the aliases that decisions speak of, under whatever general rule."""
    sides = [decisions.of(direction) for direction in Direction]
    keys = chain.from_iterable(chain(side.reviewed or (), *side.ticks.values()) for side in sides)
    return {key.peer.name for key in keys if key.peer.sort is PeerSort.ALIAS}


def _saved_side(shown: DirectionReview, chosen: DirectionDecisions) -> DirectionDecisions:
    explicit = chosen.ticks.get(chosen.general, {})
    rows = {row.key: row for row in shown.rows if row.key.peer.sort is not PeerSort.DNS}
    held = chosen.held | {row.key.lasting for row in shown.rows if row.unlabelled}
    ticks = dict.fromkeys(chosen.reviewed or (), False)
    ticks |= {key: row.ticked for key, row in rows.items()}
    ticks = {key: ticked for key, ticked in (ticks | dict(explicit)).items() if key not in held}
    dns = [row.ticked for row in shown.rows if row.key.peer.sort is PeerSort.DNS and row.tickable]
    known = {*ticks, *held, *chain.from_iterable(chosen.ticks.values())}
    told = chosen.dns if chosen.dns is not None or not dns else dns[0]
    return replace(
        chosen,
        ticks={**chosen.ticks, chosen.general: ticks},
        dns=None if LOOKUPS in held else told,
        held=held,
        reviewed=(held | ticks.keys()) - {LOOKUPS},
        via=service_ports(shown, chosen, known),
        stood=_stood(shown, chosen, known),
    )


def service_ports(
    shown: DirectionReview, chosen: DirectionDecisions, keys: Iterable[CommunicationKey]
) -> Mapping[CommunicationKey, tuple[Via, ...]]:
    """Return the Service ports behind rows of Services, as shown or else as known before."""
    wanted = {key for key in keys if key.peer.sort is PeerSort.SERVICE}
    if not wanted:
        return {}
    known = {row.key: row.communication.via for row in shown.rows if row.key in wanted}
    before = {key: via for key, via in chosen.via.items() if key in wanted}
    return before | {key: via for key, via in known.items() if via}


def _stood(
    shown: DirectionReview, chosen: DirectionDecisions, keys: Collection[CommunicationKey]
) -> dict[CommunicationKey, StoodFor]:
    """Return what rows stand for in a file, which tells the entries of aliases once for all of them."""
    before = {key: stood for key, stood in chosen.stood.items() if key in keys}
    # What a row that was not seen would open by now was not decided on.
    seen = _standing_for((row for row in shown.rows if row.communication.seen), keys)
    decided = {key: stood for key, stood in before.items() if _is_ticked(chosen, key)}
    told = before | seen | decided
    return {key: stood for key, stood in told.items() if key.peer.sort is not PeerSort.ALIAS}


def _is_ticked(side: DirectionDecisions, key: CommunicationKey) -> bool:
    return any(of_rule.get(key) for of_rule in side.ticks.values())


def _standing_for(
    rows: Iterable[Row], keys: Collection[CommunicationKey]
) -> dict[CommunicationKey, StoodFor]:
    """Return what rows among some keys open as things are, where more is known than the key."""
    return {row.key: row.now for row in rows if row.now != NOTHING and row.key in keys}


def with_particulars(decisions: Decisions, review: Review, keys: Iterable[CommunicationKey]) -> Decisions:
    """Remember what rows that are ticked stand for now, for when these are not seen any more.

    That is the Service ports behind them, and what rows of nodes, aliases and Services open. Ticks of other
    general rules were for what these opened before: where that is more by now they are taken out.
    """
    chosen = set(keys)
    for direction in Direction:
        side, shown = decisions.of(direction), review.of(direction)
        more = service_ports(shown, side, (key for key in chosen if key.direction is direction))
        if any(side.via.get(key) != via for key, via in more.items()):
            side = replace(side, via={**side.via, **more})
        stood = _standing_for(shown.rows, chosen)
        if any(side.stood.get(key) != now for key, now in stood.items()):
            side = replace(_without_elsewhere(side, stood), stood={**side.stood, **stood})
        if side is not decisions.of(direction):
            decisions = with_side(decisions, direction, side)
    return decisions


def _without_elsewhere(
    side: DirectionDecisions, stood: Mapping[CommunicationKey, StoodFor]
) -> DirectionDecisions:
    """Untick under the other general rules what opens more than when it was ticked there."""
    more = {key for key, now in stood.items() if key in side.stood and not covers(side.stood[key], now)}
    ticks = {
        general: of_rule
        if general is side.general
        else {key: ticked and key not in more for key, ticked in of_rule.items()}
        for general, of_rule in side.ticks.items()
    }
    return replace(side, ticks=ticks) if more else side


def with_entries(decisions: Decisions, aliases: Mapping[str, tuple[str, ...]]) -> Decisions:
    """Remember the entries that a file tells for rows of aliases of which nothing is known."""
    for direction in Direction:
        side = decisions.of(direction)
        keys = {key for key in chain.from_iterable(side.ticks.values()) if key.peer.sort is PeerSort.ALIAS}
        more = {key: StoodFor(aliases[key.peer.name]) for key in keys if aliases.get(key.peer.name)}
        if not more.keys() <= side.stood.keys():
            decisions = with_side(decisions, direction, replace(side, stood={**more, **side.stood}))
    return decisions


def with_alias_edited(decisions: Decisions, before: Alias | None, alias: Alias) -> Decisions:
    """Let ticked rows of an alias stand for its entries as just edited, unless they were out for them."""
    for direction in Direction if before else ():
        side = decisions.of(direction)
        more = {
            key: StoodFor(alias.entries)
            for key, stood in side.stood.items()
            if key.peer == alias_peer(alias.name) and before and covers(stood, StoodFor(before.entries))
        }
        if any(side.stood[key] != now for key, now in more.items()):
            decisions = with_side(decisions, direction, replace(side, stood={**side.stood, **more}))
    return decisions


def mismatch(saved: WorkloadRef, chosen: WorkloadRef | None) -> str:
    """Say that decisions are those of another workload than the chosen one."""
    at = f"{chosen} in namespace {chosen.namespace} is chosen" if chosen else "no workload is chosen"
    theirs = f"{saved} in namespace {saved.namespace}"
    return f"the decisions are for {theirs}, but {at}: choose {saved}, or give another file"


def loaded_decisions(
    saved: SavedDecisions, aliases: Mapping[str, Alias], refusal: Callable[[ManualRule], str]
) -> Decisions:
    """Return the decisions of a file; an alias that has got entries since is as good as a new row.

    ``refusal`` says why a manual rule cannot be in the policy, with nothing for one that can.
    """
    notes, widened = [], set()
    for name in sorted(_alias_names(saved.decisions)):
        alias, entries = aliases.get(name), saved.aliases.get(name, ())
        if alias is None or set(alias.entries) == set(entries):
            continue
        more = uncovered(entries, alias.entries)
        if more:
            widened.add(name)
            notes.append(
                f"alias {name} has entries that the decisions were not saved with ({', '.join(more)}): "
                "its rows start out"
            )
        elif fewer := ", ".join(uncovered(alias.entries, entries)):
            notes.append(f"alias {name} has lost entries since the decisions were saved: {fewer}")
    manual = (*saved.decisions.ingress.manual, *saved.decisions.egress.manual)
    notes += [f"manual rule {rule} is left out: {why}" for rule in manual if (why := refusal(rule))]
    decisions = replace(with_entries(saved.decisions, saved.aliases), notes=tuple(notes))
    for direction in Direction if widened else ():
        side = _without(decisions.of(direction), frozenset(widened))
        decisions = with_side(decisions, direction, side)
    return decisions


def _without(side: DirectionDecisions, names: frozenset[str]) -> DirectionDecisions:
    """Forget what was decided for the rows of some aliases."""

    def other(key: CommunicationKey) -> bool:
        return key.peer.sort is not PeerSort.ALIAS or key.peer.name not in names

    ticks = {
        general: {key: ticked for key, ticked in of_rule.items() if other(key)}
        for general, of_rule in side.ticks.items()
    }
    return replace(side, ticks=ticks, reviewed=frozenset(filter(other, side.reviewed or ())))


def with_held(decisions: Decisions, held: Mapping[Direction, frozenset[CommunicationKey]]) -> Decisions:
    """Add rows to those that start out once they can be selected."""
    for direction, keys in held.items():
        side = decisions.of(direction)
        if not keys <= side.held:
            decisions = with_side(decisions, direction, replace(side, held=side.held | keys))
    return decisions


def held_of(decisions: Decisions) -> dict[Direction, frozenset[CommunicationKey]]:
    """Return the rows of each direction that start out once they can be selected."""
    return {direction: decisions.of(direction).held for direction in Direction}


def unlabelled(review: Review) -> dict[Direction, frozenset[CommunicationKey]]:
    """Return the rows that cannot be selected for want of a namespace label."""
    return {d: frozenset(row.key.lasting for row in review.of(d).rows if row.unlabelled) for d in Direction}


def with_saved(decisions: Decisions, saved: Decisions) -> Decisions:
    """Let decisions that come from a file say what the file says since it was written again."""
    known = with_reviewed(decisions, saved)
    for direction in Direction if decisions.loaded else ():
        side, told = known.of(direction), saved.of(direction)
        said = told.ticks.get(told.general, {})
        ticks = {**side.ticks, told.general: {**said, **side.ticks.get(told.general, {})}}
        side = replace(
            side,
            ticks=ticks,
            dns=told.dns if side.dns is None else side.dns,
            via={**side.via, **told.via},
            stood={**side.stood, **told.stood},
        )
        known = with_side(known, direction, side)
    return known


def with_reviewed(decisions: Decisions, saved: Decisions) -> Decisions:
    """Let decisions that come from a file know its rows since it was written again; new ones stay out."""
    if not decisions.loaded:
        return decisions
    for direction in Direction:
        side, reviewed = decisions.of(direction), saved.of(direction).reviewed or frozenset()
        new = reviewed - (side.reviewed or frozenset()) - side.held
        ticks = {**dict.fromkeys(new, False), **side.ticks.get(side.general, {})}
        side = replace(side, ticks={**side.ticks, side.general: ticks}, reviewed=reviewed)
        decisions = with_side(decisions, direction, side)
    return decisions
