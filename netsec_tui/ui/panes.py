"""The five panes of the main screen by name."""

from __future__ import annotations

PANES = ("ingress", "egress", "topology", "policy", "applied")
"""Identifiers of the panes, in the order of the keys 1 to 5."""
