"""Work out what-if answers beside the event loop, only while somebody looks at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from netsec_tui.core.cluster.ground import Ground
from netsec_tui.core.compare.whatif import WhatIfMaker
from netsec_tui.model.review import Review
from netsec_tui.model.whatif import WhatIf
from netsec_tui.ui.view import View


class WhatIfDesk:
    """Hold the newest answers; reviews that come while it is busy wait, and only the last of them is taken.

    A review under way is not given up for a newer one: with steady traffic there would never be an answer.
    ``start`` runs ``work`` as a task of the app, ``tell`` hears of answers on the event loop.
    """

    def __init__(self, start: Callable[[], object], tell: Callable[[WhatIf], None]) -> None:
        self._start, self._tell = start, tell
        self._asked: tuple[Review, Ground] | None = None
        self._answered: Review | None = None
        self._maker: tuple[Ground, WhatIfMaker] | None = None
        self._busy = False
        self._answers: WhatIf | None = None

    def answers_for(self, review: Review | None) -> WhatIf | None:
        """Return the answers about a review, None when there are none yet."""
        return self._answers if review is not None and review is self._answered else None

    def ask(self, view: View) -> None:
        """Want answers for what is shown; they are told when they are there."""
        if view.review is None or view.ground is None:
            return
        self._asked = (view.review, view.ground)
        if not self._busy and view.review is not self._answered:
            self._busy = True
            self._start()

    def stop(self) -> None:
        """Give up what is under way; nobody looks any more."""
        self._asked = None

    async def work(self) -> None:
        """Answer until nothing newer is asked."""
        try:
            while self._asked is not None and self._asked[0] is not self._answered:
                review, ground = self._asked
                maker = self._maker_for(ground, review)
                made = await asyncio.to_thread(maker.make, review, lambda: self._asked is not None)
                if made is not None:
                    self._answered, self._answers = review, made
                    self._tell(made)
        finally:
            self._busy = False

    def _maker_for(self, ground: Ground, review: Review) -> WhatIfMaker:
        if self._maker is None or self._maker[0] is not ground:
            # What the thread reads of the session is worked out here, where nothing changes meanwhile.
            _ = ground.pods, ground.state, ground.applied
            self._maker = (ground, WhatIfMaker(ground, review.subject))
        return self._maker[1]
