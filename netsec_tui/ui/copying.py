"""Say honestly what copying from a terminal can and cannot do."""

from __future__ import annotations

import os


def copied_sentence(save_key: str) -> str:
    """Return what to tell after a copy; whether it arrived cannot be known (OSC 52 has no answer)."""
    if os.environ.get("TMUX"):
        return (
            "Sent to the clipboard (OSC 52). tmux passes it on only with `set -s set-clipboard on`; "
            f"or press {save_key} to save."
        )
    return f"Sent to the clipboard (OSC 52). If your terminal drops it, press {save_key} to save."
