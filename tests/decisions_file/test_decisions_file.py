"""A decisions file: what is written is read again, what is not understood is named by file and line."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netsec_tui.core.cluster.addresses import parse_cidr
from netsec_tui.decisions_file import reading
from netsec_tui.decisions_file.format import HELD
from netsec_tui.decisions_file.reading import load_decisions, read_decisions
from netsec_tui.decisions_file.writing import written
from netsec_tui.errors import BadInputError, NotFoundError
from netsec_tui.model.communication import Via
from netsec_tui.model.decision import (
    Decisions,
    DirectionDecisions,
    GeneralRule,
    ManualRule,
    PortRange,
    StoodFor,
)
from netsec_tui.model.flow import Protocol
from netsec_tui.model.identity import (
    API_SERVER,
    EXTERNAL,
    LOOKUPS,
    CommunicationKey,
    Direction,
    PeerSort,
    WorkloadRef,
    address_peer,
    alias_peer,
    node_peer,
    owner_peer,
    service_peer,
)
from netsec_tui.model.saved import SavedDecisions

WEB = WorkloadRef("Deployment", "shop", "web")
SCHEMA = json.loads((Path(reading.__file__).parent / "schema" / "decisions.schema.json").read_text("utf-8"))

PROXIES = "{peer: alias, name: proxies, protocol: TCP, port: 3128}"
EXAMPLE = """\
schema: 1
kind: decisions
workload:
  namespace: shop
  kind: Deployment
  name: web
aliases:
  proxies: ["198.51.100.0/24", "203.0.113.7/32"]
ingress:
  generalRule: "Block All"
  manualRules:
    - {cidr: "192.0.2.0/24"}
  out:
    - {peer: external, protocol: TCP, port: 8080}
egress:
  generalRule: "Rows decide"
  dns: true
  manualRules:
    - {cidr: "192.0.2.0/24", protocol: TCP, ports: [443, "8000-8080"]}
  in:
    - {peer: owner, namespace: shop, kind: Deployment, name: cart, protocol: TCP, port: 8080}
    - {peer: service, namespace: shop, name: pay, protocol: TCP, port: 8080, servicePorts: [80]}
    - {peer: alias, name: proxies, protocol: TCP, port: 3128}
  out:
    - {peer: address, name: "203.0.113.9", protocol: ICMP}
  held:
    - {peer: owner, namespace: data, kind: StatefulSet, name: db, protocol: TCP, port: 5432}
  otherRules:
    "Block All":
      in:
        - {peer: node, name: "yes", protocol: TCP, port: 10250, addresses: ["10.0.0.11", "fd00::11"]}
