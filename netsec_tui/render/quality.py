"""How good an observation is, as text: one line beside a policy, all of it, and comments in its YAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netsec_tui.core.describe import by_flows_alone, duration
from netsec_tui.core.words import listed
from netsec_tui.model.quality import Quality, Silent, Watched
from netsec_tui.render.bullets import bullets
from netsec_tui.render.cells import cell_width, crop
from netsec_tui.render.literal import literal
from netsec_tui.render.moments import utc
from netsec_tui.render.spans import Line, Role, Span

_NAMES = 5
"""How many nodes, workloads or reasons are named before the rest is counted."""

Part = tuple[str, str, Role]
"""What is said, the same in fewer words, and what it means: REFUSED or WARNING only when something lacks."""


def quality_parts(quality: Quality) -> list[Part]:
    """Return what a line beside a policy says, what matters most first."""
    parts = [_window(quality), *_lacking(quality), *_guessed(quality)]
    silent = quality.silent
    if silent and silent.workloads:
        what = _count(len(silent.workloads), "workload") + " silent"
        parts.append((what, f"{len(silent.workloads)} silent", Role.PLAIN))
    return parts


def _window(quality: Quality) -> Part:
    role = Role.PLAIN if quality.covers else Role.WARNING
    if not (quality.covered or quality.watched_less):
        return "nothing observed", "nothing seen", Role.WARNING
    covered = duration(quality.covered)
    of = "" if quality.asked.seconds is None else f" of {_asked(quality)}"
    if _is_by_flows(quality):
        return f"flows over {covered}{of}", f"flows {covered}{of}", role
    return f"{covered}{of} observed", f"{covered}{of}" if of else f"{covered} seen", role


def _is_by_flows(quality: Quality) -> bool:
    return bool(quality.covered) and quality.by_flows == quality.covered


def _asked(quality: Quality) -> str:
    return literal(quality.asked.label).removeprefix("last ")


def _lacking(quality: Quality) -> Iterator[Part]:
    if quality.sampling > 1:
        yield f"1 in {quality.sampling} packets sampled", f"1 in {quality.sampling}", Role.REFUSED
    elif not quality.sampling:
        yield "sampling not told", "sampling ?", Role.WARNING
    yield _nodes(quality)
    if quality.lost:
        count = f"{quality.events_lost:,} lost" if quality.events_lost else "gaps"
        yield count, count, Role.REFUSED


def _nodes(quality: Quality) -> Part:
    if quality.nodes is None:
        return "nodes not told", "nodes ?", Role.WARNING
    if quality.present is None:
        return _count(len(quality.nodes), "node"), _count(len(quality.nodes), "node"), Role.WARNING
    there = len(quality.present)
    here = there - len(quality.missing)
    role = Role.PLAIN if here == there else Role.WARNING if quality.nodes_by_flows else Role.REFUSED
    by = "flows of " if quality.nodes_by_flows else ""
    short = "of " if by and _is_by_flows(quality) else by  # the word stands before it then
    return f"{by}{here} of {_count(there, 'node')}", f"{short}{here}/{there} nodes", role


def _guessed(quality: Quality) -> Iterator[Part]:
    if quality.inferred:
        yield (
            f"direction inferred in {quality.inferred} of {_count(quality.rows, 'row')}",
            f"{quality.inferred} inferred",
            Role.WARNING,
        )
    counts = (
        (quality.unaddressed, "without address", "no address"),
        (quality.idle, "idle unseen", "idle"),
        (quality.synthetic, "synthetic", "synthetic"),
    )
    for number, long, short in counts:
        if number:
            yield f"{number:,} {long}", f"{number:,} {short}", Role.WARNING


def quality_line(quality: Quality, width: int, joint: str, more: str) -> Line:
    """Return the parts in one line of at most ``width`` cells: in fewer words, then without the last ones.

    ``more`` is the key that shows all of it; it stands where something had to go.
    """
    parts = quality_parts(quality)
    for said in ([(long, role) for long, _, role in parts], [(short, role) for _, short, role in parts]):
        if _width(said, joint) <= width:
            return _joined(said, joint)
    for kept in range(len(said) - 1, 0, -1):
        rest = (f"+{len(said) - kept} more ({more})", _worst(role for _, role in said[kept:]))
        if _width([*said[:kept], rest], joint) <= width:
            return _joined([*said[:kept], rest], joint)
    text, role = said[0]
    return Line((Span(crop(text, max(width, 0)), role),))


def _worst(roles: Iterable[Role]) -> Role:
    found = set(roles)
    return next((role for role in (Role.REFUSED, Role.WARNING) if role in found), Role.PLAIN)


def _width(said: list[tuple[str, Role]], joint: str) -> int:
    return sum(cell_width(text) for text, _ in said) + cell_width(joint) * (len(said) - 1)


def _joined(said: list[tuple[str, Role]], joint: str) -> Line:
    spans = [span for text, role in said for span in (Span(joint, Role.DIM), Span(text, role))]
    return Line(tuple(spans[1:]))


def quality_summary(quality: Quality) -> str:
    """Return one sentence for standard error."""
    limits = "nothing known to be missing" if quality.nothing_known_missing else "known limits"
    return f"observation with {limits}: {', '.join(long for long, _, _ in quality_parts(quality))}"


def quality_sentences(quality: Quality, names: int = _NAMES, now: float = 0.0) -> list[str]:
    """Return everything that is known of the observation, a sentence each; names come from the cluster.

    Window, nodes, losses, sampling, directions and workloads without traffic are always told of, so that
    what is none can be told from what is not known. With ``now``, in epoch seconds, what goes on is dated.
    """
    sentences = [f"{_window_asked(quality)}: {_verdict(quality)}"]
    sentences += [_source(source, now) for source in quality.sources]
    if alone := by_flows_alone(quality):
        sentences.append(alone)
    sentences += [*_node_sentences(quality, names), *_less_sentences(quality, names)]
    sentences += [*_loss_sentences(quality, names), _sampling_sentence(quality), _direction_sentence(quality)]
    if quality.unaddressed:
        sentences.append(f"the peer's address is not told in {_count(quality.unaddressed, 'row')}")
    if quality.without_addresses:
        sentences.append(f"{', '.join(quality.without_addresses)} tells no address outside the cluster")
    if quality.idle:
        sentences.append(
            f"{_count(quality.idle, 'connection')} open since before the first reading, not seen in use"
        )
    if quality.synthetic:
        sentences.append(f"{_count(quality.synthetic, 'flow')} made up, not observed")
    return sentences + _silent_sentences(quality.silent, names)


def _window_asked(quality: Quality) -> str:
    window = _window(quality)
    if quality.asked.seconds is None:
        return f"{window[0]} (everything was asked for)"
    nothing = not (quality.covered or quality.watched_less)
    return f"nothing of {_asked(quality)} observed" if nothing else window[0]


def _loss_sentences(quality: Quality, names: int) -> list[str]:
    if not quality.lost:
        # A file tells of losses only where whoever wrote it did.
        told = any(source.told for source in quality.sources)
        return ["lost: nothing that is known of" if told else "lost: nothing is told of"]
    sentences = [
        f"lost: {literal(one.reason)}" + (f" ({one.count:,})" if one.count else "")
        for one in quality.lost[:names]
    ]
    rest = quality.lost[names:]
    if rest:
        sentences.append(f"lost for {_count(len(rest), 'more reason')} ({sum(one.count for one in rest):,})")
    return sentences


def _sampling_sentence(quality: Quality) -> str:
    if quality.sampling > 1:
        return f"only one in {quality.sampling} packets was looked at: what happens rarely may be missing"
    if quality.sampling and quality.sources:
        return "sampling 1: no packet was left out for a sample"
    return "it is not told how many packets were looked at: what happens rarely may be missing"


def _direction_sentence(quality: Quality) -> str:
    if not quality.rows:
        return "who opened the connection is not told: no row was seen"
    inferred = f"{quality.inferred:,}" if quality.inferred else "none"
    return f"who opened the connection is inferred in {inferred} of {_count(quality.rows, 'row')}"


def _verdict(quality: Quality) -> str:
    if quality.nothing_known_missing:
        return "nothing is known to be missing"
    return "the policy may lack what was not seen"


def _source(source: Watched, now: float) -> str:
    name = literal(source.origin) or "a source that is not named"
    until = utc(source.until or now) if source.until or now else "now"
    how = "" if source.told else ", by its flows"
    return f"{name}: {utc(source.since)} to {until}{how}"


def _node_sentences(quality: Quality, names: int) -> list[str]:
    if quality.nodes is None:
        of = f" of {_count(len(quality.present), 'node')}" if quality.present else " nodes"
        return [f"which{of} report is not told"]
    by = " of flows" if quality.nodes_by_flows else ""
    if quality.present is None:
        return [f"{_count(len(quality.nodes), 'node')} told{by}; how many there are is not known"]
    here = len(quality.present) - len(quality.missing)
    told = f"{here} of {_count(len(quality.present), 'node')} told{by}"
    if not quality.missing:
        return [told]
    silent = ": whether they are quiet or not looked at is not known" if quality.nodes_by_flows else ""
    return [f"{told}; not {literal(listed(quality.missing, names))}{silent}"]


def _less_sentences(quality: Quality, names: int) -> list[str]:
    less = quality.watched_less
    if not less:
        return []
    longest = duration(max(seconds for _, seconds in quality.by_node))
    which = literal(listed([f"{node} {duration(seconds)}" for node, seconds in less], names))
    if quality.nodes_by_flows:
        return [f"not every node told of flows for {longest}, the shortest time counts: {which}"]
    return [f"not every node was watched for {longest}, the node watched least counts: {which}"]


def _silent_sentences(silent: Silent | None, names: int) -> list[str]:
    if silent is None:
        return ["which workloads are without traffic is not told: no cluster state was read"]
    every = f"{_count(silent.cluster, 'workload')} of the cluster without traffic"
    if not silent.workloads:
        return [literal(f"{every}, none in {silent.namespace}" if silent.namespace else every)]
    where = f" in {silent.namespace}" if silent.namespace else ""
    which = listed(map(str, silent.workloads), names)
    return [literal(f"{every}, {len(silent.workloads)}{where}: {which}")]


def quality_page(quality: Quality, width: int) -> list[Line]:
    """Return everything as lines, under a heading."""
    return bullets("How it was observed", quality_sentences(quality), width)


def with_comments(yaml: str, quality: Quality, now: float) -> str:
    """Put what is known of the observation before the YAML of a policy, as comments.

    In a file nobody can tell when now was: what goes on is said until ``now``, in epoch seconds. Every
    sentence is one line: what the cluster names has no line break or control character left, so that
    nothing but comments is added.
    """
    said = ["How the traffic behind this policy was observed", *quality_sentences(quality, now=now)]
    return "".join(f"# {literal(line)}\n" for line in said) + yaml


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"
