"""Workload labels as lines: patterns, the keys that the cluster has, and what a draft would change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from netsec_tui.core.configure.label_keys import KnownKey, why_unused, why_unused_in_namespaces
from netsec_tui.core.words import listed
from netsec_tui.model.config import LabelConfig, LabelFilter
from netsec_tui.model.configuring import NAMESPACE, LabelEffect, LabelSuggestion, SelectorChange
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.policy import LabelSelector
from netsec_tui.render.setting_lines import Setting, head, rows, sentence
from netsec_tui.render.spans import Line, Role, SettingTarget

WORKLOADS, NAMESPACES = "labels.workloads", "labels.namespaces"
"""The groups, as the keys of the configuration name them."""

_NOUNS = {WORKLOADS: ("owner", "owners"), NAMESPACES: ("namespace", "namespaces")}
_WHY_UNUSED = {WORKLOADS: why_unused, NAMESPACES: why_unused_in_namespaces}
_EXAMPLES = 4
_MOST = 200


def label_lines(
    labels: LabelConfig, workloads: Sequence[KnownKey], namespaces: Sequence[KnownKey], width: int
) -> list[Line]:
    """Return both groups: for each its include and exclude patterns and its keys."""
    lines = _group("Labels of workloads", WORKLOADS, labels.workload, workloads, width)
    lines += [Line()]
    return lines + _group("Labels of namespaces", NAMESPACES, labels.namespace, namespaces, width)


def _group(title: str, group: str, keys: LabelFilter, known: Sequence[KnownKey], width: int) -> list[Line]:
    lines = [head(title, "", width)]
    everything = "every key may be used" if group == WORKLOADS else "the name label alone is used"
    lines += _patterns(f"{group}.include", "include", keys.include, everything, width)
    lines += _patterns(f"{group}.exclude", "exclude", keys.exclude, "no key", width)
    if not known:
        return lines + sentence(f"No {_NOUNS[group][0]} with labels is known yet.", width)
    settings = [_key(group, keys, each) for each in known[:_MOST]]
    lines += rows(settings, width)
    if len(known) > _MOST:
        lines += sentence(f"and {len(known) - _MOST} more keys", width)
    return lines


def _patterns(group: str, title: str, patterns: Sequence[str], nothing: str, width: int) -> list[Line]:
    if not patterns:
        return [head(f"  {title}", nothing, width, group)]
    lines = [head(f"  {title}", "", width, group)]
    return lines + rows(
        [Setting(SettingTarget(group, p), (("  " + p, Role.STRING),)) for p in patterns], width
    )


def _key(group: str, keys: LabelFilter, known: KnownKey) -> Setting:
    why = _WHY_UNUSED[group](keys, known.key)
    noun = _NOUNS[group][known.objects != 1]
    cells = (
        (f"[{' ' if why else 'x'}] {known.key}", Role.DIM if why else Role.PLAIN),
        (f"{known.objects} {noun}", Role.DIM),
        (why, Role.WARNING),
        (listed(known.values, _EXAMPLES), Role.DIM),
    )
    return Setting(SettingTarget(group, known.key), cells)


def effect_lines(effect: LabelEffect, width: int) -> list[Line]:
    """Return what a draft would do to the selectors of the cluster, the harmful changes first."""
    changes, harmful = effect.changes, effect.harmful
    idle = _idle_lines(effect.idle, width)
    if not changes:
        return sentence(f"None of {effect.examined} selectors changes.", width, Role.PLAIN, 0) + idle
    first = f"{len(changes)} of {effect.examined} selectors change"
    told = f"{first}; {len(harmful)} would select others than now, or nothing:" if harmful else f"{first}:"
    lines = sentence(told, width, Role.WARNING if harmful else Role.PLAIN, 0) + idle
    for change in changes:
        lines += _change(change, width)
    return lines


def _idle_lines(patterns: Sequence[str], width: int) -> list[Line]:
    """Say which patterns match nothing: a slip of the pen shows here."""
    if not patterns:
        return []
    verb = "matches" if len(patterns) == 1 else "match"
    return sentence(f"{listed(patterns)} {verb} no label key of the cluster.", width, Role.WARNING, 0)


def _change(change: SelectorChange, width: int) -> list[Line]:
    mark = "! " if change.harmful else "  "
    role = Role.WARNING if change.harmful else Role.PLAIN
    dns = " (cluster DNS)" if change.dns else ""
    lines = sentence(f"{mark}{object_text(change.ref)}{dns}", width, role, 0)
    lines += sentence(f"now   {selector_text(change.before)}", width, Role.DIM, 4)
    lines += sentence(f"then  {selector_text(change.after)}", width, Role.DIM, 4)
    if change.also:
        lines += sentence(f"would also select {_named(change.also)}", width, Role.WARNING, 4)
    if change.no_longer:
        lines += sentence(f"would no longer select {_named(change.no_longer)}", width, Role.DIM, 4)
    if change.why:
        lines += sentence(change.why, width, Role.WARNING, 4)
    return lines


def _named(refs: Sequence[WorkloadRef]) -> str:
    return listed(map(object_text, refs), 5)


def object_text(ref: WorkloadRef) -> str:
    """Name an owner, a Service or a namespace."""
    return f"namespace {ref.name}" if ref.kind == NAMESPACE else f"{ref.namespace}/{ref}"


def selector_text(selector: LabelSelector | None) -> str:
    """Return a selector for a person: ``app=web, tier in (a, b)``; none selects nothing."""
    if selector is None:
        return "nothing can be selected"
    pairs = [f"{key}={value}" for key, value in selector.match_labels]
    for requirement in selector.match_expressions:
        values = f" ({', '.join(requirement.values)})" if requirement.values else ""
        pairs.append(f"{requirement.key} {requirement.operator}{values}")
    return ", ".join(pairs)


def suggestion_lines(suggestion: LabelSuggestion, width: int) -> list[Line]:
    """Return why each key is suggested to be left out, and what looks alike and stays."""
    lines: list[Line] = []
    for title, keys in (("Suggested to leave out:", suggestion.keys), ("Kept:", suggestion.kept)):
        if keys:
            lines += sentence(title, width, Role.HEADING, 0)
        for reason, alike in groupby(keys, key=lambda key: key.reason):
            lines += sentence(f"{listed((key.pattern for key in alike), 8)}: {reason}", width, Role.DIM)
    return lines
