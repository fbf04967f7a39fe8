"""The cluster's pod and service ranges as lines: where each comes from, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netsec_tui.model.config import CONTROL_PLANE_PODS, RangeKind
from netsec_tui.model.configuring import RangeLine
from netsec_tui.render.setting_lines import Setting, head, rows, sentence
from netsec_tui.render.spans import Line, Role, SettingTarget

PODS, SERVICES, STARTS = "cidrs.pods", "cidrs.services", "discovery.controlPlanePods"
"""The groups, as the keys of the configuration name them."""

GROUP_OF = {RangeKind.POD: PODS, RangeKind.SERVICE: SERVICES}
_TITLES = {RangeKind.POD: "Pod CIDRs", RangeKind.SERVICE: "Service CIDRs"}
_MOST = 100


def range_lines(
    ranges: Sequence[RangeLine],
    starts: Sequence[str],
    missing: Iterable[str],
    width: int,
) -> list[Line]:
    """Return the ranges by kind, how the pods' names start that tell them, and what is missing on top."""
    lines: list[Line] = []
    for text in missing:
        lines += sentence(f"! {text}", width, Role.WARNING, 0)
    lines += [Line()] if lines else []
    for kind, group in GROUP_OF.items():
        of_kind = [line for line in ranges if line.kind is kind]
        lines += [head(_TITLES[kind], "entered by hand they win, per IP family", width, group)]
        if not of_kind:
            lines += sentence("None is known. Add it by hand.", width, Role.WARNING)
        lines += _with_notes(group, of_kind[:_MOST], width)
        if len(of_kind) > _MOST:
            lines += sentence(f"and {len(of_kind) - _MOST} more", width)
        lines += [Line()]
    lines += [
        head("Pods whose arguments tell the ranges", "their names start so, in kube-system", width, STARTS)
    ]
    if not starts:
        lines += sentence("None: no pod's arguments are believed.", width)
    return lines + rows([_start(start) for start in starts], width)


def _with_notes(group: str, ranges: Sequence[RangeLine], width: int) -> list[Line]:
    """Return a line for each range, and its note below it."""
    lines: list[Line] = []
    for line, known in zip(rows([_range(group, known) for known in ranges], width), ranges, strict=True):
        lines.append(line)
        if known.note:
            lines += sentence(known.note, width, Role.WARNING, 4)
    return lines


def _range(group: str, line: RangeLine) -> Setting:
    force = ("in force", Role.PLAIN) if line.in_force else ("not in force", Role.DIM)
    origin = "by hand" if line.by_hand else line.origin
    cells = (
        (f"IPv{line.family}", Role.DIM),
        (line.cidr, Role.STRING if line.in_force else Role.DIM),
        force,
        (origin, Role.HEADING if line.by_hand else Role.DIM),
    )
    return Setting(SettingTarget(group, f"{line.cidr} {'' if line.by_hand else line.origin}".strip()), cells)


def _start(start: str) -> Setting:
    note = "" if start in CONTROL_PLANE_PODS else "by hand"
    return Setting(SettingTarget(STARTS, start), ((start, Role.STRING), (note, Role.DIM)))
