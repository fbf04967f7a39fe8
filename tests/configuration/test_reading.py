"""What a configuration file means, and what is said about one that is wrong."""

import ipaddress

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netsec_tui.configuration.editing import edited
from netsec_tui.configuration.exchange import exported_yaml
from netsec_tui.configuration.reading import read_config, read_stored
from netsec_tui.errors import BadInputError
from netsec_tui.model.config import CONTROL_PLANE_PODS, Config, LabelConfig, LabelFilter
from netsec_tui.model.decision import Alias
from tests.configuration.configs import configs, example

EVERYTHING = Config(
    LabelConfig(
        LabelFilter(("app", "app.kubernetes.io/*"), ("helm.sh/*",)),
        LabelFilter((), ("kubernetes.io/metadata.name",)),
    ),
    (Alias("proxies", ("198.51.100.0/24", "203.0.113.7/32"), allowed=True),),
    ("10.244.0.0/16",),
    ("10.96.0.0/16",),
    CONTROL_PLANE_PODS,
)


def problems(text):
    with pytest.raises(BadInputError) as caught:
        read_config("f.yaml", text)
    return str(caught.value).split("\n")


def aliases(body):
    return f"schema: 1\naliases: {{{body}}}\n"


def test_the_example_of_the_documentation_means_what_it_says():
    stored = read_stored("f.yaml", example())
    assert stored.config == EVERYTHING
    assert stored.cluster == "prod-eu"


@pytest.mark.parametrize("text", ["", "\n\n", "# all by default\n", "---\n", "schema: 1\n", "{schema: 1}"])
def test_nothing_is_all_defaults(text):
    assert read_config("f.yaml", text) == Config()


@pytest.mark.parametrize(
    "body",
    [
        "labels:",
        "labels: {workloads: ~, namespaces: {include: null}}",
        "aliases: {}",
        "cidrs: {pods: , services: []}",
        "discovery: {controlPlanePods: }",
    ],
)
def test_a_key_with_nothing_behind_it_is_its_default(body):
    assert read_config("f.yaml", f"schema: 1\n{body}\n") == Config()


def test_no_control_plane_pods_is_not_the_default():
    assert read_config("f.yaml", "schema: 1\ndiscovery: {controlPlanePods: []}").control_plane_pods == ()


@pytest.mark.parametrize("word", ["on", "NO", "y", "1_000", "2026-11-20", "0b1", "1.2.3", "012e"])
def test_words_are_no_traps(word):
    text = f"schema: 1\nlabels: {{workloads: {{include: [{word}]}}}}\n"
    assert read_config("f.yaml", text).labels.workload.include == (word,)


