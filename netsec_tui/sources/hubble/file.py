"""Decode files of Hubble's flows, in which a flow may stand more than once: two exports put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsec_tui.model.flow import Flow
from netsec_tui.sources.hubble.decode import HubbleDecoder

REMEMBERED = 1_000_000
"""Flows of which a repetition is known at least, at about 60 bytes each; of twice as many at most."""


class HubbleFileDecoder(HubbleDecoder):
    """Decode the records of one file, each ``uuid`` once; old agents write none."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        super().__init__()
        self._remembered = remembered
        self._young: set[int] = set()
        self._old: set[int] = set()

    def _flow(self, flow: Mapping[str, Any], wrapper: Mapping[str, Any]) -> Flow | None:
        uuid = flow.get("uuid")
        if type(uuid) is str and uuid:
            key, young = hash(uuid), self._young
            if key in young or key in self._old:
                return None
            if len(young) >= self._remembered:
                self._old, self._young = young, set()
            self._young.add(key)
        return super()._flow(flow, wrapper)
