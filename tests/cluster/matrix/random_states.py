"""States of policies drawn from fixed seeds, rich in what the vectors lack.

A theme says what its states are about; everything else in them is drawn from plain things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.cluster.matrix import draws
from tests.cluster.matrix.draws import Dice, Make, either
from tests.cluster.matrix.pods import Addresses, Object
from tests.cluster.matrix.states import UNNAMED, State

SEEDS = 9
"""How many states each theme has."""

_PORTS = tuple(f"{protocol}/{number}" for protocol in ("TCP", "UDP") for number in (82, 83, UNNAMED))
_HOST_PORTS = tuple(f"{protocol}/{number}" for protocol in ("TCP", "UDP") for number in (82, UNNAMED))

_some_pods = either(draws.plain_pods, draws.everything)


def _one_sided(dice: Dice, theme: Theme) -> Object:
    """Return a spec for one direction, now and then for both."""
    types = dice.one(["Ingress"], ["Egress"], ["Ingress"], ["Egress"], ["Ingress", "Egress"])
    spec: Object = {"podSelector": theme.subject(dice), "policyTypes": types}
    if "Ingress" in types:
        spec["ingress"] = theme.rules(dice, "from")
    if "Egress" in types:
        spec["egress"] = theme.rules(dice, "to")
    return spec


def _both(dice: Dice, theme: Theme) -> Object:
    spec = {"podSelector": theme.subject(dice), "policyTypes": ["Ingress", "Egress"]}
    return spec | {"ingress": theme.rules(dice, "from"), "egress": theme.rules(dice, "to")}


def _both_ends(dice: Dice, theme: Theme) -> Object:
    """Return a spec whose pods are also its peers, by a rule for each direction that need not agree."""
    subject = theme.subject(dice)
    spec = {"podSelector": subject, "policyTypes": ["Ingress", "Egress"]}
    for side, peers in (("ingress", "from"), ("egress", "to")):
        spec[side] = [{peers: [{"podSelector": subject}], "ports": dice.some(theme.port, 1, 2)}]
    return spec


def _untyped(dice: Dice, theme: Theme) -> Object:
    """Return a spec without policyTypes, or with an empty list; now and then without a podSelector."""
    subject = {"podSelector": theme.subject(dice)}
    ingress, egress = {"ingress": theme.rules(dice, "from")}, {"egress": theme.rules(dice, "to")}
    return (
        dice.one({}, subject, subject)
        | dice.one({}, {}, {"policyTypes": []})
        | dice.one({}, ingress, ingress)
        | dice.one({}, {"egress": []}, egress)
    )


def _hollow(dice: Dice, theme: Theme) -> Object:
    """Return a spec with empty rules, lists, peers and ports, or with rules of a type it does not name."""
    types = dice.one(["Ingress"], ["Egress"], ["Ingress", "Egress"])
    spec = {"podSelector": theme.subject(dice), "policyTypes": types}
    for side, peers in (("ingress", "from"), ("egress", "to")):
        ports = {peers: [], "ports": dice.some(theme.port, 1, 2)}
        hollow = dice.one({peers: []}, {"ports": []}, ports, ports, {})
        full = theme.rules(dice, peers)
        spec |= dice.one({}, {side: []}, {side: [hollow]}, {side: [hollow, *full]}, {side: full})
    return spec


@dataclass(frozen=True)
class Theme:
    """What a kind of states is made of.

    ``count`` are the least and the most policies, ``shape`` puts the parts of a spec together, ``hosts`` adds
    the pod on the host network.
    """

    name: str
    peer: Make = draws.plain_peer
    port: Make = draws.number
    subject: Make = _some_pods
    count: tuple[int, int] = (1, 2)
    shape: Callable[[Dice, Theme], Object] = _one_sided
    hosts: bool = False

    def rules(self, dice: Dice, peers: str) -> list[Object]:
        """Return one or two rules with peers, most of them with ports too."""

        def rule(dice: Dice) -> Object:
            drawn = {peers: dice.some(self.peer, 1, 2), "ports": dice.some(self.port, 1, 2)}
            return drawn if dice.random.random() < 0.8 else {peers: drawn[peers]}

        return dice.some(rule, 1, 2)


THEMES = (
    Theme("named ports", port=either(draws.name, draws.name, draws.number)),
    Theme("endPort", port=draws.span),
    Theme("expressions", peer=draws.odd_peer, subject=draws.odd_pods, count=(2, 3)),
    Theme("several policies", count=(3, 5), subject=either(draws.plain_pods, draws.odd_pods)),
    Theme("labels of namespaces", peer=draws.space_peer),
    Theme("ipBlock against pods", peer=draws.block),
    Theme("policyTypes left out", shape=_untyped),
    Theme("empty rules", shape=_hollow, count=(1, 3)),
    Theme("ports without number", port=either(draws.portless, draws.portless, draws.number)),
    Theme("both directions", shape=_both, count=(2, 3)),
    Theme("both ends", shape=_both_ends, port=either(draws.number, draws.name)),
    Theme("hosts", peer=either(draws.host_block, draws.plain_peer, draws.block), hosts=True),
    Theme(
        "everything",
        peer=either(draws.plain_peer, draws.odd_peer, draws.space_peer, draws.block),
        port=either(draws.number, draws.name, draws.span, draws.portless),
        subject=either(draws.plain_pods, draws.odd_pods),
        count=(2, 4),
    ),
)


def random_states(places: Addresses) -> Iterator[State]:
    """Return the states of every theme; a third of them is asked about over IPv6."""
    for theme in THEMES:
        for seed in range(SEEDS):
            family = 6 if seed % 3 == 2 and not theme.hosts else 4
            ports = _HOST_PORTS if theme.hosts else _PORTS
            policies = _policies(Dice(f"{theme.name} {seed}", places, family), theme)
            yield State(f"{theme.name} {seed}", policies, ports, family, theme.hosts)


def _policies(dice: Dice, theme: Theme) -> tuple[Object, ...]:
    """Return policies, most of them in one namespace, so that they meet."""
    return tuple(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"p{index}", "namespace": dice.one("x", "x", "y", "z")},
            "spec": theme.shape(dice, theme),
        }
        for index in range(dice.random.randint(*theme.count))
    )
