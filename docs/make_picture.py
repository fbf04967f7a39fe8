"""Write docs/demo.svg: the demo with one communication ruled out, drawn by the app itself.

Run it from the top of the repository: ``python -m docs.make_picture``.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

PICTURE = Path(__file__).with_name("demo.svg")


async def picture() -> str:
    """Return the screen as SVG, after the keys of use case 1."""
    from tests.ui.demo_host import WIDE, opened

    async with opened(WIDE) as operator:
        await operator.choose("shop", "Deployment", "orders")
        await operator.go_to("egress", "pricing-v1")
        await operator.press("space")
        return operator.app.export_screenshot(title="netsec-tui demo", simplify=True)


def main() -> None:
    """Draw it and write it."""
    # Textual reads both when it is imported.
    for name in ("NO_COLOR", "TEXTUAL_THEME"):
        os.environ.pop(name, None)
    text = "".join(f"{line.rstrip()}\n" for line in asyncio.run(picture()).splitlines())
    PICTURE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
