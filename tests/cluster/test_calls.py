"""Call graphs as people write them."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "expected a list under `calls`"),
        ("calls: [{from: shop/deploy/web}]", "call 1: write from and to"),
        ("calls: [{from: shop/web, to: '1.2.3.4:80'}]", "call 1: 'shop/web': write NAMESPACE/KIND/NAME"),
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
