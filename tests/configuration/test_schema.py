"""The JSON schema for editors agrees with the reader on all that a schema can say."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from netsec_tui import configuration
from netsec_tui.configuration.editing import edited
from netsec_tui.configuration.reading import read_config
from netsec_tui.errors import BadInputError
from tests.configuration.configs import configs, example

_FILE = Path(configuration.__file__).parent / "schema" / "config.schema.json"
SCHEMA = json.loads(_FILE.read_text(encoding="utf-8"))


class TextLoader(yaml.SafeLoader):
    """Take for a number or a truth only what YAML 1.2 takes for one, as editors do."""

    yaml_implicit_resolvers = {}


for tag, pattern, first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?[0-9]+\.[0-9]*$", list("-+0123456789")),
):
    TextLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


def by_schema(text):
    value = yaml.load(text, Loader=TextLoader)
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(value)


def by_reader(text):
    try:
        read_config("f.yaml", text)
    except BadInputError:
        return False
    return True


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_takes_the_example():
    assert by_schema(example())


@settings(max_examples=150)
@given(configs())
def test_the_schema_takes_what_is_written(config):
    assert by_schema(edited("f.yaml", "", config, "prod"))


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ("", True),
        ("cluster: prod", True),
        ("cluster: 1", False),
        ("cluster: ", False),
        ("labels:", True),
        ("labels: []", False),
        ("labels: {workloads: {include: ['*', 'a?c', x.io/y], exclude: }}", True),
        ("labels: {workloads: {include: [a b]}}", False),
        ("labels: {workloads: {include: [a/b/c]}}", False),
        ("labels: {workloads: {include: app}}", False),
        ("labels: {workloads: {include: [app, app]}}", False),
        ("labels: {workloads: {include: [on]}}", True),
        ("labels: {workloads: {include: [true]}}", False),
        ("labels: {workloads: {include: [null]}}", False),
        ("labels: {workload: {}}", False),
        ("aliases: {a: {entries: [192.0.2.1, '::1', 192.0.2.0/24]}}", True),
        ("aliases: {a: {entries: [192.0.2.1], allowed: TRUE}}", True),
        ("aliases: {a: {entries: [192.0.2.1], allowed: yes}}", False),
        ("aliases: {a: {entries: [192.0.2.1], allowed: }}", False),
        ("aliases: {a: {entries: []}}", False),
        ("aliases: {a: {entries: }}", False),
        ("aliases: {a: {}}", False),
        ("aliases: {a: }", False),
        ("aliases: {'': {entries: [192.0.2.1]}}", False),
        ("aliases: {' a': {entries: [192.0.2.1]}}", False),
        ("aliases: {a: {entries: [proxy.example.org]}}", False),
        ("aliases: {a: {entries: [192.0.2.1], note: x}}", False),
        ("cidrs: {pods: [10.0.0.0/8, 'fd00::/8'], services: }", True),
        ("cidrs: {pods: [10.0.0.0]}", False),
        ("cidrs: {pods: 10.0.0.0/8}", False),
        ("cidrs: {nodes: []}", False),
        ("discovery: {controlPlanePods: [kube-apiserver, other/api]}", True),
        ("discovery: {controlPlanePods: [Api]}", False),
        ("unknown: 1", False),
    ],
)
def test_schema_and_reader_agree(body, good):
    text = f"schema: 1\n{body}\n"
    assert (by_schema(text), by_reader(text)) == (good, good)


@pytest.mark.parametrize(
    ("text", "good"), [("", True), ("{}", False), ("schema: 2", False), ("schema: '1'", False)]
)
def test_schema_and_reader_agree_on_the_version(text, good):
    assert (by_schema(text), by_reader(text)) == (good, good)
