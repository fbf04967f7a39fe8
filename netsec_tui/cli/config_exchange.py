"""``netsec-tui config import|export``: unresolved IPs from and to other files."""

from __future__ import annotations

from netsec_tui.cli.config_target import Target


def run_import(target: Target) -> int:
    """Take aliases over."""
    raise NotImplementedError


def run_export(target: Target) -> int:
    """Print aliases."""
    raise NotImplementedError
