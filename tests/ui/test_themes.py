"""Which colours the screen starts with, and whether they can be read."""

import pytest
from textual.color import Color

from netsec_tui.ui.themes import CONTRAST, DARK, LIGHT, THEMES, start_theme


@pytest.mark.parametrize(
    ("wanted", "environ", "theme"),
    [
        ("", {}, DARK.name),
        ("netsec-light", {}, LIGHT.name),
        ("", {"NETSEC_TUI_THEME": "netsec-contrast"}, CONTRAST.name),
        ("netsec-light", {"NETSEC_TUI_THEME": "netsec-contrast"}, LIGHT.name),
        ("", {"NO_COLOR": "1"}, "ansi-dark"),
        ("netsec-light", {"NO_COLOR": "1"}, "ansi-light"),
        ("", {"NO_COLOR": ""}, DARK.name),
    ],
)
def test_start_theme(wanted, environ, theme):
    assert start_theme(wanted, environ) == theme


def luminance(colour):
    """Return the relative luminance of WCAG 2."""
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("role", ["foreground", "text-error", "text-primary", "text-warning", "muted"])
@pytest.mark.parametrize("ground", ["background", "surface", "panel"])
def test_text_is_legible_on_every_ground(theme, role, ground):
    """WCAG 2 asks for 4.5:1; lines in the policy are drawn in foreground, others in text-error."""
    colours = theme.to_color_system().generate() | theme.variables
    darker, lighter = sorted(luminance(Color.parse(colours[name])) for name in (role, ground))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
