"""Decide among many rows: how long until the tables and the policy follow one decision.

Run ``python tests/benchmarks/bench_review.py``; ``--rows`` and ``--times`` change the size. Each line is the
median of the time from the action to the finished review (rows, policy and YAML), without any drawing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from netsec_tui.model.decision import Alias, GeneralRule, ManualRule  # noqa: E402
from netsec_tui.model.flow import Endpoint, Flow, Protocol, Verdict  # noqa: E402
from netsec_tui.model.identity import Direction, WorkloadRef  # noqa: E402
from netsec_tui.session.actions import (  # noqa: E402
    AddManualRule,
    ChooseWorkload,
    SetAlias,
    SetGeneralRule,
    SetTicks,
    Undo,
)
from netsec_tui.session.session import Options, Session  # noqa: E402

NOW = 1_790_000_000.0
WEB = Endpoint("10.244.0.5", "shop", "web-1", (("app", "web"),), (("Deployment", "web"),))
EGRESS = Direction.EGRESS


def flows(rows: int) -> Iterator[Flow]:
    """Return one request to each of so many addresses."""
    for number in range(rows):
        address = f"203.{number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
        peer = Endpoint(address)
        yield Flow(NOW, WEB, peer, Protocol.TCP, 40_000, 443, Verdict.FORWARDED, is_reply=False, syn=True)


class Bench:
    """Hold a session with many rows and time what is done to it."""

    def __init__(self, rows: int, times: int) -> None:
        self.session = Session(Options(), lambda: NOW)
        self.times = times
        self.flows = list(flows(rows))

    def clocked(self, action: Callable[[], object]) -> float:
        """Return the milliseconds of an action with the review after it."""
        start = time.perf_counter()
        action()
        self.session.review()
        return (time.perf_counter() - start) * 1000

    def show(self, what: str, times: list[float]) -> None:
        """Print one line."""
        print(f"{what:<58}{statistics.median(times):>10.2f} ms   worst {max(times):>8.2f} ms")

    def run(self) -> None:
        """Measure everything in turn."""
        session = self.session
        self.show("fold the flows in", [self.clocked(lambda: session.add_flows(self.flows))])
        chosen = self.clocked(lambda: session.apply(ChooseWorkload(WorkloadRef("Deployment", "shop", "web"))))
        self.show("choose the workload: first review", [chosen])
        self.ticks("tick one row, none ticked")
        for rule in (GeneralRule.INSIDE_NAMESPACE, GeneralRule.ALLOW_ALL, GeneralRule.ROWS_DECIDE):
            taken = self.clocked(lambda rule=rule: session.apply(SetGeneralRule(EGRESS, rule)))  # type: ignore[misc]
            self.show(f"general rule {rule}", [taken])
        wide = ManualRule(EGRESS, "203.0.0.0/9")
        self.show(
            "manual rule that covers every row", [self.clocked(lambda: session.apply(AddManualRule(wide)))]
        )
        self.ticks("tick one row, all covered by a manual rule")
        self.show("undo the last tick", [self.clocked(lambda: session.apply(Undo()))])
        self.show("one flow more of a known row", [self.clocked(lambda: session.add_flows(self.flows[:1]))])
        alias = Alias("part", ("203.0.0.0/20",), allowed=True)
        self.show("alias over 4,000 rows, allowed", [self.clocked(lambda: session.apply(SetAlias(alias)))])
        every = tuple(row.key for row in self.rows())
        self.show("tick all rows", [self.clocked(lambda: session.apply(SetTicks(every, True)))])
        self.ticks("tick or untick one row, all ticked")

    def rows(self) -> tuple:  # type: ignore[type-arg]
        """Return the egress rows."""
        review = self.session.review()
        assert review is not None
        return review.egress.rows

    def ticks(self, what: str) -> None:
        """Toggle rows here and there and print the median."""
        taken = []
        for number in range(self.times):
            rows = self.rows()
            row = rows[number * 97 % len(rows)]
            action = SetTicks((row.key,), not row.ticked)
            taken.append(self.clocked(lambda action=action: self.session.apply(action)))  # type: ignore[misc]
        self.show(what, taken)


def main() -> None:
    """Read the size and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=15)
    args = parser.parse_args()
    print(f"{args.rows} egress rows to unresolved IPs")
    Bench(args.rows, args.times).run()


if __name__ == "__main__":
    main()
