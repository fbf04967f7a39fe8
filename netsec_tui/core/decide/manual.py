"""Check what makes no manual rule, whatever the cluster is like."""

from __future__ import annotations

from netsec_tui.model.decision import ManualRule


def manual_mistake(rule: ManualRule) -> str:
    """Return what makes no rule of it; empty when nothing does."""
    if rule.protocol is None and rule.ports:
        return "ports need a protocol: choose TCP, UDP or SCTP"
    if rule.protocol is not None and not rule.protocol.expressible:
        return f"{rule.protocol} cannot be written in a NetworkPolicy: choose TCP, UDP or SCTP"
    wrong = [str(ports) for ports in rule.ports if not 1 <= ports.first <= ports.last <= 65535]
    return f"{wrong[0]} is no range of ports between 1 and 65535" if wrong else ""
