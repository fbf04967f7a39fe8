"""Decode files of Hubble's flows, in which a flow may stand more than once: two exports put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsec_tui.model.flow import Flow
from netsec_tui.sources.hubble.decode import HubbleDecoder
from netsec_tui.sources.recent import Recent

REMEMBERED = 1_000_000
"""Flows of which a repetition is known at least, at about 60 bytes each; of twice as many at most."""


class HubbleFileDecoder(HubbleDecoder):
    """Decode the records of one file, each ``uuid`` once; old agents write none."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        super().__init__()
        self._seen: Recent[int, bool] = Recent(remembered)

    def _flow(self, flow: Mapping[str, Any], wrapper: Mapping[str, Any]) -> Flow | None:
        uuid = flow.get("uuid")
        if type(uuid) is str and uuid:
            key = hash(uuid)
            if self._seen.get(key):
                return None
            self._seen.put(key, True)
        return super()._flow(flow, wrapper)
