"""What is allowed though no row shows it, against asking about every pair of pods."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.row_ends import RowEnds
from netsec_tui.core.compare.whatif import policies_of, what_if
from netsec_tui.core.evaluate import ClusterState, Policies, evaluate
from netsec_tui.core.evaluate.addresses import address_number
from netsec_tui.model.connection import Connection, EndPod, SideVerdict
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import Direction, WorkloadRef
from netsec_tui.model.whatif import Outlook, Scenario
from tests.core.random_policies import applied_policies, applies
from tests.core.random_scenes import cluster_scenes, scenes
from tests.core.scene import Object, Scene

Port = tuple[Protocol, int]
Link = tuple[Direction, WorkloadRef, Port]

ASKED: tuple[Port, ...] = (
    *((protocol, port) for protocol in (Protocol.TCP, Protocol.UDP) for port in (53, 5353, 8080, 5432, 9)),
    (Protocol.SCTP, 80),
)


@given(st.one_of(scenes(), cluster_scenes()), applied_policies, st.sampled_from(Scenario))
@settings(max_examples=60)
def test_owners_are_listed_with_just_what_is_open_and_no_row_shows(
    scene: Scene, applied: tuple[Object, ...], scenario: Scenario
) -> None:
    ground = applies(scene, applied).session.ground()
    assert ground is not None
    subject = scene.review.subject
    ends = RowEnds(ground, subject)
    own = [end for end in ends.own if isinstance(end, EndPod)]
    ours = {pod.ref for pod in own}
    policies = policies_of(scenario, ground.applied.all, scene.review.policies)
    shown = rows_show(scene, ends)
    outlook = what_if(scene.review, ground)[scenario]
    for direction, ref, port in product(Direction, ground.owners, ASKED):
        others = ground.ends.pods_of(ref)
        if ref in ours or not others or not own:
            continue
        link = (direction, ref, port)
        told, folded = is_told(outlook, link, subject.ref.namespace)
        possible = is_open(policies, ground, link, own, others)
        assert told == (possible and (folded or link not in shown)), (link, outlook.unseen)


def rows_show(scene: Scene, ends: RowEnds) -> set[Link]:
    """Return what the rows show, with traffic or without."""
    return {
        (direction, end.ref, port)
        for direction in Direction
        for row in scene.table(direction).rows
        for end in ends.peers(row.communication)
        if isinstance(end, EndPod)
        for port in ends.ports(row.communication)
    }


def is_open(
    policies: Policies, ground: Ground, link: Link, own: Iterable[EndPod], others: Iterable[EndPod]
) -> bool:
    direction, _, port = link
    state = ClusterState(ipblock_matches_pods=ground.state.ipblock_matches_pods)
    for mine, other in product(own, others):
        ends = (mine, other) if direction is Direction.EGRESS else (other, mine)
        for family in families(mine, other):
            verdict = evaluate(policies, state, Connection(*ends, *port, family=family))
            if passes(verdict.egress) and passes(verdict.ingress):
                return True
    return False


def families(one: EndPod, other: EndPod) -> set[int]:
    """Return the IP families over which two pods may talk: either where addresses are not known."""
    told = [{address_number(ip)[0] for ip in pod.ips} for pod in (one, other)]
    return (told[0] & told[1] if all(told) else told[0] | told[1]) or {4, 6}


def passes(side: SideVerdict) -> bool:
    """Tell what the policies alone say, whatever is in doubt."""
    return bool(side.allowed_by) or not side.isolated_by


def is_told(outlook: Outlook, link: Link, home: str) -> tuple[bool, bool]:
    """Tell whether a line holds a link, and whether that line stands for many owners."""
    direction, ref, port = link
    name = str(ref) if ref.namespace == home else f"{ref.namespace}/{ref}"
    folded = None
    for line in outlook.unseen:
        if line.direction is not direction:
            continue
        if line.who == name:
            return covers(line.ports, port), False
        if line.who.startswith("all other pod owners"):
            folded = line.who.partition(" but ")[2].split(", ")
    return (False, False) if folded is None or name in folded else (True, True)


def covers(text: str, port: Port) -> bool:
    """Read a text such as ``TCP 80-90, 443; UDP 53`` or ``all ports but TCP 80``."""
    if text.startswith("all ports"):
        return not covers(text.partition(" but ")[2], port)
    for part in text.split("; ") if text else ():
        protocol, _, numbers = part.partition(" ")
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", numbers):
            if protocol == port[0] and int(first) <= port[1] <= int(last or first):
                return True
        if protocol == port[0] and not re.search(r"\d", numbers):
            return True
    return False
