"""``netsec-tui generate``: the NetworkPolicy that the screen would save for a workload."""

from __future__ import annotations

import time
from argparse import Namespace

from netsec_tui.cli.decisions import save, save_target
from netsec_tui.cli.exits import CANNOT_TELL, NO
from netsec_tui.cli.loading import choose, load
from netsec_tui.cli.output import note, put
from netsec_tui.files import target_of, write_whole
from netsec_tui.model.review import Review
from netsec_tui.render.quality import quality_summary, with_comments
from netsec_tui.ui.sharing import shared_sentence


def run(args: Namespace) -> int:
    """Write the policy and return the exit code; nothing is written without all the input."""
    loaded = load(args)
    if loaded.reading.failures:
        note("no policy is written: without all of its input it might be wrong")
        return loaded.exit_code
    review = choose(loaded, args.target)
    if review.refusal:
        note(no_policy(review))
        return NO
    if review.subject.shared and not args.allow_shared_selector:
        note(f"{shared_sentence(review.subject)}; --allow-shared-selector writes the policy all the same")
        return NO
    if not loaded.counts:
        note("no policy is written: without flows that count it would refuse all that the workload needs")
        return CANNOT_TELL
    target = save_target(args, review.policies[0].name)
    for finding in review.proof.findings:
        note(finding.sentence)
    if args.strict and not review.proof.clean:
        note("no policy is written: it does other than what was decided, and --strict was given")
        return NO
    note(quality_summary(review.quality))
    commented = with_comments(review.yaml, review.quality, time.time())
    _write(args.output, review, commented if args.comments else review.yaml)
    if target:
        save(target, loaded.session)
    return loaded.exit_code


def no_policy(review: Review) -> str:
    """Say that there is no policy and why; a reason that is among the warnings is not told again."""
    ref = review.subject.ref
    sentence = f"no policy for {ref} in {ref.namespace}"
    return f"{sentence}: {review.subject.refusal}" if review.subject.refusal else sentence


def _write(output: str, review: Review, text: str) -> None:
    if output == "-":
        put(text)
        return
    policy = review.policies[0]
    # With the namespace: two of them may well have workloads of one name, and one folder takes them all.
    path = target_of(output, f"{policy.namespace}.{policy.name}")
    write_whole(path, text)
    note(f"wrote {path}")
