"""Start the screen; what the command line calls."""

from __future__ import annotations

import gc
import os

from netsec_tui.errors import UsageError
from netsec_tui.session.session import Session
from netsec_tui.ui.start import Clusters, ConfigFileLike, FeedLike, StartScope

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""New objects after which Python looks for garbage in cycles, 700 by default.

A cluster state of 5,000 pods is hundreds of thousands of objects that stay; each look at them all is a pause.
"""


def run_app(
    session: Session,
    feed: FeedLike | None,
    *,
    start: StartScope | None = None,
    clusters: Clusters | None = None,
    file: ConfigFileLike | None = None,
    theme: str = "",
    mouse: bool = True,
    ascii_only: bool = False,
) -> int:
    """Run the dashboard until it is left; return the exit code.

    ``feed`` may be None only with ``clusters``, which are then offered first.

    Raises:
        UsageError: the terminal cannot show it, or the theme does not exist.
    """
    if os.environ.get("TERM", "") == "dumb":
        raise UsageError(
            "this terminal (TERM=dumb) cannot show a screen; "
            "use `netsec-tui list` and `netsec-tui generate` instead"
        )
    from netsec_tui.ui.app import NetsecApp
    from netsec_tui.ui.themes import start_theme

    chosen = start_theme(theme, os.environ)  # before the app is made: Textual takes NO_COLOR away
    if not os.environ.get("NO_COLOR", "unset"):
        del os.environ["NO_COLOR"]  # empty means no wish (no-color.org), but Textual takes it for one
    app = NetsecApp(
        session, feed, start=start, clusters=clusters, file=file, theme=chosen, ascii_only=ascii_only
    )
    if theme and theme not in app.available_themes:
        raise UsageError(
            f"there is no theme {theme}; choose one of {', '.join(sorted(app.available_themes))}"
        )
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    code = app.run(mouse=mouse)
    return app.return_code if code is None and app.return_code else code or 0
