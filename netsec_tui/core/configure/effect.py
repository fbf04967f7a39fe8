"""What other label filters would do to every selector of the cluster, before they are accepted."""

from __future__ import annotations

from netsec_tui.core.decide.express import World
from netsec_tui.model.config import LabelConfig
from netsec_tui.model.configuring import LabelEffect


def label_effect(world: World, labels: LabelConfig) -> LabelEffect:
    """Return which selectors of owners, Services and namespaces change when ``labels`` are in force."""
    raise NotImplementedError
