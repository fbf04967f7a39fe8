"""What-if answers as JSON and as a table, for ``netsec-tui list`` of one workload."""

from __future__ import annotations

from collections.abc import Sequence

from netsec_tui.cli.documents import Document
from netsec_tui.model.identity import Direction
from netsec_tui.model.review import Review
from netsec_tui.model.whatif import Outlook, Scenario, WhatIf, WhatIfVerdict

HEADINGS = ("WHAT IF", "ALLOWED", "WOULD BE DENIED", "CANNOT TELL", "ALLOWED, NEVER SEEN")

_NAMES = {
    Scenario.APPLIED: "applied",
    Scenario.APPLIED_AND_DRAFT: "appliedAndDraft",
    Scenario.DRAFT_ALONE: "draftAlone",
}


def with_what_if(document: Document, shown: Review, answers: WhatIf) -> Document:
    """Return a review's document with the counts of each scenario, and three verdicts in each row."""
    entries = (entry for direction in Direction for entry in shown.of(direction).rows)
    rows = [
        {
            **told,
            "whatIf": {
                name: str(answers[scenario].forecasts[entry.key].verdict) for scenario, name in _NAMES.items()
            },
        }
        for told, entry in zip(document["rows"], entries, strict=True)
    ]
    return {
        **document,
        "rows": rows,
        "whatIf": {name: _counts(answers[scenario]) for scenario, name in _NAMES.items()},
    }


def cells(answers: WhatIf) -> list[Sequence[str]]:
    """Return a line of the table for each scenario."""
    return [(str(scenario), *map(str, _counts(answers[scenario]).values())) for scenario in Scenario]


def _counts(outlook: Outlook) -> dict[str, int]:
    return {
        "allowed": outlook.count(WhatIfVerdict.ALLOWED),
        "wouldBeDenied": outlook.count(WhatIfVerdict.WOULD_BE_DENIED),
        "cannotTell": outlook.count(WhatIfVerdict.CANNOT_TELL),
        "allowedNeverSeen": outlook.never_seen,
    }
