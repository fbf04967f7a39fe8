"""Random valid configurations: each entry is in one alias, ranges are canonical and sorted."""

from __future__ import annotations

from hypothesis import strategies as st

from netsec_tui.model.config import Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias

PATTERNS = ("app", "tier", "helm.sh/*", "app.kubernetes.io/*", "*hash")
RANGES = ("10.244.0.0/16", "10.96.0.0/16", "fd00::/48", "10.0.0.0/8")
ENTRIES = ("198.51.100.0/24", "198.51.100.7/32", "203.0.113.7/32", "203.0.113.8/32", "2001:db8::/64")
NAMES = ("proxies", "partner", "a.b c")

_patterns = st.lists(st.sampled_from(PATTERNS), unique=True, max_size=4).map(tuple)
_filters = st.builds(LabelFilter, _patterns, _patterns)
_ranges = st.sets(st.sampled_from(RANGES)).map(lambda found: tuple(sorted(found)))
_starts = st.lists(st.sampled_from(("kube-apiserver", "kcm", "infra/api")), unique=True).map(tuple)


@st.composite
def _aliases(draw):
    holder = {entry: draw(st.sampled_from((*NAMES, None))) for entry in ENTRIES}
    made = []
    for name in sorted(NAMES):
        entries = tuple(sorted(entry for entry in ENTRIES if holder[entry] == name))
        if entries:
            made.append(Alias(name, entries, draw(st.booleans())))
    return tuple(made)


configs = st.builds(Config, st.builds(LabelConfig, _filters, _filters), _aliases(), _ranges, _ranges, _starts)


def items(config):
    """Return every pattern, range and alias entry of a configuration, each with where it stands."""
    labels = config.labels
    lists = {
        "workload include": labels.workload.include,
        "workload exclude": labels.workload.exclude,
        "namespace include": labels.namespace.include,
        "namespace exclude": labels.namespace.exclude,
        "pods": config.pod_cidrs,
        "services": config.service_cidrs,
        "starts": config.control_plane_pods,
        "entry": tuple(entry for alias in config.aliases for entry in alias.entries),
    }
    return {(where, value) for where, values in lists.items() for value in values}
