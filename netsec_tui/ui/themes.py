"""Colour themes, and which one to start with."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    name="netsec-dark",
    primary="#7aa2f7",
    secondary="#7f8ea8",
    accent="#8fb8de",
    warning="#e0af68",
    error="#f7768e",
    success="#9ece6a",
    foreground="#c8d0e0",
    background="#12151b",
    surface="#181c24",
    panel="#1f2430",
    dark=True,
    variables={
        "border": "#2f3748",
        "border-blurred": "#2f3748",
        "footer-key-foreground": "#7aa2f7",
        "muted": "#8490a8",
    },
)
LIGHT = Theme(
    name="netsec-light",
    primary="#0b57b0",
    secondary="#5a6475",
    accent="#1769aa",
    warning="#8a5a00",
    error="#b3202c",
    success="#2f7d32",
    foreground="#1b1f26",
    background="#fbfbf9",
    surface="#f2f3f1",
    panel="#e7e9e8",
    dark=False,
    variables={
        "border": "#c3c9d1",
        "border-blurred": "#c3c9d1",
        "footer-key-foreground": "#0b57b0",
        "muted": "#5a6475",
    },
)
CONTRAST = Theme(
    name="netsec-contrast",
    primary="#4db8ff",
    secondary="#b0b8c4",
    accent="#4db8ff",
    warning="#ffd166",
    error="#ff9f1c",
    success="#4db8ff",
    foreground="#ffffff",
    background="#000000",
    surface="#0a0a0a",
    panel="#161616",
    dark=True,
    variables={
        "border": "#6b7280",
        "border-blurred": "#6b7280",
        "footer-key-foreground": "#4db8ff",
        "muted": "#c0c8d4",
    },
)
"""Blue against orange: told apart with every common colour vision."""

THEMES = (DARK, LIGHT, CONTRAST)
OFFERED = (*(theme.name for theme in THEMES), "ansi-dark", "ansi-light")
"""Themes that the command palette lists; every other built-in one can be named by flag."""


def start_theme(wanted: str, environ: Mapping[str, str]) -> str:
    """Choose the theme: the flag, then ``NETSEC_TUI_THEME``, then ``NO_COLOR`` (no-color.org), else dark.

    Textual removes ``NO_COLOR`` from the environment when the app is made, so this comes before.
    """
    named = wanted or environ.get("NETSEC_TUI_THEME", "")
    if environ.get("NO_COLOR"):
        return "ansi-light" if "light" in named else "ansi-dark"
    return named or DARK.name


def variable_defaults(theme: Theme) -> dict[str, str]:
    """Return the variables that stylesheets and content use beyond Textual's, for themes without them.

    ``muted`` is a colour of its own because ``$text-muted`` is relative and cannot stand in content.
    """
    return {"muted": "ansi_default" if theme.ansi else theme.secondary or theme.foreground or theme.primary}
