"""Call graphs as people write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cluster.harness.calls import Call, read_calls


def test_calls_are_read_from_a_file(tmp_path):
    path = tmp_path / "calls.yaml"
    first = "{from: shop/deploy/web, to: 'shop/svc/orders:80', times: 3}"
    second = "{from: a/po/b, to: '[::1]:53', protocol: UDP}"
    path.write_text(f"calls: [{first}, {second}]")
    assert read_calls(path) == [
        Call("shop/deploy/web", "shop/svc/orders:80", "TCP", 3),
        Call("a/po/b", "[::1]:53", "UDP", 1),
    ]


def test_the_documented_call_graph_is_understood(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "real-cluster.md").read_text()
    path = tmp_path / "calls.yaml"
    path.write_text(re.search(r"```yaml\n(calls:.*?)```", page, re.DOTALL)[1])
    assert [call.client.partition(":")[0] for call in read_calls(path)][-2:] == ["outside", "node"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "expected a list under `calls`"),
        ("calls: [{from: shop/deploy/web}]", "call 1: write from and to"),
        ("calls: [{from: shop/web, to: '1.2.3.4:80'}]", "call 1: 'shop/web': write NAMESPACE/KIND/NAME"),
        ("calls: [{from: a/po/b, to: 'web.shop:http'}]", "call 1: 'http' is no port of web.shop"),
        ("calls: [{from: a/po/b, to: '1.2.3.4:80', times: 0}]", "call 1: times is 0"),
        ("calls: [{from: a/po/b, to: 1.2.3.4}]", "call 1: '1.2.3.4' has no port"),
        (
            "calls: [{from: a/po/b, to: '1.2.3.4:80', protocol: SCTP}]",
            "protocol 'SCTP' is neither TCP nor UDP",
        ),
    ],
)
def test_what_is_wrong_in_a_file_of_calls_is_named(tmp_path, text, said):
    path = tmp_path / "calls.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        read_calls(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