"""

# -- writing and reading -----------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), min_size=1, max_size=12)
addresses = st.ip_addresses().map(lambda ip: str(ip_address(str(ip))))
blocks = st.builds(
    lambda ip, left: parse_cidr(f"{ip}/{max(0, ip.max_prefixlen - left)}")[0],
    st.ip_addresses(),
    st.integers(0, 24),
)
protocols = st.sampled_from(Protocol)
some_addresses = st.sets(addresses, min_size=1, max_size=3).map(lambda some: tuple(sorted(some)))
node_stood = st.builds(StoodFor, some_addresses)
some_ports = st.sets(st.integers(1, 65535), min_size=1, max_size=3).map(lambda some: tuple(sorted(some)))
service_stood = st.one_of(
    st.builds(StoodFor, some_addresses, some_ports), st.builds(StoodFor, st.just(()), some_ports, texts)
)
peers = st.one_of(
    st.builds(lambda *ref: owner_peer(WorkloadRef(*ref)), texts, texts, texts),
    st.builds(service_peer, texts, texts),
    texts.map(node_peer),
    st.one_of(addresses, st.just("")).map(address_peer),
    texts.map(alias_peer),
    st.just(API_SERVER),
)


def keys(direction: Direction) -> st.SearchStrategy[CommunicationKey]:
    ends = st.one_of(peers, st.just(EXTERNAL)) if direction is Direction.INGRESS else peers
    return st.builds(lambda *rest: CommunicationKey(direction, *rest), ends, protocols, st.integers(0, 65535))


def ranges() -> st.SearchStrategy[PortRange]:
    ports = st.integers(1, 65535)
    return st.builds(lambda a, b: PortRange(min(a, b), max(a, b)), ports, ports)


@st.composite
def sides(draw: Any, direction: Direction) -> DirectionDecisions:
    general = draw(st.sampled_from(GeneralRule))
    ticks = draw(
        st.dictionaries(
            st.sampled_from(GeneralRule),
            st.dictionaries(keys(direction), st.booleans(), min_size=1, max_size=4),
        )
    )
    held = draw(st.frozensets(keys(direction), max_size=3)) - set(ticks.get(general, {}))
    protocol = draw(st.sampled_from([None, Protocol.TCP, Protocol.UDP, Protocol.SCTP]))
    ports = tuple(draw(st.lists(ranges(), max_size=2))) if protocol else ()
    rule = ManualRule(direction, draw(blocks), protocol, ports)
    known = {key for of_rule in ticks.values() for key in of_rule} | held
    numbers = st.sets(st.integers(1, 65535), min_size=1, max_size=2)
    via = {
        key: tuple(Via(key.peer.namespace, key.peer.name, n) for n in sorted(draw(numbers)))
        for key in known
        if key.peer.sort is PeerSort.SERVICE
    }
    look_ups = st.sampled_from([None, True, False, HELD]) if direction is Direction.EGRESS else st.none()
    dns = draw(look_ups)
    return DirectionDecisions(
        general,
        ticks,
        draw(st.sampled_from([(), (rule,)])),
        None if dns == HELD else dns,
        held | {LOOKUPS} if dns == HELD else held,
        frozenset(ticks.get(general, {})) | held,
        via,
        {key: draw(node_stood) for key in known if key.peer.sort is PeerSort.NODE}
        | {key: draw(service_stood) for key in known if key.peer.sort is PeerSort.SERVICE},
    )


saved_files = st.builds(
    SavedDecisions,
    st.builds(WorkloadRef, texts, texts, texts),
    st.builds(Decisions, sides(Direction.INGRESS), sides(Direction.EGRESS)),
    st.dictionaries(
        texts, st.sets(blocks, min_size=1, max_size=3).map(lambda s: tuple(sorted(s))), max_size=2
    ),
)


@settings(max_examples=200)
@given(saved_files)
def test_what_is_written_is_read_again(saved: SavedDecisions) -> None:
    text = written(saved)
    assert read_decisions("d.yaml", text) == saved
    assert written(read_decisions("d.yaml", text)) == text


@settings(max_examples=60)
@given(saved_files)
def test_what_is_written_fits_the_schema(saved: SavedDecisions) -> None:
    jsonschema.validate(yaml.safe_load(written(saved)), SCHEMA)


def test_the_example_is_what_would_be_written() -> None:
    saved = read_decisions("d.yaml", EXAMPLE)
    head, _, rest = written(saved).partition("\n")
    assert head.startswith("# ")
    assert rest == EXAMPLE
    jsonschema.validate(yaml.safe_load(EXAMPLE), SCHEMA)
    assert saved.decisions.egress.general is GeneralRule.ROWS_DECIDE
    assert len(saved.decisions.egress.reviewed or ()) == 5
    assert saved.aliases == {"proxies": ("198.51.100.0/24", "203.0.113.7/32")}


def test_one_more_row_is_one_more_line_whatever_the_order_of_ticks() -> None:
    def of(*names: str) -> list[str]:
        rows = {CommunicationKey(Direction.EGRESS, address_peer(n), Protocol.TCP, 443): True for n in names}
        side = DirectionDecisions(ticks={GeneralRule.ROWS_DECIDE: rows}, reviewed=frozenset(rows))
        return written(SavedDecisions(WEB, Decisions(egress=side))).splitlines()

    one, more = of("192.0.2.1", "192.0.2.9"), of("192.0.2.9", "192.0.2.5", "192.0.2.1")
    assert [line for line in more if line not in one] == [
        '    - {peer: address, name: "192.0.2.5", protocol: TCP, port: 443}'
    ]
    assert [line for line in more if line in one] == one


def test_comments_are_for_people() -> None:
    commented = EXAMPLE.replace("  dns: true", "  # Everybody needs names.\n  dns: true # yes")
    assert read_decisions("d.yaml", commented) == read_decisions("d.yaml", EXAMPLE)


def read_or_refused(text: str) -> tuple[SavedDecisions | None, str]:
    """Return what a text says, or why it is refused."""
    try:
        return read_decisions("d.yaml", text), ""
    except BadInputError as error:
        return None, str(error)


# -- refusing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("schema: 1", "schema: 2", 1, "schema '2' is newer than this program knows (1): upgrade netsec-tui"),
        ("schema: 1", "schema: one", 1, "write schema: 1"),
        ("kind: decisions", "kind: policy", 2, "its kind is not decisions"),
        ("  name: web\n", "", 4, "workload: name must be told"),
        ("ingress:\n", "ingres:\n", 9, "did you mean ingress?"),
        ('"Block All"\n  man', "Block\n  man", 10, "no general rule 'Block'"),
        ("  dns: true", "  dns: maybe", 17, "neither true nor false"),
        ('"10.0.0.11"', '"10.0.0.011"', 31, "is no IP address"),
        ('"10.0.0.11"', '""', 31, "an address belongs here"),
        ("name: cart,", 'name: cart, addresses: ["10.0.0.1"],', 21, "for a peer of sort service or node"),
        ("name: cart,", "name: cart, podPorts: [8080],", 21, "only for a peer of sort service"),
        ('name: "yes",', 'name: "yes", selector: "app=x",', 31, "only for a peer of sort service"),
        ("servicePorts: [80]", "podPorts: [0]", 22, "a port is a number"),
        ("  dns: true", "  dns: 'held'", 17, "neither true nor false"),
        ("  dns: true", "  dns: true\n  dns: false", 18, "stands twice"),
        ("name: cart,", "nam: cart,", 21, "did you mean name?"),
        (
            "peer: owner, namespace: shop",
            "peer: pod, namespace: shop",
            21,
            "peer must be one of owner, service",
        ),
        ("name: cart, protocol: TCP", "name: cart, protocol: HTTP", 21, "protocol must be one of TCP"),
        (
            "name: cart, protocol: TCP, port: 8080",
            "name: cart, protocol: TCP, port: 0",
            21,
            "from 1 to 65535",
        ),
        ("name: cart,", "name: cart, servicePorts: [80],", 21, "servicePorts is only for"),
        (
            "peer: alias, name: proxies",
            "peer: alias, namespace: x, name: proxies",
            23,
            "namespace has no meaning",
        ),
        ('name: "203.0.113.9"', 'name: "203.0.113.009"', 25, "is no IP address"),
        ('name: "203.0.113.9"', 'name: "2001:DB8::1"', 25, "unusual way to write 2001:db8::1"),
        ('cidr: "192.0.2.0/24"}', 'cidr: "192.0.2.1/24"}', 12, "host bits"),
        ('cidr: "192.0.2.0/24"}', 'cidr: "192.0.2.0/24", ports: [80]}', 12, "ports need a protocol"),
        ('ports: [443, "8000-8080"]', 'ports: [443, "8080-8000"]', 19, "no range of ports"),
        (
            "port: 3128}",
            "port: 3128}\n    - {peer: alias, name: proxies, protocol: TCP, port: 3128}",
            24,
            "line 23",
        ),
        ("peer: external", "peer: &a external", 14, "anchor"),
        ('name: "yes"', "name: 12", 31, "write it in quotes"),
        ('Block All":\n      in', 'Rows decide":\n      in', 29, "is the general rule"),
        ("egress:", "egress: [", 17, "is no YAML"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(old: str, new: str, line: int, told: str) -> None:
    text = EXAMPLE.replace(old, new, 1)
    assert text != EXAMPLE
    with pytest.raises(BadInputError) as raised:
        read_decisions("web.yaml", text)
    assert any(
        one.startswith(f"web.yaml:{line}: ") and told in one for one in str(raised.value).splitlines()
    ), str(raised.value)


def test_every_mistake_is_told_at_once() -> None:
    text = EXAMPLE.replace("dns: true", "dns: maybe").replace("port: 3128", "port: x")
    with pytest.raises(BadInputError) as raised:
        read_decisions("web.yaml", text)
    assert len(str(raised.value).splitlines()) == 2


def test_files_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        load_decisions(tmp_path / "none.yaml")
    with pytest.raises(BadInputError, match="no plain file"):
        load_decisions(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"schema: 1\nkind: \xe9\n")
    with pytest.raises(BadInputError, match=r"latin\.yaml:2: is not UTF-8"):
        load_decisions(latin)
    monkeypatch.setattr(reading, "LARGEST", 4)
    with pytest.raises(BadInputError, match="larger than"):
        load_decisions(latin)


@settings(max_examples=300)
@given(st.data())
def test_a_broken_file_is_decisions_or_one_refusal(data: st.DataObject) -> None:
    text = EXAMPLE
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text = (
            text[:start]
            + data.draw(st.one_of(st.just(""), texts, st.sampled_from(["[", "{", "- ", "\n", "0", "*a"])))
            + text[end:]
        )
    saved, refused = read_or_refused(text)
    assert all(line.startswith("d.yaml") for line in refused.splitlines())
    assert saved is None or read_decisions("d.yaml", written(saved)) == saved


@pytest.mark.parametrize(
    "text", ["", "[]", "a", "[" * 5000, "{" * 5000, "- " * 5000, "\x00", "\ud800", "? [a]\n: b"]
)
def test_text_of_no_sense_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        read_decisions("d.yaml", text)


def test_the_example_of_the_documentation_is_one() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "decisions.md").read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert written(read_decisions("d.yaml", example)).partition("\n")[2] == example
    jsonschema.validate(yaml.safe_load(example), SCHEMA)
