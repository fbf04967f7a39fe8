"""The network plugin of a cluster, as far as it matters to what NetworkPolicies do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cni:
    """Hold what is known of the CNI that a cluster runs.

    ``seen_as`` are the objects that give it away. ``enforces`` is None when that is not known. With
    ``two_objects`` the two directions should be written as two NetworkPolicies. ``differences`` are
    sentences for the screen about what it does otherwise than the API's text, or leaves open.
    """

    name: str
    ipblock_matches_pods: bool = True
    enforces: bool | None = True
    two_objects: bool = False
    differences: tuple[str, ...] = ()
    seen_as: tuple[str, ...] = ()
