"""Unresolved IPs out of one configuration and into another, as YAML and as CSV."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.configuration.exchange import exported_csv, exported_yaml, imported, read_exchanged
from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.model.decision import Alias
from tests.configuration.configs import configs, example

PROXIES = Alias("proxies", ("198.51.100.0/24", "203.0.113.7/32"), allowed=True)
CSV = "alias,entry,allowed\n"
OTHER = Alias('the "other", one', ("::1/128",))


def test_as_yaml():
    assert exported_yaml([PROXIES, OTHER]).splitlines() == [
        "schema: 1",
        "aliases:",
        "  proxies:",
        "    entries:",
        "      - 198.51.100.0/24",
        "      - 203.0.113.7",
        "    allowed: true",
        '  "the \\"other\\", one":',
        "    entries:",
        '      - "::1"',
    ]


def test_as_csv():
    assert exported_csv([PROXIES, OTHER]).split("\r\n") == [
        "alias,entry,allowed",
        "proxies,198.51.100.0/24,true",
        "proxies,203.0.113.7,true",
        '"the ""other"", one",::1,false',
        "",
    ]


@settings(max_examples=150)
@given(configs())
def test_what_goes_out_comes_back(config):
    assert read_exchanged("x.yaml", exported_yaml(config.aliases)) == config.aliases
    assert read_exchanged("x.csv", exported_csv(config.aliases)) == config.aliases


def test_a_whole_configuration_gives_its_aliases():
    assert read_exchanged("x.yaml", example()) == (PROXIES,)


@pytest.mark.parametrize("text", ["", "aliases:\n", "schema: 1\n"])
def test_yaml_without_aliases_has_none(text):
    assert read_exchanged("x.yaml", text) == ()


@pytest.mark.parametrize(
    "text", ["alias,entry,allowed\na,192.0.2.1,TRUE\n\n", "\ufeffalias,entry,allowed\r\na,192.0.2.1,true"]
)
def test_csv_as_spreadsheets_write_it(text):
    assert read_exchanged("x.CSV", text) == (Alias("a", ("192.0.2.1/32",), allowed=True),)


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("x.csv", "", "1: is empty; the first line is alias,entry,allowed"),
        ("x.csv", "alias;entry;allowed\n",
         "1: the first line is not alias,entry,allowed, with commas between"),
        ("x.csv", CSV + "a,b\n", "2: has 2 fields, not 3: alias, entry, allowed"),
        ("x.csv", CSV + "a,10.0.0.1/8,true\n", "2: 10.0.0.1/8 has host bits; write 10.0.0.0/8"),
        ("x.csv", CSV + "a,10.0.0.1,maybe\n", "2: 'maybe' is neither true nor false"),
        ("x.csv", CSV + "a,10.0.0.1,true\nb,10.0.0.1/32,true\n",
         "3: 10.0.0.1/32 stands twice, first in line 2; remove one"),
        ("x.csv", CSV + "a,10.0.0.1,true\na,10.0.0.2,false\n",
         "3: 'a' is allowed otherwise in line 2; make both the same"),
        ("x.csv", 'alias,entry,allowed\n"a\nb",10.0.0.1,true\n',
         "3: the alias name 'a\\nb' is not one line of text: remove its control characters"),
        ("x.yaml", "aliases:\n  a: {entries: [10.0.0.1/8]}\n",
         "2: 10.0.0.1/8 has host bits; write 10.0.0.0/8"),
        ("x.yaml", "schema: 2\nwhat: 1\n",
         "1: schema 2 is newer than this program knows (1): upgrade netsec-tui; the file is left as it is"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(path, text, told):
    with pytest.raises(BadInputError) as caught:
        read_exchanged(path, text)
    assert str(caught.value) == f"{path}:{told}"


@settings(max_examples=300)
@given(st.text(max_size=100) | st.text('a,"\n\r1.:/=;', max_size=40).map("alias,entry,allowed\n{}".format))
def test_any_csv_reads_or_is_refused(text):
    told = "x.csv:"
    try:
        read_exchanged("x.csv", text)
    except BadInputError as error:
        told = str(error)
    assert told.startswith("x.csv:")


def test_a_file_is_read_by_its_ending(tmp_path):
    (tmp_path / "a.csv").write_text(exported_csv([PROXIES]), newline="")
    (tmp_path / "a.yml").write_text(exported_yaml([OTHER]))
    assert imported(tmp_path / "a.csv") == (PROXIES,)
    assert imported(str(tmp_path / "a.yml")) == (OTHER,)
    with pytest.raises(NotFoundError, match=r"there is no file .*b\.csv"):
        imported(tmp_path / "b.csv")
