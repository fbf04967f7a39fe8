"""Name what a direction includes: its rows, the general rule and the manual rules."""

from __future__ import annotations

from netsec_tui.core.cluster.world import World
from netsec_tui.core.decide.express import express_manual
from netsec_tui.core.decide.standing import Case
from netsec_tui.model.communication import Communication
from netsec_tui.model.decision import DirectionDecisions, GeneralRule
from netsec_tui.model.identity import PeerSort
from netsec_tui.model.policy import LabelSelector, PolicyPeer, PolicyRule
from netsec_tui.model.proof import Opener
from netsec_tui.model.review import Inclusion, Subject

_RANGES = (PeerSort.ALIAS, PeerSort.EXTERNAL)
"""Rows that are ticked for whole ranges of addresses."""


def standing_rules(world: World, subject: Subject, decisions: DirectionDecisions) -> tuple[Inclusion, ...]:
    """Return what a direction includes besides its rows: the general rule and the manual rules."""
    general = decisions.general
    if general is GeneralRule.BLOCK_ALL or subject.refusal:
        return ()
    if general is GeneralRule.ALLOW_ALL:
        return (Inclusion(f"general rule {general}", PolicyRule(), opener=Opener.GENERAL),)
    found = []
    if general is GeneralRule.INSIDE_NAMESPACE:
        everyone = PolicyRule((PolicyPeer(pod_selector=LabelSelector()),))
        found.append(Inclusion(f"general rule {general}", everyone, opener=Opener.GENERAL))
    for rule in decisions.manual:
        expression = express_manual(world, rule)
        if not expression.obstacle:
            found.append(Inclusion(f"manual rule {rule}", expression.rule))
    return tuple(found)


def inclusion_of(case: Case) -> Inclusion:
    """Return what a ticked row includes."""
    key = case.communication.key
    opener = Opener.RANGE if key.peer.sort in _RANGES else Opener.ROW
    return Inclusion(_origin(case.communication), case.expression.rule, key, opener)


def _origin(communication: Communication) -> str:
    key = communication.key
    if key.peer.sort is PeerSort.ALIAS:
        return f"alias {key.peer.name}"
    if key.peer.sort is PeerSort.DNS:
        return "cluster DNS"
    name = key.peer.name if key.peer.unresolved else f"{key.peer.kind}/{key.peer.name}"
    return f"row {name} {key.port}/{key.protocol}"
