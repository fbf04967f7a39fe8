"""How sentences name a few of many, namespaces without labels, and the ports of a rule."""

from __future__ import annotations

from collections.abc import Iterable

from netsec_tui.model.policy import PolicyPort

FEW = 3
"""Names in a sentence before the rest is counted."""


def listed(names: Iterable[str], limit: int = FEW) -> str:
    """Return names with commas between them; more than ``limit`` end as in ``a, b and 37 more``."""
    texts = list(names)
    shown = ", ".join(texts[:limit])
    return f"{shown} and {len(texts) - limit} more" if len(texts) > limit else shown


def labels_needed(namespaces: tuple[str, ...]) -> str:
    """Say that namespaces have no label that policies may select them by."""
    which = "this namespace" if len(namespaces) == 1 else "these namespaces"
    return f"you need to assign labels to {which}: {', '.join(namespaces)}"


def rule_port_text(port: PolicyPort | None) -> str:
    """Return for instance ``8080-8090/TCP``; None stands for every port of every protocol."""
    if port is None:
        return "all ports"
    if port.port is None:
        return f"every {port.protocol} port"
    last = f"-{port.end_port}" if port.end_port else ""
    return f"{port.port}{last}/{port.protocol}"