def test_order_counts_for_patterns_alone():
    text = "schema: 1\nlabels: {workloads: {include: [b, a]}}\ncidrs: {pods: [10.2.0.0/16, 10.1.0.0/16]}\n"
    read = read_config("f.yaml", text)
    assert read.labels.workload.include == ("b", "a")
    assert read.pod_cidrs == ("10.1.0.0/16", "10.2.0.0/16")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "1: has no schema; write schema: 1"),
        ("schema: one", "1: schema is no whole number; write schema: 1"),
        ("schema: '1'", "1: schema is no whole number; write schema: 1"),
        ("schema: 0", "1: there is no schema 0; write schema: 1"),
        ("\nschema: 2\nnew: {}",
         "2: schema 2 is newer than this program knows (1): upgrade netsec-tui; the file is left as it is"),
        ("[]", "1: the file: a list stands where a mapping belongs, as key: value"),
        ("schema: 1\nlabel: {}", "2: the file: there is no key 'label'; did you mean labels?"),
        ("schema: 1\nlabels: {workloads: {Include: []}}",
         "2: labels.workloads: there is no key 'Include'; did you mean include?"),
        ("schema: 1\nlabels: {pods: {}}",
         "2: labels: there is no key 'pods'; known keys are workloads, namespaces"),
        ("schema: 1\nlabels: {workloads: app}",
         "2: labels.workloads: a single value stands where a mapping belongs, as key: value"),
        ("schema: 1\nlabels: {workloads: {include: app}}",
         "2: labels.workloads.include: a single value stands where a list belongs, as [one, two]"),
        ("schema: 1\nlabels: {workloads: {include: [{a: b}]}}",
         "2: labels.workloads.include: a mapping stands where a text belongs"),
        ("schema: 1\nlabels: {workloads: {include: [1.5]}}",
         '2: labels.workloads.include: 1.5 is no text in YAML; write it in quotes, "1.5"'),
        ("schema: 1\nlabels: {workloads: {include: [a, ~]}}",
         "2: labels.workloads.include: nothing stands where a text belongs"),
        ("schema: 1\nlabels:\n  workloads:\n    include:\n      - app\n      - app",
         "6: app stands in labels.workloads.include twice, first in line 5; remove one"),
        ("schema: 1\ncidrs: {}\ncidrs: {}",
         "3: 'cidrs' stands twice in the file, first in line 2; remove one"),
        ("schema: 1\ncidrs: {pods: [10.0.0.1/8]}", "2: 10.0.0.1/8 has host bits; write 10.0.0.0/8"),
        ("schema: 1\ncidrs: {pods: ['::ffff:10.0.0.0/104']}",
         "2: '::ffff:10.0.0.0/104' is an unusual way to write 10.0.0.0/8; write that"),
        ("schema: 1\ncidrs: {pods: [10.0.0.0/255.0.0.0]}",
         "2: '10.0.0.0/255.0.0.0' is an unusual way to write 10.0.0.0/8; write that"),
        (aliases("a: {entries: [10.0.0.5/8]}"), "2: 10.0.0.5/8 has host bits; write 10.0.0.0/8"),
        (aliases("a: {entries: [192.0.2.1]}, b: {entries: [192.0.2.1/32]}"),
         "2: 192.0.2.1/32 stands in aliases.'b'.entries and aliases.'a'.entries, "
         "first in line 2; remove one"),
        (aliases("a: {}"), "2: aliases.'a' has no entries; write an IP address or a CIDR, or remove it"),
        (aliases("a: "), "2: aliases.'a' has no entries; write an IP address or a CIDR, or remove it"),
        (aliases("a: {entries: [192.0.2.1], allowed: yes}"),
         "2: aliases.'a'.allowed: neither true nor false; write one of these, without quotes"),
        (aliases("' a': {entries: [192.0.2.1]}"), "2: ' a' has spaces around it; write 'a'"),
        (aliases("7: {entries: [192.0.2.1]}"), '2: aliases: 7 is no text in YAML; write it in quotes, "7"'),
        ("schema: 1\n\tlabels: {}", "2: is indented with a tab; YAML takes spaces only"),
        ("\ufeffschema: 1", "1: begins with a byte order mark; save it as UTF-8 without one"),
        ("schema: 1\nlabels: {workloads: {include: [*]}}",
         "2: has a text that begins with * or &; write it in quotes"),
        ("schema: 1\nlabels: {workloads: {include: [*app]}}",
         "2: refers to an anchor by *app; write out what is meant, or put a pattern in quotes"),
        ("schema: 1\naliases: &a {}", "2: has an anchor, &a; write out what is meant"),
        ("schema: 1\naliases:\n  <<: {}", "3: merges another mapping by <<; write out what is meant"),
        ("schema: !!int 1", "1: has a tag, tag:yaml.org,2002:int; leave it out"),
        ("schema: 1\n---\nschema: 1", "2: begins a second document; one file holds one configuration"),
        ("%YAML 1.1\n---\nschema: 1", "1: has a YAML directive; leave out the line that begins with %"),
        ("schema: 1\ncluster: |\n  prod", "2: has a text of several lines; write it in one, in quotes"),
        ("schema: 1\n{a: b}: c", "2: has a list or a mapping for a key"),
        ("schema: 1\na: \x00", "2: holds a character that YAML does not allow"),
        ("schema: 1\na: " + "[" * 5000, "2: is nested deeper than any key of a configuration"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_the_way_out(text, told):
    assert problems(text) == [f"f.yaml:{told}"]


def test_an_ipv6_address_that_yaml_takes_apart_is_told():
    assert problems(aliases("a: {entries: [::1]}"))[0].endswith("; write IPv6 addresses in quotes")


def test_all_mistakes_are_told_by_line():
    told = problems("schema: 1\nlabel: {}\naliases:\n  a: {entries: [x]}\n  b: {entries: [y]}\n")
    assert [line.split(":")[1] for line in told] == ["2", "4", "5"]


def test_of_many_mistakes_some_are_told_and_the_others_counted():
    told = problems("schema: 1\n" + "".join(f"k{at}: 1\n" for at in range(50)))
    assert len(told) == 21
    assert told[-1] == "f.yaml: 30 more are not shown"


def readable(text):
    """Read a text; the only failure there may be is that it is told what is wrong."""
    told = ""
    try:
        return read_config("f.yaml", text)
    except BadInputError as error:
        told = str(error)
    assert all(line.startswith("f.yaml:") and line.isprintable() for line in told.split("\n"))
    return None


def plain(text):
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def by_yaml(text):
    """Return what a text means to a plain YAML parser, in the shape of a configuration."""
    root = plain(text) or {}

    def at(*keys):
        value = root
        for key in keys:
            value = (value or {}).get(key)
        return value or []

    def pair(part):
        return LabelFilter(*(tuple(map(str, at("labels", part, key))) for key in ("include", "exclude")))

    named = sorted((str(name), body) for name, body in (root.get("aliases") or {}).items())
    whole = [
        Alias(name, tuple(sorted(full(entry) for entry in body["entries"])), body.get("allowed", False))
        for name, body in named
    ]
    starts = (root.get("discovery") or {}).get("controlPlanePods")
    return Config(
        LabelConfig(pair("workloads"), pair("namespaces")),
        tuple(whole),
        tuple(sorted(map(full, at("cidrs", "pods")))),
        tuple(sorted(map(full, at("cidrs", "services")))),
        CONTROL_PLANE_PODS if starts is None else tuple(sorted(map(str, starts))),
    )


def full(entry):
    return str(ipaddress.ip_network(entry))


def has_surprises(value):
    """Tell whether YAML 1.1 takes something for a number, a date or a truth where YAML 1.2 reads text."""
    if isinstance(value, dict):
        return any(has_surprises(key) or (key not in ("schema", "allowed") and has_surprises(inner))
                   for key, inner in value.items())  # fmt: skip
    if isinstance(value, list):
        return any(map(has_surprises, value))
    return value is not None and not isinstance(value, str)


@st.composite
def mutated(draw):
    text = draw(st.just(example()) | configs().map(lambda config: edited("f.yaml", "", config)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        much = draw(st.integers(0, 4))
        new = draw(
            st.text(max_size=3)
            | st.sampled_from(
                ["\n", "  ", "\t", ": ", "- ", "{", "]", '"', "'", "#", ",", "/8", "*", "&a ", "0"]
            )
        )
        text = text[:at] + new + text[at + much :]
    return text


@settings(max_examples=400)
@given(mutated())
def test_a_file_with_a_slip_is_refused_or_means_what_yaml_says(text):
    read = readable(text)
    assume(read is not None)
    if not has_surprises(plain(text)):
        assert read == by_yaml(text)


@settings(max_examples=300)
@given(st.text(max_size=200) | st.text("[]{}:-,#&*!|>'\"%@` \n\tab1~?.", max_size=60))
def test_any_text_reads_or_is_refused(text):
    readable(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["schema", "labels", "aliases", "cidrs", "pods", "entries", "include"]), inner
        )
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=20,
)


@settings(max_examples=200)
@given(JSON, st.booleans())
def test_any_yaml_reads_or_is_refused(value, in_flow):
    readable(yaml.safe_dump(value, default_flow_style=in_flow, allow_unicode=True))


@settings(max_examples=100)
@given(configs())
def test_exported_aliases_are_a_configuration(config):
    assert read_config("f.yaml", exported_yaml(config.aliases)).aliases == config.aliases
