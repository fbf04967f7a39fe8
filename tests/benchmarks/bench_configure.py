"""Measure what configuring costs: ``python tests/benchmarks/bench_configure.py``.

Generated clusters. Prints milliseconds, the best of some runs: to find the effect of excluding label keys on
every selector, to suggest a set of label keys, to list the ranges with their notes, and from another label
filter or range in force to the next review. The first three run beside the screen or while it is opened; the
last two happen between two keys.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from netsec_tui.core.configure.effect import label_effect
from netsec_tui.core.configure.ranges import range_notes
from netsec_tui.core.configure.suggest import suggested_labels
from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.session.actions import ChooseWorkload, Configure
from netsec_tui.session.session import Options, Session
from netsec_tui.sources.inventory.build import build_inventory
from tests.benchmarks.cluster_generator import generate

SIZES = ((500, 50, 100), (5000, 500, 500), (10000, 1000, 1000))
RUNS = 3
EXCLUDED = LabelConfig(LabelFilter(exclude=("tier",)), LabelFilter(exclude=("kubernetes.io/metadata.name",)))


def best(work: Callable[[], object]) -> float:
    """Return the milliseconds of the quickest run."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken) * 1000


def to_review(session: Session, config: Config) -> float:
    """Return the milliseconds from another configuration in force to the review under it."""
    before, taken = session.config, []
    for _ in range(RUNS):
        session.apply(Configure(before))
        session.review()
        start = time.perf_counter()
        session.apply(Configure(config))
        session.review()
        taken.append(time.perf_counter() - start)
    session.apply(Configure(before))
    return min(taken) * 1000


def main() -> None:
    """Print a line for each size."""
    columns = ("effect", "suggest", "ranges", "labels", "cidr")
    print(f"{'pods':>6} {'owners':>6} " + " ".join(f"{name + ' ms':>10}" for name in columns))
    for pods, owners, policies in SIZES:
        inventory, _ = build_inventory(generate(pods, owners, policies))
        session = Session(Options(), time.time)
        session.set_inventory(inventory)
        session.apply(ChooseWorkload(inventory.pods[0].owner))
        world = session.cluster().world
        cidr = replace(Config(), service_cidrs=("10.96.0.0/12",))
        figures = (
            best(partial(label_effect, world, EXCLUDED)),
            best(partial(suggested_labels, world)),
            best(partial(range_notes, session.inventory, session.config)),
            to_review(session, replace(Config(), labels=EXCLUDED)),
            to_review(session, cidr),
        )
        print(f"{pods:>6} {owners:>6} " + " ".join(f"{figure:>10.1f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
