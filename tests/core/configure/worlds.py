"""Worlds of Kubernetes objects, to ask what label filters do to their selectors."""

from __future__ import annotations

from typing import Any

from netsec_tui.core.cluster.addresses import ranges_of
from netsec_tui.core.cluster.dns import find_dns
from netsec_tui.core.cluster.world import World
from netsec_tui.core.traffic.knowledge import Knowledge
from netsec_tui.model.config import LabelConfig, LabelFilter
from tests.core.scene import inventory


def world(*objects: dict[str, Any], labels: LabelConfig | None = None) -> World:
    """Return the world of some objects, without flows."""
    found, knowledge = inventory(*objects), Knowledge()
    return World(found, knowledge, ranges_of(found), find_dns(found, knowledge), {}, labels or LabelConfig())


def excluding(*patterns: str) -> LabelConfig:
    """Return filters that exclude keys of workloads."""
    return LabelConfig(workload=LabelFilter(exclude=patterns))


def namespaces(include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> LabelConfig:
    """Return filters of namespaces."""
    return LabelConfig(namespace=LabelFilter(include, exclude))
