"""Configurations as hypothesis draws them, and the example of the documentation."""

import re
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from netsec_tui.core.configure.values import checked_alias_name, checked_pattern, checked_pod_start
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import CONTROL_PLANE_PODS, Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias

ROOT = Path(__file__).resolve().parents[2]


def kept_by(check):
    def unchanged(text):
        try:
            return check(text) == text
        except BadInputError:
            return False

    return unchanged


@cache
def example():
    """Return the first YAML block of docs/configuration.md."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    return re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]


PATTERNS = st.sampled_from(["app", "on", "null", "1.5", "*", "?x", "*.io/*", "-", "0x1F", "a.b/c", "y", "~x"])
PATTERNS = PATTERNS.filter(kept_by(checked_pattern)) | st.from_regex(r"[a-zA-Z0-9_.*?-]{1,8}", fullmatch=True)
NAMES = st.text(min_size=1, max_size=12).filter(kept_by(checked_alias_name)) | st.sampled_from(
    [
        "null",
        "<<",
        "a: b",
        "# x",
        "true",
        "1",
        "- a",
        "{",
        "'",
        '"',
        "*a",
        "&a",
        "!t",
        "%",
        "@",
        "`",
        "a\\b",
        "é\u00a0x",
    ]
).filter(kept_by(checked_alias_name))
NETWORKS = st.ip_addresses(v=4, network="10.0.0.0/8").map(lambda ip: f"{ip}/32") | st.sampled_from(
    ["::/0", "::1/128", "fd00::/8", "2001:db8::/64", "0.0.0.0/0", "192.0.2.0/24", "2001:db8::5/128"]
)
RANGES = st.sampled_from(["10.1.0.0/16", "10.2.0.0/16", "10.3.0.4/30", "fd00:1::/64", "fd00:2::/112"])
STARTS = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,5}", fullmatch=True).filter(kept_by(checked_pod_start))
FILTERS = st.builds(
    LabelFilter, *[st.lists(PATTERNS, max_size=4, unique=True).map(tuple) for _ in ("include", "exclude")]
)


def sorted_tuples(values, most=3):
    return st.lists(values, max_size=most, unique=True).map(sorted).map(tuple)


@st.composite
def configs(draw):
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    free = draw(st.lists(NETWORKS, min_size=len(names), max_size=8, unique=True)) if names else []
    shares = {name: [free[at]] for at, name in enumerate(names)}
    for entry in free[len(names) :]:
        shares[draw(st.sampled_from(names))].append(entry)
    return Config(
        LabelConfig(draw(FILTERS), draw(FILTERS)),
        tuple(Alias(name, tuple(sorted(shares[name])), draw(st.booleans())) for name in sorted(names)),
        draw(sorted_tuples(RANGES)),
        draw(sorted_tuples(RANGES)),
        draw(st.just(CONTROL_PLANE_PODS) | sorted_tuples(STARTS)),
    )
