"""Say whom a policy isolates besides the workload it is made for."""

from __future__ import annotations

from netsec_tui.core.words import listed
from netsec_tui.model.review import Subject

_NAMED = 5


def shared_sentence(subject: Subject) -> str:
    """Return whose pods the policy's selector selects too, empty when it selects nobody else's."""
    if not subject.shared:
        return ""
    others = [str(other) for other in subject.shared]
    whose = "its pods" if len(others) == 1 else "their pods"
    return f"the policy's selector also selects {listed(others, _NAMED)}: {whose} will be isolated too"
