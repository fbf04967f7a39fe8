"""A configuration, and what it does, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netsec_tui.cli.documents import Document, selector
from netsec_tui.configuration.reading import SCHEMA
from netsec_tui.configuration.splices import block
from netsec_tui.core.words import listed
from netsec_tui.model.config import Config, LabelFilter
from netsec_tui.model.configuring import LabelEffect, SelectorChange
from netsec_tui.model.identity import WorkloadRef
from netsec_tui.model.policy import LabelSelector
from netsec_tui.render.label_settings import object_text, selector_text

_NAMED = 5


def config_document(config: Config) -> Document:
    """Return a configuration with the keys of its file, defaults written out."""
    return {
        "schema": SCHEMA,
        "labels": {
            "workloads": _filter(config.labels.workload),
            "namespaces": _filter(config.labels.namespace),
        },
        "aliases": {
            alias.name: {"entries": list(alias.entries), "allowed": alias.allowed} for alias in config.aliases
        },
        "cidrs": {"pods": list(config.pod_cidrs), "services": list(config.service_cidrs)},
        "discovery": {"controlPlanePods": list(config.control_plane_pods)},
    }


def config_yaml(config: Config) -> str:
    """Return the same as YAML, which is a configuration file."""
    document = config_document(config)
    del document["schema"]
    return "".join(f"{line}\n" for line in (f"schema: {SCHEMA}", *block(document, 0)))


def part_at(config: Config, key: str) -> Document | None:
    """Return what is below a key such as ``labels`` or ``aliases.NAME``, None where nothing is."""
    first, _, rest = key.partition(".")
    below = config_document(config).get(first)
    found = below.get(rest) if rest and isinstance(below, dict) else below
    return found if isinstance(found, dict) else None


def _filter(keys: LabelFilter) -> Document:
    return {"include": list(keys.include), "exclude": list(keys.exclude)}


def change_text(change: SelectorChange, before: str = "now", after: str = "then") -> str:
    """Return one sentence on how a selector changes; the words say what is compared."""
    told = [f"{object_text(change.ref)}: {before} {selector_text(change.before)}"]
    told.append(f"{after} {selector_text(change.after)}")
    if change.also:
        told.append(f"it also selects {_names(change.also)}")
    if change.no_longer:
        told.append(f"it no longer selects {_names(change.no_longer)}")
    if change.dns:
        told.append("this is the cluster DNS")
    if change.why:
        told.append(change.why)
    return "; ".join(told)


def _names(refs: Iterable[WorkloadRef]) -> str:
    return listed(map(object_text, refs), _NAMED)


def effect_document(effect: LabelEffect) -> Document:
    """Return the selectors that change; of a change ``harmful`` tells whether it has to be confirmed."""
    return {"examined": effect.examined, "changes": [_change(change) for change in effect.changes]}


def _change(change: SelectorChange) -> Document:
    return {
        **_ref(change.ref),
        "harmful": change.harmful,
        "before": _selector(change.before),
        "after": _selector(change.after),
        "alsoSelects": [_ref(ref) for ref in change.also],
        "noLongerSelects": [_ref(ref) for ref in change.no_longer],
        "why": change.why or None,
        "clusterDns": change.dns,
        "sentence": change_text(change),
    }


def _ref(ref: WorkloadRef) -> dict[str, Any]:
    return {"namespace": ref.namespace or None, "kind": ref.kind, "name": ref.name}


def _selector(given: LabelSelector | None) -> Document | None:
    return None if given is None else selector(given)
